"""What runs a compiled step on a GPU: memory, copies of the tables, launches."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, cached_property, partial
from typing import Any, NamedTuple, NoReturn

import numpy as np

from ...cuda import memory
from ...cuda.driver.device import device, driver, here, stream_on
from ...cuda.driver.launch import THREADS, Kernel
from .. import trace as t
from ..plan.plan import Plan
from ..report import work
from .block import Block
from .grid import Launch
from .grid_calls import Run, queued
from .replicas import Blocks, replicas_source
from .several import Item, Several
from .threads.buffers import memory_of

Array = np.ndarray[Any, Any]


class Memory:
    """The arrays of a plan: arguments, constants, of which there is a copy a device, scratch."""

    def __init__(self, plan: Plan) -> None:
        self.scratch = [(np.dtype(dtype), max(n, 1)) for dtype, n in plan.arrays]
        buffers = plan.trace.buffers
        self.host = [b.data for b in buffers if b.role == t.CONSTANT]
        self.constants: dict[int, list[Any]] = {}

    def spans(self, arrays: Sequence[Any], index: int) -> list[Any]:
        """A span for each of `buffers.memory_of`."""
        return [*arrays, *self.own(index)[0]]

    def own(self, index: int, replicas: int = 1) -> tuple[list[Any], list[int]]:
        """Constants, and scratch memory for so many; how far apart what each of them has lies."""
        constants = self.constants.get(index)
        if constants is None:
            constants = self.constants[index] = [memory.upload(data, index) for data in self.host]
        scratch = [memory.allocator(dtype, index)(n * replicas) for dtype, n in self.scratch]
        return [*constants, *scratch], [0] * len(constants) + [n for _, n in self.scratch]


class Tables(NamedTuple):
    """What a run takes besides arrays: numbers and seeds, history and status, on the device."""

    numbers: Any
    seeds: Any
    history: Any
    status: Any

    @classmethod
    def of(cls, numbers: Array, seeds: Array, history: Array, index: int) -> Tables:
        """Copies, of copies, since they may be read when the caller has changed them already."""
        made = memory.upload(np.array(numbers, np.float64), index, False)
        status = _status(index)
        seeded = memory.upload(np.array(seeds, np.uint64), index, False) if seeds.size else made
        size = max(history.size, 1)
        return cls(made, seeded, memory.allocator(_FLOAT64, index)(size), status)

    def finish(self, history: Array, steps: int, checked: bool) -> int:
        """Wait for what the host is to know: the history, and the status where it is `checked`.

        Of more than one step also the end, since those are made as many as a moment can take.
        """
        if history.size:
            history[...] = memory.to_host(self.history)[: history.size].reshape(history.shape)
        elif steps > 1 and not checked:
            driver.wait(stream_on(self.status.device))
        status = int(memory.to_host(self.status)[0]) if checked else t.FINE
        if status:
            memory.from_host(self.status, np.zeros(1, np.int64))
        return status


_FLOAT64 = np.dtype(np.float64)


@cache
def _status(index: int) -> Any:
    """A word of a device that is `FINE` between runs."""
    return memory.upload(np.full(1, t.FINE), index)


def index_of(arrays: Sequence[Any]) -> int:
    """The number of the device to run on."""
    found: int = arrays[0].device.index if arrays else here.chosen
    return device(found).index


class OneBlock(t.Native):
    """All steps in one launch of one block."""

    def __init__(self, plan: Plan, block: Block, source: Any, target: str) -> None:
        self.plan, self.block = plan, block
        self.kernel = Kernel(source, plan.trace.name)
        self.source, self.threads, self.target = source.text, block.threads, target
        self.work = work(plan)
        self.checked = bool(plan.trace.failures)
        self.memory = Memory(plan)
        order = {array: k for k, array in enumerate(block.parameters())}
        self.operands = [
            (order[block.arrays[b]], offset) for b, offset in block.operands
        ]  # pointers into arrays, after the arrays themselves

    def run(self, steps: int, numbers: Any, seeds: Any, history: Any, arrays: Sequence[Any]) -> int:
        """Run `steps` steps; see `trace.Native`."""
        index = index_of(arrays)
        spans = self.memory.spans(arrays, index)
        inside = [spans[k][offset:] for k, offset in self.operands]
        tables = Tables.of(numbers, seeds, history, index)
        self.kernel(1, self.threads, steps, *tables, *spans, *inside)
        return tables.finish(history, steps, self.checked)

    def many(self, index: int | None = None) -> Blocks:
        """See `trace.Native`."""
        index = here.chosen if index is None else index
        return Blocks(self.plan, self._replicas, self.memory.own, self.threads, index)

    @cached_property
    def _replicas(self) -> Kernel:
        source = replicas_source(self.plan, self.block, self.source)
        return Kernel(source, f"{self.plan.trace.name}_replicas")


class ManyKernels(t.Native):
    """One kernel after another, for all blocks, step by step."""

    def __init__(self, plan: Plan, several: Several, target: str) -> None:
        self.several, self.trace = several, plan.trace
        self.source, self.target = several.source, target
        self.work = work(plan)
        self.checked = bool(plan.trace.failures)
        self.memory = Memory(plan)
        self.names = several.names
        self.order = memory_of(plan)
        found = dict.fromkeys(i for i in (*several.once, *several.each) if isinstance(i, Launch))
        self.kernels = {item: Kernel(item.source, item.label) for item in found}

    def run(self, steps: int, numbers: Any, seeds: Any, history: Any, arrays: Sequence[Any]) -> int:
        """Run `steps` steps; see `trace.Native`."""
        index = index_of(arrays)
        tables = Tables.of(numbers, seeds, history, index)
        spans = self._named(tables, self.memory.spans(arrays, index), index)
        bind = partial(self._bound, spans=spans, seeds=seeds, where=device(index))
        for run in map(bind, self.several.once):
            run(0)
        each = [*map(bind, self.several.each)]
        for s in range(steps):
            for run in each:
                run(s)
        return tables.finish(history, steps, self.checked)

    def many(self, index: int | None = None) -> NoReturn:
        """See `trace.Native`."""
        raise NotImplementedError(
            f"replicas on a GPU are a block each, and this step is more than one ({self.target}): "
            "make its tensors on the CPU"
        )

    def _named(self, tables: Tables, spans: list[Any], index: int) -> dict[str, Any]:
        """All memory, by its name in the kernels."""
        found = {self.names[b]: span for b, span in zip(self.order, spans, strict=True)}
        found |= tables._asdict()
        for array in self.several.arrays:
            found[array.name] = memory.allocator(np.dtype(array.dtype), index)(array.size)
        return found

    def _bound(self, item: Item, spans: dict[str, Any], seeds: Any, where: Any) -> Run:
        """What queues an item for step s."""

        def at(place: t.Place) -> Any:
            return spans[self.names[place.buffer]][place.offset : place.offset + place.size]

        if not isinstance(item, Launch):
            return queued(item.op, self.trace, at, seeds, spans["status"])
        stream, handle = stream_on(where), self.kernels[item].on(where)
        grid, queue = driver.config(item.blocks, THREADS), driver.launch
        operands = [spans[name].ptr for name in item.operands]
        return lambda s: queue(stream, grid, handle, s, *operands)
