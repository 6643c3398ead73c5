"""Trace: a recorded step, as plain data. What ran, in order, over buffers that stand for memory.

A recording of eager execution gives a Trace; `build` of a target makes a native function of it.
There are two ops: a loop over a Program, and a call of a kernel kind, which says the rest.
Buffers are numbered; operands say where in them they lie, in elements. Ops ran one after the other,
and every one may read what those before it wrote: a Trace has the meaning of its ops run in order.

    buffer 0 float32[2000] input "x"      buffer 2 float32[1] temporary
    buffer 1 float32[1] input "a"         buffer 3 float32[1] output

    Loop square_sum over (2000,): 0 -> fold 2
    Loop sgd over (1,): 1, 2, slot 0 -> 1
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ..source.kind import Kind, Meta, Metas, Sizes, elements
from ..source.program import Program
from .many import Many

# What a buffer is. An `input` existed before the step; an `output` is made in it and outlives it; a
# `temporary` does not; a `constant` holds `data` that Python made in the step.
INPUT, OUTPUT, TEMPORARY, CONSTANT = "input", "output", "temporary", "constant"


@dataclass(slots=True)
class Buffer:
    """Flat memory of `size` elements of type `dtype` (what NumPy calls it; float16 is "uint16").

    `name` is for people: a parameter's, an argument's, or what the op that made it is called.
    """

    dtype: str
    size: int
    role: str
    name: str
    data: Any = None


class Slot(NamedTuple):
    """A number that changes between steps: column `column` of the table of numbers, a float64."""

    column: int


class Number(NamedTuple):
    """A Python number, an int or a float, that is part of the recording."""

    value: Any


class View(NamedTuple):
    """Where an operand lies: elements of a buffer from `offset` on, by `strides` over a shape."""

    buffer: int
    offset: int
    strides: tuple[int, ...]


class Place(NamedTuple):
    """Contiguous elements of a buffer, from `offset` on."""

    buffer: int
    offset: int
    size: int

    @property
    def meta(self) -> Meta:
        """As a kernel kind knows it."""
        return self.size


class Part(NamedTuple):
    """Elements of a buffer that a call sees strided: those of a shape, from `offset` on."""

    buffer: int
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def meta(self) -> Meta:
        """As a kernel kind knows it."""
        return self[1:]

    @property
    def size(self) -> int:
        """How many they are."""
        return elements(self.meta)


Operand = View | Number | Slot


@dataclass(slots=True)
class Op:
    """Something that ran. `line` is the source line that caused it, "fit.py:12", for people."""

    name: str
    line: str = field(default="", kw_only=True)


@dataclass(slots=True)
class Loop(Op):
    """A Program run over `shape`.

    An output that the Program reduces has stride 0 in the dimensions that are folded, and those
    are all dimensions over which it does not vary; {n} in its `final` is their extent. Operands
    that are written are read at the same element only.
    """

    program: Program
    shape: tuple[int, ...]
    inputs: tuple[Operand, ...]
    outputs: tuple[View, ...]


@dataclass(slots=True)
class Call(Op):
    """A call of a kernel kind; see `source.kind` for what it has.

    One that draws does so from counter `counter` of this step on, of generator number `stream`.
    Positions are int64. Where one is out of range the call does nothing, and the step fails.
    """

    kind: Kind
    params: Any
    operands: tuple[Place | Part, ...]
    sizes: Sizes = ()
    values: tuple[Any, ...] = ()
    stream: int = 0
    counter: int = 0

    @property
    def metas(self) -> Metas:
        """What is known of the operands without their memory."""
        return tuple([p.meta for p in self.operands])


# What a native function returns where nothing went wrong, and on a GPU for the first failure.
FINE, FAILED = 0, 1
INDEX = "an index is out of range"


@dataclass(slots=True)
class Trace:
    """A recorded step.

    `slots` is the number of columns in the table of numbers; `counters` how many counters each
    generator gives to a step; `scalars` the results of one element, in the order of the history's
    columns. `held` are the positions in `arguments` of memory that is the same in many calls.
    """

    name: str
    device: str
    buffers: list[Buffer]
    ops: list[Op]
    slots: int = 0
    counters: tuple[int, ...] = ()
    scalars: Sequence[Place] = ()
    held: Sequence[int] = ()

    @property
    def failures(self) -> tuple[str, ...]:
        """What may go wrong in a step: an index out of range, and what kinds say, each once."""
        kinds = [op.kind for op in self.ops if isinstance(op, Call)]
        return tuple(dict.fromkeys(text for kind in kinds for text in failures_of(kind)))

    def failed(self, code: int) -> tuple[int, str]:
        """The number of the step that failed, the first being 1, and what went wrong.

        A native function returns these as one number.
        """
        step, which = divmod(code - FAILED, len(self.failures))
        return step + 1, self.failures[which]

    @property
    def arguments(self) -> list[int]:
        """The buffers that a native function takes, in its order: inputs and outputs."""
        return [i for i, b in enumerate(self.buffers) if b.role in (INPUT, OUTPUT)]


def failures_of(kind: Kind) -> tuple[str, ...]:
    """What may go wrong in a call, in the order of their numbers."""
    return (*((INDEX,) if kind.indices else ()), *kind.fails)


Run = Callable[[int, Any, Any, Any, Sequence[Any]], int]


class Native:
    """What `build(trace)` of a target returns.

        run(steps, numbers, seeds, history, arrays) -> FINE, or a number for `trace.failed`

    `steps` >= 1. `numbers` is float64 of shape (steps, slots), `seeds` uint64 of shape (generators,
    2): seed, and the counter at which the first step begins; `history` is float64 of shape
    (steps, scalars), filled with the scalar results after each step. `arrays` are flat arrays (on a
    GPU, spans), one for each of `trace.arguments`; inputs are read and written where they are.

    A step fails where an index is out of range, or a kind says so. It ends there, and is the last;
    on a GPU all go on, calls do nothing from there on, and it counts as the first.
    """

    source: str  # the text that runs
    work: Sequence[Any]  # what each loop takes, see `report.Work`
    target: str  # where and how it runs, for people

    def run(self, steps: int, numbers: Any, seeds: Any, history: Any, arrays: Sequence[Any]) -> int:
        """Run `steps` steps."""
        raise NotImplementedError

    def bind(self, arrays: Sequence[Any]) -> Run:
        """`run` for calls whose held arrays are those among `arrays`: see `Trace.held`."""
        return self.run

    def along(
        self,
        numbers: Any,
        seeds: Any,
        history: Any,
        arrays: Sequence[Any],
        moving: Mapping[int, Any],
        trace: Trace,
    ) -> int:
        """Run one step a row of `numbers`, as `run` of each would, each on other memory.

        `moving` has, by positions in `arrays`, what the steps take there, one after the other in
        one flat array. Returns what one `run` would whose steps these were.
        """
        given, seeds, run = [*arrays], seeds.copy(), self.bind(arrays)
        counters = np.array(trace.counters, np.uint64)
        for s in range(len(numbers)):
            for position, whole in moving.items():
                size = len(whole) // len(numbers)
                given[position] = whole[s * size : (s + 1) * size]
            code = run(1, numbers[s : s + 1], seeds, history[s : s + 1], given)
            if code != FINE:
                return s * len(trace.failures) + code
            seeds[:, 1] += counters
        return FINE

    def many(self, index: int | None = None) -> Many:
        """What runs replicas of the step, on a GPU of that number if it is a step of one.

        NotImplementedError where there is nothing that does.
        """
        return Many(self.run)
