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
