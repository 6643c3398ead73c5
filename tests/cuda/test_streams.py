"""Streams and events of `microgrest.cuda` on a driver that waits until it is made to work."""

from __future__ import annotations

import pytest
from fake import Unavailable, built, on_fake_driver, told

import microgrest as mg
from microgrest import cuda

try:
    built()
except Unavailable as reason:
    pytest.skip(str(reason), allow_module_level=True)


@on_fake_driver(lazy=1)
def test_what_is_queued_is_done_when_it_is_waited_for() -> None:
    for finish in ("stream", "event"):
        stream = cuda.Stream("cuda:1")
        with cuda.stream(stream):
            for _ in range(3):  # the driver does one thing more whenever it is asked
                event = cuda.current_stream().record_event()
        assert not event.query() and not stream.query()
        if finish == "stream":
            stream.synchronize()
        else:
            event.synchronize()
        assert event.query() and stream.query()


@on_fake_driver(lazy=1)
def test_one_device_does_not_wait_for_the_other() -> None:
    events = [cuda.default_stream(i).record_event() for i in (0, 1)]
    cuda.synchronize(1)
    assert [event.query() for event in events] == [False, True]
    assert [str(event.device) for event in events] == ["cuda:0", "cuda:1"]
    cuda.default_stream(0).synchronize()
    assert events[0].query()


@on_fake_driver(lazy=1)
def test_a_stream_waits_for_another() -> None:
    first, second = cuda.Stream(0), cuda.Stream(1)
    mark = first.record_event()
    second.wait_stream(first)
    end = second.record_event()
    end.synchronize()
    assert mark.query() and end.query()


@on_fake_driver()
def test_time_passes_between_events() -> None:
    begin, end = (cuda.Event(enable_timing=True, blocking=True) for _ in range(2))
    begin.record()
    for _ in range(100):
        mg.ones(4, device="cuda")
    end.record()
    end.synchronize()
    assert 0 < begin.elapsed_time(end) < 60_000


@on_fake_driver()
def test_launches_go_to_the_chosen_stream() -> None:
    x = mg.ones(4, device="cuda:1")
    stream = cuda.Stream(1, priority=-1)
    with cuda.stream(stream):
        assert (x + 1).device.index == cuda.current_device() == 1
        assert told("last_stream") == stream.cuda_stream
        with cuda.stream(cuda.ExternalStream(cuda.Stream(1).cuda_stream, 1)) as nothing:
            assert nothing is None
            x + 1
            assert told("last_stream") not in (stream.cuda_stream, 1)
    x + 1
    assert told("last_stream") == cuda.default_stream(1).cuda_stream


@on_fake_driver()
def test_priorities_beyond_the_devices_are_its_most() -> None:
    assert cuda.Stream().priority == cuda.default_stream().priority == 0
    assert cuda.Stream(priority=-1).priority == -1
    assert -100 < cuda.Stream(priority=-100).priority <= -1


@on_fake_driver(memory=64 << 20)
def test_a_share_of_the_memory() -> None:
    cuda.set_per_process_memory_fraction(0.5)
    held = mg.empty(4 << 20, device="cuda")
    with pytest.raises(mg.OutOfMemoryError, match=r"The limit set is 32.00 MiB"):
        mg.empty(5 << 20, device="cuda")
    assert cuda.memory_allocated() == cuda.max_memory_allocated() >= 16 << 20
    assert cuda.memory_allocated(1) == cuda.memory_reserved(1) == 0
    del held
    assert cuda.memory_allocated() == 0 < cuda.memory_reserved()
    cuda.empty_cache()
    cuda.reset_peak_memory_stats()
    assert cuda.memory_reserved() == cuda.max_memory_reserved() == cuda.max_memory_allocated() == 0
    free, total = cuda.mem_get_info("cuda:1")
    assert free == total == 64 << 20


@on_fake_driver()
def test_facts_of_a_device() -> None:
    found = cuda.get_device_properties(1)
    assert (found.major, found.minor) == cuda.get_device_capability(1)
    assert found.name == cuda.get_device_name(1) and found.warp_size == 32
    assert found.total_memory == cuda.mem_get_info(1)[1]
    assert cuda.problem() is None and cuda.is_available() and cuda.device_count() == 2
