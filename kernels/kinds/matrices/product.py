"""Matrix products: out[..., i, j] = sum over t of a[..., i, t] * b[..., t, j].

Three dimensions are a batch of matrices, two a matrix, one a vector; `params` are the type of the
elements, as the array has it. float16, which is "uint16", is summed in float32. Integers wrap
around, bools are true where any product is. On a GPU `out` is row-major.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import numpy as np

from ...libraries import blas
from ...source.kind import (
    At,
    Cost,
    Kind,
    Launches,
    Metas,
    Operand,
    Over,
    Room,
    Run,
    Sizes,
    Spelled,
    Use,
)
from ...source.matrices import Matrix, Problem, problem
from ...source.program import Input, Output, Program

Array = np.ndarray[Any, Any]
_HALF = "uint16"
BY_BLAS = ("float32", "float64")
_OPERANDS = Operand("a", "r", True), Operand("b", "r", True), Operand("out", "w", True)
_HALF_BITS = np.dtype(np.uint16)


# The CPU, eager


def matmul(a: Matrix, b: Matrix, out: Matrix) -> None:
    """The product, by the BLAS that NumPy carries."""
    _multiply(_HALF, _view(a), _view(b), _view(out))


def contiguous(a: Array, b: Array, out: Array, left: Any, right: Any, shape: Any) -> None:
    """The product of two row-major matrices of BLAS's types, by the shortest way to it."""
    np.dot(a.reshape(left), b.reshape(right), out.reshape(shape))


def _multiply(params: str, x: Array, y: Array, z: Array) -> None:
    if z.dtype != _HALF_BITS:
        np.matmul(x, y, out=z)
    else:
        product = np.matmul(_wide(x), _wide(y))
        z[...] = product.astype(np.float16).view(np.uint16)


def _wide(bits: Array) -> Array:
    return bits.view(np.float16).astype(np.float32)


def _view(x: Matrix) -> Array:
    """`x` as NumPy sees it."""
    array: Array
    array, offset, shape, strides = x
    if strides is None:
        return array.reshape(shape)
    size = array.itemsize
    return np.ndarray(shape, array.dtype, array, offset * size, _steps(strides, size))


@lru_cache(maxsize=4096)
def _steps(strides: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Strides in bytes."""
    return tuple([s * itemsize for s in strides])


# Compiled steps


_KERNEL = """
{decorator}
def kernel(
    gemm, a, b, out, batch, m, n, k, total,
    a_at, a_batch, a_line, a_step, b_at, b_batch, b_line, b_step, o_at, o_batch, o_line, o_step,
):
    product(
        gemm, batch, m, n, k, a, a_at, a_batch, a_line, a_step,
        b, b_at, b_batch, b_line, b_step, out, o_at, o_batch, o_line, o_step,
    )
"""


def _cpu(params: str, names: Any, threads: bool) -> str:
    """kernel(gemm, a, b, out, *numbers), the numbers being those of a `Problem`."""
    kernel = _KERNEL.format(decorator=blas.DECORATOR)
    return "\n".join([*blas.IMPORTS, "", "", blas.source(), kernel])


def _known(params: str, metas: Metas) -> str:
    from . import known_product

    return known_product.text(_problem(metas), params)


@lru_cache(maxsize=4096)
def _problem(metas: Metas) -> Problem:
    return problem(*metas)  # type: ignore[arg-type]


def _loops(params: str, metas: Metas) -> Spelled | None:
    from . import products

    p = _problem(metas)
    if params == _HALF:
        return _in_float32(p, metas)
    found = products.as_loops(p, params)
    return Spelled(found) if found else None


def _in_float32(p: Problem, metas: Metas) -> Spelled:
    """A product of float16: by float32 copies of a and b; the result is rounded."""
    (_, a, _), (_, b, _), (_, out, _) = metas  # type: ignore[misc]
    wide = tuple((0, shape, None) for shape in (a, b, out))
    parts: list[Over | Use] = []
    for k, meta in enumerate(metas):
        view = _strided(k, meta)
        whole = _strided(k + 3, wide[k])
        parts.append(
            _copy(meta[1], view, "float16", whole, "float32")  # type: ignore[index]
            if k < 2
            else _copy(meta[1], whole, "float32", view, "float16")  # type: ignore[index]
        )
    parts.insert(2, Use(PRODUCT, "float32", (3, 4, 5), wide))
    sizes = [int(np.prod(shape)) for shape in (a, b, out)]
    return Spelled(tuple(parts), tuple(("float32", size) for size in sizes))


def _strided(k: int, meta: Any) -> At:
    from ...source.matrices import strides_of

    return At(k, meta[0], tuple(strides_of(meta)))


def _copy(shape: tuple[int, ...], x: At, stored: str, target: At, to: str) -> Over:
    program = Program("copy", (Input("x", stored, "float32"),), (), (Output(0, to),))
    return Over(program, shape, (x,), (target,))


# CUDA


def _grid(params: str, metas: Metas, sizes: Sizes, room: Room) -> Launches:
    from . import tiling

    p = _problem(metas)
    return tiling.plan(p, _named(params), room) if p.batch * p.m * p.n else Launches()


def _block(params: str, metas: Metas, sizes: Sizes, room: Room) -> Over:
    from . import products

    return products.in_one_block(_problem(metas), _named(params))


def _library(params: str, metas: Metas, room: Room) -> Any:
    from ...libraries import cublas
    from . import tiling

    p, dtype = _problem(metas), _named(params)
    if not p.batch * p.m * p.n or tiling.is_thin(p, room) or not cublas.takes(p, dtype):
        return None
    return partial(cublas.matmul, p, dtype)


def _named(dtype: str) -> str:
    return "float16" if dtype == _HALF else dtype


# What it means


def _needs(params: str, metas: Metas, sizes: Sizes, k: int, at: Any) -> tuple[Run | None, ...]:
    """A row of a, and a column of b."""
    p = _problem(metas)
    batch, line, column = at // (p.m * p.n), at // p.n % p.m, at % p.n
    a = Run((batch * p.m + line) * p.k, 1, p.k)
    return a, Run(batch * p.k * p.n + column, p.n, p.k)


def _cost(params: str, metas: Metas, sizes: Sizes) -> Cost:
    p = _problem(metas)
    work = 2 * p.batch * p.m * p.n * p.k
    return Cost(work, work)


PRODUCT = Kind(
    name="matmul",
    operands=lambda params: _OPERANDS,
    oracle=_multiply,
    host=lambda params: matmul,
    cpu=_cpu,
    known=_known,
    routine=blas.Gemm,
    places=lambda metas: _problem(metas).numbers,
    grid=_grid,
    block=_block,
    library=_library,
    loops=_loops,
    needs=_needs,
    sums="{a} * {b}",
    cost=_cost,
)
