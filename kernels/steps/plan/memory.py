"""Memory as values, while a trace is lowered: what buffers hold, and when that has to be written.

A value may be computed when it is needed only as long as the memory that it reads is as it was. So
values wait in three places alone, `contents`, `waiting` and `flights`, and `protect` and
`set_aside` go through these before memory is written: what reads it is computed, stored where it
belongs, or stored apart. Every task reads current versions, then, and the tasks, run in order, do
what the trace does.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from .. import trace as t
from .graph import Element, Folded, Graph, Shape, Value, Version, common, ordered, pattern, refined
from .tasks import Fold, Store, Task, reads_of


class Reading(NamedTuple):
    """A view over a shape, in memory of type `stored`, wanted as type `loaded`."""

    view: t.View
    shape: Shape
    stored: str
    loaded: str


class Memory:
    """The memory of a step, and the tasks that write it.

    `contents` is what buffers hold, where it is known; `pending` are buffers whose memory does not
    have it yet.
    """

    def __init__(self, trace: t.Trace) -> None:
        self.trace = trace
        self.buffers = trace.buffers
        self.graph = Graph()
        self.tasks: list[Task] = []
        self.versions = [0] * len(self.buffers)
        self.contents: dict[int, Value] = {}
        self.pending: dict[int, None] = {}
        self.waiting: dict[Folded, None] = {}  # folds that no task computes yet
        self.flights: list[list[Value]] = []  # what somebody is about to store
        for i, b in enumerate(self.buffers):
            if b.role == t.CONSTANT and b.size == 1 and b.dtype != "uint16":
                self.contents[i] = self.graph.literal(b.data.item(), b.dtype)

    def read(self, *readings: Reading) -> list[Value]:
        """The elements of views. All memory that has to be there is, before the first is read."""
        for reading in readings:
            if self._known(reading) is None:
                self.settle(reading.view.buffer)
        return [self._read(reading) for reading in readings]

    def _read(self, reading: Reading) -> Value:
        view, shape, stored, loaded = reading
        value = self._known(reading)
        if value is not None:
            return self.graph.convert(value, loaded)
        b = view.buffer
        assert b not in self.pending
        walk = pattern(shape, view.strides)
        return self.graph.element((b, self.versions[b]), view.offset, walk, stored, loaded)

    def _known(self, reading: Reading) -> Value | None:
        """The value that the elements of a view are, where no memory is needed for them."""
        view, shape, stored, _ = reading
        value = self.contents.get(view.buffer)
        if value is None or stored == "float16" or value.n == 1:
            return value if stored != "float16" else None
        extents, strides = pattern(shape, view.strides)
        same = not view.offset and self._covers(view.buffer, extents, strides)
        return value if same and value.n == math.prod(extents) else None

    def _covers(self, b: int, extents: Shape, strides: Shape) -> bool:
        """Whether a walk from the start meets every element of a buffer in order."""
        return (extents, strides) == in_order(self.buffers[b].size)

    def agreeing(self, values: Sequence[Value]) -> list[Value]:
        """The values, or copies of those that cannot be in one loop with the ones before them."""
        found: list[Value] = []
        for value in values:
            try:
                common([*found, value])
            except ValueError:
                value = self.apart(value)
            found.append(value)
        return found

    def apart(self, value: Value) -> Value:
        """`value` from memory of its own, where its places follow one another."""
        b = self.new_buffer(value.dtype, value.n, "apart")
        walk = in_order(value.n)
        self._store(b, value, 0, walk, value.dtype)
        return self.graph.element((b, self.versions[b]), 0, walk, value.dtype, value.dtype)

    def write(self, view: t.View, shape: Shape, value: Value, stored: str) -> None:
        """The elements of a view become `value`."""
        b = view.buffer
        extents, strides = pattern(shape, view.strides)
        register = "float32" if stored == "float16" else stored
        value = self.graph.convert(value, register)
        if not view.offset and self._covers(b, extents, strides) and stored != "float16":
            self.contents[b] = value
            self.pending[b] = None
            return
        if value.n > 1 and refined(value.extents, extents) is None:
            value = self.apart(value)
        self._store(b, value, view.offset, (extents, strides), stored)

    def _store(
        self, b: int, value: Value, offset: int, walk: tuple[Shape, Shape], stored: str
    ) -> Value:
        """Emit the write, after all that needs what was there. What was written is returned."""
        value = self.vacate(b, value)
        if not self._alike(value, b, offset, walk):
            value = self.apart(value)
        task = Store(value, b, offset, *walk, stored, writes=(self._next(b),))
        self.emit(task)
        return value

    def _alike(self, value: Value, b: int, offset: int, walk: tuple[Shape, Shape]) -> bool:
        """Whether each element of `b` that `value` reads is written at the same place, if it is."""
        old = b, self.versions[b]
        return old not in value.reads or all(
            v.n == 1 or (v.offset, v.extents, v.strides) == (offset, *walk)
            for v in ordered([value])
            if isinstance(v, Element) and (v.buffer, v.version) == old
        )

    def _next(self, b: int) -> Version:
        self.versions[b] += 1
        return b, self.versions[b]

    def emit(self, task: Task) -> None:
        """The next task."""
        written = dict(task.writes)
        for b, version in reads_of(task):
            assert version == self.versions[b] - (b in written), "memory has changed since"
        task.origin = self.graph.origin
        self.tasks.append(task)

    def settle(self, b: int) -> None:
        """See that the memory of `b` holds its contents."""
        if b not in self.pending:
            return
        order = self._readers_first(b)
        for o in order:
            del self.pending[o]
        with self.in_flight(*(self.contents.pop(o) for o in order)) as held:
            for o in order:
                self._settle(o, held.pop(0))

    def _settle(self, b: int, value: Value) -> None:
        buffer = self.buffers[b]
        stored = self._store(b, value, 0, in_order(buffer.size), buffer.dtype)
        if stored is value and all(self.versions[o] == version for o, version in value.reads):
            self.contents[b] = value

    def _readers_first(self, b: int) -> list[int]:
        """The pending buffers that have to be settled for `b` to be: what reads it goes before it.

        Where two read each other, the one that comes later is set aside.
        """
        found, seen, path = [], {b}, [b]
        while path:
            old = path[-1], self.versions[path[-1]]
            fresh = (o for o in self.pending if o not in seen and old in self.contents[o].reads)
            reader = next(fresh, None)
            if reader is None:
                found.append(path.pop())
            else:
                seen.add(reader)
                path.append(reader)
        return found

    def settle_all(self) -> None:
        """Forget all values: memory has everything."""
        for fold in [*self.waiting]:
            self.compute(fold)
        for b in [*self.pending]:
            self.settle(b)
        self.contents.clear()

    @contextmanager
    def in_flight(self, *values: Value) -> Iterator[list[Value]]:
        """Keep sight of values while memory may be written: the list holds what they are then."""
        held = [*values]
        self.flights.append(held)
        yield held
        self.flights.pop()

    def vacate(self, b: int, value: Value) -> Value:
        """Make memory of `b` free to be written with `value`, which is returned as it is then."""
        self.compute(value)
        with self.in_flight(value) as held:
            self.settle(b)
            self.protect(b)
        self.set_aside(b)
        return held[0]

    def protect(self, b: int) -> None:
        """Before memory of `b` is written: compute the folds that read it, settle the buffers."""
        self.contents.pop(b, None)
        old = b, self.versions[b]
        for fold in [f for f in self.waiting if old in f.value.reads]:
            self.compute(fold)
        for other in [o for o, v in self.contents.items() if old in v.reads]:
            self.settle(other)
            if other in self.contents and old in self.contents[other].reads:
                del self.contents[other]  # from now on its memory is read

    def set_aside(self, b: int) -> None:
        """Before memory of `b` is written: store apart what is in flight and reads it."""
        old = b, self.versions[b]
        stale = {v: None for held in self.flights for v in held if old in v.reads}
        moved = {v: self.apart(v) for v in stale}
        for held in self.flights:
            held[:] = [moved.get(v, v) for v in held]

    def new_buffer(self, dtype: str, size: int, name: str) -> int:
        """Another temporary."""
        self.buffers.append(t.Buffer(dtype, size, t.TEMPORARY, name))
        self.versions.append(0)
        return len(self.buffers) - 1

    def compute(self, value: Value) -> None:
        """Emit the folds that `value` needs, in the order in which they were made."""
        needed: set[Value] = set()
        stack = [value]
        while stack:
            for v in ordered([stack.pop()]):
                if isinstance(v, Folded) and v in self.waiting and v not in needed:
                    needed.add(v)
                    stack.append(v.value)
        for v in [v for v in self.waiting if v in needed]:
            del self.waiting[v]
            self.emit(Fold(v, v.value))


def in_order(size: int) -> tuple[Shape, Shape]:
    """How all elements of memory are walked in order."""
    return ((size,), (1,)) if size > 1 else ((), ())
