"""Numbers by their digits: neighbors, exponents; common divisors of whole numbers."""

from __future__ import annotations

import numpy as np


def nextafter_f64(x: np.float64, y: np.float64) -> np.float64:
    """The neighbor of x toward y."""
    if x != x or y != y:
        return x + y
    if x == y:
        return y
    if x == 0.0:
        return np.float64(np.copysign(np.float64(5e-324), y))
    step = np.int64(1) if (y > x) == (x > 0.0) else np.int64(-1)
    return np.int64(np.float64(x).view(np.int64) + step).view(np.float64)


def nextafter_f32(x: np.float32, y: np.float32) -> np.float32:
    """The neighbor of x toward y."""
    if x != x or y != y:
        return x + y
    if x == y:
        return y
    if x == np.float32(0.0):
        return np.float32(np.copysign(np.float32(1e-45), y))
    step = np.int32(1) if (y > x) == (x > np.float32(0.0)) else np.int32(-1)
    return np.int32(np.float32(x).view(np.int32) + step).view(np.float32)


def exponent_f64(x: np.float64) -> np.float64:
    """e of x = m 2**e, 1/2 <= |m| < 1; 0 for zeros, infinities and NaN."""
    if x == 0.0 or x - x != 0.0:
        return np.float64(0.0)
    small = abs(x) < 2.2250738585072014e-308
    a = x * 18014398509481984.0 if small else x
    e = np.float64((np.float64(a).view(np.int64) >> 52 & 2047) - 1022)
    return e - 54.0 if small else e


def exponent_f32(x: np.float32) -> np.float32:
    """e of x = m 2**e, 1/2 <= |m| < 1; 0 for zeros, infinities and NaN."""
    return np.float32(exponent_f64(np.float64(x)))


def gcd(a: np.int64, b: np.int64) -> np.int64:
    """The greatest common divisor, not negative, by Euclid; 0 of zeros."""
    # The magnitude of the least integer is none of its own type.
    x, y = np.uint64(abs(np.int64(a))), np.uint64(abs(np.int64(b)))
    while y != 0:
        x, y = y, np.uint64(x % y)
    return np.int64(x)
