"""Which tensors share memory, and how."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from ...tensor import Tensor
from ..record import address

# By place: the place of the first tensor on the same stretch, and the distance from its start.
Lies = dict[int, tuple[int, int]]


def owner(array: Any) -> Any:
    """What the memory of a flat array or span belongs to: two that overlap have the same owner.

    Unless someone outside made both of bare addresses.
    """
    below = getattr(array, "base", array)
    if below is array:  # a span
        while hasattr(array.source, "ptr"):
            array = array.source
        return array
    while below is not None:
        array, below = below, getattr(below, "base", None)
    return array


def separate(able: Sequence[Tensor], others: Sequence[Tensor]) -> list[Tensor]:
    """Those contiguous tensors of `able` that share no memory with each other, or with a storage.

    That is the storage of any that remains, and of any among the `others`.
    """
    apart = {id(t): t for t in able}
    everything = {id(t): t for t in (*able, *others)}
    while True:
        memories = {i: t._flat if i in apart else t._storage.array for i, t in everything.items()}
        together = _overlapping(memories) & apart.keys()
        if not together:
            return list(apart.values())
        for i in together:
            del apart[i]


def _overlapping(memories: Mapping[int, Any]) -> set[int]:
    """The keys of flat arrays that overlap another."""
    stretches = [(address(a), a.size * a.dtype.itemsize, i) for i, a in memories.items()]
    found: set[int] = set()
    end, last = 0, 0
    for start, size, i in sorted(stretches):
        if size and start < end:
            found |= {i, last}
        if start + size > end:
            end, last = start + size, i
    return found


def layout(tensors: Sequence[Tensor]) -> tuple[tuple[int, int, int], ...]:
    """How tensors lie on each other, in three numbers for each.

    Its first place in the sequence, the place of the first tensor with which it shares a stretch of
    memory, itself perhaps, and how many bytes after that one it begins.
    """
    first: dict[int, int] = {}
    owners: defaultdict[int, list[int]] = defaultdict(list)
    for i, t in enumerate(tensors):
        if first.setdefault(id(t), i) == i:
            owners[id(owner(t._storage.array))].append(i)
    lies: Lies = {i: (i, 0) for i in first.values()}
    for places in owners.values():
        if len(places) > 1:
            _lay(tensors, places, lies)
    return tuple((place, *lies[place]) for place in (first[id(t)] for t in tensors))


def _lay(
    tensors: Sequence[Tensor], places: Sequence[int], lies: dict[int, tuple[int, int]]
) -> None:
    """Find the stretches of memory that tensors of one owner cover, and where in them each lies."""
    spans = sorted((*_span(tensors[i]), i) for i in places)
    cluster: list[tuple[int, int]] = []
    end = 0
    for start, stop, i in spans:
        if start >= end:
            _settle(cluster, lies)
            cluster = []
        cluster.append((i, start))
        end = max(end, stop)
    _settle(cluster, lies)


def _settle(cluster: Sequence[tuple[int, int]], lies: Lies) -> None:
    if cluster:
        leader, base = min(cluster)
        lies.update({i: (leader, start - base) for i, start in cluster})


def _span(t: Tensor) -> tuple[int, int]:
    """The addresses of the first byte, and of the byte after the last."""
    start = t.data_ptr()
    steps = zip(t._shape, t._strides, strict=True)
    extent = 1 + sum((n - 1) * step for n, step in steps) if t.numel() else 0
    return start, start + extent * t.itemsize
