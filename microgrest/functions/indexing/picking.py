"""Elements picked by index tensors and masks along a dimension; the results are copies."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...dispatch.common import broadcast_shapes, common_device
from ...dispatch.structured import apply
from ...ops.places import indexing as rows
from ...recording import shapes
from ...tensor import Tensor
from ...tensor.arrays import from_numpy
from ...tensor.methods import method
from ...types.dtypes import bool_, int32, int64
from ..places import Index, checked, counted, index_of, numbers_slices, tensor_of, unless_changed
from ..reductions.folds import positions
from ..views.shapes import expand, reshape


def index_beside(name: str, input: Tensor, index: Any, empty: bool = True) -> Tensor:
    """`index` if it is a tensor of int32 or int64, or an `empty` one, on the device of `input`."""
    if not isinstance(index, Tensor):
        raise TypeError(f"{name}(): argument 'index' must be Tensor, not {type(index).__name__}")
    if index.dtype not in (int32, int64) and not (empty and not index.numel()):
        raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index, got {index.dtype!r}")
    if index.dtype is int64 and index.device is input.device:
        return index
    common_device(name, (input, index))
    return index.to(input.device, int64)


@method
def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """The indices `index`, a vector, of dimension `dim`, in that order."""
    short = index.__class__ is Tensor and len(index._shape) == 1
    if short and dim.__class__ is int and dim == 0 and numbers_slices(index, input):
        return apply(rows.index_select, (input, index), {"dim": 0})
    chosen = index_beside("index_select", input, index, empty=False)
    if chosen.ndim > 1:
        raise IndexError("index_select(): Index is supposed to be a vector")
    d = input._dim(dim)
    x = input if input._shape else reshape(input, 1)
    if not input._shape and chosen.numel() != 1:
        raise RuntimeError(
            f"index_select(): Index to scalar can have only 1 value, got {chosen.numel()} value(s)"
        )
    if chosen.numel() and x.ndim > 1 and not x._shape[d]:
        raise RuntimeError(f"index_select(): dimension {d} of {list(x._shape)} has no element")
    index = reshape(chosen, -1)
    values = numbers_of_slices(x, d, index, "index out of range in self")
    numbers = unless_changed(index, values, values)
    picked = apply(rows.index_select, (x, numbers), {"dim": d})
    return picked if input._shape else reshape(picked, ())


def numbers_of_slices(
    x: Tensor,
    d: int,
    index: Tensor,
    text: str,
    error: type[Exception] = IndexError,
    *,
    from_end: bool = False,
) -> Index:
    """The numbers of slices of `x` along dimension d, of an `index`, counted from the front.

    `error` of `text`, of the index, d and the extent, where one is out of range.
    """
    n = (x._shape or (1,))[d]
    low, values = -n if from_end else 0, index_of(index, x.device)
    return checked(values, low, n, lambda wrong: error(text.format(wrong, d, n)))


def places_of_slices(
    x: Tensor,
    d: int,
    index: Tensor,
    text: str,
    error: type[Exception] = IndexError,
    *,
    from_end: bool = False,
) -> Tensor:
    """Flat places in `x` of its slices `index`, a vector, along dimension d.

    `error` of `text`, of the index, d and the extent, where one is out of range.
    """
    shape = x._shape or (1,)
    place = numbers_of_slices(x, d, index, text, error, from_end=from_end)
    if len(shape) == 1 and not from_end:
        return index
    place = place.reshape((-1, *(1,) * (len(shape) - d - 1))) * math.prod(shape[d + 1 :])
    for e, extent in enumerate(shape):
        if e != d:
            step = math.prod(shape[e + 1 :])
            place = place + counted(extent, step, len(shape) - e, x.device)
    return tensor_of(place)


def check_bounds(index: Tensor, n: int, message: str, error: type[Exception]) -> None:
    """`error` unless all of `index` is in [0, n); {} in the message is one that is not."""
    values = index_of(index, index.device)
    checked(values, 0, n, lambda wrong: error(message.format(wrong)))


@method
def gather(input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Tensor:
    """out[i][j] = input[index[i][j]][j] for dim 0, and likewise for others.

    `index` has as many dimensions as the input, and beside `dim` none is longer.
    """
    d = input._dim(dim)
    places = index_beside("gather", input, index)
    if not places.numel():
        return apply(rows.gather_along, (input, places), {})
    if max(places.ndim, 1) != max(input.ndim, 1):
        raise RuntimeError(
            "Index tensor must have the same number of dimensions as input tensor, got "
            f"{places.ndim} and {input.ndim}"
        )
    for k, (n, extent) in enumerate(zip(places._shape, input._shape, strict=False)):
        if k != d and n > extent:
            raise RuntimeError(
                f"Size does not match at dimension {k} expected index {list(places._shape)} to be "
                f"no larger than self {list(input._shape)} apart from dimension {d}"
            )
    n = input._shape[d] if input._shape else 1
    bounds = f"index {{}} is out of bounds for dimension {d} with size {n}"
    check_bounds(places, n, bounds, RuntimeError)
    x = input if input._shape else reshape(input, 1)
    return _at(x, places, d)


def _at(x: Tensor, index: Tensor, d: int) -> Tensor:
    """The elements of `x` with the checked `index` along `d`."""
    if not index.ndim:
        return reshape(_at(x, reshape(index, 1), d), ())
    return apply(rows.gather_along, (x, positions(x, index, d)), {})


@method
def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """gather with `indices` that broadcast and may count from the end; without `dim`, gather of
    all elements, flat."""
    if dim is None:
        return gather(reshape(input, -1), 0, reshape(indices, -1))
    if indices.ndim != input.ndim:
        raise RuntimeError(
            "torch.take_along_dim(): input and indices should have the same number of dimensions, "
            f"but got {input.ndim} dimensions for input, and {indices.ndim} dimensions for indices"
        )
    d = input._dim(dim)
    if indices.dtype is not int64:
        raise RuntimeError(
            f"torch.take_along_dim(): dtype of indices should be Long but got {indices.dtype!r}"
        )
    places = index_beside("take_along_dim", input, indices)
    n = input._shape[d] if input._shape else 1
    bounds = f"index {{}} is out of bounds for dimension {d} with size {n}"
    index = index_of(places, input.device)
    numbers = checked(index, -n, n, lambda wrong: RuntimeError(bounds.format(wrong)))
    places = unless_changed(places, index, numbers)
    beside = [
        tuple(1 if k == d else extent for k, extent in enumerate(t._shape)) for t in (input, places)
    ]
    shape = list(broadcast_shapes("take_along_dim", beside))
    if not shape:
        return gather(input, d, places)
    here, there = shape.copy(), shape.copy()
    here[d], there[d] = n, places._shape[d]
    return gather(expand(input, here), d, expand(places, there))


@method
def take(input: Tensor, index: Tensor) -> Tensor:
    """The elements at places `index` of the flattened tensor, in the shape of `index`."""
    if not isinstance(index, Tensor) or index.dtype is not int64:
        what = repr(index.dtype) if isinstance(index, Tensor) else type(index).__name__
        raise RuntimeError(f"take(): Expected a long tensor for index, but got {what}")
    common_device("take", (input, index))
    n = input.numel()
    if not n and index.numel():
        raise IndexError("take(): tried to take from an empty tensor")
    values = index_of(index, input.device)
    text = f"out of range: tried to access index {{}} on a tensor of {n} elements."
    places = checked(values, -n, n, lambda wrong: IndexError(text.format(wrong)))
    return apply(rows.take, (input, unless_changed(index, values, places)), {})


@method
def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements where the bool `mask`, which broadcasts, is True, as a vector."""
    if not isinstance(mask, Tensor) or mask.dtype is not bool_:
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    common_device("masked_select", (input, mask))
    shape = broadcast_shapes("masked_select", [input._shape, mask._shape])
    shapes("masked_select")
    places = nonzero(reshape(expand(mask, shape), -1), as_tuple=True)[0]
    return apply(rows.masked_select, (reshape(expand(input, shape), -1), places), {})


@method
def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """The indices of the nonzero elements: (k, ndim), or a tuple of a vector per dimension."""
    if not as_tuple:
        return argwhere(input)
    shapes("nonzero")
    found = np.nonzero(np.atleast_1d(input.detach()._numpy()))
    return tuple(from_numpy(i.astype(np.int64)).to(input.device) for i in found)


@method
def argwhere(input: Tensor) -> Tensor:
    """The indices of the nonzero elements, one per row."""
    shapes("nonzero")
    places = np.argwhere(input.detach()._numpy())
    return from_numpy(np.ascontiguousarray(places, np.int64)).to(input.device)
