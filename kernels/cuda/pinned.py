"""Page-locked host memory, which a GPU copies to and from while the host goes on."""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from ..cpu.memory import size_class
from .driver.device import device, driver, enter, here, simulated

Array = np.ndarray[Any, Any]


SMALLEST = 4096
KEPT = 512 << 20  # bytes: to lock pages takes longer than to copy them
_free: dict[int, list[int]] = {}  # addresses by size


class Pinned:
    """Page-locked memory, which is free again with the last array over it."""

    def __init__(self, nbytes: int) -> None:
        self.size = size_class(max(nbytes, SMALLEST))
        try:
            self.address = _free.setdefault(self.size, []).pop()
        except IndexError:
            self.address = driver.allocate_pinned(self.size)
        self.__array_interface__ = {
            "data": (self.address, False),
            "shape": (nbytes,),
            "typestr": "|u1",
            "version": 3,
        }

    def __del__(self, ending: Callable[[], bool] = sys.is_finalizing) -> None:
        if not hasattr(self, "address") or ending():
            return
        if self.size + sum(size * len(free) for size, free in tuple(_free.items())) <= KEPT:
            _free[self.size].append(self.address)
        else:
            driver.release_pinned(self.address)


# Arrays that a copy may still be reading or writing, with the event that comes after it.
_copies: deque[tuple[Any, Array]] = deque()
_sweeping = threading.Lock()


def pinned(n: int, dtype: np.dtype[Any]) -> Array:
    """An uninitialized array of n elements in page-locked memory."""
    if simulated:
        return np.empty(n, dtype)
    if here.lane.device is None:
        enter(device(here.chosen))  # the driver pins memory for somebody
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
    with _sweeping:
        while _copies and _copies[0][0].is_done:
            _copies.popleft()
