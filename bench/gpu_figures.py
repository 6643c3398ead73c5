"""What `gpu.py` measures on a GPU: one function a section, each a row of figures."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from statistics import median
from typing import Any

import launches
import numpy as np
import peers
import report
from cases import fit_autograd

Run = Callable[[], Any]


@dataclass(frozen=True)
class Sizes:
    """How large everything is: for a GPU, or so that the simulator comes to an end."""

    points: int = 2000
    elements: int = 100_000_000
    side: int = 4096
    transfer: int = 1 << 26
    rounds: int = 15
    repeats: int = 20
    calls: int = launches.CALLS
    sweep: str = "100,1000,10000,100000,1000000,10000000"


SMOKE = Sizes(16, 30, 6, 20, 1, 1, 1, "8,16")


@dataclass(frozen=True)
class Figure:
    """A measured value and, where there is one, PyTorch's; a share is that of `whole`."""

    section: str
    name: str
    value: float
    unit: str
    torch: float | None = None
    share: float | None = None
    whole: str = ""
    goal: str = ""
    verdict: str = ""

    def cells(self) -> tuple[str, ...]:
        """The texts of the table's columns."""
        value, torch = (self._text(v) for v in (self.value, self.torch))
        share = "" if self.share is None else f"{self.share:.0%} of {self.whole}"
        return self.name, value, torch, share, self.goal, self.verdict

    def _text(self, value: float | None) -> str:
        if value is None:
            return ""
        return report.duration(value) if self.unit == "s" else f"{value:,.4g} {self.unit}"


