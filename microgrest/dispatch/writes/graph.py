"""What a write to an existing tensor does to the graph, whatever wrote.

A write to a tensor in the graph gives it a new node. If the tensor is a view, its base is what
changed: the base becomes `overwrite(base, view)`, and every view of it is led from there anew.
"""

from __future__ import annotations

from typing import Any

from ...graph.hooks import keep_on
from ...ops.places.movement import follow, overwrite
from ...tensor import Tensor
from ..structured import record


def lead(x: Tensor, old: Any) -> None:
    """A write gave `x` a node in place of `old`: lead its base and all views from there."""
    keep_on(old, x)
    if x._base is None:
        base = x
    else:
        base, path, _ = x._base
        past = base._same()
        past._node, past._requires_grad = base._node, base._requires_grad
        record(overwrite, (past, x), {"path": path}, base)
        keep_on(past._node, base)
    for v in tuple(base._views or ()):
        fresh, node = follow(base, v._base[1]), v._node
        v._node, v._requires_grad = fresh._node, fresh._requires_grad
        keep_on(node, v)
