"""Reductions on a GPU: folds of all elements, of rows or of columns.

How an array is cut into segments, lanes and blocks depends on its extents alone.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

import numpy as np

from ..source.program import Program
from . import names
from .driver.device import driver, enter, here, simulated
from .driver.launch import THREADS, Kernel, numbers_of
from .memory import allocator
from .source import folds
from .source.axis import reductions, segments
from .source.axis.segments import Geometry, cut
from .source.maps import memory_type

GRID = 2 if simulated else 65536


Launch = Callable[..., None]


def fold(program: Program, x: Any, out: Any, outer: int, n: int, inner: int) -> None:
    """Fold the middle axis of `x`, flat and contiguous (outer, n, inner), into `out`."""
    if out.size:
        _folder(program, outer, n, inner)(x, out)


@lru_cache(maxsize=4096)
def _folder(program: Program, outer: int, n: int, inner: int) -> Launch:
    """The launches of a fold, called with x and out."""
    shape, blocks, parts, numbers = plan(outer, n, inner)
    if parts == 1:
        return between(_kernel(program, shape, "whole"), blocks, (n, *numbers))
    first = between(_kernel(program, shape, "partial"), blocks, (n, *numbers))
    last = _finisher(program, 0, n, outer, parts, inner)
    size, lane = outer * parts * inner, _lane(program, 0)

    def launch(x: Any, out: Any) -> None:
        parts = _memory(lane, x.device.index)(size)
        first(x, parts)
        last(parts, out)

    return launch


def _finisher(program: Program, j: int, count: int, outer: int, n: int, inner: int) -> Launch:
    """The fold of the partials of output `j`, which stand for `count` elements, into it."""
    shape, blocks, _, numbers = plan(outer, n, inner, split=False)
    return between(_kernel(program, shape, "rest", j), blocks, (count, *numbers))


def bound(kernel: Kernel, blocks: int, numbers: tuple[int, ...]) -> Launch:
    """The launcher of `kernel` with its last operands, called with the others; an array is last."""
    grid, run = driver.config(blocks, THREADS), driver.launch
    handles, load = kernel.handles, kernel.on

    def launch(*operands: Any) -> None:
        device = operands[-1].device
        lane = here.lane
        if lane.device is not device:
            lane = enter(device)
        arguments = [o.ptr if hasattr(o, "ptr") else o for o in operands]
        run(lane.stream, grid, handles.get(device) or load(device), *arguments, *numbers)

    return launch


def between(kernel: Kernel, blocks: int, numbers: tuple[int, ...]) -> Launch:
    """`bound` for two arrays, in half the time."""
    grid, run = driver.config(blocks, THREADS), driver.launch
    handles, load = kernel.handles, kernel.on

    def launch(x: Any, out: Any) -> None:
        device = out.device
        lane = here.lane
        if lane.device is not device:
            lane = enter(device)
        run(lane.stream, grid, handles.get(device) or load(device), x.ptr, out.ptr, *numbers)

    return launch


def _kernel(program: Program, shape: str, stage: str, j: int = 0) -> Kernel:
    key = ("cuda", shape, stage, j)
    kernel: Any = program.kernels.get(key)
    if kernel is None:
        kernel = program.kernels[key] = Kernel(_source(program, shape, stage, j), program.name)
    return kernel  # type: ignore[no-any-return]


def _source(program: Program, shape: str, stage: str, j: int) -> Any:
    """The source of one stage of a fold, in a shape of `axis.reductions` or a flat layout."""
    outputs = [program.outputs[j]] if stage == "rest" else []
    staged = getattr(folds, stage)(program, *outputs)
    if shape in reductions.SHAPES:
        return reductions.fold(staged, shape, names, THREADS)
    return folds.flat(staged, shape, names, THREADS)


def _lane(program: Program, j: int) -> np.dtype[Any]:
    fold = program.outputs[j].reduce
    assert fold is not None
    return np.dtype(memory_type(fold.lane))


_memory = cache(allocator)


@lru_cache(maxsize=4096)
def plan(outer: int, n: int, inner: int, split: bool = True) -> Geometry:
    """How to fold (outer, n, inner); not `split`, in one segment."""
    return segments.plan(outer, n, inner, THREADS, GRID, split)


def folding(program: Program, layout: str) -> Launch:
    """The kernels of a flat `layout` with folds, called with operands and outputs, as on the CPU.

    n is the size of the first operand that is an array of n elements, 1 if there is none.
    """
    if layout == "vr" and not program.body:
        return _of_all(program)
    lead = layout.index("v") if "v" in layout else None
    converters = numbers_of(program, layout)

    def launch(*operands: Any) -> None:
        arguments = [o if c is None else c(o) for o, c in zip(operands, converters, strict=True)]
        _sized(program, layout, 1 if lead is None else operands[lead].size)(*arguments)

    return launch


def _of_all(program: Program) -> Launch:
    """The fold of all elements of an array, called with it and the result."""
    by_size: dict[int, Launch] = {}

    def launch(x: Any, out: Any) -> None:
        n = x.size
        found = by_size.get(n)
        if found is None:
            if len(by_size) > 4096:
                by_size.clear()
            found = by_size[n] = _folder(program, 1, n, 1)
        found(x, out)

    return launch


@lru_cache(maxsize=4096)
def _sized(program: Program, layout: str, n: int) -> Launch:
    """The launches for a flat layout of n elements."""
    parts, length = cut(n, THREADS, 1)
    numbers = (n, parts, length)
    if parts == 1:
        return bound(_kernel(program, layout, "whole"), 1, numbers)
    first = bound(_kernel(program, layout, "partial"), min(parts, GRID), numbers)
    results = [
        (at, _lane(program, j), _finisher(program, j, n, 1, parts, 1))
        for at, j in _results(program, layout)
    ]

    def launch(*operands: Any) -> None:
        arguments = list(operands)
        for at, lane, _ in results:
            arguments[at] = _memory(lane, operands[at].device.index)(parts)
        first(*arguments)
        for at, _, last in results:
            last(arguments[at], operands[at])

    return launch


def _results(program: Program, layout: str) -> list[tuple[int, int]]:
    """Of each folded output: its position among the operands, and among the outputs."""
    k = len(program.inputs)
    stores = layout[k:]
    positions = [k + j - sum(s.isdigit() for s in stores[:j]) for j in range(len(stores))]
    return [(positions[j], j) for j, s in enumerate(stores) if s == "r"]
