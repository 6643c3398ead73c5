"""A list of what is alive: weak references, without a callback for each that ends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from weakref import ref


class WeakList:
    """Objects in the order in which they were added, for as long as others hold them."""

    __slots__ = ("_full", "_refs")

    def __init__(self) -> None:
        self._refs: list[ref[Any]] = []
        self._full = 16

    def add(self, value: Any) -> None:
        """Note `value`; those that ended go when twice as many as were alive have been noted."""
        self._refs.append(ref(value))
        if len(self._refs) > self._full:
            self._refs = [found for found in self._refs if found() is not None]
            self._full = 2 * len(self._refs) + 16

    def drop(self, value: Any) -> None:
        """Forget `value`, if it is there."""
        self._refs = [found for found in self._refs if found() is not value]

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __iter__(self) -> Iterator[Any]:
        found = (reference() for reference in self._refs)
        return (value for value in found if value is not None)
