"""Calls of kernel kinds within one block; `launches` has those of a large step."""

from __future__ import annotations

import re
from typing import Protocol

import numpy as np

from ...cuda.source.guards import inside
from ...source.kind import VALUES, Launches, Over, Room, Stage
from .. import trace as t
from ..cpu.calls import number
from ..embed import Embedded
from ..plan.graph import Graph, pattern
from ..plan.plan import Group, Plan
from ..plan.tasks import Other, Partial, positions_of
from ..spelled import begins_of, loop_of
from .threads.hazards import Access, Hazards

_DEVICE = "@cuda.jit(device=True)"
_STATUS: Access = ("status", None)


class Block(Protocol):
    """What writes the source of a block, as far as calls need it."""

    plan: Plan
    threads: int
    arrays: dict[int, str]
    hazards: Hazards
    embedded: Embedded
    checked: set[object]

    def operand(self, place: t.Place) -> str:
        """The name of a pointer to a place in a buffer."""

    def loop(self, group: Group) -> list[str]:
        """The lines of a loop."""


def lines_of(block: Block, task: Other) -> list[str]:
    """The lines that run a call."""
    op, kind = task.op, task.op.kind
    assert kind.block is not None
    found = kind.block(op.params, op.metas, op.sizes, Room(block.threads, 1, simulated=False))
    if isinstance(found, Over):
        return block.loop(fold_of(block.plan.graph, loop_of(found, begins_of(op), op)))
    if not found.stages:
        return []
    arrays = block.arrays
    reads: list[Access] = [(arrays[b], None) for b, _ in task.reads]
    reads += [_STATUS] if op.kind.indices else []
    writes: list[Access] = [(arrays[b], None) for b, _ in task.writes]
    lines = [*_checks(block, task), *block.hazards.before(reads, writes)]
    return [*lines, *_guarded(block, op, found)]


def fits(op: t.Call) -> bool:
    """Whether one block can do a call."""
    return op.kind.block is not None


def fold_of(graph: Graph, loop: t.Loop) -> Group:
    """A loop that folds its last dimension, as the group of a fold in part."""
    program, (out,) = loop.program, loop.program.outputs
    assert out.reduce is not None
    values = []
    for view, given in zip(loop.inputs, program.inputs, strict=True):
        assert isinstance(view, t.View)
        walk = pattern(loop.shape, view.strides)
        at = view.buffer, 0
        values.append(graph.element(at, view.offset, walk, given.stored, given.loaded))
    for instr in program.body:
        args = tuple((name, values[i]) for name, i in instr.args)
        values.append(graph.apply(instr.formula, args, instr.compute, instr.dtype))
    (view,) = loop.outputs
    *kept, n = loop.shape
    extents = int(np.prod(kept, dtype=np.int64)), n, 1
    made = (view.buffer, 0)
    task = Partial(
        out.reduce, values[out.value], extents, view.buffer, view.offset, out.dtype, writes=(made,)
    )
    return Group(tuple(n for n in loop.shape if n > 1), [task], False, extents)


def _checks(block: Block, task: Other) -> list[str]:
    """The status is set where positions are out of range; the same ones are looked at once."""
    lines = []
    for key in positions_of(task):
        if key in block.checked:
            continue
        block.checked.add(key)
        (_, place, size), name = key, _embedded(block, inside().text, "inside")
        given = [_pointer(block, place), place.size, size]
        reads: list[Access] = [(block.arrays[place.buffer], None)]
        lines += block.hazards.before(reads, [_STATUS])
        lines.append(f"{name}({', '.join(map(str, given))}, status, {_failure(block, t.INDEX)})")
    return lines


def _guarded(block: Block, op: t.Call, found: Launches) -> list[str]:
    """The stages of a call, left out once positions were out of range."""
    lines = []
    for stage in found.stages:
        lines.append(_call(block, op, stage))
    if not op.kind.indices:
        return lines
    return ["if status[0] == 0:", *(f"    {x}" for x in lines)]


def _call(block: Block, op: t.Call, stage: Stage) -> str:
    pointers = {
        o.name: _pointer(block, x)
        for o, x in zip(op.kind.operands(op.params), op.operands, strict=True)
    }
    given = pointers | _stream(block, op) | {"status": "status"}
    if op.kind.fails:
        given["failure"] = str(_failure(block, op.kind.fails[0]))
    arguments: list[str] = []
    for a in stage.arguments:
        if a == VALUES:
            arguments += map(number, op.values)
        else:
            arguments.append(given[a] if isinstance(a, str) else str(a))
    return f"{_embedded(block, stage.source.text, op.kind.name)}({', '.join(arguments)})"


def _pointer(block: Block, x: t.Place | t.Part) -> str:
    return block.operand(t.Place(x.buffer, 0 if isinstance(x, t.Part) else x.offset, x.size))


def _stream(block: Block, op: t.Call) -> dict[str, str]:
    """The seed, and the counter from which on a call draws in step s."""
    if op.kind.draws is None:
        return {}
    counters = block.plan.trace.counters[op.stream]
    begin = f"seeds[{2 * op.stream + 1}]"
    at = f"{begin} + np.uint64(s) * np.uint64({counters}) + np.uint64({op.counter})"
    return {"seed": f"seeds[{2 * op.stream}]", "counter": at}


def _failure(block: Block, text: str) -> int:
    return t.FAILED + block.plan.trace.failures.index(text)


def _embedded(block: Block, source: str, label: str) -> str:
    """The name of a function of the block's kernel, which does there what a grid would.

    The grid is this block, of a size that is known: what need not be asked takes no registers.
    """
    text = re.sub(r"^@cuda\.jit$", _DEVICE, source, flags=re.MULTILINE)
    text = text.replace("cuda.grid(1)", "cuda.threadIdx.x")
    return block.embedded.add(text.replace("cuda.gridsize(1)", str(block.threads)), label)
