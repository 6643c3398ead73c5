"""Replicas of a step on a GPU: all in one launch, a block for each.

    block k: all_steps(steps, numbers of row which[k], seeds[k], history[k], status[k], memory of k)

The function is the kernel of one block; what a block has of its own lies in rows, so that its
pointers are those of the launch, moved.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ...cuda import memory
from ...cuda.driver.device import device, simulated
from ...cuda.driver.launch import Kernel
from ...cuda.source.maps import Source
from .. import trace as t
from ..many import Many, Tables
from ..plan.plan import Plan
from .block import Block
from .threads.buffers import HEAD, memory_of

Array = np.ndarray[Any, Any]
Own = Callable[[int, int], tuple[list[Any], list[int]]]

_ALL_STEPS = "@cuda.jit(device=True)\ndef all_steps("
_MOVED = '''@intrinsic
def moved(context, pointer, count):
    """The pointer `count` elements further."""

    def generate(context, builder, signature, arguments):
        return builder.gep(arguments[0], [arguments[1]])

    return pointer(pointer, types.int64), generate'''
_SIMULATED = """def moved(array, count):
    return array[count:]"""

_KERNEL = """@cuda.jit
def kernel(steps, which, strides, numbers, seeds, history, status, {arrays}):
    k = np.int64(cuda.blockIdx.x)
    all_steps(
        steps,
        moved(numbers, which[k] * steps * {slots}),
        moved(seeds, k * {words}),
        moved(history, k * steps * {scalars}),
        moved(status, k),
        {given},
    )"""


def replicas_source(plan: Plan, block: Block, text: str) -> Source:
    """The kernel of n blocks, from the `text` of that of one.

    It takes `HEAD` with two tables more, `which` row of the numbers a block has, and by how many
    elements the rows of each array lie apart, 0 where all share it; and the arrays.
    """
    arrays = [f"a{i}" for i in range(len(block.parameters()))]
    order = {array: k for k, array in enumerate(block.parameters())}
    places = [(k, 0) for k in range(len(arrays))]
    places += [(order[block.arrays[b]], offset) for b, offset in block.operands]
    given = [f"moved(a{k}, k * strides[{k}] + {offset})" for k, offset in places]
    trace = plan.trace
    kernel = _KERNEL.format(
        arrays=", ".join(arrays),
        slots=trace.slots,
        words=2 * len(trace.counters),
        scalars=len(trace.scalars),
        given=",\n        ".join(given),
    )
    text = re.sub(r"^@cuda\.jit\ndef kernel\(", _ALL_STEPS, text, flags=re.MULTILINE)
    if simulated:
        own = _SIMULATED
    else:
        imports = "from numba import cuda, types\nfrom numba.cuda.extending import intrinsic\n"
        text, own = text.replace("from numba import cuda\n", imports, 1), _MOVED
    table = "CPointer(int64)"
    steps, *head = HEAD.values()
    types = [steps, table, table, *head, *block.parameters().values()]
    return Source(f"{text.rstrip()}\n\n\n{own}\n\n\n{kernel}\n", f"void({', '.join(types)})")


class Blocks(Many):
    """Runs replicas, one block each; memory of which each has a row is the host's, and is copied
    there and back."""

    def __init__(self, plan: Plan, kernel: Kernel, own: Own, threads: int, index: int) -> None:
        """`own` gives constants and scratch memory on a device, for so many replicas, and how far
        apart what each has of them lies."""
        self.kernel, self.own, self.block, self.index = kernel, own, threads, index
        tasks = [task for group in (*plan.once, *plan.each) for task in group.tasks]
        written = {b for task in tasks for b, _ in task.writes}
        self.written = [b in written for b in memory_of(plan)]

    def __call__(self, rows: Array, tables: Tables, arrays: Sequence[Any]) -> None:
        """See `Many`; arrays that all share are spans."""
        device(self.index)
        sent = partial(memory.upload, index=self.index)
        n, (which, numbers, seeds, history, codes) = len(rows), tables
        own = [type(a) is np.ndarray and a.ndim == 2 for a in arrays]
        spans = [sent(a[rows]) if mine else a for a, mine in zip(arrays, own, strict=True)]
        more, strides = self.own(self.index, n)
        apart = [a.shape[1] if mine else 0 for a, mine in zip(arrays, own, strict=True)]
        made = memory.allocator(np.dtype(np.float64), self.index)(max(history.size, 1))
        status = sent(np.full(n, t.FINE, np.int64))
        tables_there = (
            sent(which),
            sent(np.array([*apart, *strides], np.int64)),
            sent(numbers),
            sent(seeds),
        )
        steps = numbers.shape[1]
        self.kernel(n, self.block, steps, *tables_there, made, status, *spans, *more)
        if history.size:
            history[...] = memory.to_host(made)[: history.size].reshape(history.shape)
        codes[...] = memory.to_host(status)
        for a, span, mine, written in zip(arrays, spans, own, self.written, strict=False):
            if mine and written:
                a[rows] = memory.to_host(span)[: n * a.shape[1]].reshape(n, -1)
