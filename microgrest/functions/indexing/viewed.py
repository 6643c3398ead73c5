"""Views by numbers and slices like one before: of a tensor that lies as another did.

x[1:, ::2] is two views, one of the other, each with its node. What they come to depends on how x
lies and on the numbers alone, so it is kept, and next time one tensor is made, with both nodes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from ...dispatch.families.movement import led
from ...dispatch.structured import remember, structured
from ...graph.modes import state
from ...ops.places.movement import steps
from ...tensor import Tensor, row_major, seen

_BOUNDS = (int, type(None))


class _View(NamedTuple):
    """A view: where it lies, beyond where its tensor begins; how many elements, if they are
    contiguous; the way there, and what its nodes are."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    beyond: int
    size: int | None
    way: list[tuple[Any, dict[str, Any]]]
    nodes: list[tuple[Callable[..., Any], Any, _Place]]


class _Place:
    """What a node knows of the tensor that it makes, or comes from."""

    __slots__ = ("_kind", "_node", "_requires_grad", "_shape")

    def __init__(self, shape: tuple[int, ...], kind: Any) -> None:
        self._shape, self._kind = shape, kind


_known: dict[Any, _View] = {}


def viewed(x: Tensor, index: tuple[Any, ...], make: Callable[[Tensor, Any], Tensor]) -> Tensor:
    """`make(x, index)`, which is a view of `x` where numbers and slices index."""
    key = _key(x, index)
    found = None if key is None else _known.get(key)
    if found is not None:
        return _again(x, found)
    y = make(x, index)
    if key is not None and y is not x:
        remember(_known, key, _view(x, y))
    return y


def _key(x: Tensor, index: tuple[Any, ...]) -> Any:
    """All that a view depends on; None where other things than numbers and slices index."""
    key: list[Any] = [x._kind, x._shape, x._strides]
    for i in index:
        if i.__class__ is slice:
            bounds = i.start, i.stop, i.step
            for bound in bounds:
                if bound.__class__ not in _BOUNDS:
                    return None
            key.append(bounds)
        elif i.__class__ is int:
            key.append(i)
        else:
            return None
    return tuple(key)


def _view(x: Tensor, y: Tensor) -> _View:
    """What `y` is, a view of `x`."""
    before = len(steps(x._base[1])) if x._base is not None else 0
    way = steps(y._base[1])[before:]
    shape, strides, nodes, kind = x._shape, x._strides, [], x._kind
    for row, params in way if kind.dtype.is_floating_point else ():
        given = (_Place(shape, kind),)
        shape, strides, _ = row.extra["geometry"](shape, strides, 0, **params)
        rule = structured(row, given, (True,), params)  # type: ignore[arg-type]
        nodes.append((rule.save, rule.extra(given, params), _Place(tuple(shape), kind)))  # type: ignore[arg-type]
    size = math.prod(y._shape) if row_major(y._shape, y._strides) else None
    return _View(y._shape, y._strides, y._offset - x._offset, size, way, nodes)


def _again(x: Tensor, found: _View) -> Tensor:
    """The view of `x`, whose node's edge is to the node of the view that it is a view of."""
    shape, strides, beyond, size, way, nodes = found
    offset, storage = x._offset + beyond, x._storage
    flat = None if size is None else storage.array[offset : offset + size]
    y = seen(storage, flat, shape, strides, offset, x._kind)
    led(y, x, way)
    if x._requires_grad and state.grad:
        edge: Any = x
        for save, extra, place in nodes[:-1]:
            save(of := _Place(place._shape, x._kind), extra, "", edge)
            edge = of
        save, extra, _ = nodes[-1]
        save(y, extra, "", edge)
    return y
