"""`microgrest.cuda`: devices, streams, events, memory, one stream of random numbers."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import microgrest as torch
from microgrest import cuda

pytestmark = pytest.mark.devices
needs_gpu = pytest.mark.skipif(
    not cuda.is_available(), reason="needs a GPU: try pytest --device simulator"
)
needs_two = pytest.mark.skipif(cuda.device_count() < 2, reason="needs two GPUs")
WRONG: list[Any] = ["cpu", torch.device("cpu")]


def python(code: str, **environment: str) -> str:
    """What a program prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=Path(__file__).parents[1],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_nothing_of_nvidias_is_imported() -> None:
    code = """
import sys, microgrest
from microgrest import cuda
cuda.Stream, cuda.Event, microgrest.OutOfMemoryError, cuda.is_initialized(), cuda.empty_cache()
print(sorted(m for m in sys.modules if m.partition(".")[0] in ("numba", "numba_cuda", "cuda")))
"""
    assert python(code) == "[]\n"


def test_out_of_memory_is_a_runtime_error() -> None:
    assert torch.OutOfMemoryError is cuda.OutOfMemoryError
    assert issubclass(torch.OutOfMemoryError, RuntimeError)


@pytest.mark.skipif(cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_everything_says_why() -> None:
    reason = cuda.problem()
    assert reason is not None
    uses = [cuda.current_device, cuda.synchronize, cuda.init, cuda.Stream]
    for use in [*uses, lambda: torch.ones(1, device="cuda"), lambda: torch.ones(1).cuda()]:
        with pytest.raises(RuntimeError) as error:
            use()
        assert str(error.value) == reason
    cuda.empty_cache()
    assert cuda.memory_allocated() == cuda.max_memory_reserved() == 0  # as programs ask anywhere


@needs_gpu
def test_current_device() -> None:
    assert cuda.device_count() >= 1
    assert cuda.current_device() == 0
    cuda.init()
    assert cuda.is_initialized()
    assert torch.ones(1, device="cuda").device == torch.device("cuda:0")


@needs_two
def test_set_device_and_context() -> None:
    with cuda.device(1):
        assert cuda.current_device() == 1
        assert torch.ones(1, device="cuda").device.index == 1
        with cuda.device("cuda:0"), cuda.device(None), cuda.device(-1):
            assert cuda.current_device() == 0
        assert cuda.current_stream().device == torch.device("cuda:1")
    assert cuda.current_device() == 0
    cuda.set_device(torch.device("cuda", 1))
    cuda.set_device(-1)
    assert cuda.current_device() == 1
    cuda.set_device("cuda:0")


@needs_two
def test_each_thread_has_its_own_device_and_stream() -> None:
    found = []

    def other() -> None:
        found.extend([cuda.current_device(), cuda.current_stream()])

    with cuda.stream(cuda.Stream(1)):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert found == [0, cuda.default_stream(0)]


@needs_gpu
def test_devices_that_are_not_there() -> None:
    index = cuda.device_count()
    for use in (cuda.set_device, cuda.synchronize, cuda.Stream, cuda.get_device_name):
        with pytest.raises(RuntimeError, match=f"there is no cuda:{index}, the number of GPUs"):
            use(index)
    for wrong in WRONG:
        with pytest.raises(ValueError, match="Expected a cuda device, but got: cpu"):
            cuda.set_device(wrong)
    assert cuda.current_device() == 0


@needs_gpu
def test_properties() -> None:
    found = cuda.get_device_properties("cuda:0")
    assert (found.major, found.minor) == cuda.get_device_capability()
    assert found.name == cuda.get_device_name(0) != ""
    assert found.total_memory > 0 and found.multi_processor_count > 0


@needs_gpu
def test_stream_context() -> None:
    default, chosen = cuda.default_stream(), cuda.Stream()
    assert cuda.current_stream() == default != chosen
    with cuda.stream(chosen):
        assert cuda.current_stream() == chosen
        x = torch.full((5,), 2.0, device="cuda") * 3
        with cuda.stream(None):
            assert cuda.current_stream() == chosen
    assert cuda.current_stream() == default
    default.wait_stream(chosen)
    assert (x + 1).tolist() == [7.0] * 5
    with pytest.raises(KeyError), cuda.stream(chosen):
        raise KeyError
    assert cuda.current_stream() == default


@needs_two
def test_stream_of_another_device() -> None:
    stream = cuda.Stream("cuda:1")
    with cuda.stream(stream):
        assert cuda.current_device() == 1
        assert torch.ones(1, device="cuda").device.index == 1
        assert cuda.current_stream(0) == cuda.default_stream(0)
    assert cuda.current_device() == 0
    assert cuda.current_stream(1) == cuda.default_stream(1)


@needs_gpu
def test_streams_compare_and_print() -> None:
    first, second = cuda.Stream(), cuda.Stream(priority=-1)
    same = cuda.ExternalStream(first.cuda_stream)
    assert first == same and hash(first) == hash(same) and first != second
    assert first.device == torch.device("cuda:0") and first.device_index == 0
    assert second.priority == -1
    assert repr(first) == f"<Stream device=cuda:0 cuda_stream={first.cuda_stream:#x}>"
    assert isinstance(same, cuda.Stream)
    with pytest.raises(RuntimeError, match="priority must be 0 or less, got 1"):
        cuda.Stream(priority=1)


@needs_gpu
def test_streams_are_dealt_in_turn() -> None:
    """Memory is kept by stream, so there must not be any number of streams."""
    assert len({cuda.Stream().cuda_stream for _ in range(100)}) == 32


@needs_gpu
def test_work_is_waited_for() -> None:
    stream = cuda.Stream()
    with cuda.stream(stream):
        torch.ones(10, device="cuda")
    stream.synchronize()
    assert stream.query()
    cuda.synchronize()
    cuda.synchronize("cuda:0")
    assert cuda.default_stream().query()


@needs_gpu
def test_events_tell_time() -> None:
    begin, end = (cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    torch.ones(10, device="cuda")
    end.record()
    end.synchronize()
    assert begin.query() and end.query()
    assert begin.elapsed_time(end) > 0
    assert begin.device == torch.device("cuda:0")


@needs_gpu
def test_events_order_streams() -> None:
    first, second = cuda.Stream(), cuda.Stream()
    event = first.record_event()
    second.wait_event(event)
    event.wait()
    assert first.record_event(event) is event
    second.synchronize()


@needs_gpu
def test_events_that_were_not_recorded() -> None:
    event = cuda.Event(enable_timing=True)
    assert event.query() and event.cuda_event == 0
    event.synchronize()
    event.wait()
    with pytest.raises(ValueError, match="must be recorded"):
        event.elapsed_time(cuda.Event(enable_timing=True))
    with pytest.raises(ValueError, match="enable_timing=True"):
        event.elapsed_time(cuda.Event())
    with pytest.raises(NotImplementedError, match="interprocess"):
        cuda.Event(interprocess=True)


@needs_two
def test_events_belong_to_a_device() -> None:
    event = cuda.Stream(0).record_event()
    with pytest.raises(RuntimeError, match=r"Event device cuda:0 does not match .* cuda:1"):
        cuda.Stream(1).record_event(event)


@needs_gpu
def test_memory_counts_agree() -> None:
    x = torch.ones(1000, device="cuda")
    cuda.reset_peak_memory_stats()
    found = cuda.memory_stats()
    assert found["allocated_bytes.all.current"] == cuda.memory_allocated()
    assert found["allocated_bytes.all.peak"] == cuda.max_memory_allocated()
    assert found["reserved_bytes.all.current"] == cuda.memory_reserved(x.device)
    assert found["reserved_bytes.all.peak"] == cuda.max_memory_reserved("cuda")
    assert cuda.memory_allocated() <= cuda.max_memory_allocated() <= cuda.memory_reserved()
    free, total = cuda.mem_get_info()
    assert 0 < free <= total
    cuda.empty_cache()
    assert x[-1].item() == 1.0


@needs_gpu
def test_memory_fraction() -> None:
    for wrong in (-0.1, 1.1):
        with pytest.raises(ValueError, match="Allowed range: 0~1"):
            cuda.set_per_process_memory_fraction(wrong)
    cuda.set_per_process_memory_fraction(1.0)


@needs_gpu
def test_one_stream_of_random_numbers() -> None:
    cuda.manual_seed(7)
    drawn = torch.rand(4, device="cuda").tolist()
    torch.manual_seed(7)
    assert torch.rand(4, device="cpu").tolist() == drawn
    cuda.manual_seed_all(7)
    assert torch.rand(4, device="cuda").tolist() == drawn


@needs_gpu
def test_gradients_on_several_devices_in_one_process() -> None:
    """What is kept of an operation, ready to be used again, belongs to a device."""
    for where in ["cuda", "cpu", f"cuda:{cuda.device_count() - 1}", "cpu"]:
        x = torch.tensor([1.0, 2.0], device=where, requires_grad=True)
        (x * x * 2.0).sum().backward()
        assert x.grad is not None and x.grad.tolist() == [4.0, 8.0]
        y = x.detach().clone().requires_grad_()
        z = y * 1.0
        z.mul_(y)
        z.sum().backward()
        assert y.grad is not None and y.grad.tolist() == [2.0, 4.0]


@needs_gpu
def test_launches_are_counted() -> None:
    from microgrest.kernels.cuda.driver.launch import counting

    a = torch.ones(20, device="cuda", requires_grad=True)
    (a * a).backward(torch.ones_like(a))
    for _ in range(2):
        with counting() as counts:
            b = a * a
            b = b + b
        assert counts == {"mul": 1, "add": 1}
    assert (b + b).tolist() == [4.0] * 20 and sum(counts.values()) == 2


FORK = """
import os, sys
import microgrest as torch
x = torch.ones(3, device="cuda")
child = os.fork()
if child == 0:
    for use in (lambda: x + 1, lambda: torch.ones(1, device="cuda"), torch.cuda.synchronize):
        try:
            use()
        except RuntimeError as error:
            assert "Cannot re-initialize CUDA in forked subprocess" in str(error), error
        else:
            os._exit(1)
    print((torch.ones(3, device="cpu") + 1).tolist(), flush=True)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
print((x + 1).tolist())
"""


@needs_gpu
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_child_is_refused() -> None:
    assert python(FORK) == "[2.0, 2.0, 2.0]\n" * 2
