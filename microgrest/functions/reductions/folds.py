"""Reductions as users call them: dimensions given as a number, several, or not at all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ... import return_types
from ...dispatch.families.reduction import folding, once, search
from ...dispatch.structured import apply
from ...ops.folds import reduction as rows
from ...ops.orders.selection import max_along, min_along
from ...ops.row import Row
from ...tensor import Tensor, contiguous_strides
from ...tensor.methods import method
from ...types.dtypes import as_dtype, bool_, int64
from ...types.integers import listed, whole
from ..aliases import numpy_names
from ..naming import ends_as
from ..places import counted, index_of, tensor_of
from ..remembered import remembered
from ..views.shapes import expand

_sum_all, _mean_all = folding(rows.sum), folding(rows.mean)

Dims = int | Sequence[int] | None


def dims_of(x: Tensor, dim: Dims) -> tuple[int, ...]:
    """`dim` as sorted non-negative numbers; all dimensions for None or ()."""
    if dim.__class__ is int and 0 <= dim < len(x._shape):
        return (dim,)
    given = () if dim is None else listed(dim)
    if not given:
        return tuple(range(len(x._shape)))
    dims = sorted(x._dim(d) for d in given)
    if len(set(dims)) != len(dims):
        raise RuntimeError(f"dim {dims} appears multiple times in the list of dims")
    return tuple(dims) if x._shape else ()


def fold(row: Row, x: Tensor, dim: Dims, keepdim: bool, name: str = "") -> Tensor:
    """The reduction `row` of `x` along `dim`; its node goes by `name`, if that is given."""
    if not isinstance(x, Tensor):
        raise TypeError(f"{row.name}(): argument 'input' must be Tensor, not {type(x).__name__}")
    return apply(row, (x,), {"dim": dims_of(x, dim), "keepdim": keepdim}, name)


def folded(row: Row, x: Tensor, dim: Dims, keepdim: bool, dtype: Any, name: str = "") -> Tensor:
    """`fold` of `x` converted to `dtype`, which the result has; integers take 64 bits meanwhile."""
    if dtype is None or not isinstance(x, Tensor):
        return fold(row, x, dim, keepdim, name)
    wanted = as_dtype(dtype)
    return fold(row, x.to(wanted), dim, keepdim, name).to(wanted)


@method
@remembered
def sum(
    input: Tensor,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    axis: Dims = None,
    keepdims: bool = False,
) -> Tensor:
    """The sum along `dim` (all by default); integers and bools sum to int64."""
    if dim is None and axis is None and dtype is None and not (keepdim or keepdims):
        return _sum_all(input)
    along = dim if axis is None else axis
    name = "" if along is None else "SumBackward1"
    return folded(rows.sum, input, along, keepdim or keepdims, dtype, name)


@method
@remembered
def mean(
    input: Tensor,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    axis: Dims = None,
    keepdims: bool = False,
) -> Tensor:
    """The mean along `dim` (all by default) of floating-point elements."""
    x = input if dtype is None else input.to(as_dtype(dtype))
    if not x.dtype.is_floating_point:
        raise RuntimeError(
            "mean(): could not infer output dtype. Input dtype must be either a floating point or "
            f"complex dtype. Got: {x.dtype!r}; convert it with .float() first."
        )
    if dim is None and axis is None and not (keepdim or keepdims):
        return _mean_all(x)
    return fold(rows.mean, x, dim if axis is None else axis, keepdim or keepdims, "MeanBackward1")


@method
@remembered
@numpy_names
def prod(
    input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    """The product along `dim` (all by default)."""
    if dim is None:
        return folded(rows.prod, input, None, keepdim, dtype)
    return folded(rows.prod, input, whole(dim), keepdim, dtype, "ProdBackward1")


@method
@remembered
@numpy_names
def amax(input: Tensor, dim: Dims = (), keepdim: bool = False) -> Tensor:
    """The largest element along `dim`; equal ones share the gradient."""
    _not_empty("amax", input, dim)
    return fold(rows.amax, input, dim, keepdim)


@method
@remembered
@numpy_names
def amin(input: Tensor, dim: Dims = (), keepdim: bool = False) -> Tensor:
    """The smallest element along `dim`; equal ones share the gradient."""
    _not_empty("amin", input, dim)
    return fold(rows.amin, input, dim, keepdim)


@method
@remembered
@numpy_names
def all(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Whether all elements along `dim` are nonzero; each by itself for ()."""
    return _whether(rows.all, input, dim, keepdim)


