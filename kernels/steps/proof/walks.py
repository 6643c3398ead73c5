"""Walks: which elements of an array the places of a loop come to, and whether two walks meet."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

Shape = tuple[int, ...]
Array = np.ndarray[Any, Any]


class Walk(NamedTuple):
    """From `offset` on, by `strides` over `extents`; places are counted in row-major order."""

    offset: int
    extents: Shape = ()
    strides: Shape = ()

    @property
    def n(self) -> int:
        """The number of places."""
        return math.prod(self.extents)

    @property
    def ends(self) -> tuple[int, int]:
        """The lowest and the highest element."""
        low = high = self.offset
        for n, step in zip(self.extents, self.strides, strict=True):
            low += min(step, 0) * (n - 1)
            high += max(step, 0) * (n - 1)
        return low, high

    @property
    def plain(self) -> Walk:
        """The same walk in as few dimensions as can be."""
        extents: list[int] = []
        strides: list[int] = []
        for n, step in zip(self.extents, self.strides, strict=True):
            if n == 1:
                continue
            if extents and strides[-1] == step * n:
                extents[-1], strides[-1] = extents[-1] * n, step
            else:
                extents.append(n)
                strides.append(step)
        return Walk(self.offset, tuple(extents), tuple(strides))

    def at(self, places: Array) -> Array:
        """The elements that `places` come to."""
        if self.strides == (1,) and not self.offset:
            return places
        found: Any = self.offset
        for n, step in zip(reversed(self.extents), reversed(self.strides), strict=True):
            if step:
                found = found + (places if n == self.n else places % n) * step
            places = places // n
        return np.broadcast_to(np.asarray(found, np.int64), places.shape)

    def all(self) -> Array:
        """The elements of all places, in order."""
        return self.at(np.arange(self.n))

    def find(self, elements: Array) -> Array:
        """The place that comes to each element, -1 where none does; one of them, if several do."""
        if self.strides == (1,) and not self.offset:
            return np.where(elements < self.extents[0], elements, -1)
        dims = sorted(range(len(self.extents)), key=lambda d: -abs(self.strides[d]))
        if not self.n:
            return np.full_like(elements, -1)
        if not _nested(self, dims):
            return self._search(elements)
        left = elements - self.ends[0]
        missed = left < 0
        places = np.zeros_like(elements)
        for d in dims:
            n, step = self.extents[d], self.strides[d]
            if step and n > 1:
                at = np.minimum(left // abs(step), n - 1)
                left = left - at * abs(step)
                places += (at if step > 0 else n - 1 - at) * math.prod(self.extents[d + 1 :])
        return np.where(missed | (left != 0), -1, places)

    def _search(self, elements: Array) -> Array:
        known = self.all()
        order = np.argsort(known, kind="stable")
        at = np.minimum(np.searchsorted(known[order], elements), known.size - 1)
        return np.where(known[order][at] == elements, order[at], -1)

    @property
    def apart(self) -> bool:
        """Whether no two places come to one element."""
        if self.strides in ((), (1,)):
            return True
        dims = sorted(range(len(self.extents)), key=lambda d: -abs(self.strides[d]))
        if any(n > 1 and not step for n, step in zip(self.extents, self.strides, strict=True)):
            return False
        return _nested(self, dims) or np.unique(self.all()).size == self.n


def _nested(walk: Walk, dims: list[int]) -> bool:
    """Whether each dimension steps over all that those of smaller steps come to."""
    reach = 0
    for d in reversed(dims):
        n, step = walk.extents[d], abs(walk.strides[d])
        if n > 1 and step:
            if step <= reach:
                return False
            reach += step * (n - 1)
    return True


def disjoint(a: Walk, b: Walk) -> bool:
    """Whether no element is in both walks. Exact; only walks that interlace have to be gone."""
    if not a.n or not b.n:
        return True
    (low, high), (begin, end) = a.ends, b.ends
    if high < begin or end < low or _side_by_side(a, b):
        return True
    steps = [s for w in (a, b) for n, s in zip(w.extents, w.strides, strict=True) if n > 1 and s]
    if (a.offset - b.offset) % math.gcd(*steps) if steps else a.offset != b.offset:
        return True
    low, high = min(low, begin), max(high, end)
    met = np.zeros(high - low + 1, np.bool_)
    met[a.all() - low] = True
    return not met[b.all() - low].any()


def _side_by_side(a: Walk, b: Walk) -> bool:
    """Whether the two keep to other columns of lines that are as long."""
    line = max(map(abs, a.strides), default=0)
    if not line or line != max(map(abs, b.strides), default=0):
        return False
    (low, high), (begin, end) = (_within(w, line).ends for w in (a, b))
    if high // line != low // line or end // line != begin // line:
        return False
    return high % line < begin % line or end % line < low % line


def _within(walk: Walk, line: int) -> Walk:
    """What a walk does within one line."""
    strides = tuple(0 if abs(step) == line else step for step in walk.strides)
    return walk._replace(strides=strides)


def in_step(write: Walk, other: Walk) -> bool:
    """Whether two walks of as many places meet at equal places only, as they are written."""
    if write.plain == other.plain:
        return write.apart
    if disjoint(write, other):
        return True
    place = write.find(other.all())
    return write.apart and bool(((place < 0) | (place == np.arange(other.n))).all())


@lru_cache(1 << 12)
def divides(extents: Shape, over: Shape) -> bool:
    """Whether a loop over `over` goes through a walk's `extents`: it ends where they do."""
    return _ends(extents) <= _ends(over)


def _ends(extents: Shape) -> set[int]:
    """How many places lie within each dimension."""
    return {math.prod(extents[d:]) for d in range(len(extents) + 1)}
