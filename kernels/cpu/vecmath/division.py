"""fmod: the remainder of a division, which is always a number of its type and never rounded.

x - n*y is exact wherever n has few bits: float32 computes it in float64, and float64 with y cut in
two (Dekker, 1971). Beyond the range of n that allows it, the functions that take any arguments call
the platform's library; the near_* functions hold within it only, and vectorise.
"""

from __future__ import annotations

import numpy as np

from .power import head_f64


def near_ratio_f64(x: np.float64, y: np.float64) -> bool:
    """Whether near_fmod_f64 holds at (x, y); true for NaN, which it keeps."""
    return not (abs(x) / abs(y) > 16777216.0) | (abs(x) > 2.0**1022)


def near_fmod_f64(x: np.float64, y: np.float64) -> np.float64:
    """x - trunc(x / y) * y with the sign of x, for |x / y| <= 2**24 and |x| <= 2**1022.

    For the nearest n, |x - n*y| <= |y|/2, and each term below is exact: n has 25 bits, the head of
    y has 26, its tail 27, and the first difference is less than |y|/2 + n*tail <= 3/4 * 2**53 units
    of y's last place.
    """
    a, b = abs(x), abs(y)
    n = np.rint(a / b)
    head = head_f64(b)
    r = (a - n * head) - n * (b - head)
    r = r + b if r < 0.0 else r
    # 0 * inf is NaN, and x is its own remainder by infinity.
    return np.float64(np.copysign(a if n == 0.0 else r, x))


def fmod_f64(x: np.float64, y: np.float64) -> np.float64:
    """The remainder of x / y, with the sign of x; NaN for infinite x and for y = 0."""
    return near_fmod_f64(x, y) if near_ratio_f64(x, y) else np.fmod(x, y)


def near_ratio_f32(x: np.float32, y: np.float32) -> bool:
    """Whether near_fmod_f32 holds at (x, y); true for NaN, which it keeps."""
    return not abs(np.float64(x) / np.float64(y)) > 536870912.0


def near_fmod_f32(x: np.float32, y: np.float32) -> np.float32:
    """x - trunc(x / y) * y with the sign of x, for |x / y| <= 2**29.

    n has 29 bits and y has 24, so that n*y is exact in float64. x / y differs from an integer that
    it does not reach by 2**-24 at least, and does not round to it.
    """
    a, b = np.float64(x), np.float64(y)
    n = np.trunc(a / b)
    # 0 * inf is NaN, and x is its own remainder by infinity.
    r = a if n == 0.0 else a - n * b
    return np.copysign(np.float32(r), x)


def fmod_f32(x: np.float32, y: np.float32) -> np.float32:
    """The remainder of x / y, with the sign of x; NaN for infinite x and for y = 0."""
    return near_fmod_f32(x, y) if near_ratio_f32(x, y) else np.fmod(x, y)
