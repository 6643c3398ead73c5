"""Order: whether every read of a plan finds the version of memory that it names.

The groups are walked in the order in which they run, and each array is followed: which versions of
which buffers lie in it, and where. Within a loop no two places may meet, since they are done in any
order and by several threads. The step that is walked is any one: what an earlier step wrote is only
taken for granted where memory outlives a step. No place is sampled; what is not proved is refused.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from .. import trace as t
from ..plan.graph import Element, Folded, Rate, Value
from ..plan.plan import Group, Plan
from ..plan.tasks import HISTORY, Fold, Other, Partial, Store, Task
from .places import Key, Refused, array_of, reached, regions, walk_of
from .walks import Walk, disjoint, divides, in_step

Layer = tuple[int, int, Walk]  # version `v` of buffer `b` was written, at this walk


def check(plan: Plan) -> None:
    """Refused, if some read may find another version of memory than it names."""
    _Order(plan).run()


class _Order:
    """`layers` are what was written to each array, as far as it may still be there."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.buffers = plan, plan.trace.buffers
        self.layers: dict[Key, list[Layer]] = defaultdict(list)
        self.folded: set[Value] = set()
        for b, buffer in enumerate(self.buffers):
            if buffer.role in (t.INPUT, t.CONSTANT):
                self.layers["buffer", b] = [(b, 0, Walk(0, (buffer.size,), (1,)))]

    def run(self) -> None:
        """Walk what is done once, then a step."""
        self._memory()
        changing = {b for group in self.plan.each for task in group.tasks for b, _ in task.writes}
        for group in self.plan.once:
            self._steady(group, changing)
            self._group(group)
        for b in changing - {HISTORY}:
            # An earlier step has left something else there, or, in an input, what is meant.
            key = array_of(self.plan, b)
            kept = self.buffers[b].role == t.INPUT
            self.layers[key] = [(b, 0, Walk(0, (self.buffers[b].size,), (1,)))] if kept else []
        for group in self.plan.each:
            self._group(group)

    def _memory(self) -> None:
        """Every temporary has room, in memory of its type."""
        for b, k in self.plan.scratch.items():
            dtype, size = self.plan.arrays[k]
            buffer = self.buffers[b]
            _need(buffer.role == t.TEMPORARY, f"{self._name(b)} has scratch memory, but lasts")
            fits = dtype == buffer.dtype and size >= buffer.size
            _need(fits, f"{self._name(b)} does not fit in scratch array {k}")

    def _steady(self, group: Group, changing: set[int]) -> None:
        """What is done once depends on no step, and changes nothing that a step begins with."""
        for task in group.tasks:
            drawn = isinstance(task, Other) and task.op.kind.draws is not None
            _need(not drawn, "a draw is done once, before the steps")
            for b, _ in task.writes:
                made = b != HISTORY and self.buffers[b].role != t.INPUT
                _need(made, f"{self._name(b)} is written once, before the steps")
            for v in reached(task):
                _need(not isinstance(v, Rate), "what is done once needs a number of the step")
            for b in _read_by(task):
                _need(b not in changing, f"what is done once reads {self._name(b)}, which changes")

    # Groups

    def _group(self, group: Group) -> None:
        if group.other:
            _need(len(group.tasks) == 1, "an op that is no loop shares a loop")
            self._other(group.other)
            return
        loads, scalars = self._loads(group)
        for element in (*loads, *scalars):
            self._read(element)
        for task in group.tasks:
            self._fits(group, task)
        writing = [task for task in group.tasks if isinstance(task, (Store, Partial))]
        if group.n > 1:
            self._places(loads, writing)
        for store in writing:
            ((b, version),) = store.writes
            _need(b == store.buffer, "a task names another buffer than it writes")
            self._write(b, version, walk_of(store), store.stored)
        self.folded |= {task.value for task in group.tasks if isinstance(task, Fold)}

    def _loads(self, group: Group) -> tuple[list[Element], list[Element]]:
        """What a group reads at its places, and as scalars."""
        loads: list[Element] = []
        scalars: list[Element] = []
        for v in dict.fromkeys(v for task in group.tasks for v in reached(task)):
            _need(v.n in (1, group.n), "a value has more places than its loop, or fewer")
            _need(divides(v.extents, group.extents), "a value has other places than its loop")
            if isinstance(v, Folded):
                _need(v in self.folded, "a fold is used before it is computed")
            elif isinstance(v, Element):
                (scalars if v.n == 1 else loads).append(v)
        return loads, scalars

    def _fits(self, group: Group, task: Task) -> None:
        """A task goes through the places of its group."""
        if isinstance(task, Store):
            fits = task.n == group.n and divides(task.extents, group.extents)
        elif isinstance(task, Partial):
            outer, n, inner = task.extents
            fits = outer * n * inner == group.n and task.extents == group.folds
            fits = fits and divides((outer, n, inner), group.extents) and task.value.n == group.n
        else:
            assert isinstance(task, Fold)
            fits = task.source.n == group.n > 1
        _need(fits, "a task has other places than its loop")

    def _places(self, loads: list[Element], writing: list[Store | Partial]) -> None:
        """Whether no two places of a loop meet where one of them writes.

        A place loads, then stores; what it folds in part is stored when others have been done.
        """
        come: dict[Key, list[tuple[Walk, bool]]] = defaultdict(list)
        for v in loads:
            come[self._key(v.buffer)].append((walk_of(v), False))
        for task in writing:
            met, walk, late = come[self._key(task.buffer)], walk_of(task), isinstance(task, Partial)
            for where, later in met:
                apart = disjoint if late or later else in_step
                if not apart(walk, where):
                    raise Refused(f"places of a loop meet in {self._name(task.buffer)}")
            if not walk.apart:
                raise Refused(
                    f"two places of a loop write one element of {self._name(task.buffer)}"
                )
            met.append((walk, late))

    def _other(self, task: Other) -> None:
        """An op on memory: what it reads is there, and not where it writes."""
        read, written = regions(task.op)
        for b, version in task.reads:
            for walk in (w for at, w in read if at == b):
                self._holds(b, version, walk)
        named = {b for b, _ in task.reads}
        _need({b for b, _ in read} <= named, "an op reads what its task does not name")
        _need({b for b, _ in written} == {b for b, _ in task.writes}, "an op writes elsewhere")
        for k, (b, walk) in enumerate(written):
            for other, where in (*read, *written[:k]):
                itself = (other, where) == (b, walk) and (b, walk) in read  # written in part
                meet = self._key(other) == self._key(b) and not itself
                apart = not meet or disjoint(walk, where)
                _need(apart, f"an op reads where it writes {self._name(b)}")
        for b, version in task.writes:
            for walk in (w for at, w in written if at == b):
                self._write(b, version, walk)

    # Versions

    def _read(self, v: Element) -> None:
        self._typed(v.buffer, v.stored)
        self._holds(v.buffer, v.version, walk_of(v))

    def _typed(self, b: int, stored: str) -> None:
        stored = "uint16" if stored == "float16" else stored
        _need(self.buffers[b].dtype == stored, f"{self._name(b)} is taken for {stored}")

    def _inside(self, b: int, walk: Walk) -> None:
        low, high = walk.ends
        if walk.n and not 0 <= low <= high < self.buffers[b].size:
            raise Refused(f"elements of {self._name(b)} that it does not have")

    def _holds(self, b: int, version: int, walk: Walk) -> None:
        """Version `version` of `b` is there, wherever `walk` comes."""
        self._inside(b, walk)
        # What nobody has written is whatever lies there, in the trace as well.
        nothing = not version and self.buffers[b].role in (t.TEMPORARY, t.OUTPUT)
        for other, v, region in reversed(self.layers[self._key(b)]):
            if (other, v) == (b, version):
                return
            if not ((nothing and other != b) or disjoint(region, walk)):
                there = f"version {v} of {self._name(other)} is there"
                raise Refused(f"version {version} of {self._name(b)} is read, but {there}")
        _need(nothing, f"version {version} of {self._name(b)} is read, but is not there")

    def _write(self, b: int, version: int, walk: Walk, stored: str | None = None) -> None:
        """Version `version` of `b` comes into being on top of the one before, or by itself."""
        if b == HISTORY:
            return
        if stored is not None:
            self._typed(b, stored)
        self._inside(b, walk)
        _need(self.buffers[b].role != t.CONSTANT, f"a constant is written, {self._name(b)}")
        layers = self.layers[self._key(b)]
        new = b, version, walk
        if layers and layers[-1][:2] in ((b, version - 1), (b, version)):
            layers.append(new)
            return
        whole = walk.n == self.buffers[b].size and walk.apart
        first = version == 1 and self.buffers[b].role != t.INPUT
        _need(
            whole or first,
            f"version {version} of {self._name(b)} is written over another than the one before",
        )
        self.layers[self._key(b)] = [new]

    def _key(self, b: int) -> Key:
        return array_of(self.plan, b)

    def _name(self, b: int) -> str:
        return "the history" if b == HISTORY else f"buffer {b} ({self.buffers[b].name})"


def _need(holds: bool, text: str) -> None:
    if not holds:
        raise Refused(text)


def _read_by(task: Task) -> Iterable[int]:
    if isinstance(task, Other):
        return [b for b, _ in task.reads]
    return [v.buffer for v in reached(task) if isinstance(v, Element)]
