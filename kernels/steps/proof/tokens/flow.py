"""Flow: whether a plan leaves in memory what its trace says.

Both are run on tokens, for some elements of all that outlives the step. The step is any one: inputs
that steps write hold other tokens than they did when things were done once, before the steps, and
scratch memory holds nothing of use. Versions are not looked at, nor who wrote what: an array holds
what was written last.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import partial

import numpy as np

from ... import trace as t
from ...plan.plan import Group, Plan
from ...plan.tasks import HISTORY, Partial, Store
from ..places import Key, Refused, array_of, regions, walk_of
from ..walks import Array, Walk
from .calls import Call
from .loops import ArrayOf, Event, Loop, Places, Registers
from .memory import Memory, Wanted, sampled
from .tokens import Tokens, fresh, known, origin

Chosen = dict[int, Array]  # elements of buffers


def check(plan: Plan, more: int = 8) -> None:
    """Refused, if an element that is looked at is not what the trace says; `more` of each array."""
    changing = {b for group in plan.each for task in group.tasks for b, _ in task.writes}
    chosen = _chosen(plan, more)
    ours = _of_plan(plan, chosen, changing)
    theirs = _of_trace(plan.trace, chosen, changing, "nothing")
    wrong = {b: found.code != theirs[b].code for b, found in ours.items()}
    if not any(x.any() for x in wrong.values()):
        return
    # What depends on memory that nobody has written may be anything.
    again = _of_trace(plan.trace, chosen, changing, "nothing else")
    for b, x in wrong.items():
        found = chosen[b][x & (theirs[b].code == again[b].code)]
        if found.size:
            raise Refused(f"element {found[0]} of {_name(plan, b)} is not what the trace says")


def _name(plan: Plan, b: int) -> str:
    return "the history" if b == HISTORY else f"buffer {b} ({plan.trace.buffers[b].name})"


def _chosen(plan: Plan, more: int) -> Chosen:
    """What to look at: some of each buffer that lasts, and of each part of it that is written."""
    found: dict[int, list[Array]] = defaultdict(list)
    buffers = plan.trace.buffers
    for b, walk in (*_written_by_trace(plan.trace), *_written_by_plan(plan)):
        if b == HISTORY or buffers[b].role in (t.INPUT, t.OUTPUT):
            found[b].append(walk.at(sampled(walk.n, more)))
    for b, buffer in enumerate(buffers):
        if buffer.role == t.OUTPUT or b in found:
            found[b].append(sampled(buffer.size, more))
    if plan.trace.scalars:
        found[HISTORY] = [np.arange(len(plan.trace.scalars))]
    return {b: np.unique(np.concatenate(elements)) for b, elements in found.items()}


def _written_by_trace(trace: t.Trace) -> Iterable[tuple[int, Walk]]:
    for op in trace.ops:
        if isinstance(op, t.Loop):
            for view in op.outputs:
                kept = [n if s else 1 for n, s in zip(op.shape, view.strides, strict=True)]
                yield view.buffer, Walk(view.offset, tuple(kept), view.strides)
        elif isinstance(op, t.Call):
            yield from regions(op)[1]


def _written_by_plan(plan: Plan) -> Iterable[tuple[int, Walk]]:
    for group in (*plan.once, *plan.each):
        for task in group.tasks:
            if isinstance(task, (Store, Partial)):
                yield task.buffer, walk_of(task)


def _before(key: Key, elements: Array) -> Tokens:
    """What an input holds that no step writes, or that none has written yet."""
    return fresh(origin("before", *key), elements)


def _now(key: Key, elements: Array) -> Tokens:
    """What an input holds as a step begins."""
    return fresh(origin("now", *key), elements)


def _nothing(seed: str) -> Callable[[Key, Array], Tokens]:
    return lambda key, elements: fresh(origin(seed, *key), elements)


# The trace


def _of_trace(trace: t.Trace, chosen: Chosen, changing: set[int], seed: str) -> dict[int, Tokens]:
    """The tokens that the trace leaves."""

    def array_of(b: int) -> Key:
        return "buffer", b

    def first(key: Key, elements: Array) -> Tokens:
        _, b = key
        if trace.buffers[b].role in (t.TEMPORARY, t.OUTPUT):
            return _nothing(seed)(key, elements)
        begin = _now if b in changing else _before
        return _constant(trace.buffers[b], b, elements) or begin(key, elements)

    events: list[Event] = [_event(op, array_of) for op in trace.ops]
    places = [(array_of(p.buffer), np.array([p.offset])) for p in trace.scalars]
    lasting = {b: (array_of(b), elements) for b, elements in chosen.items() if b != HISTORY}
    memory = _ran(events, [*places, *lasting.values()], first)
    found = {b: memory.read(*at) for b, at in lasting.items()}
    if HISTORY in chosen:
        codes = [memory.read(*place).code for place in places]
        found[HISTORY] = Tokens(np.concatenate(codes))
    return found


def _event(op: t.Op, array_of: ArrayOf) -> Event:
    if isinstance(op, t.Loop):
        return Loop(op, array_of)
    if isinstance(op, t.Call):
        return Call(op, array_of)
    raise Refused(f"an op that nobody knows, {type(op).__name__}")


def _ran(
    events: list[Event],
    ends: Iterable[tuple[Key, Array]],
    first: Callable[[Key, Array], Tokens],
) -> Memory:
    """Memory after all events, of which some elements are wanted in the end."""
    wanted = Wanted()
    for key, elements in ends:
        wanted.add(key, elements)
    for event in reversed(events):
        event.want(wanted)
    memory = Memory(wanted, first)
    for event in events:
        event.run(memory)
    return memory


def _constant(buffer: t.Buffer, b: int, elements: Array) -> Tokens | None:
    """What Python made in the step; a single number is known."""
    if buffer.role != t.CONSTANT:
        return None
    if buffer.size > 1 or buffer.dtype == "uint16":
        return fresh(origin("constant", b), elements)
    return known(float(buffer.data.item())).over(elements.shape)


# The plan


class _Between:
    """An earlier step has written to arrays what it may; inputs hold what that has left in them."""

    def __init__(self, plan: Plan, keys: dict[Key, bool]) -> None:
        self.keys = keys  # arrays that steps write: whether what they hold is meant
        self.elements: dict[Key, Array] = {}

    def want(self, wanted: Wanted) -> None:
        """As an Event."""
        for key in self.keys:
            self.elements[key] = wanted.elements.pop(key, np.zeros(0, np.int64))

    def run(self, memory: Memory) -> None:
        """As an Event."""
        for key, elements in self.elements.items():
            new = _now if self.keys[key] else _nothing("left over")
            memory.write(key, elements, new(key, elements))


def _of_plan(plan: Plan, chosen: Chosen, changing: set[int]) -> dict[int, Tokens]:
    """The tokens that a step of the plan leaves."""
    buffers, where = plan.trace.buffers, partial(array_of, plan)

    def first(key: Key, elements: Array) -> Tokens:
        kind, b = key
        if kind != "buffer" or buffers[b].role in (t.TEMPORARY, t.OUTPUT):
            return _nothing("rubbish")(key, elements)
        return _constant(buffers[b], b, elements) or _before(key, elements)

    registers = Registers()

    def events(groups: list[Group], once: bool) -> list[Event]:
        return [
            Call(g.other.op, where, once) if g.other else Places(g, where, registers)
            for g in groups
        ]

    meant = {b: b != HISTORY and buffers[b].role == t.INPUT for b in changing}
    between = _Between(plan, {where(b): mean for b, mean in meant.items()})
    order = [*events(plan.once, True), between, *events(plan.each, False)]
    ends = {b: (where(b), elements) for b, elements in chosen.items()}
    memory = _ran(order, ends.values(), first)
    return {b: memory.read(*at) for b, at in ends.items()}
