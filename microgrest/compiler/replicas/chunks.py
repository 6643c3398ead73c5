"""A chunk of steps of many replicas, on all cores; and what becomes of those in which one fails.

Every replica of a chunk runs the same number of steps, by numbers that those which count alike
share. A replica that fails goes back to where the chunk began, and from there to the step, as
`repeat` does; no other is touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from ...kernels.cpu import parallel
from ...kernels.steps.many import Tables
from ..replay import CHUNK_SECONDS, KEPT_BYTES, LONGEST, Recording, finite_rows
from .counts import Count, Counts, Unfit
from .stacks import Stacks

Array = np.ndarray[Any, Any]
# Pieces of a chunk for each thread, so that one with slow replicas is not waited for.
PIECES = 4
# Numbers in a chunk's history: 32 MB.
HISTORY = 1 << 22
# How many times longer a chunk is than what Python prepares for it.
WORTH = 10

# Seconds that a step of one replica takes one thread, as far as was found out.
costs: WeakKeyDictionary[Any, float] = WeakKeyDictionary()


class Chunks:
    """Runs chunks: `counts` and `streams` (seeds and counters) are how far each replica is.

    `errors` has what went wrong, by replica; `done` the steps of each.
    """

    def __init__(
        self, recording: Recording, stacks: Stacks, counting: Counts, counts: list[Count]
    ) -> None:
        self.recording, self.stacks, self.counting, self.counts = (
            recording,
            stacks,
            counting,
            counts,
        )
        n = stacks.n
        self.streams = np.zeros((n, len(recording.generators), 2), np.uint64)
        self.done = np.zeros(n, np.int64)
        self.errors: dict[int, Exception] = {}
        self.many = recording.native.many(stacks.index)
        self.threads = parallel.get_num_threads() if self.many.threads else 1
        self.keeps = stacks.row_bytes() <= KEPT_BYTES

    def run(self, going: Array, room: int, check: bool, pool: Any) -> tuple[Array, Array]:
        """Run the replicas `going` some steps, at most `room`; which of them ran, and their
        history, (ran, steps, scalars), NaN after the end of one that failed."""
        began = perf_counter()
        steps = self._length(len(going), room)
        going, numbers, which, after = self._numbers(going, steps)
        scalars = len(self.recording.trace.scalars)
        if not going.size:
            return going, np.empty((0, steps, scalars))
        tables = Tables(
            which,
            numbers,
            self.streams[going],
            np.empty((len(going), steps, scalars)),
            np.zeros(len(going), np.int64),
        )
        wary = check or bool(self.recording.trace.failures)
        kept = self.stacks.keep(going) if wary and self.keeps else None
        prepared = perf_counter()
        self._native(going, tables, pool)
        self._pace(steps, len(going), prepared - began, perf_counter() - prepared)
        before = [self.counts[i] for i in going]
        self._count(going, [after[g] for g in which], steps)
        last = _Failures(self, going, tables, before, kept)
        last.stop(np.flatnonzero(tables.codes))
        if check:
            last.check()
        return going, tables.history

    def _numbers(self, going: Array, steps: int) -> tuple[Array, Array, Array, list[Count]]:
        """Who can go, the numbers of these steps, which of them each has, and the counts after."""
        found = {id(self.counts[i]): self.counts[i] for i in going}
        taken: dict[int, tuple[Array, Count]] = {}
        for key, count in found.items():
            try:
                taken[key] = self.counting.take(count, steps)
            except Unfit as error:
                stopped = [int(i) for i in going if self.counts[i] is count]
                self.errors |= {i: Unfit(f"replica {i}: {error}") for i in stopped}
        going = np.array([i for i in going if id(self.counts[i]) in taken], np.int64)
        places = {key: place for place, key in enumerate(taken)}
        which = np.array([places[id(self.counts[i])] for i in going], np.int64)
        numbers = np.empty((len(taken), steps, self.recording.trace.slots))
        for place, (rows, _) in enumerate(taken.values()):
            numbers[place] = rows
        return going, numbers, which, [count for _, count in taken.values()]

    def _count(self, going: Array, counts: Iterable[Count], steps: int) -> None:
        for i, count in zip(going, counts, strict=True):
            self.counts[i] = count
        self.streams[going, :, 1] += self.counters * np.uint64(steps)
        self.done[going] += steps

    @property
    def counters(self) -> Array:
        """The counters that a step takes of each generator."""
        return np.array(self.recording.trace.counters, np.uint64)

    def _native(self, going: Array, tables: Tables, pool: Any) -> None:
        arrays = self.stacks.arrays
        size = max(1, -(-len(going) // (PIECES * self.threads)))
        pieces = [slice(k, k + size) for k in range(0, len(going), size)]

        def run(piece: slice) -> None:
            self.many(going[piece], tables.part(piece), arrays)

        with self.many.alone():
            if pool is None:
                run(slice(0, len(going)))
            else:
                list(pool.map(run, pieces))

    def again(self, i: int, kept: tuple[Any, int], tables: Tables, count: Count, n: int) -> None:
        """Let replica `i` have taken `n` of the steps that it took; `kept` is what was before."""
        values, k = kept
        self.stacks.put_back(values, k, i)
        self.back(i, k, tables, count, n)
        if n:
            numbers = tables.numbers[tables.which[k : k + 1], :n].copy()
            history = np.empty((1, n, tables.history.shape[2]))
            zero, code = np.zeros(1, np.int64), np.zeros(1, np.int64)
            one = Tables(zero, numbers, tables.seeds[k : k + 1], history, code)
            self.many(np.array([i]), one, self.stacks.arrays)

    def back(self, i: int, k: int, tables: Tables, count: Count, n: int) -> None:
        """Count `n` of the steps that replica `i` took, the k-th of the chunk."""
        self.counts[i] = self.counting.take(count, n)[1] if n else count
        self.streams[i] = tables.seeds[k]
        self.streams[i, :, 1] += self.counters * np.uint64(n)
        self.done[i] += n - tables.numbers.shape[1]

    # How many steps

    def _length(self, n: int, room: int) -> int:
        """Steps for about the time of a chunk, of `n` replicas; at most `room`."""
        cost = costs.get(self.recording)
        pace = 1 if cost is None else int(self._seconds() * self.threads / (cost * n))
        scalars = max(1, len(self.recording.trace.scalars), self.recording.trace.slots)
        return max(1, min(room, pace, LONGEST, HISTORY // (n * scalars)))

    _prepared = 0.0

    def _seconds(self) -> float:
        return max(CHUNK_SECONDS, WORTH * self._prepared)

    def _pace(self, steps: int, n: int, prepared: float, ran: float) -> None:
        self._prepared = min(prepared, 1.0)
        cost = ran * min(self.threads, n) / (steps * n)
        known = costs.get(self.recording, cost)
        costs[self.recording] = max(cost, known / 16, 1e-9)

    def workers(self) -> Any:
        """A pool of threads, in a context; None where one is enough."""
        return ThreadPoolExecutor(self.threads) if self.threads > 1 else _Nobody()


class _Nobody:
    """A pool of no threads."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, *raised: object) -> None:
        return None


