"""`step.repeat`: many steps, in chunks that run in native code.

A chunk is as many steps as take about 50 ms, so that Ctrl-C and a progress bar are answered soon,
and what Python does between chunks is not felt. It ends early where a callback is due, so that what
callbacks see does not depend on how fast the machine is.

After each chunk the returned numbers and the tensors that the step writes are looked at. Where a
NaN or an infinity turned up, the chunk's beginning is put back (a `Snapshot`), the steps before the
bad one run again, and that one runs eagerly with a look at every op (`origin_of_nan`).
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Iterable, Sequence
from time import perf_counter
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from ... import recording
from ...tensor import Tensor
from ..replay import (
    CHUNK_SECONDS,
    KEPT_BYTES,
    LONGEST,
    Failed,
    Snapshot,
    all_finite,
    before_eager,
    is_finite,
    telling,
    uninterrupted,
)
from .history import History, Streamed, row, tensors_of
from .repeat_arguments import Args, Stretch, arguments, check_fit

ENDLESS = sys.maxsize
# How many steps of each recording make a chunk, as far as was found out.
paces: WeakKeyDictionary[Any, int] = WeakKeyDictionary()

Array = np.ndarray[Any, Any]
Streams = list[tuple[Any, int, int]]
Call = tuple[Stretch, Streams]
Hook = Callable[[int, Any], Any]


def repeat(
    step: Any,
    n: Any,
    *args: Any,
    batches: Iterable[Any] | None = None,
    epochs: int | None = None,
    callback: Hook | None = None,
    until: Hook | None = None,
    every: int | None = None,
    history: Any = None,
    progress: Any = False,
    nan_check: bool = True,
) -> Any:
    """Run `n` steps, `step(*args)` each; returns what the last one returned, None if `n` is 0.

    `batches`: an iterable of further arguments, a tuple or a single tensor for each step, begun
    anew when it ends. `n` may also be such an iterable itself, as a DataLoader: then `epochs` (1)
    whole iterations of it are run, as `for batch in loader: step(*args, *batch)` would, with the
    same draws; n below is then the number of all steps, None where the loader has no length.
    Batches of a DataLoader of a TensorDataset, or of a Subset of one, with a sampler of
    `utils.data` and no worker or function of the user's, are taken by native code.

    After every `every`-th step (each, if left out) `callback(k, result)` is
    called with the number k of steps done, and the steps end where `until(k, result)` is true.
    With `history=k` the numbers (results of one element) of every k-th step are kept: returns
    `(result, history)`, where the history has the form of the result, with NumPy arrays for numbers
    and None for all else. A `history` with a method `add(steps, numbers)` and a number `every`, as
    `SummaryWriter.history` gives, takes them as they come; the result is returned alone then.
    `progress`: True for a bar on stderr, a bar with `n` and `update(more)`, as tqdm's, or a
    function of (steps done, n).

    Ctrl-C raises KeyboardInterrupt between two steps. FloatingPointError says where a NaN or an
    infinity came from that was returned or is left in a tensor that the step writes; with
    `nan_check=False` nobody looks. The eager steps of a function that is not recorded yet count.
    """
    if recording.state.recorder is not None:
        recording.state.recorder.refuse("repeat", "repeat the outer step instead")
    if isinstance(n, Iterable) and not isinstance(n, (Tensor, str)):
        batches, epochs, total = _of_epochs(n, batches, epochs, progress)
        n = ENDLESS
    elif epochs is None:
        n = total = _count("n", n, least=0)
    else:
        raise TypeError("repeat: epochs are of a loader, which stands in place of the number n")
    stride = _count("every", 1 if every is None else every, least=1)
    _check_callable(callback=callback, until=until)
    hooked = callback is not None or until is not None
    kept = _kept(history, n)
    check_fit(step.fn, args, batches)
    run = _Run(step, n, arguments(args, batches, epochs), kept, nan_check)
    with telling(progress, total) as tell:
        while run.done < n:
            if not run.advance(run.done - run.done % stride + stride if hooked else n):
                break
            tell(run.done)
            if hooked and run.done % stride == 0:
                if callback is not None:
                    callback(run.done, run.result)
                if until is not None and until(run.done, run.result):
                    break
    return (run.result, kept.value(run.done)) if isinstance(kept, History) else run.result


class _Run:
    """A repetition under way: `done` steps of `n`, and the `result` of the last."""

    def __init__(self, step: Any, n: int, source: Any, history: Any, nan_check: bool) -> None:
        self.step, self.n, self.source = step, n, source
        self.history, self.nan_check = history, nan_check
        self.done = 0
        self.result: Any = None

    def advance(self, end: int) -> bool:
        """Run one chunk, which goes no further than to step `end`; False if none is to come."""
        with uninterrupted(), self.step._lock:
            room = min(end, self.n) - self.done
            taken = self.source.take(room)
            if taken is None:
                return False
            found = self.step._find(taken.step(0), {})
            if found is None or self.step.verify:
                chunk = self._call(taken)
            else:
                chunk = self._native(found, taken, room)
        if self.nan_check:
            chunk.check(self.done, self.result)
        if self.history is not None:
            self.history.add(self.done, chunk.rows, self.result)
        self.done += len(chunk.rows)
        return True

    def _call(self, taken: Stretch) -> _Chunk:
        """One step as any other call: eager, recorded, or verified."""
        fn = self.step.fn
        taken, rest = taken.cut(1)
        self.source.back(rest)
        args = taken.last
        snapshot = before_eager(fn, args, {}, limit=KEPT_BYTES) if self.nan_check else None
        self.result = self.step(*args)
        return _Chunk(fn, None, snapshot, [(taken, [])], row(self.result))

    def _native(self, found: Any, taken: Stretch | None, room: int) -> _Chunk:
        """Steps that one recording serves, for about the time of a chunk."""
        assert taken is not None
        first = taken.step(0)
        snapshot = found.snapshot(first, {}, KEPT_BYTES) if self.nan_check else None
        room = min(room, paces.get(found, 1))
        if snapshot is not None and self._writes_batch(found, first):
            room = 1  # going back, a batch has to be as it was
        several = found.repeats and not self.source.reads(lambda: found.written(first, {}))
        most = room if several else 1
        rows = np.empty((room, len(found.trace.scalars)))
        calls: list[Call] = []
        began, at = perf_counter(), 0
        while taken is not None:
            taken, rest = taken.cut(min(most, room - at))
            self.source.back(rest)
            calls.append((taken, [(g, g._seed, g._offset) for g in found.generators]))
            count = taken.count
            try:
                self.result = _run(found, taken, rows[at : at + count])
            except Failed as error:
                if snapshot is not None:
                    _Chunk(self.step.fn, found, snapshot, calls, rows).replay(at + error.step - 1)
                raise
            found.guards.times += count
            at += count
            if at == room:
                break
            taken = self.source.take(min(most, room - at))
            if taken is not None and not found.fits(taken.step(0), {}):
                self.source.back(taken)
                break
        paces[found] = _paced(max(at, paces.get(found, 1)), at, perf_counter() - began)
        return _Chunk(self.step.fn, found, snapshot, calls, rows[:at])

    def _writes_batch(self, found: Any, args: Args) -> bool:
        """Whether the step writes to what it alone is given."""
        batch = [t._storage for t in tensors_of(args[len(self.source.args) :])]
        return bool(batch) and any(t._storage in batch for t in found.written(args, {}))


def _run(found: Any, taken: Stretch, rows: Array) -> Any:
    """Run the steps of a stretch."""
    return found.run(taken.last, {}, taken.count, rows, taken.moving)


def _paced(pace: int, steps: int, seconds: float) -> int:
    """How many steps to run next, after some took so long; `pace` is the most so far."""
    aim = int(CHUNK_SECONDS * steps / max(seconds, 1e-9))
    return max(1, min(aim, 16 * pace, LONGEST))


class _Chunk:
    """Steps that ran: their arguments, their numbers, and what was there before them, if kept."""

    def __init__(
        self,
        fn: Callable[..., Any],
        recording: Any,
        snapshot: Snapshot | None,
        calls: Sequence[Call],
        rows: Array,
    ) -> None:
        self.fn, self.recording, self.snapshot = fn, recording, snapshot
        self.calls, self.rows = calls, rows

    def check(self, start: int, result: Any) -> None:
        """FloatingPointError for a NaN or an infinity; `start` steps were done before these."""
        if not is_finite(self.rows):
            bad = np.flatnonzero(~np.isfinite(self.rows).all(axis=1))
            self._fail(start, int(bad[0]), "the step's result")
        elif not all_finite(tensors_of(result)):
            self._fail(start, len(self.rows) - 1, "the step's result")
        elif not self._is_sound():
            self._fail(start, self._first_unsound(), "a tensor that the step writes")

    def _is_sound(self) -> bool:
        """Whether all that was written is finite."""
        if self.recording is None:
            return self.snapshot is None or all_finite(k.tensor for k in self.snapshot.tensors)
        return all_finite(self.recording.written(self.calls[-1][0].last, {}))

    def _first_unsound(self) -> int | None:
        """The first step after which something written is not finite, by halving the chunk."""
        if self.snapshot is None and len(self.rows) > 1:
            return None
        low, high = 0, len(self.rows)
        while high - low > 1:
            middle = (low + high) // 2
            self.replay(middle)
            low, high = (middle, high) if self._is_sound() else (low, middle)
        return low

    def replay(self, steps: int) -> None:
        """Go back to the beginning, and from there `steps` steps on."""
        assert self.snapshot is not None
        self.snapshot.restore()
        for taken, streams in self.calls:
            if not steps:
                break
            # A loader may have drawn its batches of the same streams in between.
            for generator, seed, offset in streams:
                generator._seed, generator._offset = seed, offset
            part, _ = taken.cut(steps)
            self.recording.fits(part.last, {})  # counts anew
            _run(self.recording, part, np.empty((part.count, self.rows.shape[1])))
            steps -= part.count

    def _fail(self, start: int, index: int | None, what: str) -> None:
        if index is None:
            last = start + len(self.rows)
            raise FloatingPointError(
                f"NaN or infinity in {what}, which appeared in steps {start + 1} to {last}: "
                "to see in which, and where, call the function eagerly"
            )
        text = f"NaN or infinity in {what} at step {start + index + 1}"
        if self.snapshot is not None:
            self.replay(index)
            from ..tell import origin_of_nan

            origin = origin_of_nan(self.fn, self._args(index), {})
            text += f": {origin}" if origin else ", not met again in eager mode"
        raise FloatingPointError(text)

    def _args(self, index: int) -> Args:
        """The arguments of one of the steps."""
        for taken, _ in self.calls:
            if index < taken.count:
                return taken.step(index)
            index -= taken.count
        raise IndexError(index)


# Arguments


def _of_epochs(
    loader: Iterable[Any], batches: Any, epochs: Any, progress: Any
) -> tuple[Iterable[Any], int, int | None]:
    """The batches, the epochs, and how many steps these are, if that is known."""
    if batches is not None:
        raise TypeError("repeat: a loader stands in place of n, or is given as batches, not both")
    epochs = _count("epochs", 1 if epochs is None else epochs, least=0)
    try:
        return loader, epochs, epochs * len(loader)  # type: ignore[arg-type]
    except TypeError:
        if progress is True:
            raise ValueError(
                "repeat: a bar needs a loader that has a length: give progress a function, which "
                "is called with (steps done, None)"
            ) from None
        return loader, epochs, None


def _count(name: str, value: Any, least: int) -> int:
    try:
        count = operator.index(value)
    except TypeError:
        raise TypeError(f"repeat: {name} must be an integer, got {value!r}") from None
    if count < least:
        raise ValueError(f"repeat: {name} must be at least {least}, got {count}")
    return count


def _kept(history: Any, n: int) -> Any:
    """What takes the numbers, if anything does."""
    if history is None:
        return None
    if hasattr(history, "add"):
        _count("history.every", history.every, least=1)
        return Streamed(history)
    return History(n, _count("history", history, least=1))


def _check_callable(**functions: Any) -> None:
    for name, function in functions.items():
        if function is not None and not callable(function):
            raise TypeError(
                f"repeat: {name} must be a function of (steps done, result), got {function!r}"
            )
