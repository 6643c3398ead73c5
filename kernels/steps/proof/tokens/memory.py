"""The elements of memory that are looked at, and the tokens in them.

A step is followed twice. Backwards, to find which elements the chosen results come of: `Wanted`.
Then forwards, with tokens in these elements alone: `Memory`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..places import Key
from ..walks import Array, Walk
from .tokens import Tokens, fresh, origin

EXACT = 8  # of so many places or fewer, all are looked at
_NONE: Array = np.zeros(0, np.int64)


def sampled(n: int, more: int = 2) -> Array:
    """Some of n places, the first two and the last among them; all, if they are few."""
    if n <= EXACT:
        return np.arange(n)
    others = fresh(origin("sample", n), np.arange(more)).code % n
    return np.unique(np.concatenate([others, [0, 1, n - 1]]))


def union(a: Array, b: Array) -> Array:
    """Sorted numbers that are in either; the very array, where one has all."""
    if a is b or not b.size:
        return a
    if not a.size or (a.size == b.size and bool((a == b).all())):
        return b
    return np.unique(np.concatenate([a, b]))


class Wanted:
    """`elements` of arrays that what comes later reads; `slots`, all that were ever wanted."""

    def __init__(self) -> None:
        self.elements: dict[Key, Array] = {}
        self.slots: dict[Key, Array] = {}

    def add(self, key: Key, elements: Array) -> None:
        """What is read from an array, sorted or not, and maybe more than once."""
        if elements.size > 1 and not (elements[1:] > elements[:-1]).all():
            elements = np.unique(elements)
        self.elements[key] = union(self.elements.get(key, _NONE), elements)
        self.slots[key] = union(self.slots.get(key, _NONE), elements)

    def written(self, key: Key, walk: Walk) -> tuple[Array, Array]:
        """The wanted elements that a walk writes, and at which places; they are found now."""
        elements = self.elements.get(key, _NONE)
        if not elements.size:
            return _NONE, _NONE
        places = walk.find(elements)
        found = places >= 0
        if found.all():
            del self.elements[key]
            return elements, places
        self.elements[key] = elements[~found]
        return elements[found], places[found]


class Memory:
    """Tokens in the wanted elements; `first` gives those that an array begins with."""

    def __init__(self, wanted: Wanted, first: Callable[[Key, Array], Tokens]) -> None:
        self.slots = wanted.slots
        self.code: dict[Key, Array] = {}
        self.numbers: dict[Key, tuple[Any, Any]] = {}
        for key, elements in self.slots.items():
            self.code[key] = np.zeros(elements.size, np.int64)
            self.write(key, elements, first(key, elements))

    def _at(self, key: Key, elements: Array) -> Any:
        slots = self.slots[key]
        return slice(None) if elements is slots else np.searchsorted(slots, elements)

    def read(self, key: Key, elements: Array) -> Tokens:
        """The tokens of elements, which were wanted."""
        if not elements.size:
            return Tokens(_NONE.reshape(elements.shape))
        at = self._at(key, elements)
        if key not in self.numbers:
            return Tokens(self.code[key][at].copy())
        number, known = self.numbers[key]
        return Tokens(self.code[key][at].copy(), number[at].copy(), known[at].copy())

    def write(self, key: Key, elements: Array, tokens: Tokens) -> None:
        """Set elements."""
        if not elements.size:
            return
        at = self._at(key, elements)
        self.code[key][at] = tokens.code
        if tokens.known is None and key not in self.numbers:
            return
        size = self.slots[key].size
        number, known = self.numbers.setdefault(key, (np.zeros(size), np.zeros(size, np.bool_)))
        number[at] = 0.0 if tokens.number is None else tokens.number
        known[at] = False if tokens.known is None else tokens.known
