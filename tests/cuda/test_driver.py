"""The host side of the GPU, on a driver whose kernels do nothing: copies, streams, launches."""

from __future__ import annotations

import gc
import os
import threading
import traceback
from typing import Any

import numpy as np
import pytest
from fake import Unavailable, built, on_fake_driver, told

import microgrest as mg
from microgrest.dispatch.forms import form_of
from microgrest.ops import ROWS

try:
    built()
except Unavailable as reason:
    pytest.skip(str(reason), allow_module_level=True)

DTYPES = (mg.bool_, mg.uint8, mg.int8, mg.int16, mg.int32, mg.int64)
DTYPES += (mg.float16, mg.float32, mg.float64)


def cuda() -> Any:
    """The modules of kernels/cuda, which must not be imported outside of a test."""
    from microgrest.kernels.cuda import memory, pinned
    from microgrest.kernels.cuda.driver import device

    return device, memory, pinned


def new_stream(where: Any) -> Any:
    """A stream of the device `where`."""
    from microgrest.kernels.cuda.driver import device

    device.enter(where)
    return device.driver.new_stream(where.handle, 0)


@on_fake_driver()
def test_copies_there_and_back() -> None:
    for dtype in DTYPES:
        for shape in ((), (0,), (5,), (300, 7)):
            given = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype.numpy)
            there = mg.from_numpy(given).to("cuda:1")
            assert str(there.device) == "cuda:1" and there.dtype is dtype
            np.testing.assert_array_equal(there.cpu().numpy(), given)
    turned = mg.arange(6.0).view(2, 3).t()
    assert turned.to("cuda:0").cpu().tolist() == turned.tolist()


@on_fake_driver()
def test_from_one_device_to_another() -> None:
    first = mg.arange(1000.0).to("cuda:0")
    second = first.to("cuda:1")
    assert (first.device.index, second.device.index) == (0, 1)
    assert second.cpu().tolist() == list(range(1000))


@on_fake_driver(lazy=1)
def test_copies_from_pinned_memory_do_not_wait() -> None:
    device, memory, pinned = cuda()
    where = device.device(0)
    span = memory.allocator(np.dtype(np.float32))(1000)
    source = pinned.pinned(1000, np.dtype(np.float32))
    source[:] = np.arange(1000)
    waited = told("waits")
    memory.from_host(span, source, blocking=False)
    host = memory.to_host(span, blocking=False)
    host[:] = -1
    assert told("waits") == waited
    del source, span  # both are still in use
    gc.collect()
    pinned.pinned(1000, np.dtype(np.float32))[:] = -2
    device.driver.wait(where.default)
    np.testing.assert_array_equal(host, np.arange(1000))


@on_fake_driver()
def test_pinned_memory_is_kept_for_reuse() -> None:
    _, _, pinned = cuda()
    page = pinned.pinned(100_000, np.dtype(np.float32))
    address = page.ctypes.data
    del page
    assert pinned.pinned(99_000, np.dtype(np.float32)).ctypes.data == address
    large = [pinned.pinned(100 << 20, np.dtype(np.uint8)) for _ in range(6)]
    del large
    kept = sum(size * len(free) for size, free in pinned._free.items())
    assert 400 << 20 <= kept <= pinned.KEPT


@on_fake_driver(lazy=1)
def test_blocking_copies_wait() -> None:
    _, memory, pinned = cuda()
    span = memory.allocator(np.dtype(np.int64))(10)
    source = pinned.pinned(10, np.dtype(np.int64))
    source[:] = 3
    memory.from_host(span, source)
    source[:] = 4
    assert memory.to_host(span).tolist() == [3] * 10


@on_fake_driver()
def test_an_address_outside_is_an_error_and_no_more() -> None:
    _, memory, _ = cuda()
    span = memory.allocator(np.dtype(np.int64))(4)
    wild = memory.span(8, 4, span.dtype, span)
    with pytest.raises(RuntimeError, match="CUDA error: invalid argument"):
        memory.to_host(wild)
    memory.from_host(span, np.arange(4))
    assert memory.to_host(span).tolist() == [0, 1, 2, 3]


@on_fake_driver()
def test_devices_that_do_not_exist() -> None:
    for index in (2, 17):
        with pytest.raises(RuntimeError, match=f"there is no cuda:{index}, the number of GPUs"):
            mg.zeros(3, device=f"cuda:{index}")
    assert mg.tensor([1.0], device="cuda:1").cpu().tolist() == [1.0]


@on_fake_driver()
def test_launches_go_to_the_current_stream_of_each_device() -> None:
    device, _, _ = cuda()
    x, y = (mg.ones(1000, device=f"cuda:{i}") for i in (0, 1))
    first, second = (device.device(i) for i in (0, 1))
    side = new_stream(first)
    device.use_stream(first, side)
    before = told("launches")
    for tensor, stream in ((x, side), (y, second.default), (x, side)):
        tensor + tensor
        assert told("last_stream") == int(stream.handle)
    device.use_stream(first, first.default)
    x * 2.0
    assert told("last_stream") == int(first.default.handle)
    assert told("launches") == before + 4
    assert (told("last_grid"), told("last_block")) == (4, 256)


