"""Sorting on a GPU, for kinds that need it: 64-bit words in the order of their upper bits.

What else a word holds travels with it: words `key << shift | position` sort positions by key, and
two sorts, by the lower half of a key and then by the upper, do so for keys of 64 bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from ...source.kind import Room, Stage

FEW = 1024  # words, for which counting those before each takes less time than a pass


class Sorted(NamedTuple):
    """Where the sorted words are, the stages that sort, and the memory that these take."""

    result: str
    stages: tuple[Stage, ...] = ()
    scratch: Mapping[str, tuple[str, int]] = MappingProxyType({})


def sorting(words: str, n: int, low: int, high: int, room: Room) -> Sorted:
    """The n uint64 of array `words` in the order of `word >> low`, stably; each is below 2**high.

    What `words` held is lost.
    """
    if n < 2 or high <= low:
        return Sorted(words)
    if n > FEW:
        return by_digits(words, n, low, high, room)
    return by_counting(words, n, low, room)


def by_counting(words: str, n: int, low: int, room: Room) -> Sorted:
    """As `sorting`, for few words."""
    from ...cuda.source import radix

    ordered = f"{words}_ordered"
    few = radix.source("few", room.threads)
    stage = Stage(few, room.blocks_for(n), room.threads, (words, ordered, n, low))
    return Sorted(ordered, (stage,), {ordered: ("uint64", n)})


def by_digits(words: str, n: int, low: int, high: int, room: Room) -> Sorted:
    """As `sorting`, for any number of words but none."""
    from ...cuda.source import radix

    threads, tiles = room.threads, -(-n // (room.threads * radix.ITEMS))
    ordered, counts, totals = (f"{words}_{x}" for x in ("ordered", "counts", "totals"))
    count, sums, move = (radix.source(name, threads) for name in ("count", "sums", "move"))
    stages = []
    here, there = words, ordered
    for shift in range(low, high, radix.BITS):
        given = n, shift, tiles
        stages += [
            Stage(count, tiles, threads, (here, counts, *given)),
            Stage(sums, radix.DIGITS, threads, (counts, totals, tiles)),
            Stage(move, tiles, threads, (here, there, counts, totals, *given)),
        ]
        here, there = there, here
    scratch = {
        ordered: ("uint64", n),
        counts: ("int64", radix.DIGITS * tiles),
        totals: ("int64", radix.DIGITS),
    }
    return Sorted(here, tuple(stages), scratch)