@method
@remembered
@numpy_names
def any(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Whether any element along `dim` is nonzero; each by itself for ()."""
    return _whether(rows.any, input, dim, keepdim)


def _whether(row: Row, x: Tensor, dim: Dims, keepdim: bool) -> Tensor:
    if dim is not None and not listed(dim) and isinstance(x, Tensor):
        return apply(row, (x,), {"dim": (), "keepdim": keepdim})
    return fold(row, x, dim, keepdim)


@method
@remembered
@numpy_names
def max(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """The largest element; with `dim`, (values, indices) along it; with a tensor, `maximum`."""
    if isinstance(dim, Tensor):
        return input.maximum(dim)
    if dim is None:
        _not_empty("max", input, dim)
        return fold(rows.max, input, None, False)
    return return_types.max(*_extremum(rows.argmax, max_along, input, dim, keepdim))


@method
@remembered
@numpy_names
def min(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """The smallest element; with `dim`, (values, indices) along it; with a tensor, `minimum`."""
    if isinstance(dim, Tensor):
        return input.minimum(dim)
    if dim is None:
        _not_empty("min", input, dim)
        return fold(rows.min, input, None, False)
    return return_types.min(*_extremum(rows.argmin, min_along, input, dim, keepdim))


def _not_empty(name: str, x: Tensor, dim: Dims) -> None:
    if (dim is None or not listed(dim)) and isinstance(x, Tensor) and not x.numel():
        raise RuntimeError(
            f"{name}(): Expected reduction dim to be specified for input.numel() == 0. "
            "Specify the reduction dim with the 'dim' argument."
        )


def _extremum(row: Row, found: Row, x: Tensor, dim: int, keepdim: bool) -> tuple[Tensor, Tensor]:
    """What the search `row` finds along `dim`, and where: the result of `found`."""
    return search(row, x, x._dim(dim), keepdim, found)


def without(x: Tensor, d: int) -> Tensor:
    """A contiguous `x`, outside the graph, without its dimension d of one element."""
    shape = (*x._shape[:d], *x._shape[d + 1 :])
    return x._alias(shape, contiguous_strides(shape), x._offset)


def positions(x: Tensor, index: Tensor, dim: int) -> Tensor:
    """Flat places in `x`: `index` says where along `dim`, its own place where in the others."""
    if x.ndim < 2 and index._kind.dtype is int64 and index.device is x.device:
        return index
    place, step, own = index_of(index, x.device), math.prod(x._shape[dim + 1 :]), 0
    for d, n in enumerate(index._shape):
        if d != dim and n > 1:
            own = own + counted(n, math.prod(x._shape[d + 1 :]), index.ndim - d, x.device)
    # The sum is always new memory: what is saved must not change when the index is written to.
    return tensor_of((place if step == 1 else place * step) + own)


@method
@remembered
@numpy_names
def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The index of the first largest element along `dim`, or in the flattened tensor."""
    return _place(rows.argmax, input, dim, keepdim)


@method
@remembered
@numpy_names
def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The index of the first smallest element along `dim`, or in the flattened tensor."""
    return _place(rows.argmin, input, dim, keepdim)


def _place(row: Row, x: Tensor, dim: int | None, keepdim: bool) -> Tensor:
    if x.dtype is bool_:
        raise RuntimeError(f"{row.name}(): does not support bool input; convert it with .int()")
    return search(row, x, None if dim is None else x._dim(dim), keepdim)[1]


@method
@numpy_names
@ends_as("AminmaxBackward0")
def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> Any:
    """The smallest and the largest element along `dim`, or of all."""
    dim = None if dim is None else whole(dim)
    return return_types.aminmax(amin(input, dim, keepdim), amax(input, dim, keepdim))


@method
@numpy_names
def count_nonzero(input: Tensor, dim: Dims = None) -> Tensor:
    """How many elements along `dim` are not zero."""
    return sum(expand(once(input.detach()) != 0, input._shape), dim)
