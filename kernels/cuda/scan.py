"""Scans on a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..scans import Scan
from . import names
from .launch import BLOCKS, THREADS, Kernel, blocks_for
from .memory import empty
from .source import scans
from .source.scans import ITEMS

WARP = min(32, THREADS)
# A thread takes a whole line of so few elements, and lines side by side that are so many.
SHORT, MANY = THREADS // 4, THREADS * 32


def scan(
    program: Scan, inputs: Sequence[Any], outputs: Sequence[Any], outer: int, n: int, inner: int
) -> None:
    """Scan the middle axis of arrays that are flat and contiguous (outer, n, inner)."""
    lines, short = outer * inner, n <= SHORT
    if (short and lines >= THREADS) or (inner > 1 and lines >= MANY):
        columns = _kernel(program, "columns")
        columns(blocks_for(lines), THREADS, *inputs, *outputs, lines, n, inner)
    elif lines * n:
        _rows(program, inputs, outputs, (lines, n, inner))


def _rows(
    program: Scan, inputs: Sequence[Any], outputs: Sequence[Any], sizes: tuple[int, int, int]
) -> None:
    """A block to a line, of one warp where two tiles of a warp do; several to a long line."""
    lines, n, _ = sizes
    threads = WARP if n <= 2 * WARP * ITEMS else THREADS
    span = _span(lines, n, threads * ITEMS)
    parts = -(-n // span)
    blocks = min(lines * parts, BLOCKS * THREADS // threads)
    # One part has nothing to start from: any arrays will do.
    states: Sequence[Any] = [inputs[0]] * len(program.registers)
    if parts > 1:
        states = [empty(lines * parts, np.dtype(r.lane), inputs[0]) for r in program.registers]
        totals = _kernel(program, "totals", threads)
        totals(blocks, threads, *inputs, *states, *sizes, parts, span)
        _rows(_of_totals(program), states, states, (lines, parts, 1))
    rows = _kernel(program, "rows", threads)
    rows(blocks, threads, *inputs, *outputs, *states, *sizes, parts, span)


def _span(lines: int, n: int, tile: int) -> int:
    """Elements of a part: whole tiles, at least two, as few as there are blocks for."""
    tiles = -(-n // tile)
    parts = max(min(BLOCKS // lines, tiles // 2), 1)
    return -(-tiles // parts) * tile


def _of_totals(program: Scan) -> Scan:
    found: Scan | None = program.kernels.get("totals")
    if found is None:
        found = program.kernels["totals"] = scans.scan_of_totals(program)
    return found


def _kernel(program: Scan, shape: str, *threads: int) -> Kernel:
    key = ("cuda", shape, *threads)
    found: Kernel | None = program.kernels.get(key)
    if found is None:
        source = getattr(scans, shape)(program, names, *threads)
        found = program.kernels[key] = Kernel(source, f"{program.name}_{shape}")
    return found
