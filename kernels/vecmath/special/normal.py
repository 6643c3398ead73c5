"""The normal distribution: erfcx, its scaled tail, the logarithm of ndtr, and the inverse, ndtri.

ndtri is a form of erfinv, whose w = -log(1 - x*x) is -log(4 p (1 - p)), and far out Newton's
iteration for log_ndtr. float32 computes in float64.
"""

from __future__ import annotations

import numpy as np

from ..elementary.exponential import exp_f64
from ..elementary.logarithm import log1p_f64, log_f64
from ..elementary.power import head_f64
from .error import erfc_f64, erfinv_poly_f64


def exp_square_f64(x: np.float64) -> np.float64:
    """exp(x*x), of a square in two parts."""
    a = abs(x)
    head = head_f64(a)
    return exp_f64(head * head) * exp_f64((a - head) * (a + head))


def erfcx_f64(x: np.float64) -> np.float64:
    """exp(x*x) erfc(x), without overflow for positive x."""
    if x < -27.0:
        return np.float64(np.inf)
    if x < 25.0:
        return exp_square_f64(x) * erfc_f64(x)
    z = 1.0 / (x * x)
    p = np.float64(1.0)
    for k in range(7, -1, -1):
        p = 1.0 - (k + 0.5) * z * p
    return 0.5641895835477563 / x * p


def erfcx_f32(x: np.float32) -> np.float32:
    """exp(x*x) erfc(x)."""
    return np.float32(erfcx_f64(np.float64(x)))


def log_ndtr_f64(x: np.float64) -> np.float64:
    """The logarithm of the normal distribution's share below x."""
    t = x * 0.7071067811865476
    if x < -1.0:
        return log_f64(0.5 * erfcx_f64(-t)) - 0.5 * x * x
    return log1p_f64(-0.5 * erfc_f64(t))


def log_ndtr_f32(x: np.float32) -> np.float32:
    """The logarithm of the normal distribution's share below x."""
    return np.float32(log_ndtr_f64(np.float64(x)))


def ndtri_far_f64(p: np.float64) -> np.float64:
    """ndtri(p) for 0 < p < 1e-16."""
    goal = log_f64(p)
    y = -np.float64(np.sqrt(-2.0 * goal))
    for _ in range(5):
        slope = 0.7978845608028654 / erfcx_f64(-0.7071067811865476 * y)
        y = y - (log_ndtr_f64(y) - goal) / slope
    return y


def ndtri_f64(p: np.float64) -> np.float64:
    """The x below which a share p of the normal distribution is; NaN unless 0 <= p <= 1."""
    if p == 0.0 or p == 1.0:
        return np.float64(np.inf) if p == 1.0 else np.float64(-np.inf)
    if not (p > 0.0) or p > 1.0:
        return np.float64(np.nan)
    if p < 1e-16:
        return ndtri_far_f64(p)
    y = p - 0.5
    small = abs(y) < 0.35
    w = -log1p_f64(-4.0 * y * y) if small else -log_f64(4.0 * p * (1.0 - p))
    return 2.8284271247461903 * y * (1.0 + erfinv_poly_f64(w))


def ndtri_f32(p: np.float32) -> np.float32:
    """The x below which a share p of the normal distribution is."""
    return np.float32(ndtri_f64(np.float64(p)))
