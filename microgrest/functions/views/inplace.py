"""squeeze_() and its like: a tensor that becomes a view of what it was."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from ...creation import extents
from ...dispatch.writes.memory import put
from ...dispatch.writes.target import check_writable
from ...graph.hooks import keep_on
from ...graph.modes import enable_grad
from ...tensor import Tensor, contiguous_strides
from ...tensor.methods import method
from ...types.layouts import check_layout
from ..naming import rename
from . import shapes

_GEOMETRY = ("_flat", "_shape", "_strides", "_offset")


def _become(name: str, x: Tensor, move: Callable[[Tensor], Tensor], way: int = 1) -> Tensor:
    """Give `x` the geometry and the place in the graph of `move` of what it was.

    no_grad does not cut it off: a leaf stays a leaf of another shape, others stay in the graph.
    `way` is the number that its node's name ends with.
    """
    check_writable(name, x, repeats=True)
    if x._requires_grad and x._node is None:
        y = move(x.detach())
        return _take(x, y, _GEOMETRY)
    alone = x._base is None and not x._views
    old = x._same()
    for field in ("_node", "_requires_grad", "_base", "_views"):
        setattr(old, field, getattr(x, field))
    for v in tuple(x._views or ()):
        v._base = old, *v._base[1:]
    with enable_grad():
        y = rename(move(old), f"{name.capitalize()}Backward{way}")
    if x._base is None and any(v is y for v in old._views or ()):
        old._views.add(x)
    x._views = None
    if alone:
        y._base = None  # there is no other view that a later write would have to reach
    _take(x, y, (*_GEOMETRY, "_node", "_requires_grad", "_base"))
    keep_on(old._node, x)
    return x


def _take(x: Tensor, y: Tensor, fields: Sequence[str]) -> Tensor:
    """Set `fields` of `x` to those of `y`, which counts as a write."""
    for field in fields:
        setattr(x, field, getattr(y, field))
    x._storage.touch()
    return x


def _replace(x: Tensor, y: Tensor) -> Tensor:
    """Let `x` see what `y` sees; a graph that saved it must notice that it is another tensor."""
    if y._storage is not x._storage:
        x._storage.touch()
    return _take(x, y, (*_GEOMETRY, "_storage"))


@method
def squeeze_(input: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """squeeze in place."""
    way = 3 if dim is None else 5 if isinstance(dim, (tuple, list)) else 4
    return _become("squeeze", input, lambda x: shapes.squeeze(x, dim), way)


@method
def unsqueeze_(input: Tensor, dim: int) -> Tensor:
    """unsqueeze in place."""
    return _become("unsqueeze", input, lambda x: shapes.unsqueeze(x, dim))


@method
def t_(input: Tensor) -> Tensor:
    """t in place."""
    return _become("t", input, shapes.t)


@method
def transpose_(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """transpose in place."""
    return _become("transpose", input, lambda x: shapes.transpose(x, dim0, dim1))


@method
def as_strided_(
    input: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None
) -> Tensor:
    """as_strided in place."""
    return _become(
        "as_strided", input, lambda x: shapes.as_strided(x, size, stride, storage_offset)
    )


@method
def resize_(input: Tensor, *sizes: Any, memory_format: Any = None) -> Tensor:
    """Another shape, row-major over the same storage; where that is too small, over a new one.

    Elements keep their order in memory; new ones are uninitialized. RuntimeError in a graph.
    """
    check_layout(memory_format=memory_format)
    shape = extents(sizes)
    if input._requires_grad:
        raise RuntimeError("cannot resize variables that require grad")
    if shape != input._shape:
        _replace(input, _resized(input, shape))
    return input


def _resized(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """A tensor of `shape` with the elements of the storage of `x` from its first on."""
    steps, size = contiguous_strides(shape), math.prod(shape)
    held = x._storage.array.size - x._offset
    if size <= held:
        return x._alias(shape, steps, x._offset)
    grown = Tensor._empty(shape, x._kind)
    kept = x._alias((held,), (1,), x._offset)
    put(grown._alias((held,), (1,), 0), kept)
    return grown


@method
def resize_as_(input: Tensor, the_template: Tensor, *, memory_format: Any = None) -> Tensor:
    """resize_ to the shape of `the_template`."""
    return resize_(input, the_template._shape, memory_format=memory_format)


@method
def set_(input: Tensor, source: Tensor) -> Tensor:
    """Become another view of the memory of `source`, outside of the graph."""
    if not isinstance(source, Tensor):
        kind = type(source).__name__
        raise TypeError(f"set_(): argument 'source' (position 1) must be Tensor, not {kind}")
    if source._kind is not input._kind:
        raise RuntimeError(
            f"set_(): expected a source of {input.dtype!r} on {input.device}, got "
            f"{source.dtype!r} on {source.device}"
        )
    if input._requires_grad:
        raise RuntimeError("set_(): cannot set a tensor that requires grad; assign to its .data")
    return _replace(input, source)


swapaxes_ = method(name="swapaxes_")(transpose_)
swapdims_ = method(name="swapdims_")(transpose_)
