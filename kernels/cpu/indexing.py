"""Gather and scatter on the CPU, by flat positions that have been checked.

Each kernel is one loop over the positions; sums meet in the order of the positions, so that results
repeat bit for bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache as cached
from typing import Any

import numpy as np

from .. import cache

Array = np.ndarray[Any, Any]

_BODIES = {
    "gather": "out[i] = x[index[i]]",
    "scatter_add": "x[index[i]] += out[i]",
    "put": "x[index[i]] = out[i]",
}


@cached
def _kernel(name: str) -> Any:
    source = f'''"""{name}: {_BODIES[name]} for every i; unsigned, so no test of signs."""

from numba import njit


@njit(error_model="numpy")
def kernel(x, index, out):
    for i in range(index.size):
        {_BODIES[name]}
'''
    return cache.load(source, name).kernel


def gather(x: Array, index: Array, out: Array) -> None:
    """out[i] = x[index[i]]"""
    _kernel("gather")(x, index.view(np.uint64), out)


def put(x: Array, index: Array, source: Array) -> None:
    """x[index[i]] = source[i], in order."""
    _kernel("put")(x, index.view(np.uint64), source)


def scatter_add(x: Array, index: Array, source: Array) -> None:
    """x[index[i]] += source[i], in order."""
    _kernel("scatter_add")(x, index.view(np.uint64), source)


def places(size: Sequence[int], stride: Sequence[int], offset: int) -> Array:
    """The storage positions of a strided view, in row-major order, as int64."""
    total = np.array(offset, np.int64)
    for n, step in zip(size, stride, strict=True):
        total = total[..., None] + np.arange(n, dtype=np.int64) * step
    return np.ascontiguousarray(total.reshape(-1))
