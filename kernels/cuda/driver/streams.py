"""Streams and events of a GPU, as the driver's objects.

The driver takes the default stream to be that of its current device, so each function first makes
the stream's GPU the current one.
"""

from __future__ import annotations

from functools import cache
from itertools import cycle
from typing import Any

from .device import device, driver, enter, here, use_stream

RING = 32


def deal(index: int, priority: int) -> Any:
    """A stream of GPU `index`; lower priorities go first.

    The same 32 streams are dealt in turn: freed memory waits by stream for reuse, so a program that
    makes streams without end would hold memory without end.
    """
    where = _entered(index)
    slot = next(_turns(index, priority))
    return _dealt(where, priority, slot)


@cache
def _turns(index: int, priority: int) -> cycle[int]:
    return cycle(range(RING))


@cache
def _dealt(where: Any, priority: int, slot: int) -> Any:
    return driver.new_stream(where.handle, priority)


def adopt(index: int, handle: int) -> Any:
    """Somebody else's stream, by the driver's handle."""
    _entered(index)
    return driver.stream_of(handle)


def default(index: int) -> Any:
    """The stream in which work is queued where no other was chosen."""
    return device(index).default


def current(index: int) -> Any:
    """This thread's stream on GPU `index`."""
    return here.streams.get(index, default(index))


def use(index: int, stream: Any) -> None:
    """Make `stream` this thread's on GPU `index`."""
    use_stream(device(index), stream)


def event(index: int, timing: bool, blocking: bool) -> Any:
    """A mark for the streams of GPU `index`."""
    return driver.new_event(_entered(index).handle, timing, blocking)


def record(index: int, stream: Any, event: Any) -> None:
    """Mark the end of what is queued in `stream`."""
    _entered(index)
    stream.record(event)


def wait(index: int, stream: Any, event: Any) -> None:
    """Let what is queued in `stream` from now on begin after `event`."""
    _entered(index)
    stream.wait(event)


def is_done(index: int, stream: Any) -> bool:
    """Whether all work of `stream` is done."""
    _entered(index)
    return bool(driver.is_done(stream))


def finish(index: int, stream: Any) -> None:
    """Return when all work of `stream` is done."""
    _entered(index)
    driver.wait(stream)


def _entered(index: int) -> Any:
    where = device(index)
    enter(where)
    return where
