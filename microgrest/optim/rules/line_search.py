"""A line search to the strong Wolfe conditions: Nocedal and Wright 2006, section 3.5.

A step t is accepted where the loss falls by at least ARMIJO times what the slope promised, and the
slope's size by CURVATURE. First an interval that holds such a step is found, by going on; then it
is narrowed, by cubics through the values and slopes at its ends.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ...tensor import Tensor

ARMIJO = 1e-4
CURVATURE = 0.9
# A trial nearer to an end of the interval than this part of it is moved away, the second time.
NEAR = 0.1


class Point(NamedTuple):
    """A step, the loss and its gradient there, and the slope along the direction."""

    t: float
    loss: float
    grad: Tensor
    slope: float


def strong_wolfe(
    at: Callable[[float], Point],
    begin: Point,
    t: float,
    reach: float,
    tolerance: float,
    most: int = 25,
) -> tuple[Point, int]:
    """The point that the search ends at, and how often `at` was asked, at most 1 + `most` times.

    `t` is the first trial, `reach` the largest element of the direction; an interval of which the
    ends are less than `tolerance` apart is not narrowed.
    """

    def falls(p: Point) -> bool:
        return p.loss <= begin.loss + ARMIJO * p.t * begin.slope

    def flat(p: Point) -> bool:
        return abs(p.slope) <= -CURVATURE * begin.slope

    previous, here, calls = begin, at(t), 0
    ends = None
    while calls < most:
        if not falls(here) or (calls > 1 and here.loss >= previous.loss):
            ends = [previous, here]
        elif flat(here):
            return here, calls + 1
        elif here.slope >= 0:
            ends = [previous, here]
        if ends:
            break
        low, high = here.t + 0.01 * (here.t - previous.t), here.t * 10
        previous, here = here, at(cubic(previous, here, low, high))
        calls += 1
    ends = ends or [begin, here]
    best = 0 if ends[0].loss <= ends[1].loss else 1
    stuck = False
    while calls < most and abs(ends[1].t - ends[0].t) * reach >= tolerance:
        low, high = sorted((ends[0].t, ends[1].t))
        t = cubic(ends[0], ends[1], low, high)
        t, stuck = _away(t, low, high, stuck)
        here = at(t)
        calls += 1
        if not falls(here) or here.loss >= ends[best].loss:
            ends[1 - best] = here
            best = 0 if ends[0].loss <= ends[1].loss else 1
            continue
        done = flat(here)
        if not done and here.slope * (ends[1 - best].t - ends[best].t) >= 0:
            ends[1 - best] = ends[best]
        ends[best] = here
        if done:
            break
    return ends[best], calls + 1


def _away(t: float, low: float, high: float, stuck: bool) -> tuple[float, bool]:
    """A trial that is not at an end again, and whether it is near one."""
    margin = NEAR * (high - low)
    if min(high - t, t - low) >= margin:
        return t, False
    if not stuck and low < t < high:
        return t, True
    return (high - margin if abs(t - high) < abs(t - low) else low + margin), False


def cubic(a: Point, b: Point, low: float, high: float) -> float:
    """Where the cubic through two points is least, within [low, high]; the middle if nowhere."""
    if a.t > b.t:
        a, b = b, a
    if a.t == b.t:
        return (low + high) / 2
    middle = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = middle**2 - a.slope * b.slope
    if not square >= 0:
        return (low + high) / 2
    root = square**0.5
    scale = b.slope - a.slope + 2 * root
    if scale == 0:
        return (low + high) / 2
    return float(min(max(b.t - (b.t - a.t) * ((b.slope + root - middle) / scale), low), high))
