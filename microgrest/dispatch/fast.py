"""The short path: elementwise functions of one and two operands with as little Python as it takes.

Contiguous operands of one kind, or one of them a number or a single element, below the size where
threads pay: look up the kernel, allocate, launch, wrap. Whatever does not fit goes to `apply`, which
also enters the kernel into the table when it could have been found there. An operand that is no
tensor, or not contiguous, shows as an AttributeError on the way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..autograd.modes import state
from ..dtypes import bool_
from ..kernels.cpu import parallel
from ..ops.convert import copy as copy_row
from ..ops.row import Row
from ..storage import Kind, Storage, kind_of
from ..tensor import Tensor
from .elementwise import Backward, Form, apply, flat_layout, form_of, operand
from .inplace import apply_in_place

_new = object.__new__
LIMIT = parallel.MINIMUM


class Entry:
    """A kernel ready to call on flat operands, the kind it returns, and how its gradients go back."""

    __slots__ = ("backwards", "empty", "form", "kernel", "kind", "layout")

    def __init__(self, form: Form, layout: str, kind: Kind) -> None:
        self.form, self.layout = form, layout
        self.kind = kind_of(form.result, kind.device)
        self.empty = self.kind.empty
        self.kernel = kind.kernels.elementwise.compiled(form.program, layout + "v")
        # By which operands want gradients: none, the first, the second, both.
        self.backwards: list[Backward | None] = [None] * 4

    def attach(self, t: Tensor, edges: tuple[Any, ...], args: tuple[Any, ...], mask: int) -> None:
        """Record the operation that made `t`."""
        backward = self.backwards[mask]
        if backward is None:
            if not self.form.differentiable:
                return
            backward = self.backwards[mask] = self.form.backward(edges, self.layout)
        backward.attach(t, edges, args)


def wrap(flat: Any, entry: Entry, like: Tensor) -> Tensor:
    """`flat` as a new tensor of the shape of `like`, which is contiguous."""
    t = _new(Tensor)
    t._storage = Storage(flat)
    t._flat = flat
    t._kind = entry.kind
    t._shape = like._shape
    t._strides = like._strides
    t._offset = 0
    t._requires_grad = False
    t._grad = t._node = t._hooks = t._base = t._views = None
    return t


Tables = dict[str, dict[Kind, Entry]]


def general(row: Row, args: tuple[Any, ...], tables: Tables, out: Tensor | None) -> Tensor:
    """The operation by `apply`; next time the short path may serve it."""
    args = tuple(operand(row, a) for a in args)
    result = apply(row, args)
    enter(tables, row, args, result)
    return result if out is None else into(out, result)


def into(out: Tensor, result: Tensor) -> Tensor:
    """The `out=` form: the result copied to a tensor of its shape, outside the graph."""
    if state.grad and (out._requires_grad or result._requires_grad):
        raise RuntimeError("functions with out=... arguments don't support automatic differentiation")
    if out._shape != result._shape:
        raise RuntimeError(f"out= has shape {list(out._shape)}, but the result has {list(result._shape)}")
    return apply_in_place(copy_row, out, (result,))


def enter(tables: Tables, row: Row, args: tuple[Any, ...], result: Tensor) -> None:
    """Note the kernel that serves operands like `args`, if the short path can call it."""
    layout = flat_layout(args, result)
    kinds = {a._kind for a in args if isinstance(a, Tensor)}
    if layout in tables and len(kinds) == 1:
        (kind,) = kinds
        form = form_of(row, args)
        # Integers that became floats depend on the default dtype, which may change.
        if kind not in tables[layout] and form.result in (kind.dtype, bool_):
            tables[layout][kind] = Entry(form, layout, kind)


def unary(row: Row) -> Callable[[Any], Tensor]:
    """The function of a row with one operand."""
    entries: dict[Kind, Entry] = {}
    tables = {"v": entries}

    def op(input: Any, *, out: Tensor | None = None) -> Tensor:
        x = input
        try:
            entry = entries[x._kind]
            flat = x._flat
            n = flat.size
        except (KeyError, AttributeError):
            n = LIMIT
        if n >= LIMIT or out is not None:
            return general(row, (x,), tables, out)
        result = entry.empty(n)
        entry.kernel(flat, result)
        t = wrap(result, entry, x)
        if x._requires_grad and state.grad:
            entry.attach(t, (x._node or x,), (x,), 1)
        return t

    return op


def binary(row: Row) -> Callable[[Any, Any], Tensor]:
    """The function of a row with two operands."""
    tables: Tables = {layout: {} for layout in ("vv", "ve", "ev", "vf", "vi", "fv", "iv")}
    vv, ve, ev, vf, vi, fv, iv = tables.values()
    nothing: dict[Kind, Entry] = {}

    def op(input: Any, other: Any, *, out: Tensor | None = None) -> Tensor:
        a, b = input, other
        lead, wants_a, wants_b = a, False, False
        try:
            if b.__class__ is float or b.__class__ is int:
                x, y = a._flat, b
                table = vf if b.__class__ is float else vi
                wants_a = a._requires_grad
            elif a.__class__ is float or a.__class__ is int:
                x, y, lead = a, b._flat, b
                table = fv if a.__class__ is float else iv
                wants_b = b._requires_grad
            else:
                x, y = a._flat, b._flat
                wants_a, wants_b = a._requires_grad, b._requires_grad
                if a._kind is not b._kind:
                    table = nothing
                elif a._shape == b._shape:
                    table = vv if y is not None else nothing
                elif y.size == 1 and len(b._shape) <= len(a._shape) and x.size != 1:
                    table = ve
                elif x.size == 1 and len(a._shape) <= len(b._shape) and y.size != 1:
                    table, lead = ev, b
                else:
                    table = nothing
            entry = table[lead._kind]
            n = lead._flat.size
        except (KeyError, AttributeError):
            n = LIMIT
        if n >= LIMIT or out is not None:
            return general(row, (a, b), tables, out)
        result = entry.empty(n)
        entry.kernel(x, y, result)
        t = wrap(result, entry, lead)
        if (wants_a or wants_b) and state.grad:
            edges = ((a._node or a) if wants_a else None, (b._node or b) if wants_b else None)
            entry.attach(t, edges, (a, b), wants_a + 2 * wants_b)
        return t

    return op
