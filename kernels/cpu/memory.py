"""A pool of large buffers: what page faults on the temporaries of every step cost, paid once.

The operating system takes a large freed buffer back and hands it out again page by page, zeroed;
from about 64 KiB on that costs as much as the arithmetic (measured: three float32 additions at
1 MiB take 733 us on fresh memory, 265 us on kept memory). So blocks of at least `POOL_MIN` bytes
go to free lists, one per size class, and come back from there, the last freed first.

A block is lent as a plain array whose base is a `Lease`, whose base is the block. NumPy shortens
a view's chain of bases past arrays of the view's own class only, and these three differ. So every
view, memoryview and DLPack capsule keeps the lease alive, whose finalizer gives the block back
when the last of them is gone.

Finalizers run at any point of any thread, inside this module too, when the garbage collector
does. So nothing here waits for the lock: what is given back goes to a queue, and whoever gets the
lock sorts the queue in; who asks while another holds the lock gets fresh memory.
"""

from __future__ import annotations

import os
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from itertools import count
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]

# Smaller arrays are as fast from malloc; a caller in a hurry calls np.empty for them itself.
POOL_MIN = 1 << 16
ALIGNMENT = 64
_BYTES = np.dtype(np.uint8)


class Stats(NamedTuple):
    """What a pool holds and did: bytes and blocks kept, its limit, requests met and not met."""

    kept_bytes: int
    kept_blocks: int
    limit: int
    hits: int
    misses: int


