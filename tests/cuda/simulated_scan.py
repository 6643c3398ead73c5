"""Run by test_scan with NUMBA_ENABLE_CUDASIM=1: scans of lines cut into parts, beside the CPU's.

Blocks have 8 threads and tiles 64 elements here; more blocks than the simulator's usual two make
more parts, so that totals are scanned over many and every kernel starts in the middle of lines.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from microgrest.kernels import cpu
from microgrest.kernels.cuda import kinds, memory
from microgrest.kernels.source.axis.scans import Scan

from microgrest.dispatch.families.scan import program_of
from microgrest.ops import ROWS
from microgrest.ops.folds import scan as rows
from microgrest.types import dtypes
from tests.kernel_calls import scanned

Array = np.ndarray[Any, Any]
RANDOM = np.random.default_rng(11)
LENGTHS = (1, 3, 63, 64, 65, 128, 129, 500, 1030)
FLOATS = ("cumprod_before", "logcumsumexp", "logcumsumexp_before", "recurrence")


def device(array: Array) -> Any:
    """A copy in simulated device memory."""
    span = memory.allocator(array.dtype)(array.size)
    memory.from_host(span, array)
    return span


def values(n: int, dtype: str) -> Array:
    """Numbers of either sign and of size one, so that products neither vanish nor overflow."""
    if dtype.startswith("float"):
        return (RANDOM.uniform(0.9, 1.1, n) * RANDOM.choice([-1, 1], n)).astype(dtype)
    return RANDOM.integers(-9, 9, n).astype(dtype)


def compare(program: Scan, outer: int, n: int, inner: int) -> None:
    """Run the scan on both devices."""
    size = outer * n * inner
    inputs = [values(size, p.stored) for p in program.inputs]
    wanted = [np.empty(size, r.stored) for r in program.results]
    scanned(cpu.kinds, program, inputs, wanted, outer, n, inner)
    found = [device(np.zeros_like(a)) for a in wanted]
    scanned(kinds, program, [device(a) for a in inputs], found, outer, n, inner)
    label = f"{program.name} {program.reverse} {outer} {n} {inner}"
    for span, array in zip(found, wanted, strict=True):
        tolerance = {"float32": 2e-5, "float64": 1e-10}.get(array.dtype.name, 0)
        got = memory.to_host(span)
        np.testing.assert_allclose(got, array, tolerance, tolerance, err_msg=label)


def every_row() -> None:
    for row in (row for row in ROWS.values() if row.kind in ("scan", "running")):
        dtype = dtypes.float64 if row.name in FLOATS else dtypes.int32
        for reverse in (False, True):
            compare(program_of(row, dtype, reverse), 1, 500, 1)


def lengths() -> None:
    for n in LENGTHS:
        for outer, inner in ((1, 1), (2, 1), (1, 3)):
            compare(program_of(rows.cumsum, dtypes.int64, False), outer, n, inner)
    for n in LENGTHS[-3:]:
        compare(program_of(rows.cummax, dtypes.float32, False), 2, n, 1)
        compare(program_of(rows.recurrence, dtypes.float64, True), 1, n, 2)


def columns() -> None:
    for outer, n, inner in ((9, 2, 1), (3, 2, 5), (2, 5, 150), (1, 3, 256)):
        for name in ("cumsum", "cummin", "recurrence"):
            dtype = dtypes.float32
            compare(program_of(ROWS[name], dtype, False), outer, n, inner)
            compare(program_of(ROWS[name], dtype, True), outer, n, inner)


def nothing() -> None:
    for outer, n, inner in ((0, 3, 1), (2, 0, 3), (2, 3, 0), (0, 2, 300)):
        compare(program_of(rows.cumsum, dtypes.float32, False), outer, n, inner)


def a_state_of_zero_takes_no_overflow_along() -> None:
    """Factors overflow within a part, and what stood before it is zero: 0 * inf is never met."""
    program = program_of(rows.recurrence, dtypes.float32, False)
    n = 700
    a, b, out = np.full(n, 4, np.float32), np.zeros(n, np.float32), device(np.ones(n, np.float32))
    scanned(kinds, program, [device(a), device(b)], [out], 1, n, 1)
    np.testing.assert_array_equal(memory.to_host(out), np.zeros(n))


if __name__ == "__main__":
    columns()
    nothing()
    kinds.ROOM = kinds.ROOM._replace(blocks=8)
    kinds.launcher.cache_clear()
    every_row()
    lengths()
    a_state_of_zero_takes_no_overflow_along()
