"""The short path: elementwise functions of one and two operands with as little Python as it takes.

Contiguous operands of one kind, or one of them a number or a single element: look up the kernel,
allocate, launch, wrap. Whatever does not fit goes the one way (`elementwise.call`); afterwards the
kernel that was found there is remembered, if nothing but the kinds and the layout decided on it. An
operand that is no tensor, or not contiguous, shows as an AttributeError on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...graph.modes import state
from ...kernels.source.program import LARGE
from ...ops.pointwise.elementwise import add
from ...ops.row import Row
from ...tensor import Tensor, wrap
from ...tensor.storage import Kind, kept, kind_of
from ...types.dtypes import bool_
from ..elementwise import call
from ..forms import Backward, Form, form_of, stored_as
from ..launch import flat_layout, flat_of
from ..operands import OPERANDS
from ..writes.memory import copy, write


class Entry:
    """A kernel ready for flat operands, the kind it returns, and how its gradients go back."""

    __slots__ = ("backwards", "differentiable", "empty", "form", "kernel", "kind", "layout")

    def __init__(self, form: Form, layout: str, kind: Kind) -> None:
        self.form, self.layout = form, layout
        self.kind = kind_of(form.result, kind.device)
        self.empty = self.kind.empty
        self.kernel = kind.kernels.elementwise.compiled(form.program, layout + "v")
        self.differentiable = form.differentiable
        # By which operands want gradients: none, the first, the second, both, ...
        self.backwards: list[Backward | None] = [None] * (1 << len(layout))

    def at(self, n: int) -> Callable[..., None]:
        """The kernel for `n` elements, parallel if there are enough of them."""
        compiled = self.kind.kernels.elementwise.compiled
        kernel: Callable[..., None] = compiled(self.form.program, self.layout + "v", 0, n)
        return kernel

    def backward(self, mask: int, edges: tuple[Any, ...]) -> Backward:
        """How gradients go back to the operands whose bits are set in `mask`."""
        found = self.backwards[mask] = self.form.backward(edges, self.layout, self.kind.device)
        return found


Tables = dict[str, dict[Kind, Entry]]


def general(row: Row, args: tuple[Any, ...], tables: Tables, out: Tensor | None) -> Tensor:
    """The operation by the one way; next time the short path may serve it."""
    result = call(row, args, out=out)
    layout = "" if out is not None else layout_of(row, args, result)
    if layout in tables:
        form, kind = form_of(row, args), next(a._kind for a in args if isinstance(a, Tensor))
        # Integers may become floats of the default dtype of the day.
        if form.result is bool_ or form.result is kind.dtype:
            tables[layout][kind] = Entry(form, layout, kind)
    return result


def asked(row: Row, args: tuple[Any, ...], tables: Tables, out: Tensor | None) -> Any:
    """`general` for an operator, which leaves foreign operands to their own type."""
    if not all(isinstance(a, OPERANDS) for a in args):
        return NotImplemented
    return general(row, args, tables, out)


def layout_of(row: Row, args: Sequence[Any], result: Tensor) -> str:
    """The flat layout of operands of one kind on whose values nothing depends, else ""."""
    kind, looked_at = None, "nonzero" in row.extra
    for name, a in zip(row.args, args, strict=True):
        if isinstance(a, Tensor):
            if a._flat is None or (kind is not None and a._kind is not kind):
                return ""
            kind = a._kind
        # True counts as a bool in promotion, but comes by the same letter as an int.
        elif a.__class__ not in (int, float):
            return ""
        else:
            looked_at = looked_at or name in row.fits or name == row.extra.get("exponent")
    if kind is None or (looked_at and not kind.dtype.is_floating_point):
        return ""
    return flat_layout(args, result)


def unary(row: Row) -> Callable[..., Tensor]:
    """The function of a row with one operand."""
    entries: dict[Kind, Entry] = kept({})
    tables = {"v": entries}

    def op(input: Any, *, out: Tensor | None = None) -> Tensor:
        try:
            entry = entries[input._kind]
            flat = input._flat
            n = flat.size
        except (KeyError, AttributeError):
            return general(row, (input,), tables, out)
        if out is not None:
            return general(row, (input,), tables, out)
        result = entry.empty(n)
        (entry.kernel if n < LARGE else entry.at(n))(flat, result)
        t = wrap(result, input._shape, input._strides, entry.kind)
        if input._requires_grad and state.grad and entry.differentiable:
            edges = (input._node or input,)
            (entry.backwards[1] or entry.backward(1, edges)).attach(t, edges, (input,))
        return t

    return op


def binary(row: Row, operator: bool = False) -> Callable[..., Any]:
    """The function, or the operator, of a row with two operands, the first of them a tensor."""
    tables: Tables = {layout: kept({}) for layout in ("vv", "ve", "ev", "vf", "vi")}
    vv, ve, ev, vf, vi = tables.values()
    slow = asked if operator else general

    def op(input: Any, other: Any, *, out: Tensor | None = None) -> Tensor:
        lead = input
        try:
            x = input._flat
            n = x.size
            kind = input._kind
            mask = input._requires_grad
            if other.__class__ is float:
                y, entry = other, vf[kind]
            elif other.__class__ is int and other.bit_length() < 64:
                y, entry = other, vi[kind]
            else:
                y = other._flat
                m = y.size
                if other._kind is not kind:
                    return slow(row, (input, other), tables, out)
                shape = input._shape
                if other._shape is shape or (m == n and other._shape == shape):
                    entry = vv[kind]
                elif m == 1 and len(other._shape) <= len(input._shape):
                    entry = ve[kind]
                elif n == 1 and len(input._shape) <= len(other._shape):
                    entry, lead, n = ev[kind], other, m
                else:
                    return slow(row, (input, other), tables, out)
                if other._requires_grad:
                    mask += 2
        except (KeyError, AttributeError):
            return slow(row, (input, other), tables, out)
        if out is not None:
            return slow(row, (input, other), tables, out)
        result = entry.empty(n)
        (entry.kernel if n < LARGE else entry.at(n))(x, y, result)
        t = wrap(result, lead._shape, lead._strides, entry.kind)
        if mask and state.grad and entry.differentiable:
            edges = (
                (input._node or input) if mask & 1 else None,
                (other._node or other) if mask & 2 else None,
            )
            (entry.backwards[mask] or entry.backward(mask, edges)).attach(t, edges, (input, other))
        return t

    return op


def reflected(row: Row) -> Callable[[Any, Any], Any]:
    """The operator with its operands exchanged: a number, then the tensor."""
    tables: Tables = {"fv": kept({}), "iv": kept({})}
    fv, iv = tables.values()

    def op(self: Any, number: Any) -> Any:
        try:
            entry = (fv if number.__class__ is float else iv)[self._kind]
            flat = self._flat
            n = flat.size
        except (KeyError, AttributeError):
            return asked(row, (number, self), tables, None)
        if number.__class__ is not float and (
            number.__class__ is not int or number.bit_length() > 63
        ):
            return asked(row, (number, self), tables, None)
        result = entry.empty(n)
        (entry.kernel if n < LARGE else entry.at(n))(number, flat, result)
        t = wrap(result, self._shape, self._strides, entry.kind)
        if self._requires_grad and state.grad and entry.differentiable:
            edges = (None, self._node or self)
            (entry.backwards[2] or entry.backward(2, edges)).attach(t, edges, (number, self))
        return t

    return op


def updating(row: Row, operator: bool = False) -> Callable[[Tensor, Any], Any]:
    """The in-place method, or operator, of a row with two operands."""
    tables: dict[str, dict[Kind, Callable[..., None]]] = {
        layout: kept({}) for layout in ("vv", "ve", "vf", "vi")
    }
    vv, ve, vf, vi = tables.values()

    def slow(x: Tensor, other: Any) -> Any:
        if operator and not isinstance(other, OPERANDS):
            return NotImplemented
        if not isinstance(x, Tensor):
            raise TypeError(
                f"{row.name}_(): argument 'input' (position 1) must be Tensor, "
                f"not {type(x).__name__}"
            )
        args, kind = (x, other), x._kind
        call(row, args, in_place=True)
        layout = layout_of(row, args, x)
        if layout in tables and kind not in tables[layout]:
            program = stored_as(form_of(row, args), kind.dtype).program
            tables[layout][kind] = kind.kernels.elementwise.compiled(program, layout + "0")
        return x

    def op(input: Tensor, other: Any) -> Any:
        try:
            x = input._flat
            n = x.size
            kind = input._kind
            wanted = input._requires_grad
            if other.__class__ is float:
                y, kernel = other, vf[kind]
            elif other.__class__ is int and other.bit_length() < 64:
                y, kernel = other, vi[kind]
            else:
                y = other._flat
                if other._kind is not kind or other._storage.array is input._storage.array:
                    return slow(input, other)
                if y.size == n and input._shape == other._shape:
                    kernel = vv[kind]
                elif y.size == 1 and len(other._shape) <= len(input._shape):
                    kernel = ve[kind]
                else:
                    return slow(input, other)
                wanted = wanted or other._requires_grad
        except (KeyError, AttributeError):
            return slow(input, other)
        # A write to a view may be forbidden, or change its base.
        if n >= LARGE or (state.grad and (wanted or input._base is not None)):
            return slow(input, other)
        kernel(x, y)
        input._storage.touch()
        return input

    return op


def adding() -> Callable[[Tensor, Tensor], None]:
    """How the engine adds up gradients that are its own: in place, no version counted."""
    vv: dict[Kind, Callable[..., None]] = kept({})
    vx: dict[Kind, Callable[..., None]] = kept({})

    def add_in_place(self: Tensor, other: Tensor) -> None:
        x, y, kind = self._flat, other._flat, self._kind
        if x is None or x.size >= LARGE or (y is None and any(other._strides)):
            write(add, self, (self, other))
            return
        layout, kernels = ("vv0", vv) if y is not None else ("vx0", vx)
        kernel = kernels.get(kind)
        if kernel is None:
            program = form_of(add, (self, other)).program
            kernel = kernels[kind] = kind.kernels.elementwise.compiled(program, layout)
        kernel(x, flat_of(other))

    return add_in_place


add_in_place = adding()


def plus(self: Tensor, other: Tensor) -> Tensor:
    """The sum of two gradients in memory of its own."""
    if self._flat is not None and other._flat is not None:
        return self + other
    total = copy(self)
    add_in_place(total, other)
    return total
