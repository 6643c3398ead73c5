"""The ops that stand for a call of a kind that spells them out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..source.kind import At, Meta, Over, Spelled, Use
from ..source.matrices import strides_of
from . import trace as t

# A buffer, and where in it a flat operand begins; strided ones say so themselves.
Begin = tuple[int, int]


def parts(op: t.Call, spelled: Spelled, make: Callable[[str, int], int]) -> list[t.Op]:
    """The ops in order; `make` gives the buffer of a temporary of a type and size."""
    begins = [*begins_of(op), *((make(dtype, n), 0) for dtype, n in spelled.temporaries)]
    return [
        loop_of(part, begins, op) if isinstance(part, Over) else _call_of(part, begins, op)
        for part in spelled.parts
    ]


def begins_of(op: t.Call) -> list[Begin]:
    """Where each operand of a call begins."""
    return [(p.buffer, p.offset if isinstance(p, t.Place) else 0) for p in op.operands]


def loop_of(over: Over, begins: Sequence[Begin], op: t.Call) -> t.Loop:
    """A loop that stands for `op`, or for a part of it, over operands that begin there."""

    def view(at: At) -> t.View:
        buffer, begin = begins[at.operand]
        return t.View(buffer, begin + at.offset, at.strides)

    inputs, outputs = (tuple(map(view, views)) for views in (over.inputs, over.outputs))
    return t.Loop(op.name, over.program, over.shape, inputs, outputs, line=op.line)


def _call_of(use: Use, begins: Sequence[Begin], op: t.Call) -> t.Call:
    operands = tuple(
        _operand(begins[k], meta) for k, meta in zip(use.operands, use.metas, strict=True)
    )
    return t.Call(op.name, use.kind, use.params, operands, line=op.line)


def _operand(begin: Begin, meta: Meta) -> t.Place | t.Part:
    b, start = begin
    if isinstance(meta, int):
        return t.Place(b, start, meta)
    return t.Part(b, start + meta[0], meta[1], tuple(strides_of(meta)))
