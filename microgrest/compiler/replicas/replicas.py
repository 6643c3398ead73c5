"""`step.replicas`: many trainings at once, each as it would be alone, bit for bit."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ... import recording as recordings
from ...creation import zeros_like
from ...random import default_generator
from ...recording import world
from ...tensor import Tensor
from ...tensor.arrays import from_numpy
from ..effects import Results
from ..replay import Recording, Snapshot, before_eager, telling, uninterrupted
from .chunks import Chunks
from .counts import Counts
from .history import History
from .stacks import Stacks
from .starts import begin, seeds_of
from .warming import warmed

Array = np.ndarray[Any, Any]
Hook = Callable[[int, Any], Any]


def replicate(
    step: Any, n: int, init: Any = None, *args: Any, in_dims: Any = None, seed: Any = None
) -> Replicas:
    """`n` trainings by one step, each with its own copy of all that `step(*args)` changes.

    They begin where the tensors, optimizers and schedulers of the step are now, but for what `init`
    says: a function that is called with the number of each replica, and sets parameters, options,
    seeds, in place and as if it were to train alone; or a dict from tensors of the step, and names
    of optimizers' options, to values with a leading dimension of `n`. `in_dims` says of which
    arguments each replica has its own, as in `vmap`: a dimension, or None for an argument that all
    share; one for all arguments, or a tuple of one for each. Replica i's random streams begin as
    `manual_seed(seeds[i])` starts them, before `init(i)`: those that `seed` lists, or `seed + i`,
    or where there is none a first one drawn from the default stream.

    A step that has not been compiled yet is called for that, and what it changed is put back.

    RuntimeError for a step that changes what cannot be replicated: Python values, the grad mode of
    tensors, gradients that pile up in new places, and for an `init` that changes more than values.
    On a GPU a replica is a block, all in one launch; NotImplementedError for a step that takes more
    than one block.
    """
    if recordings.state.recorder is not None or recordings.state.running:
        raise RuntimeError("replicas in a compiled step: replicate the outer step instead")
    n = _count("n", n)
    if step.verify:
        raise RuntimeError(f"replicas: {step.name} is compiled with verify; leave it out for them")
    given, stacked = _split(n, args, in_dims)
    with step._lock:
        recording = warmed(step, given)
        _refuse(step, recording)
        return Replicas(step, recording, n, init, given, stacked, seed)


class Replicas:
    """Many trainings by one step; made by `step.replicas`.

    `done` is the number of steps that each has taken, `seeds` what their random streams began with.
    `errors` has, by the number of the replica, what went wrong in those that go no further:
    FloatingPointError for NaN or infinity, IndexError, RuntimeError.
    """

    def __init__(
        self,
        step: Any,
        recording: Recording,
        n: int,
        init: Any,
        args: Sequence[Any],
        stacked: dict[int, Array],
        seed: Any,
    ) -> None:
        self.step, self.recording, self.args = step, recording, args
        self._stacks = Stacks(n, recording, args, _given(recording, stacked))
        counting = Counts(recording)
        self.seeds = seeds_of(n, seed)
        self._chunks = Chunks(recording, self._stacks, counting, [counting.now()] * n)
        self.done, self.errors = self._chunks.done, self._chunks.errors
        self._ran = False
        with _left_alone(step, args, recording.generators, callable(init)):
            begin(self._chunks, init, self.seeds, self._why)

    def _why(self) -> str:
        """Why the recording does not serve a call as things are now; "" if it does."""
        if self.recording.fits(self.args, {}):
            return ""
        return self.recording.guards.why(self.args, {}) or "numbers of a parameter differ"

    def __len__(self) -> int:
        return self._stacks.n

    def __repr__(self) -> str:
        failed = f", {len(self.errors)} failed" if self.errors else ""
        return f"<{len(self)} replicas of {self.step.name}{failed}>"

    def __getitem__(self, t: Tensor) -> Array:
        """The values of a tensor of the step in all replicas, of shape (n, *t.shape)."""
        if not isinstance(t, Tensor):
            raise TypeError(f"replicas[t] takes a tensor of the step, got {type(t).__name__}")
        found = self._stacks.of(t)
        if found is None:
            raise KeyError("the step has nothing to do with this tensor")
        return found.copy()

    @property
    def result(self) -> Any:
        """What the step returned last, in its form, an array of (n, *shape) for each tensor.

        None before the first step.
        """
        if not self._ran and len(self):
            return None
        return self.recording.build_result([a.copy() for a in self._stacks.results()])

    def repeat(
        self,
        n: int,
        *,
        callback: Hook | None = None,
        until: Hook | None = None,
        every: int | None = None,
        history: int | None = None,
        progress: bool | Callable[[int, int], object] = False,
        nan_check: bool = True,
    ) -> Any:
        """Let each replica take `n` steps, on all cores; returns `result`.

        After every `every`-th step (each, if left out) `callback(k, result)` is called with the
        number k of steps done, and replicas where `until(k, result)` is true stop: it returns one
        bool for each, or one for all. With `history=k` the numbers (results of one element) of
        every k-th step are kept: returns `(result, history)`, the history in the form of the result
        with arrays of (replicas, steps) for numbers, NaN where a replica had ended, and None for
        all else. `progress`: a bar on stderr, or a function of (steps done, n).

        A replica that comes to NaN or infinity, or fails otherwise, ends there, at the step that
        did, and is among `errors`. With `nan_check=False` nobody looks. Ctrl-C raises
        KeyboardInterrupt after the chunk under way; what is done stays.
        """
        n = _count("repeat: n", n)
        stride = _count("repeat: every", 1 if every is None else every, least=1)
        hooked = callback is not None or until is not None
        kept = None
        if history is not None:
            kept = History(len(self), _count("repeat: history", history, least=1))
            if not self.recording.trace.scalars:
                raise ValueError("history keeps results of one element, the step returns none")
        going, done = self._alive(np.arange(len(self))), 0
        with telling(progress, n) as tell, self._chunks.workers() as pool:
            while done < n and going.size:
                end = min(n, done - done % stride + stride) if hooked else n
                taken = self._advance(going, end - done, nan_check, pool, kept)
                done += taken
                going = self._alive(going)
                tell(done)
                if hooked and done % stride == 0:
                    going = self._heard(done, going, callback, until)
        return self.result if kept is None else (self.result, self._columns(kept))

    def _advance(
        self, going: Array, room: int, nan_check: bool, pool: Any, kept: History | None
    ) -> int:
        """One chunk; the steps that it took."""
        with uninterrupted(), self.step._lock:
            now = self._chunks.counting.now()
            try:
                ran, rows = self._chunks.run(going, room, nan_check, pool)
            finally:
                self._chunks.counting.put(now)
            self._ran = True
            if kept is not None:
                kept.add(ran, rows)
        return int(rows.shape[1])

    def _columns(self, kept: History) -> Any:
        """A history in the form of the result."""
        leaves: list[Any] = [self.recording.made[i].leaf for i in self.recording.order]
        columns = iter(kept.columns(len(self.recording.trace.scalars)))
        found: list[Any] = [
            _cast(next(columns), leaf.kind.dtype.numpy) if math.prod(leaf.shape) == 1 else None
            for leaf in leaves
        ]
        empty = [from_numpy(np.empty(0)) for _ in leaves]
        return Results(self.recording.build_result(empty), others=False).build(found)

    def _alive(self, going: Array) -> Array:
        return np.array([i for i in going if int(i) not in self.errors], np.int64)

    def _heard(self, done: int, going: Array, callback: Any, until: Any) -> Array:
        """Call the hooks; those that go on."""
        result = self.result
        if callback is not None:
            callback(done, result)
        if until is None:
            return going
        ended = np.asarray(until(done, result), bool)
        if ended.shape not in ((), (len(self),)):
            raise ValueError(
                f"repeat: until must say of {len(self)} replicas which end, got shape {ended.shape}"
            )
        goes_on: Array = going[~np.broadcast_to(ended, len(self))[going]]
        return goes_on

    def best(self) -> int:
        """The replica whose first result is the smallest, of those that did not fail.

        RuntimeError where there is none, or the step returns no number first.
        """
        results = self._stacks.results()
        sound = self._alive(np.flatnonzero(self.done))
        if not results or results[0][:1].size != 1:
            raise RuntimeError("best() goes by a number that the step returns first")
        values = results[0].reshape(-1)[sound]
        sound = sound[np.isfinite(values)]
        if not sound.size:
            raise RuntimeError(f"no replica of {len(self)} has a result")
        return int(sound[np.argmin(results[0].reshape(-1)[sound])])

    def load(self, i: int) -> Any:
        """Put replica `i` into the tensors, optimizers, schedulers and streams of the step.

        They are then as if it had been trained alone: parameters, gradients, buffers, averages,
        counts, options. Returns what its last step returned, None if it took none. Arguments of
        which each replica has its own stay as they are. IndexError for a number out of range.
        """
        row = range(len(self))[operator.index(i)]
        with self.step._lock:
            self._fill_gradients()
            why = self._why()
            if why:
                raise RuntimeError(f"replicas: the step is another one by now ({why})")
            return self._load(row)

    def _fill_gradients(self) -> None:
        """Put gradients back that somebody has taken away: they are written anyway."""
        tensors = self.recording.binding.tensors(self.args, {})
        for m in self.recording.made[: self.recording.gradients]:
            if m.leaf is not None and tensors[m.owner]._grad is None:
                tensors[m.owner]._grad = zeros_like(tensors[m.owner])
                world.tensors += 1

    def _load(self, row: int) -> Any:
        stacks, recording = self._stacks, self.recording
        tensors, made = stacks.load(row)
        self._chunks.counting.put(self._chunks.counts[row])
        for generator, (seed, offset) in zip(
            recording.generators, self._chunks.streams[row], strict=True
        ):
            generator._seed, generator._offset = int(seed), int(offset)
        world.tensors += 1
        steps = int(self.done[row])
        return recording.leave(tensors, made, steps) if steps else None


@contextmanager
def _left_alone(
    step: Any, args: Sequence[Any], generators: Sequence[Any], changes: bool
) -> Iterator[None]:
    """What happens inside leaves no trace: in streams, and in all of the step if it `changes`."""
    if not changes:
        before: Any = Snapshot(
            (), (), (), (), {default_generator: None, **dict.fromkeys(generators)}
        )
    else:
        before = before_eager(step.fn, args, {}, generators)
    try:
        yield
    finally:
        before.restore()


def _cast(column: Array, dtype: Any) -> Array:
    """A column of a history in the type of the result, if that has NaN where it is needed."""
    whole = dtype.kind != "f" and bool(np.isnan(column).any())
    return column if whole else column.astype(dtype)


def _count(name: str, value: Any, least: int = 0) -> int:
    try:
        count = operator.index(value)
    except TypeError:
        raise TypeError(f"replicas: {name} must be an integer, got {value!r}") from None
    if count < least:
        raise ValueError(f"replicas: {name} must be at least {least}, got {count}")
    return count


def _split(n: int, args: Sequence[Any], in_dims: Any) -> tuple[list[Any], dict[int, Array]]:
    """The arguments of one replica, and those of which each has its own, as (n, size)."""
    dims = in_dims if isinstance(in_dims, (tuple, list)) else [in_dims] * len(args)
    if len(dims) != len(args):
        raise ValueError(f"replicas: in_dims says {len(dims)} dimensions of {len(args)} arguments")
    given, stacked = list(args), {}
    for k, (value, dim) in enumerate(zip(args, dims, strict=True)):
        if dim is None:
            continue
        if not isinstance(value, Tensor):
            raise TypeError(f"replicas: argument {k} has a dimension of replicas and is no tensor")
        d = operator.index(dim)
        if not -value.ndim <= d < value.ndim or value.shape[d] != n:
            raise ValueError(
                f"replicas: argument {k} of shape {tuple(value.shape)} has no dimension {d} of "
                f"{n} replicas"
            )
        rows = np.moveaxis(value.detach().cpu().numpy(), d, 0)
        stacked[k] = np.ascontiguousarray(rows).reshape(n, -1)
        one = value.detach().select(d, 0) if n else value.new_zeros(rows.shape[1:])
        given[k] = one.clone().requires_grad_(value.requires_grad)
    return given, stacked


def _given(recording: Recording, stacked: dict[int, Array]) -> dict[int, Array]:
    """The stacked arguments by their places among the arrays of the native function."""
    found = {}
    for place, index in recording.binding.inputs:
        path = recording.binding.known[index].path
        if path is not None and path[0] in stacked:
            if place in recording.written_places:
                raise RuntimeError(
                    f"replicas: the step writes to argument {path[0]}, of which each replica has "
                    "its own: give its values by init, as {tensor: values}"
                )
            rows = stacked[path[0]]
            buffer = recording.trace.buffers[recording.trace.arguments[place]]
            found[place] = rows.view(np.uint16) if buffer.dtype == "uint16" else rows
    return found


def _refuse(step: Any, recording: Recording) -> None:
    """RuntimeError, by name, for a step of which no replicas can be made."""
    recording.native.many()
    if recording.changes is not None:
        names = ", ".join(recording.changes.names()) or "Python values"
        raise RuntimeError(
            f"replicas: {step.name} changes {names}, which all replicas would share: count outside "
            "of the step, or in a tensor"
        )
    if not recording.repeats:
        raise RuntimeError(
            f"replicas: {step.name} leaves gradients elsewhere than it found them, so that it runs "
            "one step at a time: begin it with zero_grad()"
        )
    options = Counts(recording).tensors()
    if options:
        raise RuntimeError(
            f"replicas: {options[0]!r} of an optimizer is a tensor, which all replicas would "
            "share: make it a number"
        )
