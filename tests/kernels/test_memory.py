"""The pool of large buffers: who keeps a block, what is kept, finalizers, threads, forks."""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import processes
import pytest
from microgrest.kernels.cpu import memory

F4 = np.dtype(np.float32)
N = 1 << 16  # elements: 256 KiB of float32
SIZE = 4 * N

HOLDERS: dict[str, Callable[[np.ndarray], Any]] = {
    "slice": lambda a: a[5:9],
    "strided view of a view": lambda a: a.reshape(256, 256)[::2].T[1:],
    "other dtype": lambda a: a.view(np.uint8)[3:],
    "asarray": lambda a: np.asarray(a)[:2],
    "subclass": lambda a: a.view(np.recarray),
    "broadcast": lambda a: np.broadcast_to(a, (2, N)),
    "memoryview": lambda a: memoryview(a)[7:],
    "from the buffer": lambda a: np.frombuffer(a, np.uint8),
    "DLPack": lambda a: a.__dlpack__(),
    "from DLPack": lambda a: np.from_dlpack(a)[1:],
    "flat iterator": lambda a: a.flat,
}


@pytest.fixture
def pool() -> memory.Pool:
    return memory.Pool(limit=1 << 30)


def kept(pool: memory.Pool) -> int:
    return pool.stats().kept_bytes


