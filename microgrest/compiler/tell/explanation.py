"""explain: what a recording does and what it costs, as data and as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from ... import cuda
from ...kernels.steps import trace as t
from ...kernels.steps.report import Work
from ..replay import Recording
from . import machine_rates as machine

Array = np.ndarray[Any, Any]
ROUND, SECONDS = 2e-3, 0.06  # of one timed round, and of all together
MOST = 10_000  # steps in a round


class Ran(NamedTuple):
    """An op that was recorded: the source line that caused it, "fit.py:12", its name, its shape."""

    line: str
    name: str
    shape: tuple[int, ...]


class Memory(NamedTuple):
    """A buffer: its name in the user's terms, element type, number of elements, and role.

    The role is "input" for what was there before the step, "output", "constant" or "temporary".
    """

    name: str
    dtype: str
    size: int
    role: str


@dataclass(frozen=True)
class Explanation:
    """What a step does. `str()` of it is a report.

    `ops` is what was recorded, in order, `work` what runs, and which ops each part was fused of.
    `memory` names all buffers of the recording; `scratch` is the bytes that temporaries still take,
    which fusion did not remove. `guards` are what the recording rests on.

    `read`, `written` (bytes) and `operations` are those of one step, repeated; `seconds` is what it
    was measured to take. `copy_rate` (bytes a second) and `arithmetic_rate` (operations a second)
    are what a copy of about as many bytes and a loop of multiply-adds reach on this machine.
    """

    name: str
    device: str
    target: str
    ops: tuple[Ran, ...]
    work: tuple[Work, ...]
    memory: tuple[Memory, ...]
    scratch: int
    guards: tuple[str, ...]
    read: int
    written: int
    operations: int
    copy_rate: float
    arithmetic_rate: float
    seconds: float

    @property
    def copy_seconds(self) -> float:
        """The time in which a copy moves the bytes of a step."""
        return (self.read + self.written) / self.copy_rate

    @property
    def arithmetic_seconds(self) -> float:
        """The time in which multiply-adds do the operations of a step."""
        return self.operations / self.arithmetic_rate

    def __str__(self) -> str:
        sections = (self._head(), self._recorded(), self._fused(), self._memory())
        guarded = ("guards", *map(_short, self.guards))
        return "\n\n".join("\n  ".join(lines) for lines in (*sections, guarded, self._cost()))

    def _head(self) -> Iterator[str]:
        each = sum(not work.once for work in self.work)
        yield f"{self.name}: {len(self.ops)} recorded ops, run as {each} parts a step"
        yield f"on {self.target}"

    def _recorded(self) -> Iterator[str]:
        yield "recorded ops, by source line"
        for line, ran in groupby(self.ops, key=lambda op: op.line):
            yield f"{line or 'after the step'}: {_counted([op.name for op in ran])}"

    def _fused(self) -> Iterator[str]:
        yield "what runs, and what it was fused of"
        for work in self.work:
            when = "once, before the first step: " if work.once else ""
            yield (
                f"{when}{work.what}; reads {_bytes(work.read)}, writes {_bytes(work.written)}, "
                f"{work.operations:,} operations"
            )
            yield from (f"    {origin}" for origin in work.origins)

    def _memory(self) -> Iterator[str]:
        yield "memory"
        temporaries = [m for m in self.memory if m.role == t.TEMPORARY]
        for m in self.memory:
            if m.role != t.TEMPORARY:
                yield f"{m.name}: {m.dtype}[{m.size:,}], {m.role}"
        left = _bytes(self.scratch) if self.scratch else "none"
        yield f"{len(temporaries)} temporaries, of which fusion leaves {left}"

    def _cost(self) -> Iterator[str]:
        moved, computed = _bytes(self.read + self.written), f"{self.operations:,} operations"
        yield f"a step takes {_time(self.seconds)}, measured"
        yield (
            f"it reads {_bytes(self.read)} and writes {_bytes(self.written)}; a copy moves {moved} "
            f"in {_time(self.copy_seconds)} ({_bytes(self.copy_rate)} a second)"
        )
        yield (
            f"it computes {computed}; multiply-adds do so many in {_time(self.arithmetic_seconds)} "
            f"({self.arithmetic_rate / 1e9:.3g}e9 a second)"
        )


def explain(recording: Recording, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Explanation:
    """All about a recording.

    A step is measured on copies of the tensors that a call with these arguments would use; on zeros
    where they are not those of the recording. Nothing changes but the copies.
    """
    trace, native = recording.trace, recording.native
    each = [work for work in native.work if not work.once]
    read, written = sum(work.read for work in each), sum(work.written for work in each)
    touched = _footprint(trace)
    return Explanation(
        trace.name,
        trace.device,
        native.target,
        tuple(Ran(op.line, op.name, _shape(trace, op)) for op in trace.ops),
        tuple(native.work),
        tuple(Memory(b.name, _dtype(b.dtype), b.size, b.role) for b in trace.buffers),
        _scratch(native),
        tuple(dict.fromkeys(recording.guards.describe())),
        read,
        written,
        sum(work.operations for work in each),
        machine.copy_rate(trace.device, touched),
        machine.arithmetic_rate(trace.device, touched),
        measured(recording, args, kwargs),
    )


def _shape(trace: t.Trace, op: Any) -> tuple[int, ...]:
    """The extents of an op: of a loop those it runs over, of another op those of its result."""
    if isinstance(op, t.Loop):
        return op.shape
    if isinstance(op, t.Product):
        return op.problem.batch, op.problem.m, op.problem.n
    if isinstance(op, t.Sweep):
        return op.extents
    if isinstance(op, t.Search):
        return (op.values.size,)
    return (op.out.size,)


def _dtype(stored: str) -> str:
    return "float16" if stored == "uint16" else stored


def _footprint(trace: t.Trace) -> int:
    """Bytes of all that a step gets to see."""
    return sum(_nbytes(b.dtype, b.size) for b in trace.buffers if b.role != t.TEMPORARY)


def _scratch(native: Any) -> int:
    """Bytes of what a step keeps for itself: its plan tells, or on a GPU its memory."""
    on_cpu = hasattr(native, "plan")
    arrays = native.plan.arrays if on_cpu else native.memory.scratch
    return sum(_nbytes(dtype, size) for dtype, size in arrays)


def _nbytes(dtype: str, size: int) -> int:
    return np.dtype(dtype).itemsize * size


# Measuring


def measured(recording: Recording, args: Sequence[Any], kwargs: Mapping[str, Any]) -> float:
    """The median seconds of a step in runs of many, on copies."""
    where = recording.trace.device
    arrays = copies(recording, args, kwargs)
    seeds = np.zeros((len(recording.generators), 2), np.uint64)

    def act(steps: int) -> float:
        numbers = recording.numbers.tabulated(steps)
        history = np.empty((steps, len(recording.trace.scalars)))

        def run() -> int:
            return recording.native.run(steps, numbers, seeds, history, arrays)

        return machine.timed(run, machine.waiting(where), 1) / steps

    act(1)
    once = act(1)
    steps = min(MOST, max(1, int(ROUND / once)))
    rounds = max(3, min(25, int(SECONDS / (steps * once))))
    return median(act(steps) for _ in range(rounds))


def copies(recording: Recording, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
    """New arrays for all that the native function takes, with the values of inputs."""
    trace = recording.trace
    fits = recording.fits(args, kwargs)
    binding = recording.binding
    given = binding.arrays(binding.tensors(args, kwargs)) if fits else [None] * len(trace.arguments)
    kernels = _kernels_of(trace.device)
    memory = kernels.memory
    copy = memory.from_host if trace.device == "cpu" else memory.copy
    made = []
    for source, index in zip(given, trace.arguments, strict=True):
        buffer = trace.buffers[index]
        array = memory.allocator(np.dtype(buffer.dtype), _index(trace.device))(buffer.size)
        if source is None:
            kernels.filling.fill(array, np.dtype(buffer.dtype).type(0))
        else:
            copy(array, source)
        made.append(array)
    return made


def _kernels_of(where: str) -> Any:
    if where == "cpu":
        from ...kernels import cpu

        return cpu
    return cuda.kernels()


def _index(where: str) -> int:
    return int(where.partition(":")[2] or 0)


# Words

# What is so of nearly every tensor, and need not be told of each.
USUAL = ("class Tensor, ", ", strides contiguous", ", offset 0", ", graph a leaf", ", hooks ()")


def _short(guard: str) -> str:
    for phrase in USUAL:
        guard = guard.replace(phrase, "")
    return guard


def _counted(names: Sequence[str]) -> str:
    """Names in order, each run of the same one counted."""
    runs = [(name, len(list(group))) for name, group in groupby(names)]
    return ", ".join(name if count == 1 else f"{name} x {count}" for name, count in runs)


def _bytes(n: float) -> str:
    for unit in ("B", "kB", "MB"):
        if n < 1000:
            return f"{n:.3g} {unit}"
        n /= 1000
    return f"{n:.3g} GB"


def _time(seconds: float) -> str:
    for unit, size in (("ns", 1e-9), ("us", 1e-6), ("ms", 1e-3)):
        if seconds < 1000 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"
