"""Equally spaced numbers, rounded as PyTorch rounds them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..types.dtypes import dtype

Array = np.ndarray[Any, Any]


def spaced(start: float, end: float, steps: int, d: dtype) -> Any:
    """`steps` numbers from both ends towards the middle, in the arithmetic of `d`.

    float16 and the integers are served by float32 and float64.
    """
    real = np.float32 if d.numpy.itemsize < 8 and d.is_floating_point else np.float64
    if steps == 1:
        return np.array([real(start)])
    with np.errstate(over="ignore", invalid="ignore"):
        lo, hi = real(start), real(end)
        step = (hi - lo) / real(max(steps - 1, 1))
        i: Array = np.arange(steps)
        return np.where(i < steps // 2, _fused(lo, step, i), _fused(hi, -step, steps - 1 - i))


def _fused(a: Any, b: Any, i: Array) -> Any:
    """a + b i in the type of `a`, rounded once, as fused multiply-add instructions have it.

    In float64 the error of the product (Dekker; exact for i < 2**27) and that of the sum (Knuth)
    are added to the rounded result.
    """
    if isinstance(a, np.float32):
        return (float(a) + float(b) * i).astype(np.float32)
    product = b * i
    total = a + product
    if not math.isfinite(b):
        return total
    fraction, exponent = math.frexp(b)
    high = math.ldexp(math.floor(fraction * 2**26), exponent - 26)
    added = total - a
    lost = (a - (total - added)) + (product - added)
    return total + (lost + ((high * i - product) + (b - high) * i))
