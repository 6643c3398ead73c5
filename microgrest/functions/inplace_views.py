"""squeeze_() and its like: a tensor that becomes a view of what it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..autograd.modes import enable_grad
from ..dispatch.inplace import check_writable
from ..methods import method
from ..tensor import Tensor
from . import shapes


def _become(name: str, x: Tensor, move: Callable[[Tensor], Tensor]) -> Tensor:
    """Give `x` the geometry and the place in the graph of `move` of what it was.

    No element changes, so this is recorded in every mode; a leaf (under no_grad) stays one.
    """
    check_writable(name, x)
    alone = x._base is None and not x._views
    old = x._same()
    for field in ("_node", "_requires_grad", "_base", "_views"):
        setattr(old, field, getattr(x, field))
    for v in tuple(x._views or ()):
        v._base = old, *v._base[1:]
    with enable_grad():
        y = move(old)
    if x._base is None and any(v is y for v in old._views or ()):
        old._views.add(x)
    changed = ["_flat", "_shape", "_strides", "_offset", "_base"]
    if x._node is not None or not x._requires_grad:
        changed += ["_node", "_requires_grad"]
    for field in changed:
        setattr(x, field, getattr(y, field))
    x._views = None
    if alone:
        x._base = None  # there is no other view that a later write would have to reach
    x._storage.touch()
    return x


@method
def squeeze_(input: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """squeeze in place."""
    return _become("squeeze", input, lambda x: shapes.squeeze(x, dim))


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
