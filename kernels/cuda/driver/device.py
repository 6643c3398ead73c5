"""Which GPU a thread works on, and in which stream.

The driver keeps a current device per thread, and so does `here`, which saves asking it: `enter`
changes both. In a forked child CUDA is unusable; there `here` is empty and `enter` says why.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from typing import Any

from . import environment

simulated = environment.simulated()
driver: Any = import_module(".simulator" if simulated else ".nvidia", __package__)


class Device:
    """A GPU. `handle` is the driver's object, `pool` its memory, `default` its first stream."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.handle = driver.open_device(index)
        self.handle.set_current()
        self.capability: tuple[int, int] = tuple(self.handle.compute_capability)
        self.default = driver.default_stream(self.handle)
        self.pool: Any = None  # of `memory`, once there is something in it

    def __repr__(self) -> str:
        return f"cuda:{self.index}"


class Lane:
    """A stream of a device, and the pool's free blocks for it, `bins`."""

    __slots__ = ("bins", "device", "stream")

    def __init__(self, device: Device | None, stream: Any, bins: Any) -> None:
        self.device, self.stream, self.bins = device, stream, bins


NOWHERE = Lane(None, None, None)


class _Here(threading.local):
    """What this thread works in, `lane`, and what it chose."""

    lane = NOWHERE
    chosen = 0  # index of the device that "cuda" means

    def __init__(self) -> None:
        self.streams: dict[int, Any] = {}  # per device, where not its default


here = _Here()
_forked = False
_opened: dict[int, Device] = {}
_opening = threading.Lock()


@lru_cache(maxsize=1)
def count() -> int:
    """The number of GPUs."""
    return int(driver.count())


def device(index: int) -> Device:
    """The GPU of that number. RuntimeError where there is none, and in a forked process."""
    if _forked:
        raise RuntimeError(environment.FORKED)
    found = _opened.get(index)
    if found is None:
        if not 0 <= index < count():
            raise RuntimeError(
                f"CUDA error: invalid device ordinal: there is no cuda:{index}, the number of GPUs "
                f"is {count()} (cuda:0 is the first)"
            )
        with _opening:
            found = _opened.get(index) or _opened.setdefault(index, Device(index))
        here.lane = NOWHERE  # opening may have changed the driver's device
    return found


def in_use() -> list[Device]:
    """The GPUs that were opened."""
    return list(_opened.values())


def enter(wanted: Device) -> Lane:
    """Make `wanted` this thread's device, and its stream there the current one."""
    if _forked:
        device(wanted.index)
    wanted.handle.set_current()
    stream = here.streams.get(wanted.index, wanted.default)
    bins = wanted.pool.bins(stream) if wanted.pool is not None else None
    lane = Lane(wanted, stream, bins)
    # Whoever comes before there is any memory has to come again.
    here.lane = lane if simulated or bins is not None else NOWHERE
    return lane


@contextmanager
def inside(where: Device) -> Iterator[None]:
    """Make `where` the driver's device for a moment, as finalizers must: they run amid launches.

    The driver is asked which it had before: amid `enter`, `here` tells another one.
    """
    outside = driver.current()
    where.handle.set_current()
    try:
        yield
    finally:
        driver.restore(outside)


def usable() -> bool:
    """Whether this process is not the child of one that used the driver."""
    return not _forked


def use_stream(where: Device, stream: Any) -> None:
    """Make `stream` this thread's on device `where`."""
    here.streams[where.index] = stream
    here.lane = NOWHERE


def stream_on(where: Device) -> Any:
    """This thread's stream on device `where`, which becomes the current device."""
    lane = here.lane
    return (lane if lane.device is where else enter(where)).stream


def _after_fork() -> None:
    global _forked
    # From the parent's first look at it on, the driver is of no use here.
    _forked = _forked or count.cache_info().currsize > 0
    here.lane = NOWHERE


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
