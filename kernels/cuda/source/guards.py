"""Kernels that do nothing once something has gone wrong, and the check of positions."""

from __future__ import annotations

import re

from ...source.writer import Source

_HEAD = re.compile(r"^def kernel\(([^)]*)\):\n", re.MULTILINE)
INSIDE = '''"""Positions are checked: status[0] = failure where one is not in [0, size). CUDA."""

import numpy as np
from numba import cuda


@cuda.jit
def kernel(index, n, size, status, failure):
    i = np.int64(cuda.grid(1))
    while i < n:
        if index[i] < 0 or index[i] >= size:
            status[0] = failure
        i += np.int64(cuda.gridsize(1))
'''


def inside() -> Source:
    """kernel(index, n, size, status, failure)"""
    types = "CPointer(int64), int64, int64, CPointer(int64), int64"
    return Source(INSIDE, f"void({types})")


def guarded(source: Source) -> Source:
    """`source` with a last parameter, `status`: its kernel does nothing where that is set."""

    def head(found: re.Match[str]) -> str:
        given = found[1].rstrip().rstrip(",")
        return f"def kernel({given}, status):\n    if status[0] != 0:\n        return\n"

    text, count = _HEAD.subn(head, source.text)
    assert count == 1, "a module has one kernel"
    return Source(text, source.signature[:-1] + ", CPointer(int64))")
