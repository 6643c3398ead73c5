"""Moments and norms: compositions of reductions."""

from __future__ import annotations

import math
from typing import Any

from ...dispatch.api import FUNCTIONS
from ...dispatch.families.kernels import SHORT
from ...dispatch.families.reduction import numel
from ...ops.folds import reduction as rows
from ...ops.row import register_type
from ...tensor import Tensor
from ...tensor.methods import method
from ...types.dtypes import as_dtype, float32, float64
from ..aliases import numpy_names
from ..naming import ends_as, rename
from ..pointwise.arithmetic import check_number, where
from ..remembered import remembered
from ..views.shapes import movedim
from .folds import Dims, dims_of, fold, mean, sum


def _by_ops(name: str, x: Tensor, dims: tuple[int, ...], freedom: float, keepdim: bool) -> Tensor:
    """The moment of deviations from the mean as it was rounded, for which their sum makes up.

    They are in units of a power of 2 near the largest element, so that their squares stay in the
    range and nothing is rounded.
    """
    unit: Any = 1.0
    if x.is_floating_point() and x.numel():
        largest = fold(rows.amax, x.detach().abs(), dims, True)
        half = largest * 0.5
        power = half / FUNCTIONS["frexp_mantissa"](largest)
        unit = where((half > 0) & (largest < math.inf), power, 1.0)
    x = x / unit if isinstance(unit, Tensor) else x
    deviation = x - mean(x, dims, True)
    squares, left = sum(deviation * deviation, dims, True), sum(deviation, dims, True)
    variance = (squares - left * left / max(numel(x, dims), 1)) / freedom
    y: Tensor = variance * unit if name == "variance" else FUNCTIONS["root"](variance)
    y = y * unit
    return y if keepdim else y.reshape(tuple(n for d, n in enumerate(x._shape) if d not in dims))


def _prepared(
    input: Tensor, dim: Dims, unbiased: bool | None, correction: float | None
) -> tuple[Tensor, tuple[int, ...], float]:
    """The input in the type of registers, the dimensions, and the degrees of freedom."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    wide = register_type(input._kind.dtype)
    input = input if input._kind.dtype is wide else input.to(wide)
    dims = dims_of(input, dim)
    check_number("correction", correction)
    n = numel(input, dims)
    less = correction if correction is not None else float(unbiased is not False)
    return input, dims, max(n - less, 0.0)


def _moment(
    name: str, input: Tensor, dim: Dims, unbiased: bool | None, correction: float | None, keep: bool
) -> Tensor:
    """The variance, or the deviation, in the type of registers: on a CPU by one kernel.

    That is of neighbors among the dimensions. On a GPU it gives a line to a block, for many lines.
    """
    x, dims, freedom = _prepared(input, dim, unbiased, correction)
    if not (dims and x.is_cpu and x._kind.dtype in (float32, float64) and x.numel()):
        return _by_ops(name, x, dims, freedom, keep)
    return _along(SHORT[name], x, dims, keep, freedom=float(freedom))


def _along(row: Any, x: Tensor, dims: tuple[int, ...], keep: bool, **numbers: float) -> Tensor:
    """A row over neighbors among the dimensions, over any."""
    if dims[-1] - dims[0] == len(dims) - 1:
        y: Tensor = row(x, dim=dims, keepdim=bool(keep), **numbers)[0]
        return y
    first = tuple(range(len(dims)))
    y = row(movedim(x, dims, first), dim=first, keepdim=False, **numbers)[0]
    return y.reshape(tuple(1 if d in dims else n for d, n in enumerate(x._shape))) if keep else y


@method
@remembered
@numpy_names
def var(
    input: Tensor,
    dim: Dims = None,
    unbiased: bool | None = None,
    *,
    correction: float | None = None,
    keepdim: bool = False,
) -> Tensor:
    """The variance along `dim`, as `var_mean` has it."""
    y = _moment("variance", input, dim, unbiased, correction, keepdim)
    return rename(y if y._kind.dtype is input._kind.dtype else y.to(input.dtype), "VarBackward0")


@numpy_names
@ends_as("VarMeanBackward0")
def var_mean(
    input: Tensor,
    dim: Dims = None,
    unbiased: bool | None = None,
    *,
    correction: float | None = None,
    keepdim: bool = False,
) -> tuple[Tensor, Tensor]:
    """The variance and the mean along `dim`, in two passes.

    The variance is the sum of squared deviations over n - correction, which is 1 by default, 0 if
    `unbiased` is False.
    """
    variance = var(input, dim, unbiased, correction=correction, keepdim=keepdim)
    return variance, _center(input, dim, keepdim)


def _center(input: Tensor, dim: Dims, keepdim: bool) -> Tensor:
    """The mean along what `var` takes for dimensions."""
    return mean(input, dims_of(input, None if isinstance(dim, bool) else dim), keepdim)


@method
@remembered
@numpy_names
def std(
    input: Tensor,
    dim: Dims = None,
    unbiased: bool | None = None,
    *,
    correction: float | None = None,
    keepdim: bool = False,
) -> Tensor:
    """The standard deviation along `dim`, the square root of `var`."""
    y = _moment("deviation", input, dim, unbiased, correction, keepdim)
    return rename(y if y._kind.dtype is input._kind.dtype else y.to(input.dtype), "StdBackward0")


@numpy_names
@ends_as("StdMeanBackward0")
def std_mean(
    input: Tensor,
    dim: Dims = None,
    unbiased: bool | None = None,
    *,
    correction: float | None = None,
    keepdim: bool = False,
) -> tuple[Tensor, Tensor]:
    """The standard deviation and the mean along `dim`."""
    deviation = std(input, dim, unbiased, correction=correction, keepdim=keepdim)
    return deviation, _center(input, dim, keepdim)


@method
@numpy_names
@ends_as("NansumBackward0")
def nansum(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The sum along `dim`, with NaN as 0."""
    return sum(where(input.isnan(), 0, input), dim, keepdim, dtype=dtype)


