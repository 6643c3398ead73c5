"""Trace -> tasks: memory becomes values, and what is left of the ops is what has to be written.

What a loop writes over a whole buffer is kept as a value, and whoever reads the buffer in the same
order gets the value: the loop has vanished into its users. Memory is written only where something
reads it in another order, where an op that is no loop reads it, and at the end of the step, for
buffers that outlive it; `memory` sees to it that this is early enough.
"""

from __future__ import annotations

import math
from typing import Any

from ...source.program import Reduce
from .. import trace as t
from ..spelled import parts
from .graph import Folded, Graph, Shape, Value, pattern, refined
from .memory import Memory, Reading, in_order
from .scaling import split
from .tasks import HISTORY, Other, Partial, Store, Task, alive


def lower(trace: t.Trace, plainly: bool = False) -> tuple[Graph, list[Task]]:
    """The tasks of a trace that something comes of; `plainly`, no value outlasts its op."""
    lowering = Lowering(trace)
    for op in trace.ops:
        lowering.graph.origin = f"{op.line}: {op.name}" if op.line else op.name
        lowering.add(op)
        if plainly:
            lowering.settle_all()
    lowering.finish()
    return lowering.graph, alive(trace, lowering.tasks)


class Lowering(Memory):
    """Runs a trace on values, op by op."""

    def add(self, op: t.Op) -> None:
        """Run an op on values."""
        getattr(self, f"_{type(op).__name__.lower()}")(op)

    def _loop(self, op: t.Loop) -> None:
        if 0 in op.shape:
            self._empty(op)
            return
        shape, order = arranged(op)
        values = self._inputs(op, shape, order)
        for instr in op.program.body:
            args = tuple((name, self._argument(instr, name, values[i])) for name, i in instr.args)
            values.append(
                self.graph.apply(instr.formula, args, instr.compute, instr.dtype, instr.kept)
            )
        with self.in_flight(*(values[out.value] for out in op.program.outputs)) as results:
            for out, view in zip(op.program.outputs, op.outputs, strict=True):
                view = _arranged(view, order)
                if out.reduce is None:
                    self.write(view, shape, results.pop(0), out.dtype)
                else:
                    self._reduce(out.reduce, results.pop(0), shape, view, out.dtype)

    def _empty(self, op: t.Loop) -> None:
        """Folds of nothing are what they start from."""
        for out, view in zip(op.program.outputs, op.outputs, strict=True):
            kept = [d for d, step in enumerate(view.strides) if step]
            shape = tuple(op.shape[d] for d in kept)
            if out.reduce and 0 not in shape:
                value = self.graph.unfolded(out.reduce, None, 0)
                places = t.View(view.buffer, view.offset, tuple(view.strides[d] for d in kept))
                self.write(places, shape, value, out.dtype)

    def _argument(self, instr: Any, name: str, value: Value) -> Value:
        return value if name in instr.kept else self.graph.convert(value, instr.compute)

    def _inputs(self, op: t.Loop, shape: Shape, order: list[int]) -> list[Value]:
        readings = [
            Reading(_arranged(operand, order), shape, p.stored, p.loaded)
            for operand, p in zip(op.inputs, op.program.inputs, strict=True)
            if isinstance(operand, t.View)
        ]
        elements = iter(self.read(*readings))
        values = [
            next(elements) if isinstance(operand, t.View) else self._number(operand, p.loaded)
            for operand, p in zip(op.inputs, op.program.inputs, strict=True)
        ]
        return self.agreeing(values)

    def _number(self, operand: t.Number | t.Slot, loaded: str) -> Value:
        if isinstance(operand, t.Slot):
            return self.graph.convert(self.graph.rate(operand.column), loaded)
        return self.graph.convert(_literal(self.graph, operand.value), loaded)

    def _reduce(
        self, reduce: Reduce, value: Value, shape: Shape, view: t.View, stored: str
    ) -> None:
        folded = [d for d, step in enumerate(view.strides) if step == 0 and shape[d] > 1]
        n = math.prod(shape[d] for d in folded)
        if n == math.prod(shape):
            kept = t.View(view.buffer, view.offset, ())
            self.write(kept, (), self.folded(reduce, value, n), stored)
            return
        if n == 1:
            self.write(view, shape, self.graph.unfolded(reduce, value, 1), stored)
            return
        first, last = folded[0], folded[-1]
        assert math.prod(shape[first : last + 1]) == n, "what is folded lies side by side"
        left = [(m, step) for m, step in zip(shape, view.strides, strict=True) if step]
        assert pattern(*zip(*left, strict=True)) == in_order(math.prod(shape) // n)
        outer, inner = math.prod(shape[:first]), math.prod(shape[last + 1 :])
        self.partial(reduce, value, (outer, n, inner), view.buffer, view.offset, stored)

    def partial(
        self,
        reduce: Reduce,
        value: Value,
        extents: tuple[int, int, int],
        b: int,
        offset: int,
        stored: str,
    ) -> None:
        """Fold the middle of `extents` into a buffer."""
        places = tuple(m for m in extents if m > 1)
        if value.n == 1:
            value = self._repeated(value, math.prod(extents))
        value = self.vacate(b, value)
        if refined(value.extents, places) is None or (b, self.versions[b]) in value.reads:
            value = self.apart(value)
        self.emit(Partial(reduce, value, extents, b, offset, stored, writes=(self._next(b),)))

    def folded(self, reduce: Reduce, value: Value, n: int) -> Value:
        """All n places of `value` folded."""
        if value.n == 1 and n > 1:
            value = self._repeated(value, n)
        factor, value = split(self.graph, reduce, value)
        found = self.graph.folded(reduce, value, n)
        if isinstance(found, Folded):
            self.waiting.setdefault(found)
        if factor == 1:
            return found
        total = (("x", found), ("k", self.graph.literal(factor, found.dtype)))
        return self.graph.apply("{x} * {k}", total, found.dtype, found.dtype)

    def _repeated(self, value: Value, n: int) -> Value:
        """One value seen at n places, which a fold has to go through all the same."""
        ones = self.new_buffer(value.dtype, n, "repeated")
        self._store(ones, value, 0, in_order(n), value.dtype)
        at = ones, self.versions[ones]
        return self.graph.element(at, 0, in_order(n), value.dtype, value.dtype)

    def _call(self, op: t.Call) -> None:
        spelled = op.kind.loops and op.kind.loops(op.params, op.metas)
        if spelled:
            for part in parts(op, spelled, lambda dtype, n: self.new_buffer(dtype, n, "wide")):
                self.add(part)
        else:
            self._on_memory(op)

    def _on_memory(self, op: t.Call) -> None:
        """An op on memory: what it reads has to be there, and what it writes in part, too."""
        pairs = [*zip(op.kind.operands(op.params), map(_reach, op.operands), strict=True)]
        assert not any(
            o.writes and o is not other and _overlap(place, where)
            for o, place in pairs
            for other, where in pairs
        ), "an op writes what it reads"
        read = dict.fromkeys(place.buffer for o, place in pairs if o.reads)
        written = dict.fromkeys(place.buffer for o, place in pairs if o.writes)
        for b in (*read, *written):
            self.settle(b)
        for b in written:
            self.protect(b)
            self.set_aside(b)
        versions = tuple((b, self.versions[b]) for b in read)
        self.emit(Other(op, versions, writes=tuple(self._next(b) for b in written)))

    def finish(self) -> None:
        """Write the scalar results to the history, and what outlives the step to its memory."""
        self.graph.origin = "results"
        for column, place in enumerate(self.trace.scalars):
            stored = self.buffers[place.buffer].dtype
            stored, loaded = ("float16", "float32") if stored == "uint16" else (stored, stored)
            view = t.View(place.buffer, place.offset, ())
            (value,) = self.read(Reading(view, (), stored, loaded))
            self.compute(value)
            task = Store(value, HISTORY, column, (), (), "float64", writes=((HISTORY, column),))
            self.emit(task)
        for b in [b for b in self.pending if self.buffers[b].role == t.TEMPORARY]:
            del self.pending[b], self.contents[b]
        for b in [*self.pending]:
            self.settle(b)


def _reach(x: t.Place | t.Part) -> t.Place:
    """From where to where in memory an operand reaches."""
    if isinstance(x, t.Place):
        return x
    far = [(n - 1) * step for n, step in zip(x.shape, x.strides, strict=True)]
    first, last = sum(min(d, 0) for d in far), sum(max(d, 0) for d in far)
    return t.Place(x.buffer, x.offset + first, last - first + 1)


def _overlap(a: t.Place, b: t.Place) -> bool:
    """Whether two places have memory in common."""
    apart = a.offset + a.size <= b.offset or b.offset + b.size <= a.offset
    return a.buffer == b.buffer and not apart


def _arranged(view: t.View, order: list[int]) -> t.View:
    return t.View(view.buffer, view.offset, tuple(view.strides[d] for d in order))


def _literal(graph: Graph, value: Any) -> Value:
    if isinstance(value, float):
        return graph.literal(float(value), "float64")  # of NumPy's too, which say what they are
    return graph.literal(int(value), "int64")


def arranged(op: t.Loop) -> tuple[Shape, list[int]]:
    """The dimensions of a loop in the order of the memory that it writes."""
    order = list(range(len(op.shape)))
    if all(out.reduce is None for out in op.program.outputs):
        order.sort(key=lambda d: -abs(op.outputs[0].strides[d]))
    return tuple(op.shape[d] for d in order), order
