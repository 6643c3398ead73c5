"""Sums in the order in which they are written, where others may be taken in any."""

from __future__ import annotations

import numpy as np


def less_f64(x: np.float64, high: np.float64, low: np.float64) -> np.float64:
    """x - (high + low), a number in two parts, without the error of its larger part."""
    return (x - high) - low


def less_f32(x: np.float32, high: np.float32, low: np.float32) -> np.float32:
    """As less_f64."""
    return (x - high) - low


def lost_f64(a: np.float64, b: np.float64) -> np.float64:
    """What a - b loses by rounding (D. Knuth, 1969)."""
    x = a - b
    c = x - a
    return (a - (x - c)) - (b + c)


def lost_f32(a: np.float32, b: np.float32) -> np.float32:
    """As lost_f64."""
    x = a - b
    c = x - a
    return (a - (x - c)) - (b + c)


def scaled_square_f64(x: np.float64, unit: np.float64) -> np.float64:
    """(x * unit)**2: where a fold may reorder, x * x first would leave the range."""
    y = x * unit
    return y * y
