"""Recorder: what a thread computes, as a Trace.

It watches the kernels (`kernel_standins`), so it sees forward and backward passes, optimizers,
views and in-place writes alike, as eager execution does them. An array that an op meets is a place
in a buffer (`buffers`), a number that an optimizer's rule gave (`number_slots`) is a slot.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from ...kernels.source.kind import Kind
from ...kernels.source.matrices import strides_of
from ...kernels.source.program import Input, Output, Program
from ...kernels.steps.spelled import parts
from ...kernels.steps.trace import (
    CONSTANT,
    TEMPORARY,
    Buffer,
    Call,
    Loop,
    Number,
    Op,
    Operand,
    Part,
    Place,
    Slot,
    Trace,
    View,
)
from ...recording import state
from .buffers import Buffers
from .kernel_standins import Slotted, written
from .number_slots import NumberSlots

_HERE = str(Path(__file__).parents[2]) + os.sep
_PROGRAMS = _HERE + "cli" + os.sep  # a program written on the library
_STANDARD = os.path.dirname(os.__file__) + os.sep
_INSTALLED = ("site-packages", "dist-packages")
# Python's protocols, which a program uses without naming a function of the library.
_PROTOCOLS = ("values.py", "python.py", "printing.py", "tensor.py")
# What to do instead of giving a function a tensor where it needs a number, or a decision.
_INSTEAD = {
    "tensor": "torch.stack makes one tensor of several",
    "add": "alpha has to be a number: write x + t * y",
    "sub": "alpha has to be a number: write x - t * y",
    "clip_grad_norm_": "leave error_if_nonfinite out, for repeat looks for NaN and infinity",
    "get_total_norm": "leave error_if_nonfinite out, for repeat looks for NaN and infinity",
    "full": "t.expand(shape) has one value everywhere",
    "allclose": "",
    "equal": "",
}
_NUMBER = "it needs a number, which no tensor of the step can give: compute it outside of the step"


class Recorder:
    """Notes what runs between `watching(recorder)` and its end; then `trace`.

    `numbers` has what optimizers and schedulers did; `generators` the streams that were drawn from,
    each with its offset at the beginning; `lines` the source line that first wrote each buffer.
    """

    def __init__(self, name: str, lenient: bool = False) -> None:
        self.name = name
        self.memory = Buffers(lenient)
        self.ops: list[Op] = []
        self.numbers = NumberSlots()
        self.generators: list[tuple[Any, int]] = []
        self.lines: dict[int, str] = {}
        self.starts: Mapping[Any, int] = {}  # where tensors in storages of their own began
        self.device = ""
        self._drawing: Any = None

    # What the library tells

    def inputs(self, numbers: Sequence[float], source: Any) -> tuple[Slotted, ...]:
        """Numbers that an optimizer computes anew at each step, each with its slot."""
        return self.numbers.inputs(numbers, source)

    def scheduled(self, scheduler: Any, *epoch: Any) -> None:
        """A scheduler is about to step, which Python does ahead of the steps that follow."""
        self.numbers.schedulers.append(scheduler)
        self.numbers.events.append(partial(scheduler.step, *epoch))

    def drawing(self, generator: Any) -> None:
        """The next draw is from `generator`."""
        self._drawing = generator
        if all(known is not generator for known, _ in self.generators):
            self.generators.append((generator, generator._offset))

    def start(self, storage: Any) -> int:
        """Where a tensor's storage begins in the one that it was a part of before the step.

        Someone asks for it, so the recording is good for this one place.
        """
        self.memory.overlaps |= storage in self.starts
        return self.starts.get(storage, 0)

    def refuse(self, what: str, remedy: str) -> NoReturn:
        """RuntimeError: what cannot be recorded, where in the user's program, and the remedy."""
        where = source_line(full=True)
        name, taken = _called(), " takes the values of a tensor"
        if name and taken in what:
            what = f"{name}(){what[what.index(taken) :]}"
            remedy = remedy if state.function else _INSTEAD.get(name, _NUMBER) or remedy
        raise RuntimeError(f"{what} at {where}, which cannot be part of a compiled step: {remedy}")

    def made(self, array: Any) -> None:
        """New memory."""
        self.memory.make(array)

    def ran(self, function: str, *args: Any) -> None:
        """A kernel ran."""
        op = getattr(self, f"_{function}")(*args)
        if op is None:
            return
        op.line = source_line()
        self.ops += self._composed(op) if isinstance(op, Call) and op.kind.composed else [op]
        for array in written(function, args):
            index, _ = self.memory.locate(array)
            self.lines.setdefault(index, op.line)
            buffer = self.memory.buffers[index]
            buffer.name = buffer.name or op.name

    # Loops

    def _compiled(self, program: Program, layout: str, operands: Sequence[Any]) -> Loop | None:
        k = len(program.inputs)
        letters, stores = layout[:k], layout[k:]
        n = _length(layout, operands)
        if not n and "r" not in stores:
            return None
        inputs = tuple(
            self._number(x) if c in "fi" else self._view(x, (c == "v",))
            for x, c in zip(operands, letters, strict=False)
        )
        own = iter(operands[k:])
        outputs = tuple(
            self._view(operands[int(c)], (1,))
            if c.isdigit()
            else self._view(next(own), (c == "v",))
            for c in stores
        )
        return Loop(program.name, program, (n,), inputs, outputs)

    def _launch(
        self, program: Program, shape: Sequence[int], operands: Sequence[Any], outs: Sequence[Any]
    ) -> Loop | None:
        if 0 in shape:
            return None
        inputs = tuple(
            self._view(x[0], x[2], x[1]) if isinstance(x, tuple) else self._number(x)
            for x in operands
        )
        outputs = tuple(self._view(x[0], x[2], x[1]) for x in outs)
        return Loop(program.name, program, tuple(shape), inputs, outputs)

    def _fold(
        self, program: Program, x: Any, out: Any, outer: int, n: int, inner: int
    ) -> Loop | None:
        """The middle axis folded; the others are left out where they have one element."""
        if not out.size:
            return None
        axes = [(outer, n * inner, inner), (n, inner, 0), (inner, 1, 1)]
        axes = [axis for i, axis in enumerate(axes) if i == 1 or axis[0] != 1]
        shape, read, stored = (tuple(column) for column in zip(*axes, strict=True))
        return Loop(
            program.name, program, shape, (self._view(x, read),), (self._view(out, stored),)
        )

    def _fill(self, array: Any, value: Any) -> Loop | None:
        half = array.dtype == np.uint16
        number = float(np.uint16(value).view(np.float16)) if half else np.asarray(value).item()
        return self._copied("fill", array, Number(number))

    def _repeat(self, array: Any, source: Any) -> Loop | None:
        return self._copied("expand", array, self._view(source, (0,)))

    def _copy(self, array: Any, source: Any) -> Loop | None:
        return self._copied("copy", array, self._view(source, (1,)))

    def _from_host(self, array: Any, source: Any, blocking: bool = True) -> Loop | None:
        """Data that Python made in the step are the same in every step."""
        data = np.array(source).reshape(-1)
        buffer = Buffer(data.dtype.name, data.size, CONSTANT, "constant", data)
        constant = View(self.memory.add(buffer), 0, (1,))
        return self._copied("constant", array, constant)

    def copy_over(self, array: Any, source: Any) -> None:
        """Note a copy that runs at the end of the step."""
        op = self._copy(array, source)
        if op is not None:
            self.ops.append(op)

    def _copied(self, name: str, array: Any, source: Operand) -> Loop | None:
        if not array.size:
            return None
        program = _copying(name, array.dtype.name)
        return Loop(name, program, (array.size,), (source,), (self._view(array, (1,)),))

    def _view(self, array: Any, strides: Sequence[int], offset: int = 0) -> View:
        """Where an operand lies, from element `offset` of `array` on."""
        self._note_device(array)
        index, start = self.memory.locate(array)
        return View(index, start + offset, tuple(map(int, strides)))

    def _number(self, x: Any) -> Operand:
        return Slot(x.slot) if isinstance(x, Slotted) else Number(x)

    def _place(self, array: Any) -> Place:
        view = self._view(array, ())
        return Place(view.buffer, view.offset, array.size)

    def _note_device(self, array: Any) -> None:
        """A step runs on one device, "cpu" or "cuda:0"."""
        place = getattr(array, "device", None)
        # On the simulator and from NumPy 2 on arrays have a device, too.
        device = "cpu" if isinstance(place, (str, type(None))) else f"cuda:{place.index}"
        if self.device and device != self.device:
            self.refuse(
                f"the step computes on {self.device} and on {device}", "move its tensors to one"
            )
        self.device = device

    # Calls of kernel kinds

    def _run(
        self,
        kind: Kind,
        params: Any,
        operands: Sequence[Any],
        sizes: tuple[int, ...] = (),
        values: tuple[Any, ...] = (),
    ) -> Call | None:
        return self._called(kind, params, operands, sizes, values)

    def _draw(
        self, kind: Kind, params: Any, out: Any, seed: int, counter: int, values: Any = ()
    ) -> Call | None:
        op = self._called(kind, params, [out], (), values)
        if op is not None:
            streams = [generator for generator, _ in self.generators]
            op.stream = next(i for i, g in enumerate(streams) if g is self._drawing)
            op.counter = counter - self.generators[op.stream][1]
        return op

    def _called(
        self, kind: Kind, params: Any, operands: Sequence[Any], sizes: Any, values: Any
    ) -> Call | None:
        """A call, unless it has nothing to write, or no positions to do something at."""
        if kind.eager_only:
            self.refuse(f"{kind.label(params)} {kind.eager_only}", "call it outside of the step")
        roles, parts = kind.operands(params), [*map(self._operand, operands)]
        written = [x.size for o, x in zip(roles, parts, strict=True) if o.writes]
        positions = {index for index, _ in kind.indices}
        found = [x.size for o, x in zip(roles, parts, strict=True) if o.name in positions]
        if not any(written) or (found and not any(found)):
            return None
        return Call(kind.label(params), kind, params, tuple(parts), sizes, values)

    def _composed(self, op: Call) -> list[Op]:
        """The ops that a call stands for."""
        assert op.kind.loops is not None
        spelled = op.kind.loops(op.params, op.metas)
        assert spelled is not None
        add = self.memory.add
        return parts(op, spelled, lambda dtype, n: add(Buffer(dtype, n, TEMPORARY, op.name)))

    def _operand(self, x: Any) -> Place | Part:
        """Where an operand lies: a flat array, or one with offset, shape and strides."""
        if x.__class__ is not tuple:
            return self._place(x)
        view = self._view(x[0], strides_of(x[1:]), x[1])
        return Part(view.buffer, view.offset, tuple(x[2]), view.strides)

    # The result

    def trace(self, scalars: Sequence[Place]) -> Trace:
        """All that was noted."""
        counters = tuple(g._offset - start for g, start in self.generators)
        return Trace(
            self.name,
            self.device or "cpu",
            self.memory.buffers,
            self.ops,
            self.numbers.slots,
            counters,
            scalars,
        )


