"""Sorting on a GPU: 64-bit words in the order of their upper bits.

What else a word holds travels with it: words `key << shift | position` sort positions by key, and
two sorts, by the lower half of a key and then by the upper, do so for keys of 64 bits.
"""

from __future__ import annotations

from functools import cache as cached
from typing import Any

import numpy as np

from .launch import THREADS, Kernel, blocks_for
from .memory import empty
from .source import radix
from .source.radix import BITS, DIGITS, ITEMS

FEW = 1024  # words, for which counting those before each takes less time than a pass
TILE = THREADS * ITEMS


def sort(words: Any, low: int, high: int) -> Any:
    """The uint64 `words` in the order of `words >> low`, stably; each has to be below 2**high.

    The result is in `words` or in other memory, and what `words` held is lost.
    """
    n = words.size
    if n < 2 or high <= low:
        return words
    if n > FEW:
        return by_digits(words, low, high)
    ordered = empty(n, np.uint64, words)
    _kernel("few")(blocks_for(n), THREADS, words, ordered, n, low)
    return ordered


def by_digits(words: Any, low: int, high: int) -> Any:
    """As `sort`, for any number of words but none."""
    n, tiles = words.size, -(-words.size // TILE)
    ordered = empty(n, np.uint64, words)
    counts = empty(DIGITS * tiles, np.int64, words)
    totals = empty(DIGITS, np.int64, words)
    for shift in range(low, high, BITS):
        _kernel("count")(tiles, THREADS, words, counts, n, shift, tiles)
        _kernel("sums")(DIGITS, THREADS, counts, totals, tiles)
        _kernel("move")(tiles, THREADS, words, ordered, counts, totals, n, shift, tiles)
        words, ordered = ordered, words
    return words


@cached
def _kernel(name: str) -> Kernel:
    return Kernel(radix.source(name, THREADS), f"sort_{name}")
