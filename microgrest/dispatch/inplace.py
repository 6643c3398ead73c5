"""Writes into existing tensors: in-place elementwise ops, and what they do to the graph.

A write to a tensor in the graph gives it a new node. If the tensor is a view, its base is what
changed: the base becomes `overwrite(base, view)`, and every view of it is led from there anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..autograd.hooks import keep_on
from ..autograd.modes import state
from ..ops.movement import follow, overwrite
from ..ops.row import Row
from ..tensor import Tensor
from .common import broadcast_shapes, common_device
from .elementwise import brought, flat_layout
from .memory import form_into, write
from .structured import record


def apply_in_place(row: Row, x: Tensor, rest: Sequence[Any]) -> Tensor:
    """x = row(x, *rest), in the memory of `x`."""
    check_writable(row.name, x, rest)
    common_device(row.name, (x, *rest))
    args = (x, *[brought(a, x.device) for a in rest])
    shape = broadcast_shapes(row.name, [a._shape for a in args if isinstance(a, Tensor)])
    if shape != x._shape:
        raise RuntimeError(
            f"output with shape {list(x._shape)} doesn't match the broadcast shape {list(shape)} "
            f"in {row.name}_()"
        )
    form = form_into(row, args, x)
    edges = tuple([a._edge if isinstance(a, Tensor) else None for a in args])
    recorded = state.grad and form.differentiable and edges.count(None) != len(edges)
    if recorded:
        backward = form.backward(edges, flat_layout(args, x), x.device)
        kept = [before(a, x) if i in backward.saved else a for i, a in enumerate(args)]
    write(row, x, args, form)
    x._storage.touch()
    if recorded:
        node = x._node
        backward.attach(x, edges, kept)
        keep_on(node, x)
        rebase(x)
    return x


def before(a: Tensor, x: Tensor) -> Tensor:
    """`a` itself, or a copy that stands for it in the graph if a write to `x` will change it."""
    if a._storage.array is not x._storage.array:
        return a
    old = a.detach().clone()
    old._node, old._requires_grad = a._node, a._requires_grad
    return old


def check_writable(name: str, x: Tensor, others: Sequence[Any] = ()) -> None:
    """RuntimeError where PyTorch forbids a write from `others`.

    To leaves that want gradients and views of them, to views made in no_grad when the write would
    be recorded, and to expanded memory.
    """
    if state.grad and x._requires_grad and x._node is None:
        raise RuntimeError(
            f"a leaf Variable that requires grad is being used in an in-place operation ({name}_). "
            "Do it inside `with torch.no_grad():`, or on x.data."
        )
    if state.grad and x._base is not None:
        base, _, recorded = x._base
        wanted = base._requires_grad or any(
            isinstance(a, Tensor) and a._requires_grad for a in others
        )
        if wanted and not recorded:
            raise RuntimeError(
                f"A view was created in no_grad mode and is being modified inplace ({name}_) with "
                "grad mode enabled, which is ambiguous. Make and modify the view both inside the "
                "no_grad block, or both outside of it."
            )
        if base._requires_grad and base._node is None:
            raise RuntimeError(
                "a view of a leaf Variable that requires grad is being used in an in-place "
                f"operation ({name}_). Do it inside `with torch.no_grad():`."
            )
    if any(step == 0 and n > 1 for step, n in zip(x._strides, x._shape, strict=True)):
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a "
            "single memory location. Please clone() the tensor before performing the operation."
        )


def rebase(x: Tensor) -> None:
    """After a recorded write to `x`: lead its base, and all views of that, from the new node."""
    if x._base is None:
        base = x
    else:
        base, path, _ = x._base
        old = base._same()
        old._node, old._requires_grad = base._node, base._requires_grad
        record(overwrite, (old, x), {"path": path}, base)
        keep_on(old._node, base)
    for v in tuple(base._views or ()):
        fresh, node = follow(base, v._base[1]), v._node
        v._node, v._requires_grad = fresh._node, fresh._requires_grad
        keep_on(node, v)
