"""How the accumulators of a block's threads become one result that all threads know.

The tree has two levels, because a barrier takes longer than a few additions: `TOPS` threads fold
what as many strides of threads left in shared memory, in the lane type; one thread folds those, in
the total type, and finishes. Folds of one kind go through it side by side, a thread for each.

    tree[k * threads + thread] = acc_k                            k: which fold
    tops[k * TOPS + t] = tree[k * threads + t], + TOPS, ...       threads / TOPS steps
    totals[k] = tops[k * TOPS], + 1, ...                          TOPS steps
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

import numpy as np

from ....cuda.source.maps import memory_type
from ....source.program import Reduce
from ....source.scalar import NARROW, SHORT, cast
from ....source.writer import indent
from .hazards import Hazards
from .places import final, initial, step

ROOM = 12 << 10  # bytes of a tree: of 48 KiB that a block has, for a few types


class Meeting(NamedTuple):
    """A fold of `n` places to finish: the name of a thread's accumulator, and of the result."""

    acc: str
    reduce: Reduce
    n: int
    result: str


class Trees:
    """Shared memory for folds; `declarations` say how much came to be needed."""

    def __init__(self, threads: int, hazards: Hazards) -> None:
        self.threads, self.hazards = threads, hazards
        self.tops = max(min(16, threads // 4), 1)
        self.sizes: dict[str, int] = {}  # accumulators by lane type
        self.totals: dict[str, int] = {}

    def declarations(self) -> list[str]:
        """The shared arrays."""
        lines = []
        for dtype, count in self.sizes.items():
            for name, width in (("tree", self.threads), ("tops", self.tops)):
                lines.append(f"{name}_{dtype} = {_shared(count * width, dtype)}")
        found = self.totals.items()
        return [*lines, *(f"totals_{dtype} = {_shared(count, dtype)}" for dtype, count in found)]

    def lanes(self, dtype: str, count: int) -> str:
        """The array of `count` accumulators a thread, of type `dtype`."""
        held = memory_type(dtype)
        self.sizes[held] = max(count, self.sizes.get(held, 0))
        return f"tree_{held}"

    def meet(self, meetings: list[Meeting]) -> list[str]:
        """The lines after which every thread has all results."""
        return [line for batch in self._batches(meetings) for line in self._batch(batch)]

    def room(self, reduce: Reduce) -> int:
        """How many folds can meet at once: a thread has to be there for each."""
        size = self.threads * np.dtype(memory_type(reduce.lane)).itemsize
        return min(max(ROOM // size, 1), self.threads)

    def _batches(self, meetings: list[Meeting]) -> Iterator[list[Meeting]]:
        """Folds of one kind, as many as there is room for."""
        kinds = [(m.reduce, m.n) for m in meetings]
        ranked = sorted(meetings, key=lambda m: kinds.index((m.reduce, m.n)))
        for (reduce, _), alike in groupby(ranked, key=lambda m: (m.reduce, m.n)):
            found, room = list(alike), self.room(reduce)
            yield from (found[k : k + room] for k in range(0, len(found), room))

    def _batch(self, batch: list[Meeting]) -> list[str]:
        """Folds of one kind that meet."""
        reduce, count = batch[0].reduce, len(batch)
        lane, total = memory_type(reduce.lane), memory_type(reduce.total)
        tree, tops, totals = self.lanes(lane, count), f"tops_{lane}", f"totals_{total}"
        self.totals[total] = max(count, self.totals.get(total, 0))
        puts = [
            f"{tree}[{_plus('thread', k * self.threads)}] = {cast(m.acc, reduce.lane, lane)}"
            for k, m in enumerate(batch)
        ]
        takes = [
            f"{m.result} = {cast(f'{totals}[{k}]', total, reduce.total)}"
            for k, m in enumerate(batch)
        ]
        before = self.hazards.before
        return [
            *before(writes=[(tree, None)]),
            *puts,
            *before([(tree, None)], [(tops, None)]),
            *self._to_tops(reduce, count),
            *before([(tops, None)], [(totals, None)]),
            *self._to_totals(reduce, batch[0].n, count),
            *before([(totals, None)]),
            *takes,
        ]

    def _to_tops(self, reduce: Reduce, count: int) -> list[str]:
        held = memory_type(reduce.lane)
        fold = step(reduce, "met", "other", reduce.lane)
        if reduce.lane in NARROW:
            fold = f"{SHORT[reduce.lane]}({fold})"
        places = {"first": f"tree_{held}[at]", "next": f"tree_{held}[at + j * {self.tops}]"}
        return [
            "k = thread",
            f"while k < {count * self.tops}:",
            f"    at = k // {self.tops} * {self.threads} + k % {self.tops}",
            f"    met = {cast(places['first'], held, reduce.lane)}",
            f"    for j in range(1, {self.threads // self.tops}):",
            f"        other = {cast(places['next'], held, reduce.lane)}",
            f"        met = {fold}",
            f"    tops_{held}[k] = {cast('met', reduce.lane, held)}",
            f"    k += {self.threads}",
        ]

    def _to_totals(self, reduce: Reduce, n: int, count: int) -> list[str]:
        top = f"tops_{memory_type(reduce.lane)}[thread * {self.tops} + j]"
        end = final(reduce, "total", n)
        return [
            f"if thread < {count}:",
            *indent(serial(reduce, top, self.tops)),
            f"    totals_{memory_type(reduce.total)}[thread] = {end}",
        ]


def serial(reduce: Reduce, element: str, count: int) -> list[str]:
    """The fold, in the total type, of `count` elements that lanes left."""
    held = memory_type(reduce.lane)
    lane = cast(element, held, reduce.lane)
    return [
        f"total = {initial(reduce, reduce.total)}",
        f"for j in range({count}):",
        f"    other = {cast(lane, reduce.lane, reduce.total)}",
        f"    total = {step(reduce, 'total', 'other', reduce.total)}",
    ]


def _shared(count: int, dtype: str) -> str:
    return f"cuda.shared.array({count}, np.{dtype})"


def _plus(name: str, offset: int) -> str:
    return f"{name} + {offset}" if offset else name
