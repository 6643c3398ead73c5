"""Fits at random: a model, data with errors, weights, bounds and losses, all by a seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

Array = Any


def decay(x: Any, a: Any, k: Any, c: Any) -> Any:
    return a * np.exp(-k * x) + c


def peak(x: Any, height: Any, center: Any, width: Any, base: Any) -> Any:
    return height * np.exp(-(((x - center) / width) ** 2)) + base


def wave(x: Any, a: Any, w: Any, phase: Any) -> Any:
    return a * np.sin(w * x + phase)


def hill(x: Any, top: Any, half: Any, n: Any) -> Any:
    return top * x**n / (half**n + x**n)


def lorentz(x: Any, height: Any, center: Any, width: Any) -> Any:
    z = (x - center) / width
    return height / (1 + z * z)


def line(x: Any, a: Any, b: Any) -> Any:
    return a + b * x


def plane(x: Any, a: Any, b: Any, c: Any) -> Any:
    return a + b * x[0] + c * np.tanh(x[1])


def logistic(x: Any, top: Any, slope: Any, middle: Any) -> Any:
    return top / (1 + np.exp(-slope * (x - middle)))


# Models with true parameters, each with how far from them a start may be.
MODELS: list[tuple[Callable[..., Any], Array]] = [
    (decay, np.array([3.0, 0.7, 0.5])),
    (peak, np.array([2.0, 2.0, 0.7, 0.3])),
    (wave, np.array([1.5, 1.3, 0.4])),
    (hill, np.array([2.0, 1.5, 2.0])),
    (lorentz, np.array([2.0, 2.2, 0.8])),
    (line, np.array([1.0, -0.5])),
    (plane, np.array([1.0, 0.5, 2.0])),
    (logistic, np.array([2.0, 2.5, 2.0])),
]
LOSSES = ("linear", "soft_l1", "huber", "cauchy", "arctan")


class Problem(NamedTuple):
    """What `curve_fit` is given."""

    model: Callable[..., Any]
    x: Array
    y: Array
    p0: Array
    options: dict[str, Any]

    def jacobian(self, x: Array, *p: float) -> Array:
        """By complex steps, which are exact to rounding."""
        steps = np.eye(len(p)) * 1e-30j
        return np.stack([self.model(x, *(p + s)).imag / 1e-30 for s in steps], 1)


def problem(seed: int) -> Problem:
    """A problem with at most one of sigma, a covariance matrix, bounds, and bounds with a loss."""
    rng = np.random.default_rng(seed)
    model, true = MODELS[rng.integers(len(MODELS))]
    m = int(rng.integers(20, 300))
    x = np.linspace(0.1, 5, m)
    if model is plane:
        x = np.stack([x, rng.normal(size=m)])
    errors = 0.05 * rng.uniform(0.5, 2, m)
    y = model(x, *true) + errors * rng.normal(size=m)
    p0 = true * rng.uniform(0.9, 1.1, true.size)
    kind, options = seed % 5, {"absolute_sigma": bool(rng.integers(2))}
    if kind == 1:
        options["sigma"] = errors
    elif kind == 2:
        apart = np.abs(np.subtract.outer(np.arange(m), np.arange(m)))
        options["sigma"] = 0.0025 * 0.5**apart
    elif kind == 3:
        low, high = true - rng.uniform(0, 1, true.size), true + rng.uniform(0.2, 1, true.size)
        low[0] = true[0] + 0.02 if rng.integers(2) else low[0]  # ends at its bound
        options["bounds"] = low, high
        p0 = np.clip(p0, low + 0.01, high - 0.01)
    elif kind == 4:
        y[rng.integers(0, m, 3)] += 1.0
        options |= {"method": "trf", "loss": LOSSES[rng.integers(5)], "f_scale": 0.1}
    return Problem(model, x, y, p0, options)


def bounded(seed: int) -> Problem:
    """A problem whose bounds cut off the true parameters more often than not."""
    rng = np.random.default_rng(seed)
    model, true = MODELS[rng.integers(len(MODELS))]
    x = np.linspace(0.1, 5, 80)
    if model is plane:
        x = np.stack([x, rng.normal(size=80)])
    y = model(x, *true) + 0.05 * rng.normal(size=80)
    low = true - rng.uniform(-0.1, 0.6, true.size)
    high = low + rng.uniform(0.05, 1.5, true.size)
    p0 = low + (high - low) * rng.uniform(0.05, 0.95, true.size)
    return Problem(model, x, y, p0, {"bounds": (low, high)})
