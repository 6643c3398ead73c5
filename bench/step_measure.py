"""One training step on all its peers: whether they compute the same, and how long each takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from statistics import median

import interleave
import numpy as np
import report
from cases import Timed
from eager import PAUSE
from step_cases import HAND, Array, Runner, Workload
from step_hand import flat, numpy
from step_peers import HAND_PARALLEL, OURS, Peer, use_threads

CHECKED = 10  # steps after which all must have moved the same way
TOLERANCE = 1e-2  # of that way's length: Adam's first steps magnify rounding
WRONG = "wrong answer"

Samples = dict[str, tuple[float, ...]]  # seconds per step of each peer, one value a round


@dataclass(frozen=True)
class Result:
    """One line of the table, one record of the file: a peer's seconds per step.

    `ratio` is microgrest's time over the peer's, the median of the rounds' ratios; `bound` is the
    largest that passes. A peer that gave no right answer has no times.
    """

    step: str
    n: int
    peer: str
    seconds: float | None = None
    quartiles: tuple[float, float] | None = None
    ratio: float | None = None
    ratio_quartiles: tuple[float, float] | None = None
    bound: float | None = None
    verdict: str = ""

    def cells(self) -> tuple[object, ...]:
        """The texts of the table's columns."""
        seconds = "" if self.seconds is None else report.duration(self.seconds)
        spread = " .. ".join(map(report.duration, self.quartiles or ()))
        ratios = " .. ".join(map(times, self.ratio_quartiles or ()))
        rest = times(self.ratio), ratios, times(self.bound), self.verdict
        return f"{self.step}-{self.n}", self.peer, seconds, spread, *rest


def times(ratio: float | None) -> str:
    """A ratio for people: 1.08, or 1/420."""
    if ratio is None:
        return ""
    return f"{ratio:.2f}" if ratio > 0.3 else f"1/{1 / ratio:.3g}"


def measure(workload: Workload, here: list[Peer], rounds: int, budget: float) -> Iterator[Result]:
    """A line for each of the peers that take part, in `rounds` rounds of `budget` seconds each."""
    use_threads(workload)
    reference = movement(workload, numpy(workload))
    runners: dict[str, Runner] = {}
    for peer in here:
        try:
            runner = peer.build(workload)
            right = runner is None or agree(movement(workload, runner), reference)
        except Exception as error:
            if peer.ours:
                raise
            yield Result(workload.name, workload.n, peer.name, verdict=type(error).__name__)
            continue
        if not right:
            yield Result(workload.name, workload.n, peer.name, verdict=WRONG)
        elif runner is not None:
            runners[peer.name] = runner
    yield from judged(workload, sampled(workload, runners, rounds, budget))


def movement(workload: Workload, runner: Runner) -> Array:
    """How far CHECKED steps lead the parameters from the start."""
    _, start = workload.make(workload.n)
    runner.advance(CHECKED)
    return runner.values() - flat(start)


def agree(moved: Array, reference: Array) -> bool:
    """Whether two went the same way, by the length of what is between them."""
    return bool(np.linalg.norm(moved - reference) <= TOLERANCE * np.linalg.norm(reference))


def sampled(workload: Workload, runners: dict[str, Runner], rounds: int, budget: float) -> Samples:
    """Seconds per step, round by round, of runners that have taken their first steps."""
    counts = [batch(runner, workload.steps, budget) for runner in runners.values()]
    pairs = zip(runners.values(), counts, strict=True)
    timed = [Timed(partial(runner.advance, count)) for runner, count in pairs]
    found = interleave.alternate(timed, rounds, budget, PAUSE if workload.parallel else 0.0)
    return {
        name: tuple(seconds / count for seconds in samples)
        for name, count, samples in zip(runners, counts, found, strict=True)
    }


def batch(runner: Runner, steps: int, budget: float) -> int:
    """How many steps one call takes: of a whole loop `steps`, of others what fits the budget."""
    if runner.whole:
        return steps
    seconds = interleave.seconds(Timed(lambda: runner.advance(1)), 3)
    return max(1, min(steps, int(budget / 4 / seconds)))


def judged(workload: Workload, samples: Samples) -> Iterator[Result]:
    """The lines of peers with times."""
    bounds = bounds_of(workload, samples)
    for name, theirs in samples.items():
        ours = samples.get(OURS) if name != OURS else None
        ratios = [a / b for a, b in zip(ours, theirs, strict=True)] if ours else None
        ratio, bound = median(ratios) if ratios else None, bounds.get(name)
        yield Result(
            step=workload.name,
            n=workload.n,
            peer=name,
            seconds=median(theirs),
            quartiles=interleave.quartiles(theirs),
            ratio=ratio,
            ratio_quartiles=interleave.quartiles(ratios) if ratios else None,
            bound=bound,
            verdict=report.verdict(ratio, bound) if ratio else "",
        )


def bounds_of(workload: Workload, samples: Samples) -> dict[str, float]:
    """The workload's; of two hand-written loops the faster one is the yardstick."""
    bounds = dict(workload.bounds)
    loops = [name for name in (HAND, HAND_PARALLEL) if name in samples]
    if loops and HAND in bounds:
        bound = bounds.pop(HAND)
        bounds[min(loops, key=lambda name: median(samples[name]))] = bound
    return bounds
