"""Movement rows on tensors: views, their adjoints, and writes through them."""

from __future__ import annotations

import weakref
from typing import Any

from ..autograd.modes import state
from ..ops import convert
from ..ops.reduction import sum as sum_row
from ..ops.row import Row
from ..tensor import Tensor, contiguous_strides
from .structured import family


@family("movement")
def move(row: Row, x: Tensor, **params: Any) -> Tensor:
    """A view of `x` by the row's geometry. It remembers its base and the way from there."""
    y = x._alias(*row.extra["geometry"](x._shape, x._strides, x._offset, **params))
    base, path = x._base or (x, ())
    y._base = base, (*path, (row, params))
    if state.grad and (base._node is not None or not base._requires_grad):
        if base._views is None:
            base._views = weakref.WeakSet()
        base._views.add(y)
    return y


@family("embed")
def embed(row: Row, g: Tensor, *, through: Row, shape: tuple[int, ...], params: dict[str, Any]) -> Tensor:
    """Zeros with `g` written through a view of them."""
    y = filled(shape, g._kind, 0)
    put(_at(y, ((through, params),)), g)
    return y


@family("overwrite")
def overwrite(row: Row, x: Tensor, v: Tensor, *, path: Any) -> Tensor:
    """A copy of `x` with `v` at the end of the path."""
    y = copy(x)
    put(_at(y, path), v)
    return y


@family("hole")
def hole(row: Row, x: Tensor, *, path: Any) -> Tensor:
    """A copy of `x` with zeros at the end of the path."""
    y = copy(x)
    target = _at(y, path)
    put(target, filled((), x._kind, 0))
    return y


@family("as_strided_scatter")
def as_strided_scatter(row: Row, g: Tensor, *, like: Any, size: Any, stride: Any, storage_offset: int) -> Tensor:
    """Sum of `g` into the places that as_strided read, of a contiguous tensor of shape `like`."""
    y = filled(like, g._kind, 0)
    places = y._kind.kernels.indexing.places(size, stride, storage_offset)
    y._kind.kernels.indexing.scatter_add(y._flat, places, flat(g))
    return y


@family("sum_to_size")
def sum_to_size(row: Row, x: Tensor, *, size: tuple[int, ...]) -> Tensor:
    """Sum over the dimensions that `size` has as one or not at all."""
    from .reduction import fold

    missing = x.ndim - len(size)
    dims = tuple(d for d, n in enumerate(x._shape) if d < missing or (size[d - missing] == 1 and n != 1))
    y = fold(sum_row, x, dim=dims, keepdim=True) if dims else x
    return y._alias(size, contiguous_strides(size), 0) if dims else y


def _at(y: Tensor, path: Any) -> Tensor:
    """The view of `y` at the end of a path of movement rows, outside any graph."""
    for row, params in path:
        y = y._alias(*row.extra["geometry"](y._shape, y._strides, y._offset, **params))
    return y


def put(target: Tensor, value: Tensor) -> None:
    """Write `value`, broadcast, into `target`; not recorded, and no version is counted."""
    from .inplace import write

    write(convert.copy, target, (target, value))


def copy(x: Tensor) -> Tensor:
    """A contiguous copy, outside the graph."""
    y = Tensor._empty(x._shape, x._kind)
    put(y, x)
    return y


def flat(x: Tensor) -> Any:
    """The elements of `x` as a flat array of the device, in row-major order."""
    return x._flat if x._flat is not None else copy(x)._flat


def filled(shape: Any, kind: Any, value: Any) -> Tensor:
    """A new tensor full of one number."""
    y = Tensor._empty(shape, kind)
    kind.kernels.memory.fill(y._flat, value)
    return y