@lru_cache(maxsize=4096)
def size_class(nbytes: int) -> int:
    """`nbytes` rounded up to four steps per power of two, so that at most a fifth is waste."""
    step = 1 << max(nbytes - 1, 4).bit_length() - 3
    return -(-nbytes // step) * step


class Pool:
    """Free lists of aligned blocks that keep at most `limit` bytes, the oldest dropped first."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._lease = _lease(self.give)
        self.reset()

    def reset(self) -> None:
        """Start empty; in a forked child, where the lock's holder may not exist, also safely."""
        self._lock = threading.Lock()
        self._returned: deque[Array] = deque()
        self._free: defaultdict[int, deque[tuple[int, Array]]] = defaultdict(deque)
        self._clock = count()
        self._kept = self._hits = self._misses = 0

    def empty(self, n: int, dtype: np.dtype[Any]) -> Array:
        """An uninitialized flat array; from the pool when it is large, but not beyond the limit."""
        nbytes = n * dtype.itemsize
        if not POOL_MIN <= nbytes <= self.limit:
            return np.empty(n, dtype)
        size = size_class(nbytes)
        block = self._take(size)
        if block is None:
            block = _aligned(size)
        return np.ndarray(n, dtype, block.view(self._lease))

    def give(self, block: Array) -> None:
        """Keep `block` for reuse, or drop it."""
        self._returned.append(block)
        self._settle()

    def trim(self, keep: int = 0) -> int:
        """Drop the oldest blocks until at most `keep` bytes are kept; returns the bytes dropped."""
        self._settle()
        with self._lock:
            before = self._kept
            self._drop(keep)
            return before - self._kept

    def stats(self) -> Stats:
        """What this pool holds and did so far."""
        self._settle()
        with self._lock:
            blocks = sum(map(len, self._free.values()))
            return Stats(self._kept, blocks, self.limit, self._hits, self._misses)

    def _take(self, size: int) -> Array | None:
        if not self._lock.acquire(blocking=False):
            return None
        try:
            blocks = self._free.get(size)
            if not blocks:
                self._misses += 1
                return None
            self._hits += 1
            self._kept -= size
            return blocks.pop()[1]
        finally:
            self._lock.release()

    def _settle(self) -> None:
        """Sort the queue into the free lists, unless the holder of the lock is about to."""
        while self._returned and self._lock.acquire(blocking=False):
            try:
                while self._returned:
                    block = self._returned.popleft()
                    size = block.size
                    self._free[size].append((next(self._clock), block))
                    self._kept += size
                if self._kept > self.limit:
                    self._drop(self.limit)
            finally:
                self._lock.release()

    def _drop(self, limit: int) -> None:
        while self._kept > limit:
            oldest = min((blocks for blocks in self._free.values() if blocks), key=_age)
            self._kept -= oldest.popleft()[1].size


def _lease(give: Callable[[Array], None]) -> type[Array]:
    """A class of arrays that give their base back when they end."""

    class Lease(np.ndarray[Any, Any]):
        __slots__ = ()

        def __del__(self) -> None:
            give(self.base)  # type: ignore[arg-type]

    return Lease


def _age(blocks: deque[tuple[int, Array]]) -> int:
    return blocks[0][0]


class _Block(np.ndarray[Any, Any]):
    """An aligned stretch of bytes; a class of its own because bases of a like class are skipped."""

    __slots__ = ()


def _aligned(size: int) -> _Block:
    raw = np.empty(size + ALIGNMENT, _BYTES)
    offset = -raw.__array_interface__["data"][0] % ALIGNMENT
    return raw[offset : offset + size].view(_Block)


def _memory() -> int:
    """Bytes of memory that this process may use, or 0 where neither system nor container tells."""
    found = []
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    try:
        with open("/sys/fs/cgroup/memory.max") as file:
            found.append(int(file.read()))
    except (OSError, ValueError):  # no such control group, or "max"
        pass
    return min(found, default=0)


def _limit() -> int:
    text = os.environ.get("MICROGREST_POOL_BYTES")
    if text is None:
        return min(1 << 30, _memory() // 4 or 1 << 28)
    if not text.isdecimal():
        raise ValueError(f"MICROGREST_POOL_BYTES must be a number of bytes, got {text!r}")
    return int(text)


_pool = Pool(_limit())
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.reset)


def empty(n: int, dtype: np.dtype[Any]) -> Array:
    """An uninitialized, C-contiguous, one-dimensional array of `n` elements.

    From `POOL_MIN` bytes on it is 64-byte aligned and comes from the pool, to which its memory
    returns when its last view is gone. MICROGREST_POOL_BYTES bounds what the pool keeps (0 keeps
    nothing; by default 1 GiB, or a quarter of the memory where that is less).
    """
    return _pool.empty(n, dtype)


def stats() -> Stats:
    """What the pool holds and did so far."""
    return _pool.stats()


def trim(keep: int = 0) -> int:
    """Give memory back to the system until the pool keeps at most `keep` bytes; bytes dropped."""
    return _pool.trim(keep)


def allocator(dtype: np.dtype[Any], index: int | None = None) -> Callable[[int], Array]:
    """`empty` for one dtype, with the short way for small arrays; there is one host, no `index`."""
    small = POOL_MIN // dtype.itemsize

    def empty_of(n: int) -> Array:
        return np.empty(n, dtype) if n < small else _pool.empty(n, dtype)

    return empty_of


def sized(dtype: np.dtype[Any], n: int) -> Callable[[], Array]:
    """What makes arrays of so many elements, with as little Python as that takes."""
    if n < POOL_MIN // dtype.itemsize:
        return partial(np.empty, n, dtype)
    return partial(_pool.empty, n, dtype)


def joining(outer: int) -> Callable[..., Any]:
    """`join` of arrays, of which the last is written."""
    if outer == 1:
        return lambda *arrays: np.concatenate(arrays[:-1], out=arrays[-1])
    return lambda *arrays: join(arrays[-1], arrays[:-1], outer)


def join(array: Array, pieces: Sequence[Array], outer: int) -> None:
    """Write `pieces`, each seen as (outer, rest), side by side to `array`, seen so too."""
    if outer == 1:
        np.concatenate(pieces, out=array)
    else:
        rows = [piece.reshape(outer, -1) for piece in pieces]
        np.concatenate(rows, axis=1, out=array.reshape(outer, -1))


def to_host(array: Array, blocking: bool = True) -> Array:
    """`array` itself: this is the host."""
    return array


def from_host(array: Array, source: Array, blocking: bool = True) -> None:
    """Copy `source`, in host memory, to `array`, as long and of the same type."""
    array[...] = source


def address(array: Array) -> int:
    """Where the first element is."""
    return int(array.ctypes.data)
