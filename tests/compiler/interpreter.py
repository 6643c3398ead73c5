"""The meaning of a Trace: its ops run in order, by the kernels of eager execution.

`build` may stand in the place of the real one. What it computes is what was recorded, bit for bit,
so it is the oracle for compiled steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from microgrest.kernels.cpu import contraction, elementwise, indexing, random, reduction, scan
from microgrest.kernels.steps.trace import (
    CONSTANT,
    FINE,
    TEMPORARY,
    Loop,
    Move,
    Native,
    Number,
    Place,
    Product,
    Random,
    Search,
    Slot,
    Sweep,
    Trace,
    View,
)

Array = np.ndarray[Any, Any]


class OutOfRange(Exception):
    """A position that is not in its array."""


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
        except OutOfRange:
            return step + 1
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

    def product(self, op: Product) -> None:
        """By NumPy's matmul."""
        p = op.problem
        assert p.total == p.batch * p.k
        a, b, out = (
            self._matrix(buffer, place.at, shape, strides)
            for buffer, place, shape, strides in (
                (op.a, p.a, (p.batch, p.m, p.k), (p.a.batch, p.a.line, p.a.step)),
                (op.b, p.b, (p.batch, p.k, p.n), (p.b.batch, p.b.step, p.b.line)),
                (op.out, p.out, (p.batch, p.m, p.n), (p.out.batch, p.out.line, p.out.step)),
            )
        )
        contraction.matmul(a, b, out)

    def _matrix(self, buffer: int, at: int, shape: Any, strides: Any) -> Any:
        """With the dimensions that eager had: a batch of one is a matrix."""
        if shape[0] == 1:
            shape, strides = shape[1:], strides[1:]
        return self.memory[buffer], at, shape, strides

    def sweep(self, op: Sweep) -> None:
        """By the scan of eager execution."""
        read, stored = (list(map(self.array, places)) for places in (op.inputs, op.outputs))
        scan.scan(op.program, read, stored, *op.extents)

    def search(self, op: Search) -> None:
        """By the search of eager execution."""
        places = map(self.array, (op.x, op.values, op.indices))
        reduction.search(op.name, op.better, op.dtype, *places, op.n)

    def move(self, op: Move) -> None:
        """By the kernel, once all positions are known to be in range."""
        x, index, out = map(self.array, (op.x, op.index, op.out))
        if index.min() < 0 or index.max() >= x.size:
            raise OutOfRange
        getattr(indexing, op.name)(x, index, out)

    def random(self, op: Random) -> None:
        """By the draw of eager execution, from the counter of this step on."""
        seed, start = (int(word) for word in self.seeds[op.stream])
        offset = start + self.step * self.trace.counters[op.stream] + op.counter
        out = self.array(op.out)
        if op.request is None:
            random.permutation(out, seed, offset)
        else:
            random._fill(out, seed, offset, op.request)


_RUN: dict[type, Callable[[Interpreter, Any], None]] = {
    Loop: Interpreter.loop,
    Product: Interpreter.product,
    Sweep: Interpreter.sweep,
    Search: Interpreter.search,
    Move: Interpreter.move,
    Random: Interpreter.random,
}


def _checked(array: Any, buffer: Any) -> Any:
    assert array.dtype.name == buffer.dtype and array.ndim == 1, buffer
    return array


def _rubbish(dtype: str) -> Any:
    """What shows where memory is read that nothing wrote."""
    return np.nan if dtype.startswith("float") else 1 if dtype == "bool" else 99
