"""Student's t, and profile-likelihood intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Array = Any
FARTHEST = 60  # turns of a search for a limit


def wanted(sigma: float) -> float:
    """The probability that a number stands for: of sigmas of a normal distribution, or itself."""
    if not sigma > 0:
        raise ValueError(f"sigma has to be positive, not {sigma}")
    return float(sigma) if sigma < 1 else math.erf(sigma / math.sqrt(2))


def within(t: float, freedom: int) -> float:
    """The probability that Student's t lies between -t and t.

    With t = sqrt(freedom) tan(a) that is the integral of cos(a)**(freedom - 1), up to a factor.
    """
    nodes, weights = np.polynomial.legendre.leggauss(120)
    end = math.atan(t / math.sqrt(freedom))
    angles = end / 2 * (nodes + 1)
    part = end / 2 * float(weights @ np.exp((freedom - 1) * np.log(np.cos(angles))))
    return part * 2 / math.sqrt(math.pi) * _ratio(freedom / 2)


def _ratio(z: float) -> float:
    """gamma(z + 1/2) / gamma(z); by its series where logarithms would cancel."""
    if z < 500:
        return math.exp(math.lgamma(z + 0.5) - math.lgamma(z))
    return math.sqrt(z) * math.exp(-1 / (8 * z) + 1 / (192 * z**3))


def two_sided(probability: float, freedom: int) -> float:
    """The t within which Student's t lies with that probability."""
    low, high = 0.0, 1.0
    while within(high, freedom) < probability:
        low, high = high, 2 * high
        if high > 1e15:
            return math.inf
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if within(middle, freedom) < probability else (low, middle)
    return (low + high) / 2


def profile(
    least: Callable[[float, Array], tuple[float, Array]],
    about: tuple[Array, int, float, tuple[float, float], float, int],
    sigmas: Sequence[float],
) -> list[tuple[float, float]]:
    """(probability, value) of each limit, rising, with the estimate in the middle.

    `least(value, near)` is the least chi-square with the parameter at a value, looked for from
    `near`, and where it was found.
    """
    start, j, _, limits, _, freedom = about
    found = [(0.0, float(start[j]))]
    for probability in sorted(map(wanted, sigmas)):
        t = two_sided(probability, freedom)
        for sign, bound in ((-1, limits[0]), (1, limits[1])):
            found.append((probability, _limit(least, about, sign, t, bound)))
    return sorted(found, key=lambda pair: pair[1])


def _limit(least: Any, about: Any, sign: int, t: float, bound: float) -> float:
    """Where the root of the growth of chi-square, in units of its error, is t: by regula falsi.

    That root is a line in the value if the model is linear, so few turns are needed.
    """
    start, j, error, _, chisqr, freedom = about
    best, near = float(start[j]), start

    def height(value: float) -> float:
        nonlocal near
        cost, where = least(value, near)
        if not math.isfinite(cost):
            return math.inf
        near = where
        return math.sqrt(max(cost / chisqr - 1, 0.0) * freedom) - t

    inside, below = best, -t
    step, outside, above = t * error, best, -t
    for _ in range(FARTHEST):
        outside = best + sign * step
        if sign * (outside - bound) >= 0:
            outside = bound
        above = height(outside)
        if above >= 0 or outside == bound:
            break
        inside, below = outside, above
        step *= 1.5
    if not above >= 0:
        return sign * math.inf
    return _root(height, inside, below, outside, above, 1e-9 * error)


def _root(
    f: Callable[[float], float], a: float, fa: float, b: float, fb: float, tolerance: float
) -> float:
    """A root between a and b, where f has two signs: regula falsi, by Illinois, or by halves."""
    for _ in range(100):
        if fb == 0 or abs(b - a) <= tolerance:
            break
        c = b - fb * (b - a) / (fb - fa) if math.isfinite(fb) else (a + b) / 2
        fc = f(c)
        if abs(fc) < 1e-10:
            return c
        if (fc > 0) == (fb > 0):
            fa /= 2
        else:
            a, fa = b, fb
        b, fb = c, fc
    return b
