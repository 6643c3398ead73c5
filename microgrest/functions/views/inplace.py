"""squeeze_() and its like: a tensor that becomes a view of what it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...dispatch.target import check_writable
from ...graph.hooks import keep_on
from ...graph.modes import enable_grad
from ...tensor import Tensor
from ...tensor.methods import method
from ..naming import rename
from . import shapes


def _become(name: str, x: Tensor, move: Callable[[Tensor], Tensor], way: int = 1) -> Tensor:
    """Give `x` the geometry and the place in the graph of `move` of what it was.

    no_grad does not cut it off: a leaf stays a leaf of another shape, others stay in the graph.
    `way` is the number that its node's name ends with.
    """
    check_writable(name, x, repeats=True)
    if x._requires_grad and x._node is None:
        y = move(x.detach())
        return _take(x, y, ("_flat", "_shape", "_strides", "_offset"))
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
    _take(x, y, ("_flat", "_shape", "_strides", "_offset", "_node", "_requires_grad", "_base"))
    keep_on(old._node, x)
    return x


def _take(x: Tensor, y: Tensor, fields: Sequence[str]) -> Tensor:
    """Set `fields` of `x` to those of `y`, which counts as a write."""
    for field in fields:
        setattr(x, field, getattr(y, field))
    x._storage.touch()
    return x


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


swapaxes_ = method(name="swapaxes_")(transpose_)
swapdims_ = method(name="swapdims_")(transpose_)
