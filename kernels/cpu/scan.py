"""Scans on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import scans
from ..scans import Scan
from ..source.axes import COLUMN_BLOCK
from . import helpers, names, parallel


def scan(
    program: Scan, inputs: Sequence[Any], outputs: Sequence[Any], outer: int, n: int, inner: int
) -> None:
    """Scan the middle axis of arrays that are flat and contiguous (outer, n, inner)."""
    size = outer * n * inner
    if inner == 1 and size:
        _kernel("rows", program, size, outer)(*inputs, *outputs, n)
    elif size:
        tasks = outer * -(-inner // COLUMN_BLOCK)
        _kernel("columns", program, size, tasks)(*inputs, *outputs, n, inner)


def _kernel(shape: str, program: Scan, size: int, tasks: int) -> Any:
    threads = tasks > 1 and size >= parallel.MINIMUM and parallel.usable()
    key = ("cpu", shape, threads)
    kernel = program.kernels.get(key)
    if kernel is None:
        source = getattr(scans, shape)(program, names, parallel=threads)
        kernel = program.kernels[key] = helpers.load(source, program.name).kernel
    return kernel
