"""Losses that large residuals weigh less in: rho(z) of z = (residual / scale)**2.

Functions here are read as text and compiled, see `source`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any

LINEAR = 0
SOFT_L1 = 1
HUBER = 2
CAUCHY = 3
ARCTAN = 4


def rho(loss: int, z: float) -> tuple[float, float, float]:
    """The loss and its first two derivatives."""
    if loss == SOFT_L1:
        t = 1.0 + z
        root = np.sqrt(t)
        return 2.0 * (root - 1.0), 1.0 / root, -0.5 / (t * root)
    if loss == HUBER and z > 1.0:
        root = np.sqrt(z)
        return 2.0 * root - 1.0, 1.0 / root, -0.5 / (z * root)
    if loss == CAUCHY:
        t = 1.0 + z
        return np.log1p(z), 1.0 / t, -1.0 / (t * t)
    if loss == ARCTAN:
        t = 1.0 + z * z
        return np.arctan(z), 1.0 / t, -2.0 * z / (t * t)
    return z, 1.0, 0.0


def cost(residuals: Array, size: int, loss: int, scale: float) -> float:
    """Twice the cost of residuals: the sum of their squares, or of scale**2 * rho."""
    total = 0.0
    if loss == LINEAR:
        for i in range(size):
            total += residuals[i] * residuals[i]
        return total
    for i in range(size):
        total += rho(loss, (residuals[i] / scale) ** 2)[0]
    return total * scale * scale


def weigh(b: Array, n: int, size: int, loss: int, scale: float) -> None:
    """Scale rows so that their squares have the gradient of the cost, and nearly its curvature."""
    for i in range(size):
        residual = b[n, i]
        z = (residual / scale) ** 2
        _, first, second = rho(loss, z)
        weight = np.sqrt(max(first + 2.0 * second * z, 2.220446049250313e-16))
        for k in range(n):
            b[k, i] *= weight
        b[n, i] = residual * first / weight
