"""Where the tasks of a plan, and the ops of a trace that are no loops, come to in memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from .. import trace as t
from ..plan.graph import Apply, Element, Value
from ..plan.plan import Plan
from ..plan.tasks import HISTORY, Fold, Partial, Store, Task
from .walks import Walk

Region = tuple[int, Walk]  # of a buffer
Key = tuple[str, int]  # an array: what it is, and its number


class Refused(Exception):
    """A plan that is not proved to do what its trace does."""


@cache
def names_in(formula: str) -> frozenset[str]:
    """The operands that a formula has, of those that it is given; a conversion has {x}."""
    return frozenset(re.findall(r"\{(\w+)\}", formula or "{x}"))


def places_of(task: Task) -> tuple[Value, ...]:
    """The values that a task needs at each of its places."""
    if isinstance(task, Fold):
        return (task.source,)
    return (task.value,) if isinstance(task, (Store, Partial)) else ()


def reached(task: Task) -> Iterator[Value]:
    """All values that a task computes or loads at a place, or needs there, operands first."""
    done: set[Value] = set()
    stack = [(v, False) for v in places_of(task)]
    while stack:
        value, ready = stack.pop()
        if value in done:
            continue
        if ready or not isinstance(value, Apply):
            done.add(value)
            yield value
            continue
        used = names_in(value.formula)
        stack.append((value, True))
        stack += [(v, False) for name, v in value.args if name in used and v not in done]


def array_of(plan: Plan, b: int) -> Key:
    """The array that a buffer lies in."""
    if b == HISTORY:
        return "history", 0
    return ("scratch", plan.scratch[b]) if b in plan.scratch else ("buffer", b)


def walk_of(x: Element | Store | Partial) -> Walk:
    """How a load or a task goes through its buffer; results of folds in part lie side by side."""
    if isinstance(x, Partial):
        outer, _, inner = x.extents
        return Walk(x.offset, (outer * inner,), (1,))
    return Walk(x.offset, x.extents, x.strides)


def regions(op: t.Call) -> tuple[list[Region], list[Region]]:
    """What a call reads, and what it writes, as its kind declares; in part means both."""
    read: list[Region] = []
    written: list[Region] = []
    for operand, x in zip(op.kind.operands(op.params), op.operands, strict=True):
        if operand.role not in ("r", "w", "rw"):
            raise Refused(f"an operand that is {operand.role!r}")
        read += [_region(x)] * ("r" in operand.role)
        written += [_region(x)] * ("w" in operand.role)
    return read, written


def _region(x: t.Place | t.Part) -> Region:
    if isinstance(x, t.Part):
        return x.buffer, Walk(x.offset, x.shape, x.strides)
    return x.buffer, Walk(x.offset, (x.size,), (1,))
