"""Elementwise kernels on a GPU: pick the layout, compile once, launch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from ..source.program import LARGE, Program
from ..source.walk import View, places, plan
from . import names
from .driver.device import driver, enter, here, simulated
from .driver.launch import BLOCKS, THREADS, Kernel, blocks_for, numbers_of
from .reduction import folding
from .source import maps, wide

__all__ = ["View", "compiled", "launch"]
Launcher = Callable[..., None]


def ahead(program: Program, layout: str) -> None:
    """Nothing: kernels for GPUs are compiled when they are needed."""


def compiled(program: Program, layout: str, ndim: int = 0, n: int = 0) -> Launcher:
    """The kernel of `program` in a flat layout; as on the CPU, called with operands and outputs.

    From `LARGE` elements on, `n`, arrays are read and written in pieces of 16 bytes.
    """
    large = n >= LARGE
    key = ("cuda", layout, large)
    found = program.kernels.get(key)
    if found is None:
        found = program.kernels[key] = _launcher(program, layout, large)
    return found


def _launcher(program: Program, layout: str, large: bool) -> Launcher:
    if "r" in layout:
        return folding(program, layout)
    narrow = _flat(maps.flat(program, layout, names), program, layout)
    if not large:
        return narrow
    by_runs = _flat(wide.flat(program, layout, names, simulated=simulated), program, layout)
    letters = [c for c in layout if not c.isdigit()]

    def launch(*operands: Any) -> None:
        arrays = [o for o, c in zip(operands, letters, strict=True) if c == "v"]
        (by_runs if driver.aligned(arrays) else narrow)(*operands)

    return launch


# The text of a launcher, one parameter per operand: loops over operands would double its time.
_LAUNCHER = """
def launch({operands}):
    n, device = {length}, {lead}.device
    lane = here.lane
    if lane.device is not device:
        lane = enter(device)
    grid = one_block if n <= {threads} else config(min((n + {top}) // {threads}, {most}), {threads})
    run(lane.stream, grid, handles.get(device) or load(device), {arguments}, n)
"""


def _flat(source: maps.Source, program: Program, layout: str) -> Launcher:
    """The launcher of a kernel over n contiguous elements."""
    kernel = Kernel(source, program.name)
    converters = numbers_of(program, layout)
    operands = [f"a{i}" for i in range(len(converters))]
    pairs = list(zip(operands, converters, strict=True))
    lead = operands[layout.index("v")] if "v" in layout else operands[-1]
    text = _LAUNCHER.format(
        operands=", ".join(operands),
        length=f"{lead}.size" if "v" in layout else 1,
        lead=lead,
        arguments=", ".join(f"{a}.ptr" if c is None else f"number_{a}({a})" for a, c in pairs),
        threads=THREADS,
        top=THREADS - 1,
        most=BLOCKS,
    )
    scope: dict[str, Any] = {f"number_{a}": c for a, c in pairs}
    scope |= {"handles": kernel.handles, "load": kernel.on, "here": here, "enter": enter}
    scope |= {"run": driver.launch, "config": driver.config, "one_block": driver.config(1, THREADS)}
    exec(text, scope)
    made: Launcher = scope["launch"]
    return made


def launch(
    program: Program, shape: Sequence[int], operands: Sequence[Any], outs: Sequence[View]
) -> None:
    """Run `program` over `shape`: operands are Views, stride 0 where broadcast, or numbers."""
    if 0 in shape:
        return
    given = (*operands, *outs)
    geometry, layout, extents = plan(tuple(shape), places(given))
    kernel, converters = _strided(program, layout, len(extents))
    arguments = [a[0] if c is None else c(a) for a, c in zip(given, converters, strict=True)]
    blocks = blocks_for(math.prod(extents))
    kernel(blocks, THREADS, *driver.unsigned(geometry), *arguments)


def _strided(program: Program, layout: str, ndim: int) -> Any:
    key = ("cuda", layout, ndim)
    found: Any = program.kernels.get(key)
    if found is None:
        source = maps.strided(program, layout, ndim, names)
        found = Kernel(source, program.name), numbers_of(program, layout)
        program.kernels[key] = found
    return found
