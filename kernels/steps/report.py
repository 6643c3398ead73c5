"""What a plan does, in figures: bytes and operations of each loop, once or in every step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .plan.graph import Apply, Element, cost, ordered
from .plan.plan import Group, Plan
from .plan.tasks import HISTORY, Fold, Other, Partial, Store, values_of


@dataclass(frozen=True, slots=True)
class Work:
    """One group: what it is, the ops it comes from by source line, and what a run of it takes."""

    what: str
    origins: tuple[str, ...]
    once: bool
    read: int  # bytes
    written: int  # bytes
    operations: int


def work(plan: Plan) -> list[Work]:
    """What every group of a plan takes, in order."""
    return [_work(plan, group) for group in (*plan.once, *plan.each)]


def _work(plan: Plan, group: Group) -> Work:
    other = group.other
    read, written, operations = (_of_other if other else _of_loop)(plan, group)
    return Work(_what(group), tuple(origins(plan, group)), group.once, read, written, operations)


def _what(group: Group) -> str:
    if group.other:
        return group.other.op.name
    if group.n == 1:
        return "scalars"
    folds = sum(isinstance(task, (Fold, Partial)) for task in group.tasks)
    stores = sum(isinstance(task, Store) for task in group.tasks)
    return f"loop over {group.n:,}, {folds} folded, {stores} stored"


def _of_loop(plan: Plan, group: Group) -> tuple[int, int, int]:
    values = list(ordered(v for task in group.tasks for v in values_of(task)))
    walks = {
        (v.buffer, v.version, v.offset, v.strides): _touched(v.extents, v.strides)
        * np.dtype(_size_of(v.stored)).itemsize
        for v in values
        if isinstance(v, Element) and v.n == group.n
    }
    written = 0
    for task in group.tasks:
        if isinstance(task, Store) and task.buffer != HISTORY:
            written += task.n * np.dtype(_size_of(task.stored)).itemsize
        elif isinstance(task, Partial):
            written += task.extents[0] * task.extents[2] * np.dtype(_size_of(task.stored)).itemsize
    operations = sum(cost(v.formula) * v.n for v in values if isinstance(v, Apply) and v.formula)
    folds = sum(isinstance(task, (Fold, Partial)) for task in group.tasks)
    return sum(walks.values()), written, operations + folds * group.n


def _size_of(stored: str) -> str:
    return "uint16" if stored == "float16" else stored


def _touched(extents: tuple[int, ...], strides: tuple[int, ...]) -> int:
    """The different elements that a walk meets."""
    return math.prod(n for n, step in zip(extents, strides, strict=True) if step)


def _of_other(plan: Plan, group: Group) -> tuple[int, int, int]:
    task = group.other
    assert isinstance(task, Other)
    op, read, written = task.op, 0, 0
    for operand, part in zip(op.kind.operands(op.params), op.operands, strict=True):
        nbytes = part.size * np.dtype(plan.trace.buffers[part.buffer].dtype).itemsize
        read += nbytes * operand.reads
        written += nbytes * operand.writes
    return read, written, op.kind.cost_of(op.params, op.metas, op.sizes).operations


def origins(plan: Plan, group: Group) -> list[str]:
    """What ops a group comes from, by source line."""
    said = [plan.graph.origins.get(v, "") for v in _computed(group)]
    said += [task.origin for task in group.tasks]
    texts: dict[str, dict[str, None]] = {}
    for text in said:
        line, _, name = text.rpartition(": ")
        if name:
            texts.setdefault(line, {})[name] = None
    return [f"{line}: " * bool(line) + ", ".join(found) for line, found in texts.items()]


def _computed(group: Group) -> list[Any]:
    values = ordered(v for task in group.tasks for v in values_of(task))
    return [v for v in values if not isinstance(v, Element)]
