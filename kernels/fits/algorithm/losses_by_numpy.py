"""The losses of `losses` over arrays, and those that users write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import losses

Array = Any
NUMBERS = {
    "linear": losses.LINEAR,
    "soft_l1": losses.SOFT_L1,
    "huber": losses.HUBER,
    "cauchy": losses.CAUCHY,
    "arctan": losses.ARCTAN,
}


def _soft_l1(z: Array) -> Array:
    root = np.sqrt(1 + z)
    return np.stack([2 * (root - 1), 1 / root, -0.5 / root**3])


def _huber(z: Array) -> Array:
    root, far = np.sqrt(np.maximum(z, 1)), z > 1
    ones, zeros = np.ones_like(z), np.zeros_like(z)
    return np.where(far, [2 * root - 1, 1 / root, -0.5 / root**3], [z, ones, zeros])


def _cauchy(z: Array) -> Array:
    t = 1 + z
    return np.stack([np.log1p(z), 1 / t, -1 / t**2])


def _arctan(z: Array) -> Array:
    t = 1 + z**2
    return np.stack([np.arctan(z), 1 / t, -2 * z / t**2])


RHO: dict[str, Callable[[Array], Array] | None] = {
    "linear": None,
    "soft_l1": _soft_l1,
    "huber": _huber,
    "cauchy": _cauchy,
    "arctan": _arctan,
}


def cost(rho: Callable[[Array], Array] | None, scale: float, residuals: Array) -> float:
    """Twice the cost of residuals."""
    if rho is None:
        return float(residuals @ residuals)
    return float(scale**2 * np.sum(rho((residuals / scale) ** 2)[0]))


def weighed(
    rho: Callable[[Array], Array] | None, scale: float, residuals: Array, jacobian: Array
) -> Array:
    """Rows whose squares have the gradient of the cost; residuals are the last column."""
    if rho is None:
        return np.column_stack([jacobian, residuals])
    z = (residuals / scale) ** 2
    _, first, second = rho(z)
    weight = np.sqrt(np.maximum(first + 2 * second * z, np.finfo(float).eps))
    return np.column_stack([jacobian * weight[:, None], residuals * first / weight])
