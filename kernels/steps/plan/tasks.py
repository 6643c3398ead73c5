"""What a step does, once its ops are values: tasks, which run in order."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ...source.program import Reduce
from .. import trace as t
from .graph import Folded, Shape, Value, Version, ordered

HISTORY = -1  # the buffer number of the history


@dataclass(eq=False, slots=True)
class Task:
    """Something to be done, in order. `writes` are versions of buffers that come into being."""

    writes: tuple[Version, ...] = field(default=(), kw_only=True)
    origin: str = field(default="", kw_only=True)


@dataclass(eq=False, slots=True)
class Fold(Task):
    """Compute a folded value from `source`, its places."""

    value: Folded
    source: Value


@dataclass(eq=False, slots=True)
class Store(Task):
    """Write `value`, as `stored`, to `buffer` from `offset`, by `strides` over `extents`."""

    value: Value
    buffer: int
    offset: int
    extents: Shape
    strides: Shape
    stored: str

    @property
    def n(self) -> int:
        """The number of places."""
        return math.prod(self.extents)

    @property
    def walk(self) -> tuple[int, Shape, Shape]:
        """How it goes through the buffer."""
        return self.offset, self.extents, self.strides

    @property
    def linear(self) -> bool:
        """Whether places follow one another in memory."""
        return self.strides in ((), (1,))


@dataclass(eq=False, slots=True)
class Partial(Task):
    """Fold the middle of (outer, n, inner) places of `value`, into `buffer` from `offset` on."""

    reduce: Reduce
    value: Value
    extents: tuple[int, int, int]
    buffer: int
    offset: int
    stored: str


@dataclass(eq=False, slots=True)
class Other(Task):
    """An op that is no loop, on memory."""

    op: t.Call
    reads: tuple[Version, ...]


def positions_of(task: Other) -> list[tuple[Version, t.Place, int]]:
    """The positions that a call goes by: their version, where they are, and how many are right."""
    versions = dict(task.reads)
    names = [o.name for o in task.op.kind.operands(task.op.params)]
    places = dict(zip(names, task.op.operands, strict=True))
    found = []
    op = task.op
    for index, limit in op.kind.limits(op.params, op.metas, op.sizes).items():
        place = places[index]
        assert isinstance(place, t.Place), "positions lie side by side"
        found.append(((place.buffer, versions[place.buffer]), place, limit))
    return found


def values_of(task: Task) -> tuple[Value, ...]:
    """The values that a task computes itself."""
    if isinstance(task, Fold):
        return (task.source,)
    return (task.value,) if isinstance(task, (Store, Partial)) else ()


def reads_of(task: Task) -> Iterable[Version]:
    """The versions of buffers that a task reads."""
    if isinstance(task, Other):
        return task.reads
    return {v for value in values_of(task) for v in value.reads}


def alive(trace: t.Trace, tasks: list[Task]) -> list[Task]:
    """The tasks of which something comes."""
    kept: list[Task] = []
    needed: set[Any] = set()
    lasting = {i for i, b in enumerate(trace.buffers) if b.role in (t.INPUT, t.OUTPUT)} | {HISTORY}
    buffers: set[int] = set()
    for task in reversed(tasks):
        if isinstance(task, Fold):
            wanted = task.value in needed
        else:
            wanted = any(b in lasting or b in buffers for b, _ in task.writes)
        if not wanted:
            continue
        kept.append(task)
        for value in ordered(values_of(task)):
            needed.add(value)
            buffers.update(b for b, _ in value.reads)
        if isinstance(task, Other):
            buffers.update(b for b, _ in task.reads)
    return kept[::-1]
