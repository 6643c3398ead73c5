"""Scans: the middle axis of flat (outer, n, inner) arrays folded up to every element.

`sizes` are outer, n and inner; `params` a Scan and whether inner is more than 1, which the CPU
scans column by column, side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..source.axis.reductions import COLUMN_BLOCK
from ..source.axis.scans import Scan
from ..source.kind import Cost, Kind, Launches, Metas, Operand, Room, Run, Sizes, Stage
from .meaning import evaluated


class Sweep(NamedTuple):
    """A Scan, and whether there are columns."""

    program: Scan
    columns: bool

    @property
    def name(self) -> str:
        """The scan's."""
        return self.program.name


def _operands(params: Sweep) -> tuple[Operand, ...]:
    inputs = [Operand(p.name, "r") for p in params.program.inputs]
    outputs = [Operand(f"out{k or ''}", "w") for k in range(len(params.program.results))]
    return *inputs, *outputs


def _cpu(params: Sweep, names: Any, threads: bool) -> str:
    from ..source.axis import scans

    write = scans.columns if params.columns else scans.rows
    return write(params.program, names, parallel=threads)


def _tasks(*given: Any) -> int:
    outer, _, inner = given[-3:]
    tasks: int = outer * -(-inner // COLUMN_BLOCK)
    return tasks


# CUDA


def _columns(params: Sweep, metas: Metas, sizes: Sizes, room: Room) -> Launches:
    """A thread for each line."""
    from ..cuda import names
    from ..cuda.source.axis import scans

    outer, n, inner = sizes
    lines, arrays = outer * inner, [o.name for o in _operands(params)]
    source = scans.columns(params.program, names)
    stage = Stage(source, room.blocks_for(lines), room.threads, (*arrays, lines, n, inner))
    return Launches((stage,) if lines * n else ())


def _grid(params: Sweep, metas: Metas, sizes: Sizes, room: Room) -> Launches:
    """A thread takes a whole line of few elements, and lines side by side that are many."""
    outer, n, inner = sizes
    lines, short = outer * inner, n <= room.threads // 4
    if (short and lines >= room.threads) or (inner > 1 and lines >= 32 * room.threads):
        return _columns(params, metas, sizes, room)
    program, names = params.program, [o.name for o in _operands(params)]
    count = len(program.inputs)
    if not lines * n:
        return Launches()
    stages, scratch = _rows(program, names[:count], names[count:], (lines, n, inner), room)
    return Launches(tuple(stages), scratch)


def _rows(
    program: Scan, inputs: Sequence[str], outputs: Sequence[str], sizes: Sizes, room: Room
) -> tuple[list[Stage], dict[str, tuple[str, int]]]:
    """A block to a line, of one warp where two tiles of a warp do; several to a long line."""
    from ..cuda import names
    from ..cuda.source.axis import scans

    lines, n, _ = sizes
    warp = min(32, room.threads)
    threads = warp if n <= 2 * warp * scans.ITEMS else room.threads
    span = _span(lines, n, threads * scans.ITEMS, room)
    parts = -(-n // span)
    blocks = min(lines * parts, room.blocks * room.threads // threads)
    # One part has nothing to start from: any arrays will do.
    states: Sequence[str] = [inputs[0]] * len(program.registers)
    stages: list[Stage] = []
    scratch: dict[str, tuple[str, int]] = {}
    if parts > 1:
        states = [f"{outputs[0]}_{r.name}" for r in program.registers]
        scratch = {
            name: (r.lane, lines * parts) for name, r in zip(states, program.registers, strict=True)
        }
        totals = scans.totals(program, names, threads)
        stages.append(Stage(totals, blocks, threads, (*inputs, *states, *sizes, parts, span)))
        of_totals = scans.scan_of_totals(program)
        more, memory = _rows(of_totals, states, states, (lines, parts, 1), room)
        stages += more
        scratch |= memory
    rows = scans.rows(program, names, threads)
    given = (*inputs, *outputs, *states, *sizes, parts, span)
    return [*stages, Stage(rows, blocks, threads, given)], scratch


def _span(lines: int, n: int, tile: int, room: Room) -> int:
    """Elements of a part: whole tiles, at least two, as few as there are blocks for."""
    tiles = -(-n // tile)
    parts = max(min(room.blocks // lines, tiles // 2), 1)
    return -(-tiles // parts) * tile


# What it means


def _needs(params: Sweep, metas: Metas, sizes: Sizes, k: int, at: Any) -> tuple[Run | None, ...]:
    """The elements along the axis up to this one, or up to the one before."""
    _, n, inner = sizes
    row, along, column = at // (n * inner), at // inner % n, at % inner
    skipped, first = int(params.program.exclusive), row * n * inner + column
    run = Run(first, inner, along + 1 - skipped)
    if params.program.reverse:
        run = Run(first + (along + skipped) * inner, inner, n - along - skipped)
    return (run,) * len(params.program.inputs)


def _oracle(params: Sweep, *given: Any) -> None:
    *arrays, outer, n, inner = given
    program = params.program
    types = [*(p.stored for p in program.inputs), *(r.stored for r in program.results)]
    seen = [
        (x.view(np.float16) if stored == "float16" else x).reshape(outer, n, inner)
        for x, stored in zip(arrays, types, strict=True)
    ]
    inputs = {p.name: x for p, x in zip(program.inputs, seen, strict=False)}
    outs = seen[len(inputs) :]
    for o, c in np.ndindex(outer, inner):
        state = {r.name: np.dtype(r.total).type(evaluated(r.first, {})) for r in program.registers}
        for j in reversed(range(n)) if program.reverse else range(n):
            brought = {name: x[o, j, c] for name, x in inputs.items()} | {"place": j, "one": 1}
            before, state = state, _joined(program, state, brought)
            for out, result in zip(outs, program.results, strict=True):
                out[o, j, c] = evaluated(result.formula, before if program.exclusive else state)


def _joined(program: Scan, state: dict[str, Any], brought: dict[str, Any]) -> dict[str, Any]:
    """The state that an element leaves."""
    kinds = {r.name: np.dtype(r.total).type for r in program.registers}
    values = {**state, **{r.new: kinds[r.name](brought[r.new]) for r in program.registers}}
    for name, formula in program.terms:
        values[name] = evaluated(formula, values)
    return {r.name: kinds[r.name](evaluated(r.step, values)) for r in program.registers}


def _cost(params: Sweep, metas: Metas, sizes: Sizes) -> Cost:
    outer, n, inner = sizes
    return Cost(outer * n * inner, 0, waits=n * -(-outer * inner // 512))


SCAN = Kind(
    name="scan",
    operands=_operands,
    oracle=_oracle,
    exact=lambda params: False,
    cpu=_cpu,
    tasks=_tasks,
    grid=_grid,
    block=_columns,
    needs=_needs,
    cost=_cost,
)
