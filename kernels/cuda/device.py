"""Which GPU a thread works on, and in which stream.

The driver keeps a current device per thread, and so does `here`, which saves asking it: `enter`
changes both. In a forked child CUDA is unusable; there `here` is empty and `enter` says why.
"""

from __future__ import annotations

import os
import threading
from functools import lru_cache
from importlib import import_module
from typing import Any

simulated = os.environ.get("NUMBA_ENABLE_CUDASIM", "0") not in ("", "0")
driver: Any = import_module(".simulator" if simulated else ".driver", __package__)


class Device:
    """A GPU. `handle` is the driver's object, `pool` its memory, `default` its first stream."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.handle = driver.open_device(index)
        self.handle.set_current()
        self.capability: tuple[int, int] = tuple(self.handle.compute_capability)
        self.default = self.handle.default_stream
        self.pool: Any = None  # of `memory`, once there is something in it

    def __repr__(self) -> str:
        return f"cuda:{self.index}"


class _Here(threading.local):
    """This thread's device and stream: `bins`, memory ready for that stream, is the pool's."""

    device: Device | None = None
    stream: Any = None
    bins: Any = None
    chosen = 0  # index of the device that "cuda" means

    def __init__(self) -> None:
        self.streams: dict[int, Any] = {}  # per device, where not its default


here = _Here()
_forked = False
_opening = threading.Lock()


@lru_cache(maxsize=1)
def count() -> int:
    """The number of GPUs."""
    return int(driver.count())


def device(index: int) -> Device:
    """The GPU of that number. RuntimeError where there is none, and in a forked process."""
    if _forked:
        raise RuntimeError(
            "Cannot re-initialize CUDA in forked subprocess. To use CUDA with multiprocessing, you "
            "must use the 'spawn' start method"
        )
    if not 0 <= index < count():
        raise RuntimeError(
            f"CUDA error: invalid device ordinal: there is no cuda:{index}, the number of GPUs is "
            f"{count()} (cuda:0 is the first)"
        )
    with _opening:
        opened = _open(index)
    here.device = None  # opening may have changed the driver's
    return opened


@lru_cache(maxsize=None)
def _open(index: int) -> Device:
    return Device(index)


def enter(wanted: Device) -> None:
    """Make `wanted` this thread's device, and its stream there the current one."""
    if _forked:
        device(wanted.index)
    wanted.handle.set_current()
    stream = here.streams.get(wanted.index, wanted.default)
    here.device, here.stream = wanted, stream
    here.bins = wanted.pool.bins(stream) if wanted.pool is not None else None


def use_stream(where: Device, stream: Any) -> None:
    """Make `stream` this thread's on device `where`."""
    here.streams[where.index] = stream
    here.device = None


def stream_on(where: Device) -> Any:
    """This thread's stream on device `where`, which becomes the current device."""
    if here.device is not where:
        enter(where)
    return here.stream


def _after_fork() -> None:
    global _forked
    _forked = _open.cache_info().currsize > 0
    here.device = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
