"""Matrix products that are no products of matrices: those with a short side, as loops.

With few terms every element of the result is a short sum, written out. With few results each of
them is a fold over the terms, and with a vector all of them are, side by side. All of these fuse
with what stands around them.
"""

from __future__ import annotations

from itertools import product

from ...source.kind import At, Over
from ...source.matrices import Place, Problem
from ...source.program import Input, Instr, Output, Program, Reduce

# Terms of a sum that is written out, and results that are folds of their own.
TERMS = 8
RESULTS = 8
A, B, OUT = range(3)


def as_loops(p: Problem, dtype: str) -> tuple[Over, ...]:
    """The loops that a product with a short side is, of type `dtype`; none without one."""
    if p.k <= TERMS:
        return (_written_out(p, dtype),)
    if p.batch * p.m * p.n <= RESULTS:
        return _folds(p, dtype)
    return _by_vector(p, dtype) if p.batch == 1 and 1 in (p.m, p.n) else ()


def in_one_block(p: Problem, dtype: str) -> Over:
    """All of a product as one loop: a fold of (batch, m, n, k) places a * b."""
    a = At(A, p.a.at, (p.a.batch, p.a.line, 0, p.a.step))
    b = At(B, p.b.at, (p.b.batch, 0, p.b.line, p.b.step))
    out = At(OUT, p.out.at, (p.out.batch, p.out.line, p.out.step, 0))
    return _folded((p.batch, p.m, p.n, p.k), (a, b, out), dtype)


def _written_out(p: Problem, dtype: str) -> Over:
    """out[i, j] = a[i, 0] * b[0, j] + a[i, 1] * b[1, j] + ..."""
    views: list[At] = []
    for term in range(p.k):
        views.append(At(A, p.a.at + term * p.a.step, (p.a.batch, p.a.line, 0)))
        views.append(At(B, p.b.at + term * p.b.step, (p.b.batch, 0, p.b.line)))
    out = At(OUT, p.out.at, (p.out.batch, p.out.line, p.out.step))
    return Over(_sum_of_products(p.k, dtype), (p.batch, p.m, p.n), tuple(views), (out,))


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


def _folded(shape: tuple[int, ...], views: tuple[At, ...], dtype: str) -> Over:
    """A fold of products: the views are of a, b, and out."""
    inputs = Input("a", dtype, dtype), Input("b", dtype, dtype)
    body = Instr("{a} * {b}", (("a", 0), ("b", 1)), dtype, dtype)
    total = "float64" if dtype.startswith("float") else dtype
    output = Output(2, dtype, Reduce("0", "{acc} + {x}", dtype, total))
    return Over(Program("matmul", inputs, (body,), (output,)), shape, views[:2], views[2:])


def _folds(p: Problem, dtype: str) -> tuple[Over, ...]:
    """out[i, j] = the sum over t of a[i, t] * b[t, j], for each of a few i, j."""
    loops = []
    for q, i, j in product(range(p.batch), range(p.m), range(p.n)):
        a = At(A, _at(p.a, q, i), (p.a.step,))
        b = At(B, _at(p.b, q, j), (p.b.step,))
        out = At(OUT, _at(p.out, q, i) + j * p.out.step, (0,))
        loops.append(_folded((p.k,), (a, b, out), dtype))
    return tuple(loops)


def _by_vector(p: Problem, dtype: str) -> tuple[Over, ...]:
    """A matrix times a vector: folds of columns where lines lie side by side, else of rows."""
    lines = p.m * p.n
    if p.n == 1:
        (matrix, x), (vector, y), step = (A, p.a), (B, p.b), p.out.line
    else:
        (matrix, x), (vector, y), step = (B, p.b), (A, p.a), p.out.step
    if step != 1:
        return ()
    if x.line == 1:
        shape, walks = (p.k, lines), ((x.step, 1), (y.step, 0), (0, 1))
    else:
        shape, walks = (lines, p.k), ((x.line, x.step), (0, y.step), (1, 0))
    at = (matrix, x.at), (vector, y.at), (OUT, p.out.at)
    views = tuple(At(*where, walk) for where, walk in zip(at, walks, strict=True))
    return (_folded(shape, views, dtype),)


def _at(place: Place, q: int, line: int) -> int:
    return place.at + q * place.batch + line * place.line
