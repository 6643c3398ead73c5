"""Two callables timed side by side: rounds alternate between them, so that both see the same noise.

A round calls each of the two for a while and yields one ratio. What counts is the median of the
ratios: a slow phase of the machine leaves a ratio alone if it spans both halves of its round.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median, quantiles

from cases import Timed

WARM_UP = 3  # calls before anything is timed: kernels compile, pools fill, gradients come to be


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
        """The first and the third quartile of the ratios."""
        if len(self.ratios) < 2:
            return self.ratio, self.ratio
        low, _, high = quantiles(self.ratios, method="inclusive")
        return low, high


def compare(ours: Timed, theirs: Timed, rounds: int, budget: float, pause: float) -> Comparison:
    """Time both in `rounds` rounds of about `budget` seconds for each.

    `pause` seconds pass before each half of a round: an OpenMP runtime lets its threads spin for
    some milliseconds after their last loop, on cores that the other would need.
    """
    pair = (ours, theirs)
    calls = [calibrate(timed, budget) for timed in pair]
    samples: tuple[list[float], list[float]] = ([], [])
    with no_collection():
        for k in range(rounds):
            for i in (0, 1) if k % 2 == 0 else (1, 0):
                gc.collect()
                time.sleep(pause)
                pair[i].once()  # wakes threads and fills caches
                samples[i].append(seconds(pair[i], calls[i]))
    return Comparison(tuple(samples[0]), tuple(samples[1]))


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
    run, prepare, clock = timed.run, timed.prepare, time.perf_counter
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
