"""Device memory: spans of it, and a pool in which freed blocks wait for reuse.

The driver takes longer to allocate than a small kernel to run, and freeing waits for the whole GPU.
So blocks come in size classes, and a freed one goes to the free list of its class and of the stream
it was made for. There it can be reused at once: whatever still reads it was queued in that stream
before. Small blocks are cut from slabs. What is free goes back to the driver when memory runs out,
or by `empty_cache`.

A block is freed by a finalizer, which runs at any point of any thread; all it does is to append to
a list and to count, neither of which the interpreter interrupts, so nothing there waits for a lock.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from ..cpu.memory import size_class
from .driver import simulator
from .driver.device import Device, device, driver, enter, here, inside, simulated, stream_on, usable
from .driver.environment import OutOfMemoryError
from .pinned import in_flight, is_pinned as is_pinned, pinned

Array = np.ndarray[Any, Any]

SMALLEST = 512
SLAB = 2 << 20
CUT = 256 << 10  # the largest size that is cut from slabs
_pooling = threading.Lock()
_new = object.__new__


class Span:
    """`size` elements of type `dtype` at address `ptr` of `device`."""

    __slots__ = ("device", "dtype", "ptr", "size", "source")

    device: Device
    dtype: np.dtype[Any]
    ptr: int
    size: int
    source: Any

    def __getitem__(self, part: slice) -> Span:
        """The same memory from one element to another."""
        start, stop, _ = part.indices(self.size)
        return span(self.ptr + start * self.dtype.itemsize, stop - start, self.dtype, self)

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self.size * self.dtype.itemsize

    def item(self) -> Any:
        """The only element, as a Python number."""
        return to_host(self).item()


def span(ptr: int, n: int, dtype: np.dtype[Any], source: Any) -> Span:
    """A span of memory that `source`, kept alive, owns."""
    s = _new(Span)
    s.ptr, s.size, s.dtype, s.device, s.source = ptr, n, dtype, source.device, source
    return s


class Block(Span):
    """A span with memory of its own, which goes back to the list `source` when it ends."""

    __slots__ = ()

    source: Bin

    def __del__(self) -> None:
        home = self.source
        home.free.append(self.ptr)
        home.pool.room += home.size


class SharedBlock(Block):
    """A block that streams beside its own use, too."""

    __slots__ = ()

    def __del__(self, ending: Callable[[], bool] = sys.is_finalizing) -> None:
        if ending():
            return
        home = self.source
        others = home.pool.others.pop(self.ptr)
        if usable():
            with inside(self.device):
                for stream in others:
                    home.stream.wait(stream.record())
        super().__del__()


class Bin:
    """The free blocks of one size that are ready for use in one stream."""

    __slots__ = ("free", "pool", "size", "stream")

    def __init__(self, size: int, stream: Any, pool: Pool) -> None:
        self.size, self.stream, self.pool = size, stream, pool
        self.free: list[int] = []


class Bins(dict[int, Bin]):
    """The bins of one stream, by any number of bytes that their blocks are for."""

    def __init__(self, stream: Any, pool: Pool) -> None:
        self.stream, self.pool = stream, pool
        self.by_size: dict[int, Bin] = {}

    def __missing__(self, nbytes: int) -> Bin:
        size = size_class(max(nbytes, SMALLEST))
        if len(self) > 4096:
            self.clear()
        found = self.by_size.setdefault(size, Bin(size, self.stream, self.pool))
        return self.setdefault(nbytes, found)


class Pool:
    """The memory of one device: `reserved` bytes from the driver, `used` of them in blocks.

    `room` is how much more can be in use before the `peak` rises: one number that each block
    changes, where counting both would change two.
    """

    def __init__(self, where: Device, driver: Any = driver) -> None:
        self.where, self.driver = where, driver
        self.streams: dict[int, Bins] = {}
        self.slabs: dict[int, int] = {}  # address: bytes cut off so far
        self.whole: dict[int, int] = {}  # address: bytes, of blocks that are no part of a slab
        self.others: dict[int, list[Any]] = {}  # by address of the block, see SharedBlock
        self.reserved = self.peak = self.room = self.peak_reserved = 0
        self.limit: int | None = None
        self._lock = threading.RLock()

    @property
    def used(self) -> int:
        """Bytes in blocks."""
        return self.peak - self.room

    def raise_peak(self) -> None:
        """Let the peak rise by as much as `room` fell below 0."""
        with self._lock:
            short = max(-self.room, 0)
            self.peak += short
            self.room += short  # whatever other threads did to it meanwhile

    def forget_peaks(self) -> None:
        """Let peaks rise anew from what is held and in use now."""
        self.peak, self.room, self.peak_reserved = self.used, 0, self.reserved

    def bins(self, stream: Any) -> Bins:
        """The free blocks for `stream`."""
        return self.streams.setdefault(int(stream.handle), Bins(stream, self))

    def more(self, home: Bin) -> int:
        """The address of a new block of the size of `home`. OutOfMemoryError if there is none."""
        with self._lock:
            if home.size > CUT:
                address = self._from_driver(home.size)
                self.whole[address] = home.size
                return address
            slab = next(reversed(self.slabs), None)
            if slab is None or self.slabs[slab] + home.size > SLAB:
                slab = self._from_driver(SLAB)
                self.slabs[slab] = 0
            address = slab + self.slabs[slab]
            self.slabs[slab] += home.size
            return address

    def _from_driver(self, nbytes: int) -> int:
        """Fresh memory; if there is none, after all that is free, garbage too, was given back."""
        for attempt in (self.trim, self._collect, None):
            if self.limit is None or self.reserved + nbytes <= self.limit:
                address: int | None = self.driver.allocate(nbytes)
                if address is not None:
                    self.reserved += nbytes
                    self.peak_reserved = max(self.peak_reserved, self.reserved)
                    return address
            if attempt is not None:
                attempt()
        raise OutOfMemoryError(self._shortage(nbytes))

    def _collect(self) -> None:
        gc.collect()
        self.trim()

    def trim(self) -> int:
        """Give what is free back to the driver, whole slabs only; the number of bytes given."""
        with self._lock, inside(self.where):
            before = self.reserved
            unused = self._unused()
            # What is queued may use it still. Only now: another thread cannot queue more for it.
            self.driver.wait_device()
            for address in unused:
                self.reserved -= self.whole.pop(address, 0) or SLAB
                self.slabs.pop(address, None)
                self.driver.release(address)
            return before - self.reserved

    def _unused(self) -> list[int]:
        """Whole blocks, and slabs of which no part is in use; taken from the free lists."""
        free = {a: home for home in self._homes() for a in tuple(home.free)}
        unused = [a for a in self.whole if a in free and _take([a], free)]
        for slab, cut in self.slabs.items():
            parts = [a for a in free if slab <= a < slab + SLAB]
            if sum(free[a].size for a in parts) == cut and _take(parts, free):
                unused.append(slab)
        return unused

    def _homes(self) -> list[Bin]:
        streams = tuple(self.streams.values())  # other threads add some meanwhile, and sizes
        return [home for bins in streams for home in tuple(bins.by_size.values())]

    def _shortage(self, nbytes: int) -> str:
        free, total = self.driver.memory_info()
        limit = "" if self.limit is None else f" The limit set is {_human(self.limit)}."
        return (
            f"CUDA out of memory. Tried to allocate {_human(nbytes)}. {self.where!r} has a total "
            f"capacity of {_human(total)} of which {_human(free)} is free. microgrest holds "
            f"{_human(self.reserved)}, of which {_human(self.used)} is in use.{limit} Free tensors "
            "that are no longer needed, or use smaller ones; microgrest.cuda.empty_cache() leaves "
            "what is held and not in use to others."
        )


def _take(parts: list[int], free: dict[int, Bin]) -> bool:
    """Take all of `parts` from their free lists, or none, where another thread was quicker."""
    for k, part in enumerate(parts):
        try:
            free[part].free.remove(part)
        except ValueError:
            for back in parts[:k]:
                free[back].free.append(back)
            return False
    return True


def _human(nbytes: float) -> str:
    steps = min(int(nbytes).bit_length() // 10, 3)
    return f"{nbytes / 1024**steps:.2f} {('bytes', 'KiB', 'MiB', 'GiB')[steps]}"


def pool_of(where: Device) -> Pool:
    """The memory of a device."""
    with _pooling:
        where.pool = where.pool or Pool(where)
    return where.pool  # type: ignore[no-any-return]


@cache
def allocator(dtype: np.dtype[Any], index: int = 0) -> Callable[[int], Any]:
    """`empty` for one dtype on one device."""
    where = device(index)
    if simulated:
        return lambda n: simulator.empty(n, dtype, where)
    pool, itemsize = pool_of(where), dtype.itemsize

    def empty_of(n: int) -> Block:
        lane = here.lane
        if lane.device is not where:
            lane = enter(where)
        home = lane.bins[n * itemsize]
        try:
            ptr = home.free.pop()
        except IndexError:
            ptr = pool.more(home)
        block = _new(Block)
        block.ptr = ptr
        block.size = n
        block.dtype = dtype
        block.device = where
        block.source = home
        room = pool.room = pool.room - home.size
        if room < 0:
            pool.raise_peak()
        return block

    return empty_of


def empty(n: int, dtype: Any, like: Any) -> Any:
    """Uninitialized memory for n elements on the device of the span `like`."""
    return allocator(np.dtype(dtype), like.device.index)(n)


def to_host(array: Any, blocking: bool = True) -> Array:
    """The elements as an array of the host; not `blocking`, a pinned one that fills later."""
    if simulated:
        return np.array(array.view(np.ndarray))
    host = np.empty(array.size, array.dtype) if blocking else pinned(array.size, array.dtype)
    stream = stream_on(array.device)
    if array.size:
        driver.copy_to_host(host, array.ptr, stream)
    if blocking:
        driver.wait(stream)
    else:
        in_flight(host, stream)
    return host


def from_host(array: Any, source: Array, blocking: bool = True) -> None:
    """Copy `source`, in host memory, to `array`, as long and of the same type.

    Not `blocking`, the source may still be read when this returns, and is kept alive.
    """
    if simulated:
        array[...] = source
        return
    stream = stream_on(array.device)
    if array.size:
        driver.copy_from_host(array.ptr, source, stream)
        driver.wait(stream) if blocking else in_flight(source, stream)


def upload(source: Array, index: int, blocking: bool = True) -> Any:
    """A flat copy of an array on a device, of at least one element."""
    flat = np.ascontiguousarray(source).reshape(-1)
    span = allocator(flat.dtype, index)(max(flat.size, 1))
    if flat.size:
        from_host(span[: flat.size], flat, blocking=blocking)
    return span


def copy(array: Any, source: Any) -> None:
    """Copy `source` to `array`, as long and of the same type, from one device to another."""
    if simulated:
        array[...] = source
        return
    ready = stream_on(source.device).record()
    stream = stream_on(array.device)
    stream.wait(ready)
    if array.size:
        driver.copy_on_device(array.ptr, source.ptr, array.nbytes, stream)
    done = stream.record()
    stream_on(source.device).wait(done)  # before the source can be freed or changed


def record_stream(array: Any, stream: Any) -> None:
    """Keep the memory of `array`, when it is freed, until `stream` has come to that point."""
    while isinstance(array, Span) and not isinstance(array, Block):
        array = array.source
    if isinstance(array, Block):
        others = array.source.pool.others
        others[array.ptr] = [*others.get(array.ptr, ()), stream]
        array.__class__ = SharedBlock


def address(array: Any) -> int:
    """Where the first element is, in device memory."""
    return int(array.ctypes.data if simulated else array.ptr)