def gpu_seconds(module: Any, run: Run, sizes: Sizes) -> float:
    """The median time of a call on the GPU, by events around a row of them."""
    times = []
    for _ in range(sizes.rounds + 1):  # the first warms up
        start, end = (module.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        for _ in range(sizes.repeats):
            run()
        end.record()
        module.cuda.synchronize()
        times.append(start.elapsed_time(end) * 1e-3 / sizes.repeats)
    return median(times[1:])


def wall_seconds(module: Any, run: Run, sizes: Sizes) -> float:
    """The median time of a call by the clock, the GPU's work included."""
    times = []
    for _ in range(sizes.rounds + 1):
        module.cuda.synchronize()
        started = time.perf_counter()
        for _ in range(sizes.repeats):
            run()
        module.cuda.synchronize()
        times.append((time.perf_counter() - started) / sizes.repeats)
    return median(times[1:])


# ---- the sections --------------------------------------------------------------------------------


def eager_step(sizes: Sizes, mg: Any, torch: Any) -> Iterator[Figure]:
    """Forward, backward and update of the cubic fit, the GPU synchronized at the end."""
    ours = wall_seconds(mg, _step(mg, sizes.points), sizes)
    theirs = torch and wall_seconds(torch, _step(torch, sizes.points), sizes)
    name = f"cubic fit, {sizes.points} points"
    judged = report.verdict(ours / theirs, 1.0) if theirs else ""
    yield Figure("eager step", name, ours, "s", theirs or None, goal="PyTorch's", verdict=judged)


def _step(module: Any, points: int) -> Run:
    module.set_default_device("cuda")
    try:
        return fit_autograd(module, points, module.float32).run
    finally:
        module.set_default_device("cpu")


def bandwidth(sizes: Sizes, mg: Any, torch: Any) -> Iterator[Figure]:
    """Bytes read and written a second, beside a copy by the driver."""
    whole = "a copy"
    copied = 8 * sizes.elements / _driver_copy(sizes, mg)
    yield Figure("bandwidth", "copy by the driver", copied * 1e-9, "GB/s")
    own = streams(sizes.elements, mg)
    others = streams(sizes.elements, torch) if torch else {}
    for name, (width, run) in own.items():
        rate = width * sizes.elements / gpu_seconds(mg, run, sizes)
        theirs = None
        if name in others:
            theirs = width * sizes.elements * 1e-9 / gpu_seconds(torch, others[name][1], sizes)
        judged = "ok" if rate >= 0.85 * copied else "MISSED"
        yield Figure(
            "bandwidth", name, rate * 1e-9, "GB/s", theirs, rate / copied, whole, "85 %", judged
        )


def _driver_copy(sizes: Sizes, mg: Any) -> float:
    x, y = (mg.ones(sizes.elements, device="cuda")._flat for _ in range(2))
    memory = import_module("microgrest.kernels.cuda.memory")
    return gpu_seconds(mg, lambda: memory.copy(y, x), sizes)


def streams(n: int, module: Any) -> dict[str, tuple[int, Run]]:
    """Work that memory limits: the bytes an element, and the call."""
    rows = max(n // 10_000, 3)
    x, y = (module.ones(n, device="cuda") for _ in range(2))
    table = x[: n // rows * rows].view(rows, -1)
    return {
        "clone": (8, x.clone),
        "x * 2": (8, lambda: x * 2.0),
        "x + y": (12, lambda: x + y),
        "sin(x)": (8, lambda: module.sin(x)),
        "x *= y": (12, lambda: x.mul_(y)),
        "sum": (4, x.sum),
        "sum of columns": (4, lambda: table.sum(0)),
        "sum of rows": (4, lambda: table.sum(1)),
        "largest": (4, x.max),
    }


def products(sizes: Sizes, mg: Any, torch: Any) -> Iterator[Figure]:
    """float32 matrix products: our kernel, cuBLAS, and PyTorch without TF32."""
    n, cublas = sizes.side, import_module("microgrest.kernels.libraries.cublas")
    kinds, tiling = (
        import_module(f"microgrest.kernels.{m}") for m in ("cuda.kinds", "kinds.matrices.tiling")
    )
    matrices = import_module("microgrest.kernels.source.matrices")
    stream_on = import_module("microgrest.kernels.cuda.driver.device").stream_on
    a, b, c = (mg.ones(n, n, device="cuda")._flat for _ in range(3))
    seen = (0, (n, n), None)
    what = matrices.problem(seen, seen, seen)
    ways: dict[str, Run] = {}
    if cublas.takes(what, "float32"):
        ways["cuBLAS"] = lambda: cublas.matmul(what, "float32", stream_on(c.device), a, b, c)
    launches = tiling.plan(what, "float32", kinds.ROOM)
    ours = kinds.bound(launches, ("a", "b", "out"), "matmul")
    ways["our kernel"] = lambda: ours([a, b, c], (None,) * 4, ())
    theirs = torch and _rate(n, gpu_seconds(torch, _product(torch, n), sizes))
    best = None
    for name, run in ways.items():
        rate = _rate(n, gpu_seconds(mg, run, sizes))
        best = best or rate
        share = None if name == "cuBLAS" or len(ways) == 1 else rate / best
        yield Figure(
            "product", f"{n} by {n}, {name}", rate, "TFLOP/s", theirs or None, share, "cuBLAS"
        )


def _product(torch: Any, n: int) -> Run:
    torch.backends.cuda.matmul.allow_tf32 = False
    x = torch.ones(n, n, device="cuda")
    return lambda: x @ x


def _rate(n: int, seconds: float) -> float:
    return 2 * n**3 / seconds * 1e-12


def transfers(sizes: Sizes, mg: Any, torch: Any) -> Iterator[Figure]:
    """Copies to the GPU and back, of pageable and of page-locked memory."""
    n = sizes.transfer
    pinned = import_module("microgrest.kernels.cuda.pinned").pinned(n, np.dtype(np.float32))
    pinned[:] = 1
    for name, array in (("pageable", np.ones(n, np.float32)), ("pinned", pinned)):
        there, back = _both_ways(mg, mg.from_numpy(array), name == "pinned")
        others: tuple[Any, Any] = (None, None)
        if torch:
            host = torch.ones(n, pin_memory=name == "pinned")
            others = _both_ways(torch, host, name == "pinned")
        for way, run, other in (("to", there, others[0]), ("from", back, others[1])):
            rate = 4e-9 * n / wall_seconds(mg, run, sizes)
            theirs = other and 4e-9 * n / wall_seconds(torch, other, sizes)
            yield Figure("transfer", f"{way} the GPU, {name}", rate, "GB/s", theirs)


def _both_ways(module: Any, host: Any, pinned: bool) -> tuple[Run, Run]:
    device = host.to("cuda")
    return (
        lambda: host.to("cuda", non_blocking=pinned),
        lambda: device.to("cpu", non_blocking=pinned),
    )


def host_time(sizes: Sizes, mg: Any, torch: Any) -> Iterator[Figure]:
    """What an op costs the processor."""
    items, others = (*launches.OPS, *launches.PARTS), [torch] if torch else []
    for r in launches.measure(items, sizes.rounds, others, sizes.calls):
        compared = r.torch_seconds is not None
        goal, verdict = ("PyTorch's", r.verdict) if compared else ("", "")
        yield Figure(
            "host time", r.name, r.median_seconds, "s", r.torch_seconds, None, "", goal, verdict
        )


SECTIONS = (eager_step, host_time, bandwidth, products, transfers)


def torch_on_gpu() -> Any:
    """PyTorch, where it is installed and sees a GPU; else None."""
    if not peers.installed("torch"):
        return None
    torch = peers.load("torch")
    return torch if torch.cuda.is_available() else None