@method
@numpy_names
def nanmean(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The mean along `dim` of the elements that are not NaN."""
    if dtype is not None and not as_dtype(dtype).is_floating_point:
        raise RuntimeError(f"nanmean(): could not infer output dtype, a mean has no type {dtype!r}")
    if not input.is_floating_point():
        raise RuntimeError(
            f"nanmean(): expected input to have floating point dtype but got {input.dtype!r}"
        )
    return nansum(input, dim, keepdim, dtype=dtype) / sum(~input.isnan(), dim, keepdim)


def _powers(x: Tensor, p: float) -> Tensor:
    """|x|**p, whose derivative at 0 is 0, and not 0 * inf where p < 1."""
    if p >= 1:
        return x.abs() ** p
    zero = x.detach() == 0
    return where(zero, 0.0 if p > 0 else math.inf, where(zero, 1.0, x.abs()) ** p)


def _root(powers: Tensor, p: float) -> Tensor:
    """powers**(1/p), whose derivative at 0 is 0 and not infinite."""
    zero = powers.detach() == 0
    return where(zero, 0.0 if p > 0 else math.inf, where(zero, 1.0, powers) ** (1.0 / p))


@remembered
@numpy_names
@ends_as("LinalgVectorNormBackward0")
def norm(input: Tensor, p: Any = "fro", dim: Dims = None, keepdim: bool = False) -> Tensor:
    """(sum |x|**p)**(1/p) along `dim`; p may be inf, -inf or "fro", which is 2."""
    if not input.is_floating_point():
        raise RuntimeError(
            f"norm(): Expected a floating point tensor as input. Got {input.dtype!r}"
        )
    if register_type(input.dtype) is not input.dtype:  # squares of float16 overflow
        return norm(input.to(register_type(input.dtype)), p, dim, keepdim).to(input.dtype)
    p = 2 if p in ("fro", None) else p
    if isinstance(p, str):
        raise RuntimeError(f"norm(): Order {p} not supported; it is a number or 'fro'.")
    dims = dims_of(input, dim)
    if (p < 0 or p == math.inf) and 0 in (input._shape[d] for d in dims):
        raise RuntimeError(
            f"norm(): cannot compute the {p} norm of no elements (dimensions {list(dims)} of shape "
            f"{list(input._shape)}), which has no identity"
        )
    alone = p != 0 and numel(input, dims) == 1  # no power of one element overflows
    if p == 2 and not alone:
        if input._kind.dtype is float64 and dims and input.numel():
            return _along(SHORT["length"], input, dims, keepdim)
        return fold(rows.euclidean, input, dims, keepdim)
    if p == 1:
        return sum(input.abs(), dim, keepdim)
    if p in (math.inf, -math.inf) or alone:
        return fold(rows.max if p > 0 else rows.min, input.abs(), dim, keepdim)
    if p == 0:
        # Not the comparison alone: the result has a derivative, which is 0.
        return sum(where(input.isnan(), 1.0, input.sgn().abs()), dim, keepdim)
    return _root(sum(_powers(input, p), dim, keepdim), p)


@method
@ends_as("DistBackward0")
def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """The norm of the difference."""
    if not isinstance(p, (int, float)):
        raise TypeError(f"dist(): argument 'p' must be Number, not {type(p).__name__}")
    return norm(input - other, p)
