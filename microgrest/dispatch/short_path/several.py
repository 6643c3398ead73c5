"""The short path of elementwise rows with three operands and more: one table look-up and a launch.

It serves contiguous operands of one kind, single elements and numbers, where nothing depends on
their values; see `fast`, which has the forms for one and two operands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ...graph.modes import state
from ...kernels.source.program import LARGE
from ...ops.row import Row
from ...tensor import Tensor, wrap
from ...tensor.storage import Kind, kept
from ...types.dtypes import bool_
from ..elementwise import call
from ..forms import form_of
from .fast import Entry, layout_of


class Flat(NamedTuple):
    """Operands of a flat kernel: kind and layout, the largest, arrays, who wants gradients."""

    key: tuple[Kind, str]
    lead: Tensor
    arrays: list[Any]
    mask: int


def several(row: Row) -> Callable[..., Tensor]:
    """The function of a row, none of whose operands is looked at for its values."""
    entries: dict[tuple[Kind, str], Entry] = kept({})

    def op(*args: Any, out: Tensor | None = None) -> Tensor:
        found = flat_operands(args) if out is None else None
        entry = entries.get(found.key) if found else None
        if entry is None or found is None:
            return _general(row, args, entries, out)
        lead = found.lead
        n = lead._flat.size
        result = entry.empty(n)
        (entry.kernel if n < LARGE else entry.at(n))(*found.arrays, result)
        t = wrap(result, lead._shape, lead._strides, entry.kind)
        mask = found.mask
        if mask and state.grad and entry.differentiable:
            edges = tuple([(a._node or a) if mask >> i & 1 else None for i, a in enumerate(args)])
            (entry.backwards[mask] or entry.backward(mask, edges)).attach(t, edges, args)
        return t

    return op


def _general(
    row: Row, args: Sequence[Any], entries: dict[tuple[Kind, str], Entry], out: Tensor | None
) -> Tensor:
    """The operation by the one way; next time the short path may serve it."""
    result = call(row, args, out=out)
    layout = "" if out is not None else layout_of(row, args, result)
    if "v" in layout:
        form, kind = form_of(row, args), next(a._kind for a in args if isinstance(a, Tensor))
        # Integers may become floats of the default dtype of the day.
        if form.result is bool_ or form.result is kind.dtype:
            entries[kind, layout] = Entry(form, layout, kind)
    return result


def flat_operands(args: Sequence[Any]) -> Flat | None:
    """What a flat kernel takes, None where one of `args` is none of its operands."""
    lead, kind, rank = None, None, (-1, -1)
    for a in args:
        if isinstance(a, Tensor):
            if a._flat is None or (kind is not None and a._kind is not kind):
                return None
            kind, size = a._kind, (a._flat.size, len(a._shape))
            if size > rank:
                lead, rank = a, size
    if lead is None or kind is None:
        return None
    letters, arrays, mask = "", [], 0
    for i, a in enumerate(args):
        if not isinstance(a, Tensor):
            if a.__class__ is not float and (a.__class__ is not int or a.bit_length() > 63):
                return None
            letters += "f" if a.__class__ is float else "i"
            arrays.append(a)
            continue
        if a._shape == lead._shape:
            letters += "v"
        elif a._flat.size == 1 and len(a._shape) <= len(lead._shape):
            letters += "v" if rank[0] == 1 else "e"
        else:
            return None
        arrays.append(a._flat)
        mask |= a._requires_grad << i
    return Flat((kind, letters), lead, arrays, mask)
