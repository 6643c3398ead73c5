"""Slices, numbered by an index vector along a dimension, written, added, filled and reduced."""

from __future__ import annotations

from typing import Any

from ...creation import zeros_like
from ...dispatch.common import number_as
from ...ops.places import indexing as rows
from ...ops.row import Row
from ...tensor import Tensor
from ...types.dtypes import bool_, int32, int64
from ..naming import ends_as
from ..places import numbers_slices, tensor_of, unless_changed
from ..pointwise.arithmetic import where
from ..views.shapes import expand, reshape
from .picking import index_beside, numbers_of_slices, places_of_slices
from .reducing import reduced
from .writing import Write, check_tensors, number, same_type, writing, written

_OUTSIDE = "index {} is out of bounds for dimension {} with size {}"


def _vector(name: str, x: Tensor, index: Tensor, *, narrow: bool) -> Tensor:
    """`index` as an int64 vector; IndexError for more dimensions, RuntimeError for its type."""
    if index.ndim > 1:
        raise IndexError(
            f"{name}(): Index is supposed to be a vector, but got dim {index.ndim} and size "
            f"{list(index._shape)}"
        )
    if index.dtype is not int64 and not (narrow and index.dtype is int32):
        raise RuntimeError(f"{name}(): Expected dtype int64 for index, got {index.dtype!r}")
    beside = index_beside(name, x, index)
    return beside if beside.ndim else reshape(beside, -1)


def _fitting(x: Tensor, d: int, index: Tensor, source: Tensor) -> Tensor:
    """`source` in the shape of the places; RuntimeError unless it has a slice for each index."""
    own = x._shape or (1,)
    wanted = (*own[:d], index.numel(), *own[d + 1 :])
    if source.ndim != x.ndim or (source._shape or (1,)) != wanted:
        raise RuntimeError(
            "source tensor shape must match self tensor shape, excluding the specified dimension. "
            f"Got self.shape = {list(x._shape)} source.shape = {list(source._shape)} for "
            f"{index.numel()} indices along dimension {d}"
        )
    return source if source._shape == wanted else reshape(source, wanted)


@writing
def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Any = 1) -> Write:
    """`input` with alpha times slice i of `source` added to its slice index[i] along `dim`."""
    check_tensors("index_add", index=index, source=source)
    d = input._dim(dim)
    rows_ = _vector("index_add", input, index, narrow=True)
    added = _fitting(input, d, rows_, same_type("index_add", input, source))
    if not (alpha.__class__ is int and alpha == 1):
        if not input.is_floating_point() and isinstance(alpha, float):
            raise RuntimeError(
                "For integral input tensors, argument alpha must not be a floating point number."
            )
        added = added * (number_as(input.dtype, alpha) if isinstance(alpha, int) else alpha)
    return _write(rows.index_add, input, d, rows_, added, RuntimeError, accumulate=True)


def _write(
    row: Row,
    x: Tensor,
    d: int,
    index: Tensor,
    source: Tensor,
    error: type[Exception] = IndexError,
    *,
    accumulate: bool = False,
    from_end: bool = False,
) -> Write:
    """The Write to the slices `index` along dimension d; on a GPU that is one of elements."""
    if not x.is_cpu:
        places = places_of_slices(x, d, index, _OUTSIDE, error, from_end=from_end)
        return Write(row, source, places, accumulate)
    if not numbers_slices(index, x, d):
        numbers = numbers_of_slices(x, d, index, _OUTSIDE, error, from_end=from_end)
        index = tensor_of(numbers) if from_end else unless_changed(index, numbers, numbers)
    if not source._shape:
        own = x._shape or (1,)
        source = expand(source, (*own[:d], index.numel(), *own[d + 1 :]))
    return Write(rows.SLICES[row], source, index, accumulate, d)


@writing
def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Write:
    """`input` with slice i of `source` as its slice index[i] along `dim`; the last one stays."""
    check_tensors("index_copy", index=index, source=source)
    d = input._dim(dim)
    rows_ = _vector("index_copy", input, index, narrow=False)
    n = (source._shape or (1,))[d : d + 1]
    if n and n[0] != rows_.numel():
        raise IndexError(
            f"index_copy_(): Number of indices ({rows_.numel()}) should be equal to "
            f"source.size(dim) ({n[0]})"
        )
    given = same_type("index_copy", input, source)
    if given.numel() == 1 and not (given._shape and input._shape):  # PyTorch takes either rank
        given = reshape(given, (1,) * input.ndim)
    given = _fitting(input, d, rows_, given)
    return _write(rows.index_copy, input, d, rows_, given)


@writing
def index_fill(input: Tensor, dim: int, index: Tensor, value: Any) -> Write | Tensor:
    """`input` with `value`, a number or a 0-d tensor, in its slices `index` along `dim`."""
    check_tensors("index_fill", index=index)
    if isinstance(value, Tensor) and value._shape:
        raise RuntimeError(
            "index_fill_ only supports a 0-dimensional value tensor, but got tensor with "
            f"{value.ndim} dimension(s)."
        )
    if index.dtype is not int64:
        raise IndexError(f"index_fill_(): Expected dtype int64 for index, got {index.dtype!r}")
    if index.ndim > 1:
        raise RuntimeError("Index has to be a vector/scalar")
    rows_ = _vector("index_fill", input, index, narrow=False)
    d, given = input._dim(dim), isinstance(value, Tensor)
    filler = value.to(input.device, input.dtype) if given else number(input, value)
    if not filler._requires_grad:
        return _write(rows.index_fill, input, d, rows_, filler, from_end=True)
    # A slice that is named twice has the gradient once.
    nowhere = zeros_like(input.detach(), dtype=bool_)
    there = _write(rows.index_fill, nowhere, d, rows_, number(nowhere, True), from_end=True)
    return where(written(nowhere, there), filler, input)


@writing
@ends_as("IndexReduceBackward0")
def index_reduce(
    input: Tensor,
    dim: int,
    index: Tensor,
    source: Tensor,
    reduce: str,
    *,
    include_self: bool = True,
) -> Tensor:
    """`input` with each slice reduced with the slices i of `source` whose index[i] is its number.

    `reduce` is "prod", "mean", "amax" or "amin". Equal extrema share the gradient.
    """
    check_tensors("index_reduce", index=index, source=source)
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(
            f"reduce argument must be either prod, mean, amax or amin, got {reduce}."
        )
    d = input._dim(dim)
    rows_ = _vector("index_reduce", input, index, narrow=True)
    given = _fitting(input, d, rows_, same_type("index_reduce", input, source))
    places = places_of_slices(input, d, rows_, "index out of range in self")
    return reduced(input, given, places, reduce, include_self)
