"""Compiled steps on a GPU, for `gpu.py`: beside PyTorch's eager steps, and a CUDA graph."""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import median
from typing import Any

import report
from cases import fit_autograd
from gpu_figures import Figure, Run, Sizes, wall_seconds

GOAL = 50  # times faster than PyTorch's eager step
SHARE = 0.8  # of a copy's bandwidth


def steps(sizes: Sizes, mg: Any, torch: Any) -> Iterator[Figure]:
    """A step of the cubic fit, compiled and repeated; PyTorch's beside it is eager, or a graph."""
    ours = _repeated(mg, sizes.points, sizes)
    eager = torch and wall_seconds(torch, _on_gpu(torch, sizes.points), sizes)
    judged = report.verdict(ours / eager, 1 / GOAL) if eager else ""
    name = f"cubic fit, {sizes.points} points"
    goal = f"{GOAL} times eager"
    yield Figure("steps", name, ours, "s", eager or None, goal=goal, verdict=judged)
    graph = torch and wall_seconds(torch, _graph(torch, sizes.points), sizes)
    yield Figure("steps", "the same, PyTorch by a CUDA graph", ours, "s", graph or None)
    yield _large(sizes, mg, torch)


def _large(sizes: Sizes, mg: Any, torch: Any) -> Figure:
    """A step that memory limits: it reads two arrays."""
    n = sizes.elements // 10
    ours = _repeated(mg, n, sizes)
    graph = torch and wall_seconds(torch, _graph(torch, n), sizes)
    x = mg.ones(n, device="cuda")
    copied = 8 * n / wall_seconds(mg, x.clone, sizes)
    share = 8 * n / ours / copied
    judged = "ok" if share >= SHARE else "MISSED"
    goal = f"{SHARE:.0%}"
    return Figure(
        "steps", f"cubic fit, {n} points", ours, "s", graph or None, share, "a clone", goal, judged
    )


def _on_gpu(module: Any, points: int) -> Run:
    """The step, on tensors of the GPU."""
    module.set_default_device("cuda")
    try:
        return fit_autograd(module, points, module.float32).run
    finally:
        module.set_default_device("cpu")


def _repeated(mg: Any, points: int, sizes: Sizes) -> float:
    """The median time of a step among many, with the copies to and from the host."""
    step = mg.compile(_on_gpu(mg, points))
    count = sizes.points
    step.repeat(count)  # recorded and compiled
    times = []
    for _ in range(sizes.rounds):
        mg.cuda.synchronize()
        started = time.perf_counter()
        step.repeat(count, nan_check=False)
        mg.cuda.synchronize()
        times.append((time.perf_counter() - started) / count)
    return median(times)


def _graph(torch: Any, points: int) -> Run:
    """PyTorch's step, captured in a graph: the launches without what makes them."""
    step = _on_gpu(torch, points)
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    replay: Run = graph.replay
    return replay
