"""Gather and scatter on a GPU, by flat positions that have been checked: the results of the CPU.

Where positions repeat, order matters. So scatters sort the positions first, each with its place in
the order, and one thread does what meets in one element, in that order: no atomics, and the same
bits in every run.
"""

from __future__ import annotations

from functools import cache as cached
from typing import Any

import numpy as np

from ..cpu.indexing import places as places
from .launch import THREADS, Kernel, blocks_for
from .memory import empty
from .sorting import sort
from .source import moves


def gather(x: Any, index: Any, out: Any) -> None:
    """out[i] = x[index[i]]"""
    _launch("gather", x, index, out)


def put(x: Any, index: Any, source: Any) -> None:
    """x[index[i]] = source[i], in order."""
    words, shift = _sorted(x, index)
    _launch("put", x, words, source, shift)


def scatter_add(x: Any, index: Any, source: Any) -> None:
    """x[index[i]] += source[i], in order."""
    words, shift = _sorted(x, index)
    _launch("scatter_add", x, words, source, shift)


def _launch(name: str, x: Any, places: Any, values: Any, *shift: int) -> None:
    n = places.size
    if n:
        kernel = _kernel(name, x.dtype)
        kernel(blocks_for(n), THREADS, x, places, values, n, *shift)


def _sorted(x: Any, index: Any) -> tuple[Any, int]:
    """Words `index[i] << shift | i`, sorted, and `shift`."""
    n = index.size
    shift = max(n - 1, 0).bit_length()
    high = shift + max(x.size - 1, 0).bit_length()
    if high > 64:
        raise RuntimeError(f"cannot scatter {n} elements to {x.size}: the product is over 2**64")
    words = empty(n, np.uint64, index)
    if n:
        _kernel("pair", index.dtype)(blocks_for(n), THREADS, words, index, n, shift)
    return sort(words, shift, high), shift


@cached
def _kernel(name: str, dtype: np.dtype[Any]) -> Kernel:
    return Kernel(moves.source(name, dtype.name), name)
