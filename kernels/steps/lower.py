"""Trace -> tasks: memory becomes values, and what is left of the ops is what has to be written.

What a loop writes over a whole buffer is kept as a value, and whoever reads the buffer in the same
order gets the value: the loop has vanished into its users. Memory is written only where something
reads it in another order, where an op that is no loop reads it, and at the end of the step, for
buffers that outlive it. Whatever still means to read memory that is about to be written is written
to its own memory first. So the tasks, run in order, do what the trace does.
"""

from __future__ import annotations

import math
from typing import Any

from ..program import Reduce
from . import scaling, trace as t
from .graph import Element, Folded, Graph, Shape, Value, Version, common, ordered, pattern, refined
from .products import inlined
from .tasks import HISTORY, Fold, Other, Partial, Store, Task, alive


def lower(trace: t.Trace) -> tuple[Graph, list[Task]]:
    """The tasks of a trace that something comes of."""
    lowering = Lowering(trace)
    for op in trace.ops:
        lowering.graph.origin = f"{op.line}: {op.name}" if op.line else op.name
        lowering.add(op)
    lowering.finish()
    return lowering.graph, alive(trace, lowering.tasks)


class Lowering:
    """Runs a trace on values. `contents` is what buffers hold, where it is known; `pending` are
    buffers whose memory does not have it yet."""

    def __init__(self, trace: t.Trace) -> None:
        self.trace = trace
        self.buffers = trace.buffers
        self.graph = Graph()
        self.tasks: list[Task] = []
        self.versions = [0] * len(self.buffers)
        self.contents: dict[int, Value] = {}
        self.pending: dict[int, None] = {}
        self.writing: list[int] = []
        self.waiting: dict[Folded, None] = {}  # folds that no task computes yet
        for i, b in enumerate(self.buffers):
            if b.role == t.CONSTANT and b.size == 1 and b.dtype != "uint16":
                self.contents[i] = self.graph.literal(b.data.item(), b.dtype)

    # Memory

    def read(self, view: t.View, shape: Shape, stored: str, loaded: str) -> Value:
        """The elements of a view, as values of type `loaded`."""
        b = view.buffer
        extents, strides = walk = pattern(shape, view.strides)
        value = self.contents.get(b)
        if value is not None and stored != "float16":
            same = not view.offset and self._covers(b, extents, strides)
            if value.n == 1 or (same and value.n == math.prod(extents)):
                return self.graph.convert(value, loaded)
        self.settle(b)
        return self.graph.element((b, self.versions[b]), view.offset, walk, stored, loaded)

    def _covers(self, b: int, extents: Shape, strides: Shape) -> bool:
        """Whether a walk from the start meets every element of a buffer in order."""
        whole = self.buffers[b].size
        return (extents, strides) == ((whole,), (1,)) or (whole == 1 and not extents)

    def agreeing(self, values: list[Value], value: Value) -> Value:
        """`value`, or a copy of it, that can be in one loop with `values`."""
        try:
            common([*values, value])
        except ValueError:
            return self.apart(value)
        return value

    def apart(self, value: Value) -> Value:
        """`value` from memory of its own, where its places follow one another."""
        b = self.new_buffer(value.dtype, value.n, "apart")
        walk = ((value.n,), (1,))
        self._store(b, value, 0, walk, value.dtype)
        return self.graph.element((b, self.versions[b]), 0, walk, value.dtype, value.dtype)

    def write(self, view: t.View, shape: Shape, value: Value, stored: str) -> None:
        """The elements of a view become `value`."""
        b = view.buffer
        extents, strides = pattern(shape, view.strides)
        register = "float32" if stored == "float16" else stored
        value = self.graph.convert(value, register)
        if not view.offset and self._covers(b, extents, strides) and stored != "float16":
            self.contents[b] = value
            self.pending[b] = None
            return
        if value.n > 1 and refined(value.extents, extents) is None:
            value = self.apart(value)
        self.settle(b)
        self._store(b, value, view.offset, (extents, strides), stored)
        self.contents.pop(b, None)

    def _store(
        self, b: int, value: Value, offset: int, walk: tuple[Shape, Shape], stored: str
    ) -> None:
        """Emit the write, after all that needs what was there."""
        self.compute(value)
        if not self._in_order(value, b, offset, walk):
            value = self.apart(value)
        self.protect(b)
        task = Store(value, b, offset, *walk, stored, writes=(self._next(b),))
        self.emit(task)

    def _in_order(self, value: Value, b: int, offset: int, walk: tuple[Shape, Shape]) -> bool:
        """Whether each element of `b` that `value` reads is written at the same place, if it is."""
        old = b, self.versions[b]
        return old not in value.reads or all(
            v.n == 1 if not walk[0] else (v.offset, v.extents, v.strides) == (offset, *walk)
            for v in ordered([value])
            if isinstance(v, Element) and (v.buffer, v.version) == old
        )

    def _next(self, b: int) -> Version:
        self.versions[b] += 1
        return b, self.versions[b]

    def emit(self, task: Task) -> None:
        task.origin = self.graph.origin
        self.tasks.append(task)

    def settle(self, b: int) -> None:
        """See that the memory of `b` holds its contents."""
        if b not in self.pending:
            return
        value = self.contents[b]
        if b in self.writing:
            # Somebody asks for it on the way to writing it: what is there has to be kept apart.
            return
        self.writing.append(b)
        old = b, self.versions[b]
        size = self.buffers[b].size
        walk = ((size,), (1,)) if size > 1 else ((), ())
        self._store(b, value, 0, walk, self.buffers[b].dtype)
        self.writing.pop()
        self.pending.pop(b, None)
        if old in value.reads:
            self.contents.pop(b, None)  # what it was computed from is no more

    def protect(self, b: int) -> None:
        """Before memory of `b` is written: compute and store what is still to be read from it."""
        old = b, self.versions[b]
        for fold in [f for f in self.waiting if old in f.value.reads]:
            self.compute(fold)
        for other in [o for o, v in self.contents.items() if o != b and old in v.reads]:
            if other in self.writing:
                self._set_aside(other)
            elif other in self.pending:
                self.settle(other)
            if other in self.contents and old in self.contents[other].reads:
                del self.contents[other]  # from now on its memory is read

    def _set_aside(self, b: int) -> None:
        """Keep what is about to be written to `b` in a buffer of its own: two exchange places."""
        buffer = self.buffers[b]
        value = self.contents[b]
        aside = self.new_buffer(buffer.dtype, buffer.size, f"{buffer.name}_next")
        walk = ((buffer.size,), (1,)) if buffer.size > 1 else ((), ())
        self._store(aside, value, 0, walk, buffer.dtype)
        self.contents[b] = self.graph.element(
            (aside, self.versions[aside]), 0, walk, buffer.dtype, value.dtype
        )

    def new_buffer(self, dtype: str, size: int, name: str) -> int:
        """Another temporary."""
        self.buffers.append(t.Buffer(dtype, size, t.TEMPORARY, name))
        self.versions.append(0)
        return len(self.buffers) - 1

    def compute(self, value: Value) -> None:
        """Emit the folds that `value` needs, in the order in which they were made."""
        needed: set[Value] = set()
        stack = [value]
        while stack:
            for v in ordered([stack.pop()]):
                if isinstance(v, Folded) and v in self.waiting and v not in needed:
                    needed.add(v)
                    stack.append(v.value)
        for v in [v for v in self.waiting if v in needed]:
            del self.waiting[v]
            self.emit(Fold(v, v.value))

    # Ops

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
        results = [values[out.value] for out in op.program.outputs]
        for out, view, value in zip(op.program.outputs, op.outputs, results, strict=True):
            view = t.View(view.buffer, view.offset, tuple(view.strides[d] for d in order))
            if out.reduce is None:
                self.write(view, shape, value, out.dtype)
            else:
                self._reduce(out.reduce, value, shape, view, out.dtype)

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
        values: list[Value] = []
        for operand, p in zip(op.inputs, op.program.inputs, strict=True):
            if isinstance(operand, t.View):
                strides = tuple(operand.strides[d] for d in order)
                view = t.View(operand.buffer, operand.offset, strides)
                value = self.read(view, shape, p.stored, p.loaded)
                values.append(self.agreeing(values, value))
            elif isinstance(operand, t.Slot):
                values.append(self.graph.convert(self.graph.rate(operand.column), p.loaded))
            else:
                values.append(self.graph.convert(_number(self.graph, operand.value), p.loaded))
        return values

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
        outer, inner = math.prod(shape[: folded[0]]), math.prod(shape[folded[-1] + 1 :])
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
        if refined(value.extents, places) is None or (b, self.versions[b]) in value.reads:
            value = self.apart(value)
        self.settle(b)
        self.compute(value)
        self.protect(b)
        self.emit(Partial(reduce, value, extents, b, offset, stored, writes=(self._next(b),)))
        self.contents.pop(b, None)

    def folded(self, reduce: Reduce, value: Value, n: int) -> Value:
        """All n places of `value` folded."""
        if value.n == 1 and n > 1:
            value = self._repeated(value, n)
        factor, value = scaling.split(self.graph, reduce, value)
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
        self._store(ones, value, 0, ((n,), (1,)), value.dtype)
        at = ones, self.versions[ones]
        return self.graph.element(at, 0, ((n,), (1,)), value.dtype, value.dtype)

    def _product(self, op: t.Product) -> None:
        if not inlined(self, op):
            self.other(op, [op.a, op.b], [op.out])

    def _sweep(self, op: t.Sweep) -> None:
        self.other(op, [p.buffer for p in op.inputs], [p.buffer for p in op.outputs])

    def _search(self, op: t.Search) -> None:
        self.other(op, [op.x.buffer], [op.values.buffer, op.indices.buffer])

    def _move(self, op: t.Move) -> None:
        x, index, out = (p.buffer for p in (op.x, op.index, op.out))
        if op.name == "gather":
            self.other(op, [x, index], [out])
        else:
            self.other(op, [x, index, out], [x])

    def _random(self, op: t.Random) -> None:
        self.other(op, [], [op.out.buffer])

    def other(self, op: t.Op, reads: list[int], writes: list[int]) -> None:
        """An op on memory: what it reads has to be there, and what it writes in part, too."""
        for b in dict.fromkeys([*reads, *writes]):
            self.settle(b)
        for b in writes:
            self.protect(b)
        read = tuple((b, self.versions[b]) for b in dict.fromkeys(reads))
        self.emit(Other(op, read, writes=tuple(self._next(b) for b in dict.fromkeys(writes))))
        for b in writes:
            self.contents.pop(b, None)

    def finish(self) -> None:
        """Write what outlives the step, and its scalar results to the history."""
        self.graph.origin = "results"
        for column, place in enumerate(self.trace.scalars):
            stored = self.buffers[place.buffer].dtype
            view = t.View(place.buffer, place.offset, ())
            loaded = stored if stored != "uint16" else "float32"
            value = self.read(view, (), "float16" if stored == "uint16" else stored, loaded)
            self.compute(value)
            task = Store(value, HISTORY, column, (), (), "float64", writes=((HISTORY, column),))
            self.emit(task)
        for b in [*self.pending]:
            if self.buffers[b].role in (t.INPUT, t.OUTPUT):
                self.settle(b)


def _number(graph: Graph, value: Any) -> Value:
    if isinstance(value, float):
        return graph.literal(float(value), "float64")  # of NumPy's too, which say what they are
    return graph.literal(int(value), "int64")


def arranged(op: t.Loop) -> tuple[Shape, list[int]]:
    """The dimensions of a loop in the order of the memory that it writes."""
    order = list(range(len(op.shape)))
    if all(out.reduce is None for out in op.program.outputs):
        order.sort(key=lambda d: -abs(op.outputs[0].strides[d]))
    return tuple(op.shape[d] for d in order), order
