"""Norms of vectors and matrices, and condition numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..functions.aliases import numpy_names
from ..functions.pointwise.arithmetic import where
from ..functions.reductions import statistics
from ..functions.remembered import remembered
from ..functions.updates import update
from ..tensor import Tensor
from ..tensor.methods import method
from ..types.dtypes import as_dtype
from .checks import check_matrix, check_square
from .factors import svdvals
from .solving import inv_ex

Dim = int | Sequence[int] | None


def _prepared(name: str, x: Tensor, dtype: Any) -> Tensor:
    """`x` as `dtype`; TypeError but for tensors, RuntimeError for integers."""
    if not isinstance(x, Tensor):
        raise TypeError(f"{name}(): argument 'A' must be Tensor, not {type(x).__name__}")
    if not x.is_floating_point():
        raise RuntimeError(
            f"{name}: Expected a floating point or complex tensor as input. Got {x.dtype!r}"
        )
    return x if dtype is None else x.to(as_dtype(dtype))


@method
@numpy_names
def renorm(input: Tensor, p: float, dim: int, maxnorm: float) -> Tensor:
    """`input` with each slice along `dim` whose p-norm is beyond `maxnorm` scaled down to that.

    Of at least 2 dimensions; p is positive.
    """
    x = _prepared("linalg.vector_norm", input, None)
    if p <= 0:
        raise RuntimeError(f"renorm: non-positive-norm not supported, got {p}")
    if maxnorm < 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm}")
    if x.ndim < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {x.ndim} dimensions")
    d = x._dim(dim)
    sizes = vector_norm(x, p, [e for e in range(x.ndim) if e != d], keepdim=True)
    return x * where(sizes > maxnorm, maxnorm / (sizes + 1e-7), 1.0)


renorm_ = update(renorm)


@remembered
def vector_norm(
    x: Tensor, ord: float = 2, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    """(sum |x|**ord)**(1/ord) along `dim`, or of all elements; ord may be 0, inf or -inf."""
    x = _prepared("linalg.vector_norm", x, dtype)
    if not isinstance(ord, (int, float)):
        raise TypeError(f"linalg.vector_norm: Order {ord!r} is no number")
    return statistics.norm(x, float(ord), dim, keepdim)


def matrix_norm(
    A: Tensor,
    ord: Any = "fro",
    dim: Sequence[int] = (-2, -1),
    keepdim: bool = False,
    *,
    dtype: Any = None,
) -> Tensor:
    """A norm of the matrices in two dimensions.

    "fro" is that of all elements, "nuc" the sum of singular values, 2 and -2 the largest and the
    least of them, 1, -1, inf and -inf the largest and least sum of magnitudes, of columns or rows.
    """
    name = "linalg.matrix_norm"
    A = _prepared(name, A, dtype)
    check_matrix(name, A)
    if isinstance(dim, int) or len(dim) != 2:
        raise RuntimeError(f"{name}: dim must be a 2-tuple. Got {dim}")
    row, column = (A._dim(d) for d in dim)
    if row == column:
        raise RuntimeError(f"{name}: dims must be different. Got ({dim[0]}, {dim[1]})")
    if ord == "fro":
        return vector_norm(A, 2, (row, column), keepdim)
    if ord in ("nuc", 2, -2):
        return _by_singular_values(A, ord, row, column, keepdim)
    if isinstance(ord, str) or abs(ord) not in (1, math.inf):
        raise RuntimeError(f"{name}: Order {ord} not supported.")
    summed, left = (row, column) if abs(ord) == 1 else (column, row)
    sums = A.abs().sum(summed, True)
    found = sums.amax(left, True) if ord > 0 else sums.amin(left, True)
    return found if keepdim else found.squeeze((row, column))


def _by_singular_values(A: Tensor, ord: Any, row: int, column: int, keepdim: bool) -> Tensor:
    values = svdvals(A.movedim((row, column), (-2, -1)))
    if ord == "nuc" or (not values._shape[-1] and ord == 2):
        found = values.sum(-1)
    else:
        found = values.amax(-1) if ord == 2 else values.amin(-1)
    if not keepdim:
        return found
    return found.reshape([1 if d in (row, column) else n for d, n in enumerate(A._shape)])


def norm(
    A: Tensor, ord: Any = None, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    """`vector_norm` along one dimension, `matrix_norm` in two; of all elements by default.

    Without `dim`, an `ord` is that of a vector or a matrix, by the dimensions that A has.
    """
    if isinstance(dim, int):
        dim = (dim,)
    if dim is None and ord is not None and isinstance(A, Tensor):
        if A.ndim not in (1, 2):
            raise RuntimeError(
                "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got "
                f"{A.ndim}D."
            )
        dim = tuple(range(A.ndim))
    if dim is not None and len(dim) not in (1, 2):
        raise RuntimeError(
            "linalg.norm: If dim is specified, it must be of length 1 or 2. Got "
            f"[{', '.join(map(str, dim))}]"
        )
    if ord is not None and dim is not None and (len(dim) == 2 or isinstance(ord, str)):
        return matrix_norm(A, ord, dim, keepdim, dtype=dtype)
    return vector_norm(A, 2 if ord is None else ord, dim, keepdim, dtype=dtype)


def cond(A: Tensor, p: Any = None) -> Tensor:
    """norm(A, p) norm(A^-1, p), inf where A is singular; by default of singular values, p = 2."""
    A = _prepared("linalg.cond", A, None)
    check_matrix("linalg.cond", A)
    if p in (None, 2, -2):
        if not A.numel():
            return A.new_zeros(A._shape[:-2])
        values = svdvals(A)
        largest, least = values[..., 0], values[..., -1]
        return least / largest if p == -2 else largest / least
    check_square(f"linalg.cond(ord={p})", A)
    if not A.numel():
        return A.new_zeros(A._shape[:-2])
    inverse, info = inv_ex(A)
    product = matrix_norm(A, p) * matrix_norm(
        where(info.reshape(*info._shape, 1, 1) == 0, inverse, 0.0), p
    )
    return where(info == 0, product, math.inf)
