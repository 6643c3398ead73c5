"""Reductions on a GPU: folds of all elements, of rows or of columns, and searches of rows.

How an array is cut into segments, lanes and blocks depends on its extents alone.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any, NamedTuple

import numpy as np

from ..source.program import Program
from . import names
from .device import driver, enter, here, simulated
from .launch import THREADS, Kernel, numbers_of
from .memory import allocator
from .source import axes, folds
from .source.maps import memory_type

# Elements of a lane. More segments are made while blocks are few; no float32 lane adds so many
# numbers that its error shows; and up to WHOLE, one kernel that takes longer beats two.
FEWEST, MOST, WHOLE = 8, 128, 32
# Blocks that keep any GPU busy, and blocks to aim at where there are fewer.
ENOUGH, WANTED = 256, 2048
GRID = 2 if simulated else 65536


Launch = Callable[..., None]


class Geometry(NamedTuple):
    """How a kernel of a `shape` folds: its `numbers`, a grid of `blocks`, and what comes out."""

    shape: str
    blocks: int
    segments: int
    numbers: tuple[int, ...]


def fold(program: Program, x: Any, out: Any, outer: int, n: int, inner: int) -> None:
    """Fold the middle axis of `x`, flat and contiguous (outer, n, inner), into `out`."""
    if out.size:
        _folder(program, outer, n, inner)(x, out)


@lru_cache(maxsize=4096)
def _folder(program: Program, outer: int, n: int, inner: int) -> Launch:
    """The launches of a fold, called with x and out."""
    shape, blocks, segments, numbers = plan(outer, n, inner)
    if segments == 1:
        return between(_kernel(program, shape, "whole"), blocks, (n, *numbers))
    first = between(_kernel(program, shape, "partial"), blocks, (n, *numbers))
    last = _finisher(program, 0, n, outer, segments, inner)
    size, lane = outer * segments * inner, _lane(program, 0)

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
    """The source of one stage of a fold, in a shape of `axes` or a flat layout."""
    outputs = [program.outputs[j]] if stage == "rest" else []
    staged = getattr(folds, stage)(program, *outputs)
    if shape in axes.SHAPES:
        return axes.fold(staged, shape, names, THREADS)
    return folds.flat(staged, shape, names, THREADS)


def _lane(program: Program, j: int) -> np.dtype[Any]:
    fold = program.outputs[j].reduce
    assert fold is not None
    return np.dtype(memory_type(fold.lane))


_memory = cache(allocator)


@lru_cache(maxsize=4096)
def plan(outer: int, n: int, inner: int, split: bool = True) -> Geometry:
    """How to fold (outer, n, inner); not `split`, in one segment."""
    lanes, width = _tile(n, inner, split)
    blocks = -(-outer * inner // width)
    segments, length = cut(n, lanes, blocks) if split else (1, n)
    outputs = outer * segments * inner
    blocks = min(-(-outputs // width), GRID)
    shape = "columns" if inner > 1 else "long_rows" if lanes == THREADS else "rows"
    known = {"n": n, "inner": inner, "outputs": outputs, "segments": segments, "length": length}
    known |= {"lanes": lanes, "width": width}
    numbers = tuple(known[name] for name in axes.SHAPES[shape].numbers)
    return Geometry(shape, blocks, segments, numbers)


def _tile(n: int, inner: int, split: bool) -> tuple[int, int]:
    """(lanes, width): about four elements a lane, and whole lines of memory for a block."""
    if n <= 8:
        return 1, THREADS
    wanted = -(-n // 4)
    if inner == 1:
        lanes = min(max(1 << (wanted - 1).bit_length(), 8), THREADS)
        return lanes, THREADS // lanes
    # Partials are few, so there lanes count for more than lines.
    width = min(inner, THREADS // 4 if split else THREADS // 32 or 1)
    lanes = THREADS // width
    return (wanted, THREADS // wanted) if wanted < lanes else (lanes, width)


def cut(n: int, lanes: int, blocks: int) -> tuple[int, int]:
    """(segments, length) for n elements, `lanes` for each of the outputs of `blocks` blocks."""
    if n <= lanes * WHOLE:
        return 1, n
    each = MOST if blocks >= ENOUGH else FEWEST
    while each < MOST and blocks * -(-n // (lanes * each)) > WANTED:
        each *= 2
    return -(-n // (lanes * each)), lanes * each


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
    segments, length = cut(n, THREADS, 1)
    numbers = (n, segments, length)
    if segments == 1:
        return bound(_kernel(program, layout, "whole"), 1, numbers)
    first = bound(_kernel(program, layout, "partial"), min(segments, GRID), numbers)
    results = [
        (at, _lane(program, j), _finisher(program, j, n, 1, segments, 1))
        for at, j in _results(program, layout)
    ]

    def launch(*operands: Any) -> None:
        arguments = list(operands)
        for at, lane, _ in results:
            arguments[at] = _memory(lane, operands[at].device.index)(segments)
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


def search(name: str, better: str, dtype: str, x: Any, values: Any, indices: Any, n: int) -> None:
    """The best element of each row of `x`, flat (rows, n), and its first position."""
    if values.size:
        _searcher(name, better, dtype, values.size, n)(x, values, indices)


@lru_cache(maxsize=4096)
def _searcher(name: str, better: str, dtype: str, outer: int, n: int) -> Launch:
    """The launches of a search, called with x, values and indices."""
    shape, blocks, segments, numbers = plan(outer, n, 1)
    first = bound(_searching(name, better, dtype, shape, False), blocks, numbers)
    if segments == 1:
        return first
    shape, blocks, _, numbers = plan(outer, segments, 1, split=False)
    last = bound(_searching(name, better, dtype, shape, True), blocks, numbers)
    types = np.dtype(memory_type(dtype)), np.dtype(np.int64)

    def launch(x: Any, values: Any, indices: Any) -> None:
        best, places = (_memory(t, x.device.index)(outer * segments) for t in types)
        first(x, best, places)
        last(best, places, values, indices)

    return launch


@cache
def _searching(name: str, better: str, dtype: str, shape: str, last: bool) -> Kernel:
    source = axes.search(name, better, dtype, shape, names, THREADS, last=last)
    return Kernel(source, name)