@on_fake_driver()
def test_a_refused_launch() -> None:
    from microgrest.kernels.cuda import names
    from microgrest.kernels.cuda.driver.launch import Kernel
    from microgrest.kernels.cuda.source import maps

    x = mg.ones(10, device="cuda:0")
    program = form_of(ROWS["add"], (x, x)).program
    kernel = Kernel(maps.flat(program, "vvv", names), "add")
    with pytest.raises(Exception, match="CUDA_ERROR_INVALID_VALUE"):  # of cuda.core
        kernel(1, 2048, x._flat, x._flat, x._flat, 10)
    before = told("launches")
    assert (x + x).shape == (10,) and told("launches") == before + 1


@on_fake_driver()
def test_threads_with_streams_of_their_own() -> None:
    device, _, _ = cuda()
    where = device.device(0)
    streams = [new_stream(where) for _ in range(2)]
    failures: list[Any] = []

    def work(k: int) -> None:
        try:
            device.use_stream(where, streams[k])
            for i in range(300):
                x = mg.full((64,), float(k), device="cpu").to("cuda:0")
                y = x + x
                assert x.cpu().tolist() == [float(k)] * 64
                assert device.here.lane.stream is streams[k] and y.shape == (64,), i
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not failures, failures


@on_fake_driver()
def test_a_thread_that_came_to_a_device_before_its_memory() -> None:
    device, _, _ = cuda()
    where = device.device(0)
    device.stream_on(where)
    thread = threading.Thread(target=lambda: mg.zeros(3, device="cuda:0"))
    thread.start()
    thread.join(60)
    assert mg.tensor([2.0], device="cuda:0").cpu().tolist() == [2.0]


@on_fake_driver()
def test_finalizers_leave_the_drivers_device_as_they_find_it() -> None:
    device, _, _ = cuda()
    first, second = device.device(0), device.device(1)
    device.enter(first)
    outside = int(device.driver.current())
    second.handle.set_current()  # as `enter` does before it tells the thread
    inside = int(device.driver.current())
    with device.inside(first):
        assert int(device.driver.current()) == outside != inside
    assert int(device.driver.current()) == inside


@on_fake_driver()
def test_threads_share_the_default_stream_whatever_the_environment_says() -> None:
    os.environ["CUDA_PYTHON_CUDA_PER_THREAD_DEFAULT_STREAM"] = "1"
    assert mg.cuda.default_stream("cuda:1").cuda_stream == 1
    mg.zeros(3, device="cuda:1")
    assert told("last_stream") == 1


def in_child(work: Any) -> int:
    """The exit status of a forked process that does `work`: 0 if it ends without an exception."""
    child = os.fork()
    if child == 0:
        try:
            work()
            gc.collect()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@on_fake_driver()
def test_a_forked_process_is_told_so() -> None:
    device, memory, pinned = cuda()
    x, shared = mg.ones(10, device="cuda:0"), mg.ones(10, device="cuda:0")
    memory.record_stream(shared._flat, new_stream(device.device(0)))
    held = [shared, pinned.pinned(10, np.dtype(np.float32))]

    def work() -> None:
        for use in (
            lambda: x + x,
            lambda: x.add_(1.0),
            lambda: x.cpu(),
            lambda: x.__dlpack__(),
            lambda: mg.zeros(3, device="cuda:1"),
        ):
            with pytest.raises(RuntimeError, match="Cannot re-initialize CUDA in forked"):
                use()
        assert (mg.ones(3) + 1).tolist() == [2.0] * 3
        held.clear()

    del shared
    assert in_child(work) == 0
    assert x.cpu().shape == (10,)


@on_fake_driver()
def test_a_forked_process_of_one_that_only_looked() -> None:
    assert mg.cuda.is_available() and mg.cuda.device_count() == 2

    def work() -> None:
        with pytest.raises(RuntimeError, match="Cannot re-initialize CUDA in forked"):
            mg.zeros(3, device="cuda:0")

    assert in_child(work) == 0


@on_fake_driver()
def test_the_end_of_a_process_that_uses_everything() -> None:
    """Its return code and an empty stderr are what is tested."""
    global kept
    device, memory, pinned = cuda()
    x = mg.ones(1000, device="cuda:0", requires_grad=True)
    loss = (x * x).sin()
    side = new_stream(device.device(0))
    memory.record_stream(x._flat, side)
    page = pinned.pinned(1000, np.dtype(np.float32))
    memory.from_host(x.detach()._flat, page, blocking=False)
    kept = [loss, side, page, x]
    kept.append(kept)
