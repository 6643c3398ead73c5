"""Jacobians by finite differences, for what cannot be differentiated: SciPy's steps and names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = Any
EPSILON = float(np.finfo(float).eps)
_STEPS = {"2-point": EPSILON**0.5, "3-point": EPSILON ** (1 / 3), "cs": EPSILON**0.5}


def differences(
    fun: Callable[[Array], Array],
    x: Array,
    f: Array,
    how: str = "2-point",
    step: Any = None,
    bounds: tuple[Any, Any] = (-np.inf, np.inf),
) -> Array:
    """The Jacobian at `x`, where `fun` is `f`; no point outside of `bounds` is looked at."""
    sign = np.where(x >= 0, 1.0, -1.0)
    if step is None:
        h = _STEPS[how] * sign * np.maximum(1.0, np.abs(x))
    else:
        h = np.broadcast_to(np.asarray(step, float), x.shape) * sign * np.abs(x)
        h = np.where(x + h == x, _STEPS[how] * sign * np.maximum(1.0, np.abs(x)), h)
    columns = [_column(fun, x, f, j, float(h[j]), how, bounds) for j in range(x.size)]
    return np.stack(columns, 1) if columns else np.empty((f.size, 0))


def _column(
    fun: Callable[[Array], Array], x: Array, f: Array, j: int, h: float, how: str, bounds: Any
) -> Array:
    low, high = (np.broadcast_to(b, x.shape)[j] for b in bounds)
    if how == "cs":
        return np.imag(fun(_moved(x.astype(complex), j, h * 1j))) / h
    if how == "3-point" and low <= x[j] - abs(h) and x[j] + abs(h) <= high:
        up, down = _moved(x, j, h), _moved(x, j, -h)
        return (fun(up) - fun(down)) / (up[j] - down[j])
    if not low <= x[j] + h <= high:
        h = (
            -h
            if low <= x[j] - h <= high
            else (high - x[j] if high - x[j] > x[j] - low else low - x[j])
        )
    moved = _moved(x, j, h)
    if how == "3-point" and low <= x[j] + 2 * h <= high:
        return (4 * fun(moved) - fun(_moved(x, j, 2 * h)) - 3 * f) / (2 * (moved[j] - x[j]))
    return (fun(moved) - f) / (moved[j] - x[j])


def _moved(x: Array, j: int, h: complex) -> Array:
    found = x.copy()
    found[j] += h
    return found
