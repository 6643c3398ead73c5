"""Elementwise kernels on a GPU: pick the layout, compile once, launch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from .. import codegen_cuda
from ..program import LARGE, Program
from ..walk import View, places, plan
from ..writer import NUMBERS
from . import names
from .device import driver, enter, here
from .launch import BLOCKS, THREADS, Kernel, blocks_for, number

__all__ = ["View", "compiled", "launch"]
Launcher = Callable[..., None]


def compiled(program: Program, layout: str, ndim: int = 0, n: int = 0) -> Launcher:
    """The kernel of `program` in a flat layout; as on the CPU, called with operands and outputs.

    From `LARGE` elements on, `n`, arrays are read and written in pieces of 16 bytes.
    """
    wide = n >= LARGE
    key = ("cuda", layout, wide)
    found = program.kernels.get(key)
    if found is None:
        found = program.kernels[key] = _launcher(program, layout, wide)
    return found


def _launcher(program: Program, layout: str, wide: bool) -> Launcher:
    if "r" in layout:
        from .reduction import folding

        return folding(program, layout)
    narrow = _flat(Kernel(codegen_cuda.flat(program, layout, names), program.name), program, layout)
    return narrow


def _flat(kernel: Kernel, program: Program, layout: str) -> Launcher:
    """The launcher of a kernel over n contiguous elements."""
    lead = layout.index("v") if "v" in layout else 0
    single = "v" not in layout
    converters = numbers_of(program, layout)
    handles, load, config, run = kernel.handles, kernel.on, driver.config, driver.launch
    shift, top, most = THREADS.bit_length() - 1, THREADS - 1, BLOCKS

    def launch(*operands: Any) -> None:
        first = operands[lead]
        n, device = 1 if single else first.size, first.device
        if here.device is not device:
            enter(device)
        grid = config(min(n + top >> shift, most) or 1, THREADS)
        handle = handles.get(device) or load(device)
        run(here.stream, grid, handle, *[o.ptr for o in operands], n)

    def launch_with_numbers(*operands: Any) -> None:
        first = operands[lead]
        n, device = 1 if single else first.size, first.device
        if here.device is not device:
            enter(device)
        arguments = [
            o.ptr if c is None else c(o) for o, c in zip(operands, converters, strict=True)
        ]
        grid = config(blocks_for(n), THREADS)
        run(here.stream, grid, handles.get(device) or load(device), *arguments, n)

    return launch_with_numbers if any(converters) else launch


def numbers_of(program: Program, layout: str) -> list[Callable[[Any], Any] | None]:
    """For each operand of a kernel what converts a number, None for arrays."""
    inputs = zip(program.inputs, layout, strict=False)
    converters = [number(p.loaded) if c in NUMBERS else None for p, c in inputs]
    return converters + [None for c in layout[len(converters) :] if not c.isdigit()]


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
        source = codegen_cuda.strided(program, layout, ndim, names)
        found = Kernel(source, program.name), numbers_of(program, layout)
        program.kernels[key] = found
    return found