class _Failures:
    """What went wrong in a chunk that ran."""

    def __init__(
        self, chunks: Chunks, going: Array, tables: Tables, before: list[Count], kept: Any
    ) -> None:
        self.chunks, self.going, self.tables, self.before, self.kept = (
            chunks,
            going,
            tables,
            before,
            kept,
        )
        self.steps = tables.numbers.shape[1]

    def stop(self, failed: Array) -> None:
        """Replicas whose native function says that a step failed are at the step before."""
        for k in failed:
            error = self.chunks.recording.failure(int(self.tables.codes[k]))
            i, whole = int(self.going[k]), error.step - 1
            error.args = (f"replica {i}: {error}",)
            self._end(k, whole, error)
            if self.kept is None:
                self.chunks.back(i, k, self.tables, self.before[k], whole)

    def check(self) -> None:
        """Replicas that have come to NaN or infinity are at the step that did."""
        bad = ~finite_rows(self.tables.history)
        for k in self._sound(bad):
            rows = np.isfinite(self.tables.history[k]).all(axis=1)
            self._report(k, int(np.argmin(rows)), "the step's result")
        stacks, dtypes = self.chunks.stacks, ("f",)
        results = [a for a in stacks.results() if a[0].size != 1 and a.dtype.kind in dtypes]
        for k in self._sound(self._unsound(results)):
            self._report(k, self.steps - 1, "the step's result")
        for k in self._sound(self._unsound(self._written())):
            self._report(k, self._first_unsound(k), "a tensor that the step writes")

    def _sound(self, bad: Array) -> Iterator[int]:
        """Those of the replicas that nothing was said of yet."""
        errors = self.chunks.errors
        return (int(k) for k in np.flatnonzero(bad) if int(self.going[k]) not in errors)

    def _written(self) -> list[Array]:
        stacks = self.chunks.stacks
        found = [stacks.of(t) for t in self.chunks.recording.writes(stacks.tensors)]
        return [a for a in found if a is not None and a.dtype.kind == "f"]

    def _unsound(self, values: Iterable[Array], going: Array | None = None) -> Array:
        going = self.going if going is None else going
        bad = np.zeros(len(going), bool)
        for a in values:
            bad |= ~finite_rows(a if len(going) == len(a) else a[going])
        return bad

    def _first_unsound(self, k: int) -> int | None:
        """The first step after which something written is not finite, by halving the chunk."""
        if self.kept is None:
            return None if self.steps > 1 else 0
        low, high, row = 0, self.steps, self.going[k : k + 1]
        chunks, done = self.chunks, self.chunks.done[row[0]]
        while high - low > 1:
            middle = (low + high) // 2
            chunks.again(int(row[0]), (self.kept, k), self.tables, self.before[k], middle)
            sound = not self._unsound(self._written(), row)[0]
            chunks.done[row[0]] = done
            low, high = (middle, high) if sound else (low, middle)
        return low

    def _report(self, k: int, index: int | None, what: str) -> None:
        i = int(self.going[k])
        if index is None:
            last = int(self.chunks.done[i])
            first = last - self.steps + 1
            text = f"NaN or infinity in {what}, which appeared in steps {first} to {last}"
            self.chunks.errors[i] = FloatingPointError(f"replica {i}: {text}")
            return
        step = int(self.chunks.done[i]) - self.steps + index + 1
        text = f"NaN or infinity in {what} at step {step}"
        self._end(k, index + 1, FloatingPointError(f"replica {i}: {text}"))

    def _end(self, k: int, steps: int, error: Exception) -> None:
        """Replica `k` of the chunk has taken so many of its steps, and goes no further."""
        i = int(self.going[k])
        self.tables.history[k, steps:] = np.nan
        if self.kept is not None:
            self.chunks.again(i, (self.kept, k), self.tables, self.before[k], steps)
        self.chunks.errors[i] = error
