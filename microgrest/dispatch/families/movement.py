"""Movement rows on tensors: views, their adjoints, and writes through them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ...graph.modes import state
from ...kernels.kinds.orders.move import GATHER
from ...ops.folds.reduction import sum as sum_row
from ...ops.places.movement import Geometry, steps
from ...ops.pointwise.logic import clamp_min
from ...ops.row import Row
from ...tensor import Tensor, contiguous_strides
from ...tensor.arrays import from_array
from ...tensor.storage import kind_of
from ...tensor.weak import WeakList
from ...types.dtypes import int64
from ..structured import family
from ..writes.memory import add_at, copy, filled, put
from .reduction import fold


@family("movement")
def move(row: Row, x: Tensor, **params: Any) -> Tensor:
    """A view of `x` by the row's geometry. It remembers its base and the way from there."""
    y = x._alias(*row.extra["geometry"](x._shape, x._strides, x._offset, **params))
    led(y, x, ((row, params),))
    return y


def led(y: Tensor, x: Tensor, way: Iterable[tuple[Row, dict[str, Any]]]) -> None:
    """Note what `y`, a view of `x`, is a view of in the end, and the way from there."""
    base, path, recorded = x._base or (x, (), True)
    for row, params in way:
        path = path, row, params
    recorded = recorded and state.grad
    y._base = base, path, recorded
    if recorded and (base._node is not None or not base._requires_grad):
        if base._views is None:
            base._views = WeakList()
        base._views.add(y)


@family("embed")
def embed(
    row: Row, g: Tensor, *, through: Row, shape: tuple[int, ...], params: dict[str, Any]
) -> Tensor:
    """Zeros with `g` written through a view of them."""
    y = filled(shape, g._kind, 0)
    put(_at(y, ((), through, params)), g)
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


@family("restride")
def restride(row: Row, g: Tensor, *, source: Geometry, target: Geometry, own: Geometry) -> Tensor:
    """`g` added up in memory by `source`, over the elements of `own` there, read by `target`."""
    memory = filled((max(map(_span, (source, target, own))),), g._kind, 0)
    add_at(memory, _places(source, g), g)
    if _overlaps(own):
        shares = filled(memory._shape, g._kind, 0)
        add_at(shares, _places(own, g), filled(own[0], g._kind, 1))
        memory = memory / clamp_min(shares, 1)
    y = Tensor._empty(target[0], g._kind)
    operands = memory._flat, _places(target, g), y._flat
    g._kind.kernels.kinds.run(GATHER, g._kind.array_type, operands)
    return y


def _places(geometry: Geometry, like: Tensor) -> Any:
    """The storage positions of a view, in row-major order, as a flat array on the device."""
    size, stride, offset = geometry
    total = np.array(offset, np.int64)
    for n, step in zip(size, stride, strict=True):
        total = total[..., None] + np.arange(n, dtype=np.int64) * step
    places = np.ascontiguousarray(total.reshape(-1))
    return from_array(places, kind_of(int64, like.device))._flat


def _overlaps(geometry: Geometry) -> bool:
    """Whether elements of a view may share memory."""
    size, strides, _ = geometry
    reach = 0
    for step, n in sorted(zip(strides, size, strict=True)):
        if n > 1 and step <= reach:
            return True
        reach += step * (n - 1)
    return False


def _span(geometry: Geometry) -> int:
    """How many elements of a storage a view reaches over."""
    size, stride, offset = geometry
    return (
        0 if 0 in size else 1 + offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
    )


@family("flip")
def flip(row: Row, x: Tensor, *, dims: tuple[int, ...]) -> Tensor:
    """A copy of `x`, read backwards along `dims`."""
    last = sum((x._shape[d] - 1) * x._strides[d] for d in dims)
    strides = tuple(-s if d in dims else s for d, s in enumerate(x._strides))
    return copy(x._alias(x._shape, strides, x._offset + last) if x.numel() else x)


@family("sum_to_size")
def sum_to_size(row: Row, x: Tensor, *, size: tuple[int, ...]) -> Tensor:
    """Sum over the dimensions that `size` has as one or not at all."""
    missing = x.ndim - len(size)
    if missing < 0 or any(m not in (1, n) for m, n in zip(size, x._shape[missing:], strict=True)):
        raise RuntimeError(f"size {list(size)} is not expandable to size {list(x._shape)}.")
    dims = tuple(
        d for d, n in enumerate(x._shape) if d < missing or (size[d - missing] == 1 and n != 1)
    )
    if not dims:
        return x._same()  # not x, whose place in the graph stays its own
    return fold(sum_row, x, dim=dims, keepdim=True)._alias(size, contiguous_strides(size), 0)


def _at(y: Tensor, path: Any) -> Tensor:
    """The view of `y` at the end of a path of movement rows, outside any graph."""
    for row, params in steps(path):
        geometry = row.extra["geometry"](y._shape, y._strides, y._offset, **params)
        if _span(geometry) > y._storage.array.size:
            raise RuntimeError(
                f"the view by {row.name}() reaches beyond the tensor it was taken of"
            )
        y = y._alias(*geometry)
    return y
