"""What never changes from step to step, and so can be done once, before the first."""

from __future__ import annotations

from collections import defaultdict

from .. import trace as t
from .graph import Apply, Element, Folded, Rate, Value, beneath, ordered
from .tasks import HISTORY, Fold, Other, Task, values_of


class Steady:
    """Which values are the same in every step."""

    def __init__(self, written: set[int]) -> None:
        self.written = written  # buffers that steps write
        self.known: dict[Value, bool] = {}

    def __call__(self, value: Value) -> bool:
        for v in ordered([value], self.known, beneath):
            if v not in self.known:
                self.known[v] = self._of(v)
        return self.known[value]

    def _of(self, v: Value) -> bool:
        if isinstance(v, Folded):
            return self.known[v.value]
        if isinstance(v, Apply):
            return all(self.known[a] for _, a in v.args)
        if isinstance(v, Element):
            return v.buffer not in self.written
        return not isinstance(v, Rate)

    def task(self, task: Task) -> bool:
        """Whether a task does the same in every step."""
        if isinstance(task, Other):
            return not _draws(task.op) and all(b not in self.written for b, _ in task.reads)
        return all(self(v) for v in values_of(task))

    def once(self, task: Task) -> bool:
        """Whether a task may be done before the first step."""
        if isinstance(task, Fold):
            return self(task.value)
        return all(b not in self.written and b != HISTORY for b, _ in task.writes)


def steady_values(trace: t.Trace, tasks: list[Task]) -> Steady:
    """Temporaries that one task alone writes, from what never changes, never change either.

    Tasks are in order, so what a task reads is decided when it comes.
    """
    writers: dict[int, list[Task]] = defaultdict(list)
    for task in tasks:
        for b, _ in task.writes:
            writers[b].append(task)
    steady = Steady(set(writers))
    for task in tasks:
        (b, *more) = [b for b, _ in task.writes] or [HISTORY]
        mine = all(writers[o] == [task] and _made_here(trace, o) for o in (b, *more))
        if b != HISTORY and mine and steady.task(task):
            steady.written.difference_update((b, *more))
    return steady


def _draws(op: t.Call) -> bool:
    """Whether an op is another one in each step."""
    return op.kind.draws is not None


def _made_here(trace: t.Trace, b: int) -> bool:
    return b != HISTORY and trace.buffers[b].role in (t.TEMPORARY, t.OUTPUT)
