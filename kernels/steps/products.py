"""Matrix products that are no products of matrices: those with a short side become loops.

With few terms every element of the result is a short sum, written out. With few results each of
them is a fold over the terms, and with a vector all of them are, side by side. All of these fuse
with what stands around them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..matrices import Place, Problem
from ..program import Reduce
from . import trace as t
from .graph import Value

if TYPE_CHECKING:
    from .lower import Lowering

# Terms of a sum that is written out, and results that are folds of their own.
TERMS = 8
RESULTS = 8


def inlined(lowering: Lowering, op: t.Product) -> bool:
    """Lower a product as loops, if it has a short side."""
    p = op.problem
    dtype = lowering.buffers[op.a].dtype
    if dtype == "uint16":
        _in_float32(lowering, op)
    elif p.k <= TERMS:
        _written_out(lowering, op, dtype)
    elif p.batch * p.m * p.n <= RESULTS:
        _folds(lowering, op, dtype)
    else:
        return p.batch == 1 and 1 in (p.m, p.n) and _by_vector(lowering, op, dtype)
    return True


def _product(lowering: Lowering, a: Value, b: Value, dtype: str, acc: Value | None) -> Value:
    """a * b, added to `acc`."""
    if acc is None:
        return lowering.graph.apply("{a} * {b}", (("a", a), ("b", b)), dtype, dtype)
    args = (("acc", acc), ("a", a), ("b", b))
    return lowering.graph.apply("{acc} + {a} * {b}", args, dtype, dtype)


def _written_out(lowering: Lowering, op: t.Product, dtype: str) -> None:
    """out[i, j] = a[i, 0] * b[0, j] + a[i, 1] * b[1, j] + ..."""
    p = op.problem
    shape = (p.batch, p.m, p.n)
    if 0 in shape:
        return
    acc: Value | None = None if p.k else lowering.graph.literal(0.0, dtype)
    for term in range(p.k):
        at_a = t.View(op.a, p.a.at + term * p.a.step, (p.a.batch, p.a.line, 0))
        at_b = t.View(op.b, p.b.at + term * p.b.step, (p.b.batch, 0, p.b.line))
        a = lowering.read(at_a, shape, dtype, dtype)
        b = lowering.read(at_b, shape, dtype, dtype)
        a = lowering.agreeing([acc] if acc else [], a)
        b = lowering.agreeing([acc, a] if acc else [a], b)
        acc = _product(lowering, a, b, dtype, acc)
    assert acc is not None
    out = t.View(op.out, p.out.at, (p.out.batch, p.out.line, p.out.step))
    lowering.write(out, shape, acc, dtype)


def _folds(lowering: Lowering, op: t.Product, dtype: str) -> None:
    """out[i, j] = the sum over t of a[i, t] * b[t, j], for each of a few i, j."""
    p = op.problem
    total = Reduce("0", "{acc} + {x}", dtype, "float64")
    for q in range(p.batch):
        for i in range(p.m):
            for j in range(p.n):
                at_a = t.View(op.a, _at(p.a, q, i), (p.a.step,))
                at_b = t.View(op.b, _at(p.b, q, j), (p.b.step,))
                a = lowering.read(at_a, (p.k,), dtype, dtype)
                b = lowering.read(at_b, (p.k,), dtype, dtype)
                b = lowering.agreeing([a], b)
                value = lowering.folded(total, _product(lowering, a, b, dtype, None), p.k)
                place = p.out.at + q * p.out.batch + i * p.out.line + j * p.out.step
                lowering.write(t.View(op.out, place, ()), (), value, dtype)


def _by_vector(lowering: Lowering, op: t.Product, dtype: str) -> bool:
    """A matrix times a vector: folds of columns where lines lie side by side, else of rows."""
    p, lines = op.problem, op.problem.m * op.problem.n
    if p.n == 1:
        (matrix, x), (vector, y), step = (op.a, p.a), (op.b, p.b), p.out.line
    else:
        (matrix, x), (vector, y), step = (op.b, p.b), (op.a, p.a), p.out.step
    if step != 1:
        return False
    if x.line == 1:
        shape, walks, extents = (p.k, lines), ((x.step, 1), (y.step, 0)), (1, p.k, lines)
    else:
        shape, walks, extents = (lines, p.k), ((x.line, x.step), (0, y.step)), (lines, p.k, 1)
    a = lowering.read(t.View(matrix, x.at, walks[0]), shape, dtype, dtype)
    b = lowering.read(t.View(vector, y.at, walks[1]), shape, dtype, dtype)
    b = lowering.agreeing([a], b)
    total = Reduce("0", "{acc} + {x}", dtype, "float64")
    value = _product(lowering, a, b, dtype, None)
    lowering.partial(total, value, extents, op.out, p.out.at, dtype)
    return True


def _at(place: Place, q: int, line: int) -> int:
    return place.at + q * place.batch + line * place.line


def _in_float32(lowering: Lowering, op: t.Product) -> None:
    """A product of float16: by float32 copies, the result rounded."""
    wide = {
        b: lowering.new_buffer("float32", lowering.buffers[b].size, "wide")
        for b in (op.a, op.b, op.out)
    }
    for b in (op.a, op.b):
        _copy(lowering, b, "float16", wide[b], "float32")
    a, b, out = (wide[x] for x in (op.a, op.b, op.out))
    whole = Problem(*op.problem)
    lowering.add(replace(op, problem=whole, a=a, b=b, out=out))
    _copy(lowering, out, "float32", op.out, "float16")


def _copy(lowering: Lowering, source: int, stored: str, target: int, to: str) -> None:
    shape = (lowering.buffers[source].size,)
    value = lowering.read(t.View(source, 0, (1,)), shape, stored, "float32")
    lowering.write(t.View(target, 0, (1,)), shape, value, to)
