"""Callables timed side by side: rounds alternate between them, so that all see the same noise.

A round calls each of them for a while; a pair of them yields one ratio a round. What counts is the
median of the ratios: a slow phase of the machine leaves a ratio alone if it spans both of its parts
of the round.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median, quantiles

from cases import Timed

WARM_UP = 3  # calls before anything is timed: kernels compile, pools fill, gradients come to be
# Seconds of calls before each sample where threads take part: PyTorch takes 50 ms to wake its own.
WAKE = 0.08
CLOCK = time.perf_counter


@dataclass(frozen=True)
class Comparison:
    """Seconds per call of both, one value a round."""

    ours: tuple[float, ...]
    theirs: tuple[float, ...]

    @property
    def ratios(self) -> tuple[float, ...]:
        """Ours over theirs, round by round."""
        return tuple(a / b for a, b in zip(self.ours, self.theirs, strict=True))

    @property
    def ratio(self) -> float:
        """The median of the ratios."""
        return median(self.ratios)

    @property
    def best(self) -> float:
        """The ratio of the two shortest times; far from `ratio` where others used the machine."""
        return min(self.ours) / min(self.theirs)

    @property
    def quartiles(self) -> tuple[float, float]:
        """Those of the ratios."""
        return quartiles(self.ratios)


def quartiles(values: Sequence[float]) -> tuple[float, float]:
    """The first and the third quartile; a single value is both."""
    if len(values) < 2:
        return values[0], values[0]
    low, _, high = quantiles(values, method="inclusive")
    return low, high


def compare(ours: Timed, theirs: Timed, rounds: int, budget: float, pause: float) -> Comparison:
    """Time both in `rounds` rounds of about `budget` seconds for each."""
    return Comparison(*alternate((ours, theirs), rounds, budget, pause))


def alternate(
    timed: Sequence[Timed], rounds: int, budget: float, pause: float
) -> list[tuple[float, ...]]:
    """Seconds per call of each, one value a round; every second round goes backward.

    `pause` seconds pass before each part of a round: an OpenMP runtime lets its threads spin for
    some milliseconds after their last loop, on cores that the next would need.
    """
    calls = [calibrate(each, budget) for each in timed]
    samples: list[list[float]] = [[] for _ in timed]
    with no_collection():
        for k in range(rounds):
            for i in range(len(timed))[:: 1 if k % 2 == 0 else -1]:
                gc.collect()
                time.sleep(pause)
                wake(timed[i], WAKE if pause else 0.0)
                samples[i].append(seconds(timed[i], calls[i]))
    return [tuple(times) for times in samples]


def wake(timed: Timed, least: float) -> None:
    """Wake threads and fill caches: by one call, and more of them for `least` seconds."""
    started = time.perf_counter()
    timed.once()
    while time.perf_counter() - started < least:
        timed.once()


def calibrate(timed: Timed, budget: float) -> int:
    """Warm up; then how many calls take about `budget` seconds, at least one."""
    for _ in range(WARM_UP):
        timed.once()
    calls = 1
    while (spent := seconds(timed, calls) * calls) < budget / 4:
        calls *= 2
    return max(1, round(calls * budget / spent))


def seconds(timed: Timed, calls: int) -> float:
    """The mean time of one of `calls` calls in a row."""
    run, prepare, clock = timed.run, timed.prepare, CLOCK
    if prepare is None:
        started = clock()
        for _ in range(calls):
            run()
        return (clock() - started) / calls
    total = 0.0
    for _ in range(calls):
        prepared = prepare()
        started = clock()
        run(prepared)
        total += clock() - started
    return total / calls


@contextmanager
def no_collection() -> Iterator[None]:
    """Python's cycle collector off; what exists by now is left out when it is called by hand."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
