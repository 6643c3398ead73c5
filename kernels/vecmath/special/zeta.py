"""Hurwitz's zeta function, and polygamma, the derivatives of digamma.

The sum over (q + k)**-s is taken term by term below 12, and by Euler and Maclaurin's formula
beyond. float32 computes in float64.
"""

from __future__ import annotations

import numpy as np

from ..elementary.power import pow_f64


def zeta_f64(s: np.float64, q: np.float64) -> np.float64:
    """The sum over k >= 0 of (q + k)**-s; infinity at s = 1 and at whole q <= 0, NaN for s < 1."""
    if s == 1.0:
        return np.float64(np.inf)
    if not (s > 1.0) or q != q:
        return np.float64(np.nan)
    if q == np.inf:
        return np.float64(0.0)
    if q <= 0.0 and q == np.floor(q):
        return np.float64(np.inf)
    if q < 0.0 and s != np.floor(s):
        return np.float64(np.nan)
    total, a = np.float64(0.0), q
    while a < 12.0:
        total = total + pow_f64(a, -s)
        a = a + 1.0
    # Bernoulli's numbers B_2j over (2j)!.
    factors = (
        0.08333333333333333, -0.001388888888888889, 3.306878306878307e-05, -8.267195767195768e-07,
        2.08767569878681e-08, -5.284190138687493e-10, 1.3382536530684679e-11,
        -3.3896802963225827e-13, 8.586062056277845e-15, -2.174868698558062e-16,
    )  # fmt: skip
    power = pow_f64(a, -s)
    total = total + power * a / (s - 1.0) + 0.5 * power
    term = s * power / a
    for j in range(10):
        total = total + factors[j] * term
        term = term * (s + (2.0 * j + 1.0)) * (s + (2.0 * j + 2.0)) / (a * a)
    return total


def zeta_f32(s: np.float32, q: np.float32) -> np.float32:
    """The sum over k >= 0 of (q + k)**-s."""
    return np.float32(zeta_f64(np.float64(s), np.float64(q)))


def polygamma_f64(x: np.float64, n: np.float64) -> np.float64:
    """The n-th derivative of digamma, n >= 1: (-1)**(n + 1) n! zeta(n + 1, x)."""
    factor, k = np.float64(1.0), np.float64(1.0)
    while k <= n and factor < np.inf:
        factor = factor * k
        k = k + 1.0
    even = 2.0 * np.floor(0.5 * n) == n
    value = np.float64(0.0) if x == np.inf else factor * zeta_f64(n + 1.0, x)
    return -value if even else value


def polygamma_f32(x: np.float32, n: np.float32) -> np.float32:
    """The n-th derivative of digamma, n >= 1."""
    return np.float32(polygamma_f64(np.float64(x), np.float64(n)))
