"""A linear layer of samples, (m, k), by weights (n, k), and all of its gradients, as one call each.

    linear         out = x weight.T + bias
    linear_back    dbias = the sum of g along samples    dweight = g.T x    dx = g weight

`params` are the type of the elements, float32 or float64, and of the gradients whether those of x
are among them. All that is read and written is whole. In a compiled step they are products and
loops, which fuse with what stands around them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...libraries import blas
from ...source.codegen import interpreted
from ...source.kind import At, Cost, Kind, Metas, Operand, Over, Sizes, Spelled, Use, elements
from ...source.program import Input, Instr, Output, Program, Reduce
from .product import PRODUCT

Array = np.ndarray[Any, Any]


class Back(NamedTuple):
    """Which gradients: of weight and bias, and, `whole`, of x."""

    dtype: str
    whole: bool


def _operands(params: str) -> tuple[Operand, ...]:
    return (*(Operand(name, "r") for name in ("bias", "x", "weight")), Operand("out", "w"))


def _back_operands(params: Back) -> tuple[Operand, ...]:
    read, written = "g x weight", "dbias dx dweight"
    if not params.whole:
        read, written = "g x", "dbias dweight"
    return (*(Operand(n, "r") for n in read.split()), *(Operand(n, "w") for n in written.split()))


# The CPU

# Whole operands need none of what `blas.product` finds out. Sums of columns are those of blocks of
# lines, in the type of the elements, added up in float64.
_FORWARD = """
{decorator}
def kernel(gemm, bias, x, weight, out):
    n = bias.size
    m, k = out.size // n, weight.size // n
    multiply(gemm, (False, True), (m, n, k, k, k, n), x, weight, out)
    lines, width = np.uint64(m), np.uint64(n)
    if n == 1:
        first = bias[np.uint64(0)]
        for i in range(lines):
            out[i] += first
    else:
        for i in range(lines):
            for j in range(width):
                out[i * width + j] += bias[j]
"""
_BACK = """
{decorator}
def kernel(gemm, g, x, {operands}):
    n = dbias.size
    m, k = g.size // n, dweight.size // n
    multiply(gemm, (True, False), (n, k, m, n, k, k), g, x, dweight)
    {more}
    lines, width, totals, lanes = np.uint64(m), np.uint64(n), np.zeros(n), np.empty(n, g.dtype)
    for start in range(np.uint64(0), lines, np.uint64({block})):
        stop = min(start + np.uint64({block}), lines)
        for j in range(width):
            lanes[j] = 0
        if n == 1:
            total = lanes[np.uint64(0)]
            for i in range(start, stop):
                total += g[i]
            lanes[np.uint64(0)] = total
        else:
            for i in range(start, stop):
                for j in range(width):
                    lanes[j] += g[i * width + j]
        for j in range(width):
            totals[j] += lanes[j]
    for j in range(width):
        dbias[j] = totals[j]
"""
_DX = "multiply(gemm, (False, False), (m, k, n, n, k, k), g, weight, dx)"
_BLOCK = 128
_BY_GEMM = """
{decorator}
def multiply(gemm, turned, sizes, a, b, out):
    call_gemm(gemm, turned, sizes, a, 0, b, 0, out, 0)
"""
_BY_LOOPS = """
{decorator}
def multiply(gemm, turned, sizes, a, b, out):
    m, n, k = sizes[:3]
    a_line, a_step = (1, m) if turned[0] else (k, 1)
    b_line, b_step = (k, 1) if turned[1] else (1, n)
    by_loops(m, n, k, a, 0, a_line, a_step, b, 0, b_line, b_step, out, 0, n, 1)
