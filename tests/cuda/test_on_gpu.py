"""On a real GPU, `pytest -m gpu`: the whole suite there, and what only large sizes can show."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microgrest as mg
from microgrest import cuda
from tests.op_info import ELEMENTWISE, Array, OpInfo

ROOT = Path(__file__).parents[2]
REASON = cuda.problem()
if REASON is None and cuda.get_device_name().startswith("Numba"):
    REASON = "the simulator is no GPU"
pytestmark = [pytest.mark.gpu, pytest.mark.skipif(REASON is not None, reason=f"{REASON}")]

RANDOM = np.random.default_rng(5)
LARGE = 300_001  # kernels by runs of elements, several blocks, an odd tail


def on_gpu(a: Any) -> Any:
    """A copy of an array."""
    return mg.tensor(a, device="cuda")


def both(f: Callable[..., Any], *arrays: Array) -> tuple[Array, Array]:
    """What `f` returns on the GPU and on the CPU."""
    there, here = f(*map(on_gpu, arrays)), f(*map(mg.tensor, arrays))
    return there.cpu().numpy(), here.numpy()


def ulps(a: Array, b: Array) -> Array:
    """The distance of two arrays of floats in units of the last place of `b`; 0 for equal NaNs."""
    with np.errstate(all="ignore"):
        apart = np.abs(a.astype("float64") - b) / np.spacing(np.abs(b))
    return np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, apart)


def test_the_suite() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "--device", "cuda", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=3000)
    assert done.returncode == 0, done.stdout[-10_000:]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("info", ELEMENTWISE, ids=str)
def test_values_are_near_those_of_the_cpu(info: OpInfo, dtype: str) -> None:
    got, want = both(info.find(mg), *info.samples((LARGE,), dtype))
    if got.dtype.kind == "f":
        assert ulps(got, want).max() <= 6
    else:
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("start", [0, 1, 2])
def test_any_alignment(start: int) -> None:
    x = RANDOM.random(LARGE, np.float32)
    got, want = both(lambda t: t[start:] * 2 + t[: LARGE - start], x)
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("shape", [(10_000_000,), (3000, 1001), (3, 700, 900), (100_000, 5)])
@pytest.mark.parametrize("name", ["sum", "mean", "amax", "argmin"])
def test_reductions(shape: tuple[int, ...], name: str) -> None:
    x = RANDOM.standard_normal(shape).astype(np.float32)
    for dim in (None, *range(len(shape))):
        got, want = both(lambda t, d=dim: getattr(t, name)(**({} if d is None else {"dim": d})), x)
        n = x.size if dim is None else shape[dim]
        atol = 1e-6 * n if name == "sum" else 1e-6
        np.testing.assert_allclose(got, want, 1e-6, atol if got.dtype.kind == "f" else 0)


def test_a_sum_of_ten_million() -> None:
    x = RANDOM.random(10_000_000, np.float32)
    exact = x.sum(dtype="float64")
    assert abs(on_gpu(x).sum().item() - exact) < 1e-6 * exact


@pytest.mark.parametrize("shape", [(64, 64, 64), (1000, 3, 17), (1, 5000, 1), (513, 257, 1025)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_products(shape: tuple[int, int, int], dtype: str) -> None:
    m, k, n = shape
    a, b = ((RANDOM.random(s) * 10).astype(dtype) for s in ((m, k), (k, n)))
    got, want = both(lambda x, y: x @ y, a, b)
    np.testing.assert_allclose(got, want, {"float32": 1e-5, "float64": 1e-13}.get(dtype, 0))
    turned, _ = both(lambda x, y: x.t() @ y.t(), np.ascontiguousarray(a.T), b.T.copy())
    np.testing.assert_allclose(turned, want, {"float32": 1e-5, "float64": 1e-13}.get(dtype, 0))


def step() -> list[bytes]:
    """The bits of everything that sums, made from the same numbers."""
    rng = np.random.default_rng(7)
    x = on_gpu(rng.standard_normal((500, 700)).astype("f4")).requires_grad_()
    places = on_gpu(rng.integers(0, 50, 100_000))
    loss = (x @ x.t()).sigmoid().sum() + x.cumsum(0).mean() + x.reshape(-1)[places].sum()
    loss.backward()
    return [loss.detach().cpu().numpy().tobytes(), x.grad.cpu().numpy().tobytes()]


def test_repeated_runs_give_the_same_bits() -> None:
    assert step() == step() == step()


@pytest.mark.parametrize("draw", ["rand", "randn", "randint", "randperm"])
def test_the_same_stream_on_both_devices(draw: str) -> None:
    def drawn(device: str) -> Array:
        mg.manual_seed(11)
        make = {
            "randint": lambda: mg.randint(-5, 1000, (LARGE,), device=device),
            "randperm": lambda: mg.randperm(1000, device=device),
        }.get(draw, lambda: getattr(mg, draw)(LARGE, device=device))
        return make().cpu().numpy()  # type: ignore[no-any-return]

    there, here = drawn("cuda"), drawn("cpu")
    if draw == "randn":
        assert ulps(there, here).max() <= 8
    else:
        np.testing.assert_array_equal(there, here)


def test_out_of_memory_leaves_the_library_usable() -> None:
    with pytest.raises(cuda.OutOfMemoryError, match=r"Tried to allocate 4194304\.00 GiB"):
        mg.empty(1 << 50, device="cuda")
    assert mg.ones(3, device="cuda").sum().item() == 3


def test_threads_and_streams() -> None:
    found: list[float] = []

    def work(k: int) -> None:
        with cuda.stream(cuda.Stream()):
            x = mg.full((LARGE,), float(k), device="cuda")
            for _ in range(200):
                x = x + 1
            found.append(x.sum().item() / LARGE - k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert found == [200.0] * 4


def test_copies_that_do_not_wait() -> None:
    x = RANDOM.random(LARGE)
    there = mg.tensor(x, pin_memory=True).to("cuda", non_blocking=True) * 2
    back = there.to("cpu", non_blocking=True)
    cuda.synchronize()
    np.testing.assert_array_equal(back.numpy(), 2 * x)


def test_events_measure() -> None:
    begin, end = (cuda.Event(enable_timing=True) for _ in range(2))
    x = mg.ones(30_000_000, device="cuda")
    begin.record()
    for _ in range(20):
        x = x + 1
    end.record()
    end.synchronize()
    assert 0.1 < begin.elapsed_time(end) < 5000


def test_pytorch_shares_memory() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    if not torch.cuda.is_available():
        pytest.skip("PyTorch has no CUDA here")
    theirs = torch.arange(6.0, device="cuda").reshape(2, 3).T
    ours = mg.from_dlpack(theirs)
    ours += 1
    assert theirs.tolist() == ours.tolist() == [[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]
    again = torch.from_dlpack(ours)
    again *= 2
    assert ours.tolist() == again.tolist()
    assert torch.as_tensor(ours, device="cuda").data_ptr() == ours.data_ptr()
