"""Where the tasks of a plan, and the ops of a trace that are no loops, come to in memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from .. import trace as t
from ..graph import Apply, Element, Value
from ..plan import Plan
from ..tasks import HISTORY, Fold, Partial, Store, Task
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


def regions(op: t.Op) -> tuple[list[Region], list[Region]]:
    """What an op that is no loop reads, and what it writes."""
    if isinstance(op, t.Product):
        return _of_product(op)
    if isinstance(op, t.Sweep):
        return [*map(_region, op.inputs)], [*map(_region, op.outputs)]
    if isinstance(op, t.Search):
        return [_region(op.x)], [_region(op.values), _region(op.indices)]
    if isinstance(op, t.Move):
        x, index, out = map(_region, (op.x, op.index, op.out))
        return ([x, index], [out]) if op.name == "gather" else ([x, index, out], [x])
    if isinstance(op, t.Random):
        return [], [_region(op.out)]
    raise Refused(f"an op that nobody knows, {type(op).__name__}")


def _of_product(op: t.Product) -> tuple[list[Region], list[Region]]:
    p = op.problem
    a = Walk(p.a.at, (p.batch, p.m, p.k), (p.a.batch, p.a.line, p.a.step))
    b = Walk(p.b.at, (p.batch, p.n, p.k), (p.b.batch, p.b.line, p.b.step))
    out = Walk(p.out.at, (p.batch, p.m, p.n), (p.out.batch, p.out.line, p.out.step))
    return [(op.a, a), (op.b, b)], [(op.out, out)]


def _region(place: t.Place) -> Region:
    return place.buffer, Walk(place.offset, (place.size,), (1,))
