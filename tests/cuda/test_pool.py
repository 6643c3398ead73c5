"""Device memory on a driver that has no GPU: reuse, slabs, limits, statistics, shortage."""

from __future__ import annotations

import ctypes
import gc
import threading
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from fake import Unavailable, built, on_fake_driver, told

import microgrest as mg

try:
    built()
except Unavailable as reason:
    pytest.skip(str(reason), allow_module_level=True)

MIB = 1 << 20


def pool(index: int = 0) -> Any:
    """The pool of a GPU."""
    from microgrest.kernels.cuda import memory
    from microgrest.kernels.cuda.driver import device

    return memory.pool_of(device.device(index))


def allocate(nbytes: int, index: int = 0) -> Any:
    """A block of so many bytes."""
    from microgrest.kernels.cuda import memory

    return memory.allocator(np.dtype(np.uint8), index)(nbytes)


def side_stream(index: int = 0) -> tuple[Any, Any, Any]:
    """The module `device`, a GPU, and a new stream of it."""
    from microgrest.kernels.cuda.driver import device

    where = device.device(index)
    device.enter(where)
    return device, where, device.driver.new_stream(where.handle, 0)


@on_fake_driver()
def test_freed_memory_is_reused_in_the_same_stream() -> None:
    for nbytes in (1, 600, 100_000, 10 * MIB):
        block = allocate(nbytes)
        address = block.ptr
        other = allocate(nbytes)
        assert other.ptr != address
        del block
        assert allocate(nbytes).ptr == address


@on_fake_driver()
def test_another_stream_has_memory_of_its_own() -> None:
    first = allocate(1000).ptr  # and freed at once
    device, where, stream = side_stream()
    device.use_stream(where, stream)
    second = allocate(1000).ptr
    assert second != first
    device.use_stream(where, where.default)
    assert allocate(1000).ptr == first
    device.use_stream(where, stream)
    assert allocate(1000).ptr == second


@on_fake_driver()
def test_a_part_keeps_the_whole_alive() -> None:
    block = allocate(4096)
    address, part = block.ptr, block[1000:2000][10:20]
    del block
    assert (part.ptr, part.size) == (address + 1010, 10)
    assert allocate(4096).ptr != address
    del part
    assert allocate(4096).ptr in (address, address + 4096)


