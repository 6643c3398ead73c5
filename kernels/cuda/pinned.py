"""Page-locked host memory, which a GPU copies to and from while the host goes on."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np

from .device import driver, simulated

Array = np.ndarray[Any, Any]


class Pinned:
    """Page-locked memory, freed with the last array over it."""

    def __init__(self, nbytes: int) -> None:
        self.address = driver.allocate_pinned(nbytes)
        self.__array_interface__ = {
            "data": (self.address, False),
            "shape": (nbytes,),
            "typestr": "|u1",
            "version": 3,
        }

    def __del__(self) -> None:
        if hasattr(self, "address"):
            driver.release_pinned(self.address)


# Arrays that a copy may still be reading or writing, with the event that comes after it.
_copies: deque[tuple[Any, Array]] = deque()


def pinned(n: int, dtype: np.dtype[Any]) -> Array:
    """An uninitialized array of n elements in page-locked memory."""
    if simulated:
        return np.empty(n, dtype)
    owner = Pinned(max(n * dtype.itemsize, 1))
    return np.asarray(owner)[: n * dtype.itemsize].view(dtype)


def is_pinned(array: Any) -> bool:
    """Whether the memory of `array` is page-locked."""
    while isinstance(array, np.ndarray):
        array = array.base
    return isinstance(array, Pinned)


def in_flight(array: Array, stream: Any) -> None:
    """Keep `array` alive until `stream` is done with what was queued up to now."""
    _copies.append((stream.record(), array))
    while _copies and _copies[0][0].is_done:
        _copies.popleft()
