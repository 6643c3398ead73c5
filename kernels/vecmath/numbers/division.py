"""fmod: the remainder of a division, which is always a number of its type and never rounded.

x - n*y is exact where the integer n has few bits: float32 computes it in float64, and float64 with
y cut in two (Dekker, 1971). The functions named near_* do so once and vectorize; those named far_*
divide by y times powers of two, from the largest down to 1, as in long division.
"""

from __future__ import annotations

import numpy as np

from ..elementary.power import head_f64


def near_ratio_f64(x: np.float64, y: np.float64) -> bool:
    """Whether near_fmod_f64 holds at (x, y)."""
    a, b = abs(x), abs(y)
    return not (a / b > 16777216.0) & (a < np.inf) & (b > 0.0)


def near_fmod_f64(x: np.float64, y: np.float64) -> np.float64:
    """x - trunc(x / y) * y, for |x / y| <= 2**24, and for infinities, zeros and NaN.

    With n nearest to x / y, x - n*y is at most y / 2, and n times the tail of y at most 2**51 units
    of y's last place: every product and difference has 53 bits.
    """
    n = np.rint(abs(x) / abs(y))
    # n*y may be larger than x, and must not overflow.
    large = abs(x) > 2.0**1022
    c = np.float64(0.25) if large else np.float64(1.0)
    a, b = c * abs(x), c * abs(y)
    head = head_f64(b)
    r = (a - n * head) - n * (b - head)
    r = r + b if r < 0.0 else r
    r = 4.0 * r if large else r
    # 0 * inf would be NaN, but x is its own remainder by infinity.
    return np.float64(np.copysign(x if n == 0.0 else r, x))


def far_fmod_f64(x: np.float64, y: np.float64) -> np.float64:
    """x - trunc(x / y) * y, for finite x and y != 0."""
    b = abs(y)
    d = b
    while abs(x) > d * 16777216.0:
        d *= 16777216.0
    while d >= b:
        x = near_fmod_f64(x, d)
        d *= 2.0**-24
    return x


def fmod_f64(x: np.float64, y: np.float64) -> np.float64:
    """The remainder of x / y with the sign of x; NaN for infinite x and for y = 0."""
    return near_fmod_f64(x, y) if near_ratio_f64(x, y) else far_fmod_f64(x, y)


def near_ratio_f32(x: np.float32, y: np.float32) -> bool:
    """Whether near_fmod_f32 holds at (x, y)."""
    q = abs(np.float64(x) / np.float64(y))
    return not (q > 536870912.0) & (q < np.inf)


def fmod_step_f32(a: np.float64, b: np.float64) -> np.float64:
    """a - trunc(a / b) * b for float32 numbers in float64, |a / b| <= 2**29.

    The integer has 29 bits and b has 24. a / b does not round up to an integer: one that it does
    not reach is 2**-24 away at least.
    """
    n = np.trunc(a / b)
    # 0 * inf would be NaN, but a is its own remainder by infinity.
    return a if n == 0.0 else a - n * b


def near_fmod_f32(x: np.float32, y: np.float32) -> np.float32:
    """x - trunc(x / y) * y, for |x / y| <= 2**29, and for infinities, zeros and NaN."""
    return np.float32(np.copysign(np.float32(fmod_step_f32(np.float64(x), np.float64(y))), x))


def far_fmod_f32(x: np.float32, y: np.float32) -> np.float32:
    """x - trunc(x / y) * y, for finite x and y != 0."""
    a, b = np.float64(x), abs(np.float64(y))
    d = b
    while abs(a) > d * 536870912.0:
        d *= 536870912.0
    while d >= b:
        a = fmod_step_f32(a, d)
        d *= 2.0**-29
    return np.float32(np.copysign(np.float32(a), x))


def fmod_f32(x: np.float32, y: np.float32) -> np.float32:
    """The remainder of x / y with the sign of x; NaN for infinite x and for y = 0."""
    return near_fmod_f32(x, y) if near_ratio_f32(x, y) else far_fmod_f32(x, y)