"""


def _cpu(params: str, names: Any, threads: bool) -> str:
    return _module(params, _FORWARD.format(decorator=blas.DECORATOR))


def _back_cpu(params: Back, names: Any, threads: bool) -> str:
    operands = "weight, dbias, dx, dweight" if params.whole else "dbias, dweight"
    facts = {"operands": operands, "more": _DX if params.whole else "", "block": _BLOCK}
    return _module(params.dtype, _BACK.format(decorator=blas.DECORATOR, **facts))


def _module(dtype: str, kernel: str) -> str:
    """`kernel`, with the function that multiplies."""
    known = blas.texts(blas.find().form)
    found = blas.gemm(dtype) != 0 and not interpreted()
    parts = [known[name] for name in (("call_gemm",) if found else ("rows", "sums", "by_loops"))]
    multiply = (_BY_GEMM if found else _BY_LOOPS).format(decorator=blas.DECORATOR)
    return "\n".join([*blas.IMPORTS, "", "", "\n\n\n".join(parts), "", multiply, kernel])


# Compiled steps


def _sizes(g: int, weight: int, bias: int) -> tuple[int, int, int]:
    """m, n, k."""
    return g // bias, bias, weight // bias


def _back_sizes(params: Back, metas: Metas) -> tuple[int, int, int]:
    return _sizes(elements(metas[0]), elements(metas[-1]), elements(metas[2 + params.whole]))


def _product(dtype: str, *operands: tuple[int, tuple[int, int], bool]) -> Use:
    """A product of matrices: a number, a shape, and whether it is seen transposed, of each."""
    metas = tuple(
        (0, (n, m), (1, n)) if turned else (0, (m, n), (n, 1)) for _, (m, n), turned in operands
    )
    return Use(PRODUCT, dtype, tuple(number for number, _, _ in operands), metas)


def _loops(params: str, metas: Metas) -> Spelled:
    bias, _, weight, out = map(elements, metas)
    m, n, k = _sizes(out, weight, bias)
    inputs = Input("a", params, params), Input("b", params, params)
    body = Instr("{a} + {b}", (("a", 0), ("b", 1)), params, params)
    plus = Program("add", inputs, (body,), (Output(2, params),))
    made = _product(params, (1, (m, k), False), (2, (n, k), True), (4, (m, n), False))
    line = (n, 1)
    more = Over(plus, (m, n), (At(4, 0, line), At(0, 0, (0, 1))), (At(3, 0, line),))
    return Spelled((made, more), ((params, m * n),))


def _back_loops(params: Back, metas: Metas) -> Spelled:
    m, n, k = _back_sizes(params, metas)
    dtype, dbias, dweight = params.dtype, 2 + params.whole, len(metas) - 1
    lane = Reduce("0", "{acc} + {x}", dtype, "float64")
    total = Program("sum", (Input("x", dtype, dtype),), (), (Output(0, dtype, lane),))
    parts: list[Over | Use] = [
        Over(total, (m, n), (At(0, 0, (n, 1)),), (At(dbias, 0, (0, 1)),)),
        _product(dtype, (0, (m, n), True), (1, (m, k), False), (dweight, (n, k), False)),
    ]
    if params.whole:
        parts.append(_product(dtype, (0, (m, n), False), (2, (n, k), False), (4, (m, k), False)))
    return Spelled(tuple(parts))


# What it means


def _oracle(params: str, bias: Array, x: Array, weight: Array, out: Array) -> None:
    m, n, k = _sizes(out.size, weight.size, bias.size)
    out.reshape(m, n)[...] = x.reshape(m, k) @ weight.reshape(n, k).T + bias


def _back_oracle(params: Back, g: Array, x: Array, *others: Array) -> None:
    dbias, dweight = others[-3 if params.whole else -2], others[-1]
    m, n, k = _sizes(g.size, dweight.size, dbias.size)
    g, x = g.reshape(m, n), x.reshape(m, k)
    dweight.reshape(n, k)[...] = g.T @ x
    dbias[...] = g.sum(0)
    if params.whole:
        others[2].reshape(m, k)[...] = g @ others[0].reshape(n, k)


def _cost(params: str, metas: Metas, sizes: Sizes) -> Cost:
    m, n, k = _sizes(*(elements(metas[i]) for i in (3, 2, 0)))
    return Cost(2 * m * n * k, 2 * m * n * k)


def _back_cost(params: Back, metas: Metas, sizes: Sizes) -> Cost:
    m, n, k = _back_sizes(params, metas)
    work = 2 * m * n * k * (1 + params.whole)
    return Cost(work, work)


LINEAR = Kind(
    name="linear",
    operands=_operands,
    oracle=_oracle,
    exact=lambda params: False,
    cpu=_cpu,
    routine=blas.Gemm,
    loops=_loops,
    composed=True,
    cost=_cost,
)

LINEAR_BACK = Kind(
    name="linear_back",
    operands=_back_operands,
    oracle=_back_oracle,
    exact=lambda params: False,
    cpu=_back_cpu,
    routine=lambda params: blas.Gemm(params.dtype),
    loops=_back_loops,
    composed=True,
    cost=_back_cost,
)
