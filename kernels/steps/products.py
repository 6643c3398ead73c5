"""Matrix products that are no products of matrices: those with a short side, as loops.

With few terms every element of the result is a short sum, written out. With few results each of
them is a fold over the terms, and with a vector all of them are, side by side. All of these fuse
with what stands around them.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

from ..matrices import Place, Problem
from ..source.program import Input, Instr, Output, Program, Reduce
from . import trace as t
from .graph import Shape

# Terms of a sum that is written out, and results that are folds of their own.
TERMS = 8
RESULTS = 8


def as_loops(op: t.Product, dtype: str) -> list[t.Loop] | None:
    """The loops that a product with a short side is, of type `dtype`; None without one."""
    p = op.problem
    if p.k <= TERMS:
        return [_written_out(op, dtype)]
    if p.batch * p.m * p.n <= RESULTS:
        return list(_folds(op, dtype))
    return _by_vector(op, dtype) if p.batch == 1 and 1 in (p.m, p.n) else None


def _written_out(op: t.Product, dtype: str) -> t.Loop:
    """out[i, j] = a[i, 0] * b[0, j] + a[i, 1] * b[1, j] + ..."""
    p = op.problem
    views: list[t.View] = []
    for term in range(p.k):
        views.append(t.View(op.a, p.a.at + term * p.a.step, (p.a.batch, p.a.line, 0)))
        views.append(t.View(op.b, p.b.at + term * p.b.step, (p.b.batch, 0, p.b.line)))
    out = t.View(op.out, p.out.at, (p.out.batch, p.out.line, p.out.step))
    program = _sum_of_products(p.k, dtype)
    return t.Loop(op.name, program, (p.batch, p.m, p.n), tuple(views), (out,), line=op.line)


def _sum_of_products(terms: int, dtype: str) -> Program:
    """The Program of a sum that is written out."""
    inputs = tuple(Input(f"x{k}", dtype, dtype) for k in range(2 * terms))
    body = [] if terms else [Instr("0.0", (), dtype, dtype)]
    for k in range(0, 2 * terms, 2):
        factors = (("a", k), ("b", k + 1))
        if k:
            acc = ("acc", len(inputs) + len(body) - 1)
            body.append(Instr("{acc} + {a} * {b}", (acc, *factors), dtype, dtype))
        else:
            body.append(Instr("{a} * {b}", factors, dtype, dtype))
    last = len(inputs) + len(body) - 1
    return Program("matmul", inputs, tuple(body), (Output(last, dtype),))


def _folded(op: t.Product, shape: Shape, views: tuple[t.View, ...], dtype: str) -> t.Loop:
    """A fold of products: the views are of a, b, and out."""
    inputs = Input("a", dtype, dtype), Input("b", dtype, dtype)
    body = Instr("{a} * {b}", (("a", 0), ("b", 1)), dtype, dtype)
    output = Output(2, dtype, Reduce("0", "{acc} + {x}", dtype, "float64"))
    program = Program("matmul", inputs, (body,), (output,))
    return t.Loop(op.name, program, shape, views[:2], views[2:], line=op.line)


def _folds(op: t.Product, dtype: str) -> list[t.Loop]:
    """out[i, j] = the sum over t of a[i, t] * b[t, j], for each of a few i, j."""
    p = op.problem
    loops = []
    for q, i, j in product(range(p.batch), range(p.m), range(p.n)):
        a = t.View(op.a, _at(p.a, q, i), (p.a.step,))
        b = t.View(op.b, _at(p.b, q, j), (p.b.step,))
        out = t.View(op.out, _at(p.out, q, i) + j * p.out.step, (0,))
        loops.append(_folded(op, (p.k,), (a, b, out), dtype))
    return loops


def _by_vector(op: t.Product, dtype: str) -> list[t.Loop] | None:
    """A matrix times a vector: folds of columns where lines lie side by side, else of rows."""
    p, lines = op.problem, op.problem.m * op.problem.n
    if p.n == 1:
        (matrix, x), (vector, y), step = (op.a, p.a), (op.b, p.b), p.out.line
    else:
        (matrix, x), (vector, y), step = (op.b, p.b), (op.a, p.a), p.out.step
    if step != 1:
        return None
    if x.line == 1:
        shape, walks = (p.k, lines), ((x.step, 1), (y.step, 0), (0, 1))
    else:
        shape, walks = (lines, p.k), ((x.line, x.step), (0, y.step), (1, 0))
    at = (matrix, x.at), (vector, y.at), (op.out, p.out.at)
    views = tuple(t.View(*where, walk) for where, walk in zip(at, walks, strict=True))
    return [_folded(op, shape, views, dtype)]


def _at(place: Place, q: int, line: int) -> int:
    return place.at + q * place.batch + line * place.line


def places(op: t.Product) -> list[t.Place]:
    """From where to where in memory a, b and the result reach."""
    p = op.problem
    operands = (op.a, p.a, p.m, p.k), (op.b, p.b, p.n, p.k), (op.out, p.out, p.m, p.n)
    return [_reach(p.batch, *operand) for operand in operands]


def _reach(batch: int, buffer: int, at: Place, lines: int, steps: int) -> t.Place:
    far = [(n - 1) * step for n, step in zip((batch, lines, steps), at[1:], strict=True)]
    first, last = sum(min(d, 0) for d in far), sum(max(d, 0) for d in far)
    return t.Place(buffer, at.at + first, last - first + 1)


def in_float32(op: t.Product, sizes: list[int], new_buffer: Callable[..., int]) -> list[t.Op]:
    """A product of float16: by float32 copies of a and b, of these sizes; the result is rounded."""
    p = op.problem
    shape = (p.batch, p.m, p.n)
    out = t.View(new_buffer("float32", p.batch * p.m * p.n, "wide"), 0, (p.m * p.n, p.n, 1))
    a, b = (new_buffer("float32", size, "wide") for size in sizes)
    problem = Problem(*p[:-1], Place(0, *out.strides))
    result = t.View(op.out, p.out.at, (p.out.batch, p.out.line, p.out.step))
    return [
        *(
            _copy(op, (size,), t.View(x, 0, (1,)), "float16", t.View(wide, 0, (1,)), "float32")
            for x, wide, size in zip((op.a, op.b), (a, b), sizes, strict=True)
        ),
        t.Product(op.name, problem, a, b, out.buffer, line=op.line),
        _copy(op, shape, out, "float32", result, "float16"),
    ]


def _copy(op: t.Op, shape: Shape, source: t.View, stored: str, target: t.View, to: str) -> t.Loop:
    program = Program("copy", (Input("x", stored, "float32"),), (), (Output(0, to),))
    return t.Loop(op.name, program, shape, (source,), (target,), line=op.line)
