"""Where ready models begin: rough looks at data, y over rising x."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any
Start = dict[str, float]


def line(y: Array, x: Array) -> Start:
    """By a straight line."""
    slope, intercept = _straight(x, y)
    return {"slope": slope, "intercept": intercept}


def falling(y: Array, x: Array) -> Start:
    """By a line through log(y) of what has the sign of most."""
    sign = 1.0 if np.median(y) >= 0 else -1.0
    good = sign * y > 0.02 * np.abs(y).max()
    slope, intercept = _straight(x[good], np.log(sign * y[good]))
    return {
        "amplitude": sign * float(np.exp(intercept)),
        "decay": -1.0 / slope if slope else np.inf,
    }


def falling_twice(y: Array, x: Array) -> Start:
    """The slow one by the second half, the quick one by what it leaves of the first."""
    half = max(x.size // 2, 1)
    slow = falling(y[half:], x[half:]) if x.size - half > 1 else falling(y, x)
    rest = y[:half] - slow["amplitude"] * np.exp(-x[:half] / slow["decay"])
    quick = falling(rest, x[:half])
    return {
        "amplitude1": quick["amplitude"],
        "decay1": quick["decay"] if 0 < quick["decay"] < slow["decay"] else slow["decay"] / 5,
        "amplitude2": slow["amplitude"],
        "decay2": slow["decay"],
    }


def peak(y: Array, x: Array, width: float, area: float) -> Start:
    """By the farthest point from the ends' level and where half of it is reached; `width` is sigma
    in units of the width at half height, `area` that of height and sigma 1."""
    level = float(np.median(np.concatenate([y[: y.size // 10 + 1], y[-(y.size // 10 + 1) :]])))
    far = y - level
    top = int(np.abs(far).argmax())
    above = np.flatnonzero(far * np.sign(far[top]) > np.abs(far[top]) / 2)
    extent = x[above[-1]] - x[above[0]] if above.size > 1 else 0.0
    least = (x[-1] - x[0]) / max(x.size - 1, 1)
    sigma = width * float(max(extent, least))
    return {"amplitude": float(far[top]) * sigma * area, "center": float(x[top]), "sigma": sigma}


def step(y: Array, x: Array) -> Start:
    """Where y is halfway, and a quarter of the way from a fifth to four fifths."""
    low, high = (y[0], y[-1]) if y[0] != y[-1] else (y.min(), y.max())
    share = (y - low) / (high - low)
    center = float(x[np.abs(share - 0.5).argmin()])
    a, b = (float(x[np.abs(share - s).argmin()]) for s in (0.2, 0.8))
    sigma = abs(b - a) / 2.8 or (x[-1] - x[0]) / 20 or 1.0
    return {"center": center, "sigma": float(sigma if abs(y[-1]) >= abs(y[0]) else -sigma)}


def saturating(y: Array, x: Array) -> Start:
    """By the ends, and by where y is halfway."""
    low, high = float(y[0]), float(y[-1])
    at = float(x[np.abs(y - (low + high) / 2).argmin()])
    least = x[x > 0].min(initial=np.inf)
    return {"bottom": low, "top": high, "ec50": max(at, float(least)), "n": 1.0}


def power(y: Array, x: Array) -> Start:
    """By a line through the logarithms."""
    sign = 1.0 if np.median(y) >= 0 else -1.0
    good = (x > 0) & (sign * y > 0)
    slope, intercept = _straight(np.log(x[good]), np.log(sign * y[good]))
    return {"amplitude": sign * float(np.exp(intercept)), "exponent": slope}


def damped(y: Array, x: Array) -> Start:
    """By the strongest frequency of y on an even grid, and by how much its second half is less."""
    n, span = max(4 * x.size, 64), float(x[-1] - x[0]) or 1.0
    even = np.linspace(x[0], x[-1], n)
    waves = np.fft.rfft(np.interp(even, x, y - y.mean()), 8 * n)
    k = int(np.abs(waves[1:]).argmax()) + 1
    frequency = 2 * np.pi * k / (8 * n * span / (n - 1))
    first, second = (np.sqrt(np.square(half).mean()) for half in np.array_split(y, 2))
    least = 1e-6 * np.abs(y).max() or 1.0  # a half may be all zeros
    decay = span / 2 / np.log(max((first + least) / (second + least), 1.01))
    envelope = np.exp(-(x - x[0]) / decay)  # from 1 on, wherever x begins
    rows = np.stack([np.sin(frequency * x), np.cos(frequency * x)], 1) * envelope[:, None]
    a, b = np.linalg.lstsq(rows, y, rcond=None)[0]
    amplitude = float(np.hypot(a, b) * np.exp(x[0] / decay))
    start = {"amplitude": amplitude, "shift": float(np.arctan2(b, a))}
    return {**start, "frequency": float(frequency), "decay": float(decay)}


def _straight(x: Array, y: Array) -> tuple[float, float]:
    """Slope and intercept."""
    if x.size < 2 or np.ptp(x) == 0:
        return 0.0, float(y.mean()) if y.size else 0.0
    slope, intercept = np.polyfit(x, y, 1)
    return float(slope), float(intercept)
