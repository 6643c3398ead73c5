"""Parts of a tensor along one dimension, many at once or in a loop, by the shortest way there is.

What they are is what `select` and `slice_` make, and what `x[i] = value` writes. Whatever has to be
recorded goes that way.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from typing import Any

from ... import recording
from ...graph.modes import state
from ...ops.places.movement import select, slice_
from ...ops.row import Row
from ...tensor import Tensor, row_major, seen
from ...tensor.weak import WeakList
from ...types.device import CPU


def each(x: Tensor, d: int) -> tuple[Tensor, ...]:
    """The selection of every index along `d`, which goes away."""
    if x._requires_grad and state.grad:
        return tuple([select(x, dim=d, index=i) for i in range(x._shape[d])])
    shape, strides = x._shape[:d] + x._shape[d + 1 :], x._strides[:d] + x._strides[d + 1 :]
    size = math.prod(shape) if row_major(shape, strides) else None
    step, start, remember = x._strides[d], x._offset, _remembered(x, select)
    storage, kind, array = x._storage, x._kind, x._storage.array
    found = []
    for i in range(x._shape[d]):
        flat = None if size is None else array[start : start + size]
        t = seen(storage, flat, shape, strides, start, kind)
        remember(t, {"dim": d, "index": i})
        found.append(t)
        start += step
    return tuple(found)


def one(x: Tensor, d: int, i: int) -> Tensor:
    """The selection of index `i`, not negative, along `d`."""
    if x._requires_grad and state.grad:
        return select(x, dim=d, index=i)  # type: ignore[no-any-return]
    shape, strides = x._shape[:d] + x._shape[d + 1 :], x._strides[:d] + x._strides[d + 1 :]
    t = x._alias(shape, strides, x._offset + i * x._strides[d])
    _remembered(x, select)(t, {"dim": d, "index": i})
    return t


def cut(x: Tensor, d: int, lengths: Sequence[int]) -> tuple[Tensor, ...]:
    """Views of `lengths` along `d`, one after the other."""
    ends = list(accumulate(lengths, initial=0))
    ways = [{"dim": d, "start": a, "stop": b, "step": 1} for a, b in pairwise(ends)]
    if x._requires_grad and state.grad:
        return tuple([slice_(x, **way) for way in ways])
    before, after, remember = x._shape[:d], x._shape[d + 1 :], _remembered(x, slice_)
    strides, step, found = x._strides, x._strides[d], []
    for way, n in zip(ways, lengths, strict=True):
        t = x._alias((*before, n, *after), strides, x._offset + way["start"] * step)
        remember(t, way)
        found.append(t)
    return tuple(found)


def _remembered(x: Tensor, row: Row) -> Callable[[Tensor, dict[str, int]], None]:
    """What notes of a view of `x` by `row` its base and the way from there, as `move` does."""
    base, path, recorded = x._base or (x, (), True)
    recorded = recorded and state.grad
    led = recorded and (base._node is not None or not base._requires_grad)
    if led and base._views is None:
        base._views = WeakList()
    views = base._views if led else None

    def remember(t: Tensor, params: dict[str, int]) -> None:
        t._base = base, (path, row, params), recorded
        if views is not None:
            views.add(t)

    return remember


def write(x: Tensor, i: int, value: Any) -> bool:
    """x[i] = value, done where it is a plain copy that no graph has to know of; whether it was."""
    flat, shape = x._flat, x._shape
    if flat is None or not shape or x._kind.device is not CPU or recording.state.recorder:
        return False
    n = shape[0]
    source = _plain(x, value)
    if source is None or not -n <= i < n or (state.grad and _recorded(x, value)):
        return False
    size = flat.size // n
    start = i % n * size
    x._kind.kernels.memory.from_host(flat[start : start + size], source)
    x._storage.touch()
    return True


def _plain(x: Tensor, value: Any) -> Any:
    """What NumPy can write as it is to one index of `x`: memory, or a number that surely fits."""
    if isinstance(value, Tensor):
        fits = value._kind is x._kind and value._shape in (x._shape[1:], ())
        apart = value._storage.array is not x._storage.array
        return value._flat if fits and apart else None
    kind = x._kind
    if kind.raw is not kind.numpy or value.__class__ not in (int, float):
        return None
    if kind.dtype.is_floating_point:
        return value if -1e6 < value < 1e6 else None
    return value if value.__class__ is int and 0 <= value < 2 else None


def _recorded(x: Tensor, value: Any) -> bool:
    """Whether a write of `value` to `x` has to do with a graph."""
    if x._requires_grad or (isinstance(value, Tensor) and value._requires_grad):
        return True
    return x._base is not None and x._base[0]._requires_grad


Tensor._each = each
Tensor._cut = cut
