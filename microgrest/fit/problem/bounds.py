"""Bounds of parameters: as users give them, and what SciPy says of those that do not fit."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any


def prepared(bounds: Any, n: int) -> tuple[Array, Array]:
    """(lower, upper), each of n numbers if it was one; of a pair, or of SciPy's `Bounds`."""
    if hasattr(bounds, "lb") and hasattr(bounds, "ub"):
        bounds = bounds.lb, bounds.ub
    lower, upper = (np.asarray(b, dtype=float) for b in bounds)
    return tuple(np.resize(b, n) if b.ndim == 0 else b for b in (lower, upper))  # type: ignore[return-value]


def start_within(lower: Array, upper: Array) -> Array:
    """Where to begin: in the middle, or 1 from the bound, or at 1."""
    low, high = np.isfinite(lower), np.isfinite(upper)
    found = np.ones_like(lower)
    found[low & high] = 0.5 * (lower[low & high] + upper[low & high])
    found[low & ~high] = lower[low & ~high] + 1
    found[~low & high] = upper[~low & high] - 1
    return found


def in_bounds(x: Array, lower: Array, upper: Array) -> None:
    """ValueError unless the bounds fit `x`, and `x` them."""
    if lower.shape != x.shape or upper.shape != x.shape:
        raise ValueError("Inconsistent shapes between bounds and `x0`.")
    if np.any(lower >= upper):
        raise ValueError("Each lower bound must be strictly less than each upper bound.")
    if not np.all((x >= lower) & (x <= upper)):
        raise ValueError("Initial guess is outside of provided bounds")
