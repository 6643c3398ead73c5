"""Grad modes are a thread's own; graphs, kernels and gradients work from many, and from forks."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import microgrest as mg
from tests.kernels.processes import FORK, run


def together(n: int, work: Callable[[int], Any]) -> list[Any]:
    """What `work(i)` returns in each of `n` threads that start at once; an error is raised here."""
    barrier, results, errors = threading.Barrier(n), [None] * n, []

    def body(i: int) -> None:
        try:
            barrier.wait()
            results[i] = work(i)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=body, args=(i,)) for i in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results


def test_modes_are_a_threads_own() -> None:
    x = mg.ones(1, requires_grad=True)
    with mg.no_grad():
        assert together(2, lambda i: (x * 2).requires_grad) == [True, True]
        assert not (x * 2).requires_grad

    def wanted(i: int) -> bool:
        mg.set_grad_enabled(i % 2 == 0)
        if i == 2:
            with mg.inference_mode():
                return (x * 2).requires_grad
        return (x * 2).requires_grad

    assert together(5, wanted) == [True, False, False, False, True]
    assert (x * 2).requires_grad


def test_eight_threads_share_a_leaf() -> None:
    x = mg.ones(1000, requires_grad=True)
    y = (x * 2).sum()

    def work(i: int) -> None:
        for _ in range(50):
            (x * float(i)).sum().backward()
            mg.autograd.grad(y, x, retain_graph=True)

    together(8, work)
    assert x.grad.tolist() == [50.0 * sum(range(8))] * 1000


def test_eight_threads_go_backward_at_once() -> None:
    def work(i: int) -> list[float]:
        x = mg.linspace(0.1, 1, 100 + i).requires_grad_()
        for _ in range(30):
            x.grad = None
            y = ((x * (i + 1)).sin() * x.exp()).sum()
            y.backward()
        gradient: list[float] = x.grad.tolist()
        return gradient

    assert together(8, work) == [work(i) for i in range(8)]


ROUNDS = [20, pytest.param(1_000, marks=pytest.mark.slow)]


class Cube(mg.autograd.Function):
    """x**3, by a Function."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        """x**3."""
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        """3 x**2 g."""
        (x,) = ctx.saved_tensors
        return 3 * x**2 * g


def _round(i: int, x: Any) -> Any:
    """A graph of everything that has a state: hooks, packing, a checkpoint, second derivatives."""
    seen: list[Any] = []
    x.grad = None
    y = x * float(i + 1)
    y.register_hook(lambda g: g * 2)
    y.grad_fn.register_hook(lambda gi, go: seen.append(go[0]))
    with mg.autograd.graph.saved_tensors_hooks(lambda t: [t], lambda packed: packed[0]):
        z = Cube.apply(y) + y.exp()
    z = mg.utils.checkpoint.checkpoint(mg.sin, z, use_reentrant=False)
    (g,) = mg.autograd.grad(z.sum(), x, create_graph=True)
    (g.sum() + z.sum()).backward()
    return x.grad.tolist(), g.tolist(), len(seen)


@pytest.mark.parametrize("rounds", ROUNDS)
def test_eight_threads_have_graphs_of_their_own(rounds: int) -> None:
    def work(i: int) -> Any:
        x = mg.linspace(0.1, 0.5, 20 + i, dtype=mg.float64).requires_grad_()
        results = [_round(i, x) for _ in range(rounds)]
        assert all(r == results[0] for r in results)
        return results[0]

    assert together(8, work) == [work(i) for i in range(8)]


@pytest.mark.parametrize("rounds", ROUNDS)
def test_eight_threads_train_one_model(rounds: int) -> None:
    """Whole numbers, whose sums are the same in every order."""
    model = mg.nn.Sequential(mg.nn.Linear(3, 4), mg.nn.ReLU(), mg.nn.Linear(4, 1))
    parameters = list(model.parameters())
    filled: list[int] = []
    parameters[0].register_post_accumulate_grad_hook(lambda p: filled.append(1))
    with mg.no_grad():
        for i, p in enumerate(parameters):
            p.copy_((mg.arange(p.numel()) % 3 + i).reshape(p.shape))

    def work(i: int) -> None:
        x = mg.full((2, 3), float(i % 3))
        for _ in range(rounds):
            model(x).sum().backward()

    together(8, work)
    found = [p.grad.tolist() for p in parameters]
    assert len(filled) == 8 * rounds
    model.zero_grad()
    for i in range(8):
        work(i)
    assert found == [p.grad.tolist() for p in parameters]


COLD = """
import threading
import microgrest as mg

def work(i):
    barrier.wait()
    x = mg.linspace(0.1, 1, 50, dtype=mg.float64).requires_grad_()
    y = (x.sin() * x.exp() + x[::2].sum() / (x.abs() + 2)).log1p().sum()
    y.backward()
    results[i] = y.item(), x.grad.tolist()

barrier, results = threading.Barrier(8), [None] * 8
threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
for t in threads: t.start()
for t in threads: t.join()
assert results[0] is not None and all(r == results[0] for r in results), results
print(len(results))
"""


def test_eight_threads_compile_and_go_backward_at_once(tmp_path: Path) -> None:
    assert run(COLD, MICROGREST_CACHE_DIR=tmp_path) == "8"
    sources = list(tmp_path.rglob("*.py"))
    names = [source.name for source in sources]
    assert len(names) == len(set(names)) > 5
    assert run(COLD, MICROGREST_CACHE_DIR=tmp_path) == "8"
    assert sorted(tmp_path.rglob("*.py")) == sorted(sources)


FORKING = """
import microgrest as mg

x = mg.ones(400_000, requires_grad=True)
((x * 2).sin() * x).sum().backward()
want = x.grad.numpy().tobytes()

def work():
    x = mg.ones(400_000, requires_grad=True)
    ((x * 2).sin() * x).sum().backward()
    return 0 if x.grad.numpy().tobytes() == want else 1

print(forked(work), forked(work), work())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_a_forked_child_goes_backward() -> None:
    assert run(FORK + FORKING) == "0 0 0"
