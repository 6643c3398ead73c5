"""A plan as several kernels, for all blocks of a GPU.

A loop is a kernel. Every thread computes the scalars that it needs; what is folded, though, goes
through memory: each block leaves what its places fold to, in the total type, and a kernel of one
block, the `Tail`, folds those and does the scalar work that follows. How places are shared out
depends on their number alone, so results repeat bit for bit, and are the same on every GPU.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import NamedTuple

from ...cuda.driver.device import simulated
from ...cuda.driver.launch import THREADS, blocks_for
from ...cuda.source.axis.segments import cut
from ...cuda.source.maps import Source, memory_type
from ...source.program import LARGE as ON_GPU, Reduce
from ...source.scalar import cast
from ...source.writer import indent
from ..plan.graph import Element, Value, ordered
from ..plan.plan import Group, Plan
from ..plan.tasks import Fold, Partial
from ..report import origins
from .block import Block
from .threads.buffers import HEAD
from .threads.meeting import Meeting, serial
from .threads.places import Places, initial, step
from .threads.sharing import place_of, row_and_column, shared_out, strided

LARGE = 40 if simulated else ON_GPU  # places
ENOUGH = 256  # blocks that keep any GPU busy
TERMS = 64  # at least so many elements a lane, before a fold in part is cut into segments


class Array(NamedTuple):
    """Memory that kernels leave something in for one another."""

    name: str
    dtype: str
    size: int


class Launch(NamedTuple):
    """A kernel, called with a step's number and the memory of these names, by so many blocks."""

    label: str
    source: Source
    operands: tuple[str, ...]
    blocks: int


class Kept:
    """Scalars on their way from one kernel to another: a place in memory for each."""

    def __init__(self) -> None:
        self.texts: dict[Value, str] = {}
        self.counts: dict[str, int] = {}

    def place(self, value: Value) -> str:
        """Where a scalar is."""
        if value not in self.texts:
            held = memory_type(value.dtype)
            self.counts[held] = self.counts.get(held, 0) + 1
            self.texts[value] = f"kept_{held}[{self.counts[held] - 1}]"
        return self.texts[value]

    def arrays(self) -> list[Array]:
        """The memory for all."""
        return [Array(f"kept_{dtype}", dtype, count) for dtype, count in self.counts.items()]


class Kernel(Block):
    """One kernel of several: what it is called with, and what it leaves."""

    def __init__(self, plan: Plan, kept: Kept, number: int) -> None:
        super().__init__(plan, THREADS)
        self.held = {}  # no register outlasts a kernel
        self.kept = dict(kept.texts)
        self.number = number
        self.left: list[Array] = []

    def launch(self, label: str, body: list[str], blocks: int, title: str) -> Launch:
        """The kernel of `body`, which has `thread`, `s`, and the memory that it names."""
        begin = "thread = np.int64(cuda.threadIdx.x)"
        body = [*self.trees.declarations(), begin, *body]
        words = set(re.findall(r"(?<![.\w])\w+", "\n".join(body)))
        operands = {name: self._pointer(b) for (b, _), name in self.operands.items()}
        known = {k: v for k, v in HEAD.items() if k != "steps"} | self.parameters() | operands
        known |= {text.partition("[")[0]: "" for text in self.kept.values()}
        known |= {array.name: "" for array in self.left}
        typed = {name: kind or _pointer_to(name) for name, kind in known.items() if name in words}
        source = self.module({"s": "int64"} | typed, body, f'"""{title}"""')
        return Launch(label, source, tuple(typed), blocks)


def _pointer_to(name: str) -> str:
    """The type of memory that is called by its type."""
    return f"CPointer({name.partition('_')[2].partition('_')[0]})"


