"""The meaning of a Trace: its ops run in order, loops by the kernels of eager execution.

`build` may stand in the place of the real one. What it computes is what was recorded, bit for bit,
so it is the oracle for compiled steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from microgrest.kernels.cpu import elementwise, kinds, reduction
from microgrest.kernels.source.kind import word
from microgrest.kernels.steps.trace import (
    CONSTANT,
    FAILED,
    FINE,
    INDEX,
    TEMPORARY,
    Call,
    Loop,
    Native,
    Number,
    Part,
    Place,
    Slot,
    Trace,
    View,
)

Array = np.ndarray[Any, Any]


class Failure(Exception):
    """Something that may go wrong did: its number among those of the trace."""


def build(trace: Trace) -> Native:
    """The interpreter of a trace."""
    return Interpreter(trace)


class Interpreter(Native):
    """Runs the ops of a trace one by one."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.source = "# interpreted"
        self.report = {}
        self.memory: list[Any] = []

    def run(self, steps: int, numbers: Any, seeds: Any, history: Any, arrays: Sequence[Any]) -> int:
        """As Native.run."""
        trace = self.trace
        assert numbers.shape == (steps, trace.slots) and numbers.dtype == np.float64
        assert seeds.shape == (len(trace.counters), 2) and history.shape[0] == steps
        given = iter(arrays)
        self.memory = [
            np.array(b.data)
            if b.role == CONSTANT
            else np.full(b.size, _rubbish(b.dtype), b.dtype)
            if b.role == TEMPORARY
            else _checked(next(given), b)
            for b in trace.buffers
        ]
        try:
            for step in range(steps):
                self.numbers, self.seeds, self.step = numbers[step], seeds, step
                for op in trace.ops:
                    _RUN[type(op)](self, op)
                for column, place in enumerate(trace.scalars):
                    history[step, column] = self._value(place)
        except Failure as error:
            return int(step * len(trace.failures) + error.args[0] + FAILED)
        finally:
            self.memory = []
        return FINE

    def _value(self, place: Place) -> Any:
        array = self.array(place)
        return (array.view(np.float16) if array.dtype == np.uint16 else array)[0]

    def array(self, place: Place) -> Array:
        """The elements of a place."""
        array: Array = self.memory[place.buffer][place.offset : place.offset + place.size]
        return array

    def operand(self, x: Any) -> Any:
        """What a kernel takes for an operand."""
        if isinstance(x, Slot):
            return float(self.numbers[x.column])
        if isinstance(x, Number):
            return x.value
        return elementwise.View(self.memory[x.buffer], x.offset, x.strides)

    def loop(self, op: Loop) -> None:
        """A map by the strided kernel, or by the flat one; a fold by the kernel that eager has."""
        if not any(out.reduce for out in op.program.outputs):
            if len(op.shape) == 1 and self._flat(op):
                return
            views = [self.operand(x) for x in op.outputs]
            elementwise.launch(op.program, op.shape, [self.operand(x) for x in op.inputs], views)
        elif len(op.shape) == 1:
            assert self._flat(op)
        else:
            self._fold(op)

    def _flat(self, op: Loop) -> bool:
        (n,) = op.shape
        letters, operands = "", []
        for x in (*op.inputs, *op.outputs):
            if isinstance(x, View):
                if x.strides[0] not in (0, 1):
                    return False
                size = n if x.strides[0] else 1
                operands.append(self.array(Place(x.buffer, x.offset, size)))
                letters += "v" if x.strides[0] else "x"
            else:
                operands.append(self.operand(x))
                letters += "f" if isinstance(operands[-1], float) else "i"
        k = len(op.inputs)
        stores = "".join(
            "r" if out.reduce else c for out, c in zip(op.program.outputs, letters[k:], strict=True)
        )
        aliased = [op.inputs.index(x) if x in op.inputs else None for x in op.outputs]
        stores = "".join(c if a is None else str(a) for c, a in zip(stores, aliased, strict=True))
        own = [x for x, a in zip(operands[k:], aliased, strict=True) if a is None]
        if "v" not in letters[:k] + stores and n != 1:
            return False
        kernel = elementwise.compiled(op.program, letters[:k] + stores, 0, n)
        kernel(*operands[:k], *own)
        return True

    def _fold(self, op: Loop) -> None:
        (x,), (out,) = op.inputs, op.outputs
        at = next(d for d, s in enumerate(out.strides) if s == 0 and x.strides[d])
        outer, n, inner = math.prod(op.shape[:at]), op.shape[at], math.prod(op.shape[at + 1 :])
        source = self.array(Place(x.buffer, x.offset, outer * n * inner))
        target = self.array(Place(out.buffer, out.offset, outer * inner))
        reduction.fold(op.program, source, target, outer, n, inner)

    def call(self, op: Call) -> None:
        """By what its kind means; by the kernel of eager execution where that rounds otherwise."""
        kind, operands = op.kind, [*map(self.seen, op.operands)]
        places = dict(zip((o.name for o in kind.operands(op.params)), operands, strict=True))
        for index, limit in kind.limits(op.params, op.metas, op.sizes).items():
            if places[index].min() < 0 or places[index].max() >= limit:
                raise Failure(self.trace.failures.index(INDEX))
        stream: tuple[Any, ...] = ()
        if kind.draws is not None:
            seed, start = (int(number) for number in self.seeds[op.stream])
            counter = start + self.step * self.trace.counters[op.stream] + op.counter
            stream = word(seed), word(counter)
        given = *stream, *op.sizes, *op.values
        if kind.exact(op.params):
            arrays = [_strided(*x) if isinstance(x, tuple) else x for x in operands]
            kind.oracle(op.params, *arrays, *given)
        else:
            kinds.kernel(kind, op.params)(*operands, *given)

    def seen(self, x: Place | Part) -> Any:
        """An operand as eager execution has it."""
        if isinstance(x, Part):
            return self.memory[x.buffer], x.offset, x.shape, x.strides
        return self.array(x)


_RUN: dict[type, Callable[[Interpreter, Any], None]] = {
    Loop: Interpreter.loop,
    Call: Interpreter.call,
}


def _strided(array: Array, offset: int, shape: Any, strides: Any) -> Array:
    size = array.itemsize
    return np.ndarray(shape, array.dtype, array, offset * size, [s * size for s in strides])


def _checked(array: Any, buffer: Any) -> Any:
    assert array.dtype.name == buffer.dtype and array.ndim == 1, buffer
    return array


def _rubbish(dtype: str) -> Any:
    """What shows where memory is read that nothing wrote."""
    return np.nan if dtype.startswith("float") else 1 if dtype == "bool" else 99
