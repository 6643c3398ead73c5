"""Sources of the CUDA kernels of a stable radix sort of 64-bit words, from the lowest digit up.

A pass orders the words by one digit of four bits (Satish, Harris and Garland, "Designing efficient
sorting algorithms for manycore GPUs", IPDPS 2009). A block takes a tile of words, a thread a few
that stand side by side. Prefix sums of the threads' counts, by digit, then by thread, say where in
the tile's order a thread's words of one digit begin; prefix sums of the tiles' counts, where in the
whole. Nothing depends on the order in which threads run.

    count(words, counts, n, shift, tiles)    counts[d, tile]: the words of digit d in a tile
    sums(counts, totals, tiles)              counts[d, tile]: in the tiles before; totals[d]: in all
    move(words, ordered, counts, totals, n, shift, tiles)    each word to its place

Few words are sorted at once: a word's place is the number of words that come before it.

    few(words, ordered, n, low)              in the order of words >> low
"""

from __future__ import annotations

from string import Template

from .maps import Source

BITS = 4  # of a digit
DIGITS = 1 << BITS
ITEMS = 8  # words of a thread
_GROUP = 16  # threads whose sums are added up together


def source(name: str, threads: int) -> Source:
    """The kernel `name`, as above, for blocks of `threads`."""
    helpers, body, types = _KERNELS[name]
    sizes = {"T": threads, "ITEMS": ITEMS, "TILE": threads * ITEMS, "GROUP": _GROUP}
    digits = {"DIGITS": DIGITS, "BITS": BITS, "RANKS": DIGITS * threads}
    text = Template("\n\n\n".join([_HEAD, *helpers, body])).substitute(sizes, name=name, **digits)
    return Source(text + "\n", f"void({types})")


_HEAD = '''"""Radix sort, $name: $T threads, $ITEMS words each; CUDA."""

import math

import numpy as np
from numba import cuda'''

_LOWER = '''@cuda.jit(device=True)
def lower(sums, own):
    """The sum of `own` over the threads before this one, added up by groups in the shared `sums`.

    The block has to synchronize before the next call.
    """
    thread = cuda.threadIdx.x
    first = thread // $GROUP * $GROUP
    sums[thread] = own
    cuda.syncthreads()
    upto = own
    for t in range(first, thread):
        upto += sums[t]
    cuda.syncthreads()
    if thread % $GROUP == $GROUP - 1:
        sums[thread] = upto
    cuda.syncthreads()
    for t in range($GROUP - 1, first, $GROUP):
        upto += sums[t]
    return upto - own'''

_RANK = '''@cuda.jit(device=True)
def digit(word, shift):
    """The digit of `word` that begins at bit `shift`."""
    return np.int32((word >> np.uint64(shift)) & np.uint64($DIGITS - 1))


@cuda.jit(device=True)
def rank(words, start, stop, shift, ranks, sums):
    """ranks[digit, thread]: the tile's words of lower digits, or of that digit in lower threads.

    This thread's words are those from `start` to `stop`.
    """
    thread = cuda.threadIdx.x
    for d in range($DIGITS):
        ranks[d * $T + thread] = 0
    for i in range(start, stop):
        ranks[digit(words[i], shift) * $T + thread] += 1
    cuda.syncthreads()
    own = np.int32(0)
    for j in range(thread * $DIGITS, thread * $DIGITS + $DIGITS):
        count = ranks[j]
        ranks[j] = own
        own = np.int32(own + count)
    before = lower(sums, own)
    for j in range(thread * $DIGITS, thread * $DIGITS + $DIGITS):
        ranks[j] += before
    cuda.syncthreads()'''

_FEW = """@cuda.jit
def kernel(words, ordered, n, low):
    i = np.int64(cuda.grid(1))
    while i < n:
        own = words[i] >> np.uint64(low)
        place = 0
        for j in range(n):
            other = words[j] >> np.uint64(low)
            if other < own or (other == own and j < i):
                place += 1
        ordered[place] = words[i]
        i += cuda.gridsize(1)"""

_COUNT = """@cuda.jit
def kernel(words, counts, n, shift, tiles):
    ranks = cuda.shared.array($RANKS, np.int32)
    sums = cuda.shared.array($T, np.int32)
    tile = np.int64(cuda.blockIdx.x)
    start = tile * $TILE + cuda.threadIdx.x * $ITEMS
    stop = min(start + $ITEMS, n)
    rank(words, start, stop, shift, ranks, sums)
    whole = min(n - tile * $TILE, $TILE)
    for d in range(cuda.threadIdx.x, $DIGITS, $T):
        after = np.int64(ranks[(d + 1) * $T]) if d + 1 < $DIGITS else whole
        counts[d * tiles + tile] = after - ranks[d * $T]"""

# A block does one digit.
_SUMS = """@cuda.jit
def kernel(counts, totals, tiles):
    sums = cuda.shared.array($T, np.int64)
    share = (tiles + $T - 1) // $T
    row = cuda.blockIdx.x * tiles
    start = row + min(cuda.threadIdx.x * share, tiles)
    stop = min(start + share, row + tiles)
    own = np.int64(0)
    for i in range(start, stop):
        own += counts[i]
    before = lower(sums, own)
    for i in range(start, stop):
        count = counts[i]
        counts[i] = before
        before += count
    if cuda.threadIdx.x == $T - 1:
        totals[cuda.blockIdx.x] = before"""

_MOVE = """@cuda.jit
def kernel(words, ordered, counts, totals, n, shift, tiles):
    ranks = cuda.shared.array($RANKS, np.int32)
    sums = cuda.shared.array($T, np.int32)
    base = cuda.shared.array($DIGITS, np.int64)
    tile = np.int64(cuda.blockIdx.x)
    start = tile * $TILE + cuda.threadIdx.x * $ITEMS
    stop = min(start + $ITEMS, n)
    rank(words, start, stop, shift, ranks, sums)
    for d in range(cuda.threadIdx.x, $DIGITS, $T):
        before = counts[d * tiles + tile]
        for e in range(d):
            before += totals[e]
        base[d] = before - ranks[d * $T]
    cuda.syncthreads()
    for i in range(start, stop):
        d = digit(words[i], shift)
        place = d * $T + cuda.threadIdx.x
        ordered[base[d] + ranks[place]] = words[i]
        ranks[place] += 1"""

_WORDS, _COUNTS = "CPointer(uint64)", "CPointer(int64)"
_PASS = "int64, int64, int64"
_KERNELS = {
    "few": ((), _FEW, f"{_WORDS}, {_WORDS}, int64, int64"),
    "count": ((_LOWER, _RANK), _COUNT, f"{_WORDS}, {_COUNTS}, {_PASS}"),
    "sums": ((_LOWER,), _SUMS, f"{_COUNTS}, {_COUNTS}, int64"),
    "move": ((_LOWER, _RANK), _MOVE, f"{_WORDS}, {_WORDS}, {_COUNTS}, {_COUNTS}, {_PASS}"),
}
