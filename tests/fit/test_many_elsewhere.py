"""`fit_many` by executors, interrupted, and by simulation: what its errors promise."""

from __future__ import annotations

from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np
import pytest
from random_problems import decay

from microgrest.fit import ManyResult, fit_many

X = np.linspace(0, 4, 25)
START = np.array([1.0, 1.0, 0.0])
TRUE = np.array([2.0, 0.8, 0.3])
CURVES, NOISE = 2000, 0.05
Y = decay(X, *TRUE) + np.random.default_rng(17).normal(0, NOISE, (CURVES, X.size))
FEW = Y[:30]


def same(found: ManyResult, wanted: ManyResult) -> bool:
    """Whether all arrays hold the same bits."""
    return all(
        np.array_equal(getattr(found, name), getattr(wanted, name), equal_nan=True)
        for name in ("popt", "perr", "chisqr", "free", "nfev", "status")
    )


@pytest.mark.parametrize("sigma", [None, NOISE], ids=["scaled", "absolute"])
def test_intervals_cover_what_they_say(sigma: float | None) -> None:
    """Of 2,000 simulations, within four standard deviations of the share that is covered.

    Errors that the data scale are a t distribution's of 22 degrees of freedom: the bounds are its.
    """
    given = {} if sigma is None else {"sigma": np.full(X.size, sigma), "absolute_sigma": True}
    found = fit_many(decay, X, Y, START, **given)  # type: ignore[arg-type]
    assert found.success.all()
    z = np.abs(found.popt - TRUE) / found.perr
    bounds = {0.68: 0.9945, 0.95: 1.96} if sigma else {0.68: 1.0167, 0.95: 2.0739}
    for level, bound in bounds.items():
        covered = (z < bound).mean(0)
        spread = np.sqrt(level * (1 - level) / CURVES)
        np.testing.assert_array_less(np.abs(covered - level), 4 * spread)
    chisqr = found.chisqr / (NOISE**2 if sigma is None else 1)
    assert abs(chisqr.mean() - found.free[0]) < 4 * np.sqrt(2 * found.free[0] / CURVES)


@pytest.mark.host
def test_pools_of_threads_and_of_processes() -> None:
    wanted = fit_many(decay, X, FEW, START)
    pools: list[Executor] = [
        ThreadPoolExecutor(2),
        ProcessPoolExecutor(1, mp_context=get_context("spawn")),
    ]
    for pool in pools:
        with pool:
            told: list[int] = []
            found = fit_many(
                *(decay, X, FEW, START),
                executor=pool,
                chunk=8,
                progress=lambda done, n, told=told: told.append(done),
            )
        assert same(found, wanted) and told == [8, 16, 24, 30]


class Stub(Executor):
    """Runs the first pieces at once; what comes then raises, and the rest never runs."""

    def __init__(self, good: int, error: BaseException) -> None:
        self.good, self.error = good, error
        self.futures: list[Future[Any]] = []

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        if len(self.futures) < self.good:
            future.set_result(fn(*args, **kwargs))
        elif len(self.futures) == self.good:
            future.set_exception(self.error)
        self.futures.append(future)
        return future


def test_an_executor_that_fails_in_the_middle() -> None:
    """Its error is raised, and what waits is cancelled."""
    stub = Stub(2, OSError("a worker is gone"))
    with pytest.raises(OSError, match="a worker is gone"):
        fit_many(decay, X, FEW, START, executor=stub, chunk=6)
    assert [future.cancelled() for future in stub.futures] == [False] * 3 + [True] * 2


def test_ctrl_c_while_an_executor_works() -> None:
    """What is done stays, what waits is cancelled."""
    stub = Stub(2, KeyboardInterrupt())
    found = fit_many(decay, X, FEW, START, executor=stub, chunk=6)
    wanted = fit_many(decay, X, FEW[:12], START)
    assert found.interrupted and found.done == 12
    np.testing.assert_array_equal(found.popt[:12], wanted.popt)
    assert (found.status[12:] == -1).all() and np.isnan(found.popt[12:]).all()
    assert [future.cancelled() for future in stub.futures] == [False] * 3 + [True] * 2
