"""The one way of an elementwise call: function, method, operator, in place or into `out`.

    operands   tensors and numbers of what was given                        operands.operands
    types      one device, promotion; the row at them, its Form             resolve
    values     those that the row does not take                             checks.check_values
    shape      what all operands broadcast to                               common.broadcast_shapes
    target     new memory, or `out`, or the first operand: may it be?       target.own, target.given
    launch     flat, or by strides                                          launch.launch
    touch      memory that was there before has another version             Storage.touch
    record     a node, where a gradient is wanted                           Backward.attach, graph

Only the target differs between the kinds of calls. What `fast` does for contiguous operands is to
remember the kernel that a call like it found here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..graph.modes import state
from ..ops.pointwise.convert import copy as COPY
from ..ops.row import Row
from ..tensor import Tensor
from ..tensor.storage import Kind, kind_of
from ..types.dtypes import get_default_dtype
from .checks import check_types, check_values
from .common import broadcast_shapes, common_device, number_as
from .conversion import convert
from .forms import Backward, Form, form_of, stored_as
from .launch import flat_layout, launch
from .operands import operands
from .writes import target
from .writes.graph import lead
from .writes.memory import apart, copy, filled, put


def call(
    row: Row, args: Sequence[Any], *, out: Tensor | None = None, in_place: bool = False
) -> Tensor:
    """`row` on tensors and numbers of any types, shapes and layouts.

    The result is new, or in `out`, or, `in_place`, in the first of `args`.
    """
    args, form, kind = resolve(row, operands(row, args))
    check_values(row, args, form.compute)
    shape = broadcast_shapes(row.name, [a._shape for a in args if isinstance(a, Tensor)])
    into = args[0] if in_place else out
    if into is None:
        result, ready = Tensor._empty(shape, kind), args
    else:
        if in_place:
            target.own(row.name, into, shape, into.dtype if row is COPY else form.result, args)
        else:
            same = "own" in row.extra
            target.given(row.name, into, shape, form.result, args, same=same)
        form, result, ready = stored_as(form, into.dtype), into, apart(args, into)
    layout = flat_layout(ready, result)
    edges = edges_of(form, args, in_place)
    if edges is not None:
        backward = form.backward(edges, layout, result.device)
        saved = args if into is None else kept(backward, args, into)
    launch(form.program, layout, ready, result, fresh=into is None)
    if into is not None:
        into._storage.touch()
    if edges is not None:
        node = result._node
        backward.attach(result, edges, saved)
        if into is not None:
            lead(into, node)
    return result


def resolve(row: Row, args: Sequence[Any]) -> tuple[Sequence[Any], Form, Kind]:
    """`args`, tensors and numbers, on one device, their Form, and the kind of its result.

    RuntimeError for types that `row` does not take. What was found is remembered.
    """
    key = (
        get_default_dtype(),
        *[
            (a._kind if a._shape else (a._kind,)) if isinstance(a, Tensor) else a.__class__
            for a in args
        ],
    )
    found: tuple[Form, Kind] | None = row.forms.get(key)
    if found is None:
        where = common_device(row.name, args)
        here = [convert(a, device=where) if isinstance(a, Tensor) else a for a in args]
        check_types(row, here)
        form = form_of(row, here)
        found = form, kind_of(form.result, where)
        if any(a is not b for a, b in zip(args, here, strict=True)):
            return here, *found
        row.forms[key] = found
    return args, *found


def kept(backward: Backward, args: Sequence[Any], x: Tensor) -> list[Any]:
    """`args`, those that are to be saved as they are before a write to `x`."""
    return [before(a, x) if i in backward.saved else a for i, a in enumerate(args)]


def before(a: Tensor, x: Tensor) -> Tensor:
    """`a` itself, or a copy that stands for it in the graph if a write to `x` will change it."""
    if a._storage.array is not x._storage.array:
        return a
    old = copy(a)
    old._node, old._requires_grad = a._node, a._requires_grad
    return old


def edges_of(form: Form, args: Sequence[Any], in_place: bool) -> tuple[Any, ...] | None:
    """Where gradients of `args` go, None where the call is not recorded."""
    if not state.grad:
        return None
    edges = tuple([a._edge if isinstance(a, Tensor) else None for a in args])
    if all(edge is None for edge in edges):  # count() would compare leaves by their ==
        return None
    if not form.differentiable:
        if in_place and edges[0] is not None:
            raise RuntimeError(f"derivative for {form.row.name}_ is not implemented")
        return None
    # The base of a view knows what the view loses.
    return (None, *edges[1:]) if form.row is COPY and args[0]._base is not None else edges


def fill(name: str, x: Tensor, value: Any, *, repeats: bool = True) -> Tensor:
    """A number written to every place of `x`, which may be expanded if it `repeats`."""
    target.check_writable(name, x, repeats=repeats)
    value = number_as(x.dtype, value)
    if state.grad and x._requires_grad:
        return call(COPY, (x, filled((), x._kind, value)), in_place=True)
    if x._flat is not None:
        x._kind.fill(x._flat, value)
    else:
        put(target.once(x), filled((), x._kind, value))
    x._storage.touch()
    return x