@pytest.mark.parametrize("nbytes", [0, 1, memory.POOL_MIN, memory.POOL_MIN + 4, 3 << 20])
def test_arrays_are_ordinary(nbytes):
    array = memory.empty(nbytes // 4, F4)
    assert type(array) is np.ndarray and array.dtype == F4 and array.shape == (nbytes // 4,)
    assert array.flags.c_contiguous and array.flags.writeable and array.flags.aligned
    if nbytes >= memory.POOL_MIN:
        assert array.ctypes.data % memory.ALIGNMENT == 0
    array[:] = 7
    assert array.sum() == 7 * array.size


def test_size_classes_waste_at_most_a_fifth():
    for nbytes in [*range(memory.POOL_MIN, 4 * memory.POOL_MIN, 997), (1 << 30) + 1]:
        size = memory.size_class(nbytes)
        assert nbytes <= size < 1.25 * nbytes and memory.size_class(size) == size


def test_a_freed_block_comes_back(pool):
    first = pool.empty(N, F4)
    address = first.ctypes.data
    assert kept(pool) == 0
    del first
    assert kept(pool) == SIZE
    assert pool.empty(N // 2, np.dtype(np.float64)).ctypes.data == address
    assert pool.stats()[3:] == (1, 1)


@pytest.mark.parametrize("holder", HOLDERS.values(), ids=HOLDERS)
def test_the_last_view_keeps_the_block(pool, holder):
    array = pool.empty(N, F4)
    array[:] = np.arange(N)
    copy = array.copy()
    held = holder(array)
    del array
    gc.collect()
    assert kept(pool) == 0
    others = [pool.empty(N, F4) for _ in range(3)]
    for other in others:
        other[:] = -1
    if isinstance(held, np.ndarray):
        np.testing.assert_array_equal(held, holder(copy))
    del held
    gc.collect()
    assert kept(pool) == SIZE


def test_lent_arrays_never_overlap(pool):
    rng = np.random.default_rng(0)
    lent: dict[int, np.ndarray] = {}
    for turn in range(400):
        array = pool.empty(int(rng.integers(1 << 14, 1 << 17)), F4)
        array[:] = turn
        lent[turn] = array
        if len(lent) > 8:
            gone = int(rng.choice(list(lent)))
            assert (lent.pop(gone) == gone).all()
    assert pool.stats().hits > 100


def test_what_is_kept_is_bounded_and_the_oldest_goes_first():
    pool = memory.Pool(limit=3 * SIZE)
    arrays = [pool.empty(N, F4) for _ in range(5)]
    addresses = [array.ctypes.data for array in arrays]
    while arrays:
        del arrays[0]
        assert kept(pool) <= pool.limit
    again = [pool.empty(N, F4) for _ in range(3)]
    assert [array.ctypes.data for array in again] == addresses[:1:-1]


def test_the_oldest_goes_first_across_sizes():
    pool = memory.Pool(limit=3 * SIZE)
    small, large, last = pool.empty(N, F4), pool.empty(2 * N, F4), pool.empty(N, F4)
    del small, large
    del last
    stats = pool.stats()
    assert (stats.kept_bytes, stats.kept_blocks) == (3 * SIZE, 2)


def test_arrays_beyond_the_limit_are_not_pooled():
    pool = memory.Pool(limit=SIZE)
    array = pool.empty(N + 1, F4)
    del array
    assert pool.stats() == (0, 0, SIZE, 0, 0)


def test_trim(pool):
    arrays = [pool.empty(N, F4) for _ in range(4)]
    arrays.clear()
    assert pool.trim(SIZE) == 3 * SIZE and kept(pool) == SIZE
    assert pool.trim() == SIZE and kept(pool) == 0
    assert pool.trim() == 0


def test_returns_while_the_lock_is_held_are_not_lost(pool):
    """A finalizer may run inside the pool itself: it must neither wait nor forget."""
    array = pool.empty(N, F4)
    with pool._lock:
        del array
        fresh = pool.empty(N, F4)
        assert pool._kept == 0
    assert kept(pool) == SIZE
    del fresh
    assert kept(pool) == 2 * SIZE


def test_arrays_in_cycles_return(pool):
    cycle: list[Any] = [pool.empty(N, F4)]
    cycle.append(cycle)
    del cycle
    gc.collect()
    assert kept(pool) == SIZE


def test_threads(pool):
    wrong: list[int] = []

    def work(me: int) -> None:
        for _ in range(300):
            array = pool.empty(N, F4)
            array[:64] = me
            other = pool.empty(N, F4)
            other[:64] = -me
            if not ((array[:64] == me).all() and (other[:64] == -me).all()):
                wrong.append(me)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(i,)) for i in range(1, 9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not wrong
    stats = pool.stats()
    assert stats.kept_bytes == stats.kept_blocks * SIZE > 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_has_a_pool_of_its_own():
    code = """
import numpy as np
from microgrest.kernels.cpu import memory

def use():
    array = memory.empty(1 << 20, np.dtype('f4'))
    array[:] = 1
    del array
    return memory.stats().kept_blocks

use()
memory._pool._lock.acquire()  # as another thread might hold it at the fork
print(forked(use))
"""
    assert processes.run(processes.FORK + code) == "1"


@pytest.mark.parametrize(("text", "limit"), [("0", "0"), ("123456", "123456")])
def test_limit_from_the_environment(text, limit):
    code = "from microgrest.kernels.cpu import memory; print(memory.stats().limit)"
    assert processes.run(code, MICROGREST_POOL_BYTES=text) == limit


def test_limit_that_is_no_number():
    code = "from microgrest.kernels.cpu import memory"
    process = processes.start(code, MICROGREST_POOL_BYTES="1G")
    assert "MICROGREST_POOL_BYTES must be a number of bytes, got '1G'" in process.communicate()[1]
    assert process.returncode == 1


@pytest.mark.skipif(sys.platform != "linux", reason="counts page faults as Linux does")
def test_temporaries_in_a_loop_cause_no_page_faults():
    import resource

    def step(empty: Callable[[int, np.dtype[Any]], np.ndarray]) -> None:
        total = ones
        for _ in range(6):
            total = np.add(total, ones, out=empty(ones.size, F4))

    def faults(empty: Callable[[int, np.dtype[Any]], np.ndarray]) -> int:
        step(empty)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(5):
            step(empty)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    ones = np.ones(1_000_000, F4)
    assert faults(memory.empty) < 50