def _length(layout: str, operands: Sequence[Any]) -> int:
    """n of a flat layout: the size of its first array of n elements, else 1."""
    letters = [c for c in layout if not c.isdigit()]
    sizes = [x.size for x, c in zip(operands, letters, strict=True) if c == "v"]
    return int(sizes[0]) if sizes else 1


@lru_cache(maxsize=256)
def _copying(name: str, dtype: str) -> Program:
    """The Program that stores what it loads; the array type uint16 has float16's bits."""
    stored = "float16" if dtype == "uint16" else dtype
    loaded = "float32" if stored == "float16" else dtype
    return Program(name, (Input("x", stored, loaded),), (), (Output(0, stored),))


def source_line(full: bool = False) -> str:
    """The nearest source line outside this package, "fit.py:12"."""
    frame: Any = sys._getframe(2)
    while frame.f_back is not None and _is_ours(frame.f_code.co_filename):
        frame = frame.f_back
    name = frame.f_code.co_filename
    return f"{name if full else os.path.basename(name)}:{frame.f_lineno}"


def _called() -> str:
    """The function of the library that the program called; "" where it is one of `_PROTOCOLS`."""
    frame: Any = sys._getframe(2)
    names: list[str] = []
    while frame is not None and _is_ours(frame.f_code.co_filename):
        if frame.f_code.co_name not in ("called", "renamed"):  # wrappers
            names.append(frame.f_code.co_name)
            protocol = os.path.basename(frame.f_code.co_filename) in _PROTOCOLS
        frame = frame.f_back
    if not names or protocol or names[-1].startswith("_") or names[-1] == "getitem":
        return ""
    return names[-1]


@lru_cache(maxsize=4096)
def _is_ours(filename: str) -> bool:
    """Whether a file is the library's, or Python's own, and no program."""
    if filename.startswith(_HERE):
        return not filename.startswith(_PROGRAMS)
    standard = filename.startswith(_STANDARD) and not any(name in filename for name in _INSTALLED)
    return standard or filename.startswith("<frozen")
