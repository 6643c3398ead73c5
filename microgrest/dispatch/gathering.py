"""Gather, scatter and join on tensors. Positions have been checked by whoever made them."""

from __future__ import annotations

from ..ops.row import Row
from ..tensor import Tensor
from .common import common_device
from .memory import add_at, copy, filled, flat, put
from .structured import family


@family("gather")
def gather(row: Row, x: Tensor, index: Tensor) -> Tensor:
    """The elements of `x` at flat positions `index`."""
    y = Tensor._empty(index._shape, x._kind)
    x._kind.kernels.indexing.gather(flat(x), flat(index), y._flat)
    return y


@family("scatter_add")
def scatter_add(row: Row, source: Tensor, index: Tensor, *, shape: tuple[int, ...]) -> Tensor:
    """Zeros of `shape` with the elements of `source` added at their positions."""
    y = filled(shape, source._kind, 0)
    add_at(y, flat(index), source)
    return y


@family("put")
def put_at(row: Row, x: Tensor, source: Tensor, index: Tensor, *, accumulate: bool) -> Tensor:
    """A copy of `x` with the elements of `source` written, or added, at their positions."""
    y = copy(x)
    if accumulate:
        add_at(y, flat(index), source)
    else:
        y._kind.kernels.indexing.put(y._flat, flat(index), flat(source))
    return y


@family("clear")
def clear(row: Row, x: Tensor, index: Tensor) -> Tensor:
    """A copy of `x` with zeros at positions `index`."""
    y = copy(x)
    y._kind.kernels.indexing.put(y._flat, flat(index), filled(index._shape, x._kind, 0)._flat)
    return y


@family("cat")
def cat(row: Row, *tensors: Tensor, dim: int) -> Tensor:
    """The tensors one after the other; all shapes but that of `dim` agree."""
    common_device("cat", tensors)
    shape = list(tensors[0]._shape)
    shape[dim] = sum(t._shape[dim] for t in tensors)
    y = Tensor._empty(shape, tensors[0]._kind)
    start = 0
    for t in tensors:
        put(y._alias(t._shape, y._strides, start * y._strides[dim]), t)
        start += t._shape[dim]
    return y