@on_fake_driver()
def test_small_blocks_are_cut_from_slabs() -> None:
    before = told("allocations")
    blocks = [allocate(512) for _ in range(2 * MIB // 512)]
    assert told("allocations") == before + 1
    places = sorted(block.ptr for block in blocks)
    assert set(np.diff(places)) == {512} and places[0] % 512 == 0
    blocks.append(allocate(512))
    assert told("allocations") == before + 2
    assert pool().reserved == 4 * MIB


@on_fake_driver()
def test_large_blocks_are_not() -> None:
    before = told("allocations")
    blocks = [allocate(MIB) for _ in range(3)]
    assert told("allocations") == before + 3
    assert pool().used >= 3 * MIB and len(blocks) == 3


@on_fake_driver()
def test_what_is_free_goes_back_when_asked() -> None:
    small, whole = allocate(1000), allocate(10 * MIB)
    full = [allocate(128 << 10) for _ in range(16)]  # fills the slab and begins another
    held = pool().reserved
    mg.cuda.empty_cache()
    assert pool().reserved == held
    del whole
    mg.cuda.empty_cache()
    assert held - pool().reserved >= 10 * MIB
    del full
    mg.cuda.empty_cache()
    assert pool().reserved == 2 * MIB  # in which `small` is
    del small
    mg.cuda.empty_cache()
    assert (pool().reserved, pool().used) == (0, 0)
    assert told("releases") == told("allocations")
    assert allocate(1000).size == 1000


class Contested(list[int]):
    """The free blocks of a size, of which another thread takes the last at the wrong moment."""

    def remove(self, address: int) -> None:
        if address == self[-1]:
            raise ValueError("not in list")
        super().remove(address)


@on_fake_driver()
def test_a_block_that_is_taken_amid_the_giving_back() -> None:
    blocks = [allocate(512) for _ in range(3)]
    home, free = blocks[0].source, sorted(block.ptr for block in blocks)
    blocks.clear()
    home.free = Contested(home.free)
    mg.cuda.empty_cache()
    assert sorted(home.free) == free and pool().reserved == 2 * MIB


@on_fake_driver(lazy=1)
def test_a_block_that_is_freed_amid_the_giving_back() -> None:
    """Another thread's kernels may still use it, so it stays."""
    from microgrest.kernels.cuda import memory

    free, late = allocate(10 * MIB), [allocate(10 * MIB)]
    del free
    driver, copies = pool().driver, []
    wait = driver.wait_device

    def waiting() -> None:
        wait()
        if late:
            copies.append(memory.to_host(late.pop(), blocking=False))

    driver.wait_device = waiting
    mg.cuda.empty_cache()
    assert pool().reserved >= 10 * MIB and len(copies) == 1
    mg.cuda.empty_cache()
    assert pool().reserved == 0


class Growing:
    """The bins of a stream; another thread adds a stream while they are looked at."""

    @property
    def by_size(self) -> dict[int, Any]:
        pool().bins(side_stream()[2])
        return {}


@on_fake_driver()
def test_a_stream_that_comes_amid_the_giving_back() -> None:
    allocate(10 * MIB)
    pool().streams[0] = Growing()
    mg.cuda.empty_cache()
    assert pool().reserved == 0


@on_fake_driver(lazy=1)
def test_memory_that_others_have_pinned_is_read_when_a_copy_from_it_returns() -> None:
    from microgrest.kernels.cuda import memory
    from microgrest.kernels.cuda.driver import nvidia as driver

    block = allocate(8)
    page = (ctypes.c_uint8 * 8).from_address(driver.allocate_pinned(8))
    array = np.frombuffer(page, np.uint8)
    array[:] = 5
    memory.from_host(block, array)
    array[:] = 6
    assert memory.to_host(block).tolist() == [5] * 8


@on_fake_driver()
def test_the_statistics() -> None:
    start = mg.cuda.memory_allocated()
    x = mg.zeros(1 << 20, device="cuda:0")
    held = mg.cuda.memory_allocated() - start
    assert 4 * MIB <= held <= 5 * MIB
    del x
    assert mg.cuda.memory_allocated() == start
    assert mg.cuda.max_memory_allocated() >= 4 * MIB
    assert mg.cuda.memory_reserved() >= 4 * MIB
    mg.cuda.reset_peak_memory_stats()
    assert mg.cuda.max_memory_allocated() == start
    assert mg.cuda.memory_allocated(1) == 0


@on_fake_driver(memory=64 * MIB)
def test_out_of_memory_says_what_there_is_and_ends_there() -> None:
    keep = mg.zeros(4 * MIB, device="cuda:0")  # of float32
    with pytest.raises(mg.OutOfMemoryError) as caught:
        mg.zeros(16 * MIB, device="cuda:0")
    text = str(caught.value)
    assert "Tried to allocate 64.00 MiB. cuda:0 has a total capacity of 64.00 MiB" in text
    assert "of which 48.00 MiB is free" in text
    assert "microgrest holds 16.00 MiB, of which 16.00 MiB is in use" in text
    again = mg.tensor([1.0, 2.0], device="cuda:0")
    assert again.cpu().tolist() == [1.0, 2.0] and keep.numel() == 4 * MIB
    assert mg.zeros(15 * MIB, device="cuda:1").numel() == 15 * MIB


@on_fake_driver(memory=64 * MIB)
def test_free_memory_and_garbage_make_room() -> None:
    gc.disable()
    for size in (10, 20, 30):
        cycle: list[Any] = [allocate(size * MIB)]
        cycle.append(cycle)
        del cycle
    assert allocate(60 * MIB).size == 60 * MIB


@on_fake_driver()
def test_a_limit() -> None:
    pool().limit = 8 * MIB
    keep = allocate(4 * MIB)
    with pytest.raises(mg.OutOfMemoryError, match=r"The limit set is 8\.00 MiB"):
        allocate(5 * MIB)
    del keep
    assert allocate(5 * MIB).size == 5 * MIB


@on_fake_driver(lazy=1)
def test_memory_that_another_stream_reads_is_not_overwritten() -> None:
    from microgrest.kernels.cuda import memory

    old, new = np.full(1000, 1, np.uint8), np.full(1000, 2, np.uint8)
    block = allocate(1000)
    memory.from_host(block, old)
    device, where, stream = side_stream()
    device.use_stream(where, stream)
    copy = memory.to_host(block, blocking=False)
    memory.record_stream(block[10:], stream)
    device.use_stream(where, where.default)
    address = block.ptr
    del block
    block = allocate(1000)
    assert block.ptr == address
    memory.from_host(block, new)
    device.driver.wait(stream)
    assert copy.tolist() == old.tolist()


@on_fake_driver(lazy=1)
def test_memory_in_use_does_not_go_back() -> None:
    from microgrest.kernels.cuda import memory

    for index in (0, 1):
        block = allocate(10 * MIB, index)
        device, where, stream = side_stream(index)
        device.use_stream(where, stream)
        copy = memory.to_host(block, blocking=False)
        del block
        device.enter(device.device(1 - index))
        mg.cuda.empty_cache()
        assert pool(index).reserved == 0 and copy.size == 10 * MIB


@on_fake_driver(lazy=1)
def test_devices_wait_for_each_other() -> None:
    from microgrest.kernels.cuda import memory, pinned

    given = pinned.pinned(1000, np.dtype(np.uint8))
    given[:] = 7
    source, target = allocate(1000, 0), allocate(1000, 1)
    memory.from_host(source, given, blocking=False)
    memory.copy(target, source)
    assert memory.to_host(target).tolist() == [7] * 1000
    memory.copy(target, source)
    memory.from_host(source, np.zeros(1000, np.uint8))
    assert memory.to_host(target).tolist() == [7] * 1000


@on_fake_driver()
def test_threads_share_the_pool() -> None:
    failures: list[Any] = []

    def work(seed: int) -> None:
        try:
            device, where, stream = side_stream()
            device.use_stream(where, stream)
            sizes = np.random.default_rng(seed).integers(1, 300_000, 2000)
            living: list[Any] = []
            for i, size in enumerate(sizes):
                living.append(allocate(int(size)))
                if len(living) > 20:
                    living.pop(i % 20)
                if i % 500 == 0:
                    mg.cuda.empty_cache()
                spans = sorted((b.ptr, b.ptr + b.size) for b in living)
                assert all(a[1] <= b[0] for a, b in pairwise(spans))
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(200)
    assert not failures, failures
    assert pool().used == 0
    mg.cuda.empty_cache()
    assert pool().reserved == 0