class Loop(Kernel):
    """A kernel that does a loop; `folds` are what it leaves of each fold, by block."""

    folds: dict[Fold, Array]
    parts: dict[Partial, Array]

    def write(self, group: Group) -> Launch:
        """The kernel of a group."""
        places = Places(group, self.arrays, self.scalars)
        self.folds, self.parts = {}, {}
        lines = self.scalar_lines(places.inputs)
        self.note(places)
        write_loop = self._of_outputs if places.partials else self._of_places
        loop, blocks = write_loop(places)
        lines += [*places.starts, *loop, *self._leave(places, blocks)]
        title = "; ".join(origins(self.plan, group)) or self.plan.trace.name
        return self.launch(f"{self.plan.trace.name}_loop", lines, blocks, title)

    def _of_places(self, places: Places) -> tuple[list[str], int]:
        """Place by place; where something is folded, a segment of them to a block."""
        n = places.group.n
        if not places.folds:
            return self._maps(places)
        segments, length = cut(n, THREADS, 1)
        head = [
            f"begin = np.int64(cuda.blockIdx.x) * {length}",
            f"stop = min(begin + {length}, {n})",
        ]
        ahead = places.ahead
        return [
            *head,
            *strided(places.lines, length, THREADS, "begin + thread", "stop", ahead),
        ], segments

    def _maps(self, places: Places) -> tuple[list[str], int]:
        """Place by place, a grid apart; of many, several at once."""
        n = places.group.n
        several = places.ahead if n >= LARGE else 1
        lines = ["stride = np.int64(cuda.gridsize(1))", "i = np.int64(cuda.grid(1))"]
        if several > 1:
            work = [*places.together(several, "stride"), f"i += {several} * stride"]
            lines += [f"while i < {n} - {several - 1} * stride:", *indent(work)]
        lines += [f"while i < {n}:", *indent([*places.lines, "i += stride"])]
        return lines, blocks_for(-(-n // several))

    def _leave(self, places: Places, blocks: int) -> list[str]:
        """What the block folded goes to memory."""
        meetings, stores = [], []
        for j, (acc, task) in enumerate(zip(places.accs, places.folds, strict=True)):
            reduce = replace(task.value.reduce, final="{acc}")
            total = memory_type(reduce.total)
            array = Array(f"left_{total}_{self.number}_{j}", total, blocks)
            self.left.append(array)
            self.folds[task] = array
            meetings.append(Meeting(acc, reduce, blocks, f"fold{j}"))
            value = cast(f"fold{j}", reduce.total, total)
            stores.append(f"{array.name}[cuda.blockIdx.x] = {value}")
        guarded = ["if thread == 0:", *indent(stores)] if stores else []
        return [*self.trees.meet(meetings), *guarded]

    def _of_outputs(self, places: Places) -> tuple[list[str], int]:
        """Folds in part: `width` results to a block, `lanes` threads to each.

        Where results are few, each is cut into segments, which another kernel folds.
        """
        outer, n, inner = places.extents
        lanes, width, segments, length = _shared_among_blocks(outer, n, inner)
        outputs = outer * segments * inner
        if segments > 1:
            for k, task in enumerate(places.partials):
                total = memory_type(task.reduce.total)
                self.parts[task] = Array(f"part_{total}_{self.number}_{k}", total, outputs)
            self.left += self.parts.values()
        lines = [
            place_of(lanes, width, inner),
            f"output += np.int64(cuda.blockIdx.x) * {width}",
            *places.part_starts,
            f"if output < {outputs}:",
            *indent(row_and_column(inner)),
            f"    segment, row = row % {segments}, row // {segments}",
            f"    base = row * {n * inner} + column",
            *indent(places.head),
            f"    along = segment * {length} + lane",
            f"    stop = min((segment + 1) * {length}, {n})",
            "    while along < stop:",
            *indent([f"i = base + along * {inner}", *places.lines, f"along += {lanes}"], 2),
            *self.meet_lanes(places, (lanes, width, outputs)),
        ]
        return lines, -(-outputs // width)

    def finished(self, task: Partial, total: str) -> str:
        """The store of a result, or of what a segment of it folds to."""
        if task not in self.parts:
            return super().finished(task, total)
        array = self.parts[task]
        return f"{array.name}[output] = {cast(total, task.reduce.total, array.dtype)}"


def _shared_among_blocks(outer: int, n: int, inner: int) -> tuple[int, int, int, int]:
    """(lanes, width, segments, length) of a fold in part."""
    lanes, width = shared_out(min(outer * inner, THREADS // 8), n, THREADS)
    blocks = -(-outer * inner // width)
    segments = max(min(ENOUGH // blocks, n // (lanes * TERMS)), 1)
    length = -(-n // segments)
    return lanes, width, -(-n // length), length


class Rest(Kernel):
    """A kernel that folds the segments of folds in part."""

    def write(self, parts: dict[Partial, Array]) -> Launch:
        """A thread to each result."""
        lines, most = [], 1
        for task, array in parts.items():
            outer, _, inner = task.extents
            segments = array.size // (outer * inner)
            self.left.append(array)
            self.note_half(task.stored)
            reduce = replace(task.reduce, lane=task.reduce.total)
            at = f"(output // {inner} * {segments} + j) * {inner} + output % {inner}"
            lines += [
                f"if output < {outer * inner}:",
                *indent(serial(reduce, f"{array.name}[{at}]", segments)),
                f"    {self.finished(task, 'total')}",
            ]
            most = max(most, outer * inner)
        head = "output = np.int64(cuda.grid(1))"
        title = f"{self.plan.trace.name}: the segments of folds in part."
        label = f"{self.plan.trace.name}_rest"
        return self.launch(label, [head, *lines], -(-most // THREADS), title)


class Tail(Kernel):
    """A kernel of one block: it finishes folds, and does what comes between loops."""

    def __init__(self, plan: Plan, kept: Kept, number: int) -> None:
        super().__init__(plan, kept, number)
        self.all_kept = kept
        self.body: list[str] = []
        self.stores: list[str] = []

    def finish(self, folds: dict[Fold, Array], n: int) -> None:
        """Fold what the blocks of a loop over n places have left."""
        meetings = []
        for task, array in folds.items():
            self.count += 1
            reduce = replace(task.value.reduce, lane=task.value.reduce.total)
            self.left.append(array)
            acc = f"acc{self.count}"
            self.body += _folded(acc, reduce, array)
            meetings.append(Meeting(acc, reduce, n, f"fold{self.count}"))
        self.body += self.trees.meet(meetings)
        for meeting, task in zip(meetings, folds, strict=True):
            self.scalars[task.value] = meeting.result
            self.keep(task.value)

    def keep(self, value: Value) -> None:
        """Leave a scalar for other kernels."""
        self.body += self.scalar_lines([value])
        place = self.all_kept.place(value)
        self.kept[value] = place
        self.stores.append(
            f"{place} = {cast(self.name(value), value.dtype, memory_type(value.dtype))}"
        )

    def add(self, group: Group) -> None:
        """A group that one block does."""
        self.body += self.lines(group)

    def close(self) -> Launch:
        """The kernel."""
        stores = ["if thread == 0:", *indent(self.stores)] if self.stores else []
        name = self.plan.trace.name
        title = f"{name}: folds finished, and scalars."
        return self.launch(f"{name}_tail", [*self.body, *stores], 1, title)


def _folded(acc: str, reduce: Reduce, array: Array) -> list[str]:
    """A thread's share of what blocks have left."""
    x = cast(f"{array.name}[i]", array.dtype, reduce.total)
    return [
        f"{acc} = {initial(reduce, reduce.total)}",
        "i = thread",
        f"while i < {array.size}:",
        f"    {acc} = {step(reduce, acc, x, reduce.total)}",
        f"    i += {THREADS}",
    ]


def overwritten(places: Places) -> list[Element]:
    """Scalars in memory that a loop reads, and writes at one of its places."""
    written = {name for name, _ in places.writes(True)}
    found = ordered(v for v in places.values if v.n == 1)
    return [v for v in found if isinstance(v, Element) and places.arrays[v.buffer] in written]
