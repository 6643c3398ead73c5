"""Models that are ready, each a formula with a guess of where to begin; areas and widths as in
lmfit, whose users know them: `amplitude` of a peak is its area."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from ..reading.expression import Formula
from .definition import Model
from .guesses import (
    damped,
    falling,
    falling_twice,
    line,
    peak,
    power,
    saturating,
    step,
)

Array = Any
_ABOVE_ZERO = {"min": 1e-100}  # whose square is a number


class Ready(NamedTuple):
    """A formula, what makes parameters near data out of y and rising x, and limits by name."""

    formula: str
    guess: Callable[[Array, Array], dict[str, float]]
    limits: Mapping[str, dict[str, float]] = MappingProxyType({})


_GAUSS = "exp(-(x - center)**2 / (2 * {s}**2)) / ({s} * sqrt(2 * pi))"
_LORENTZ = "sigma / (pi * ((x - center)**2 + sigma**2))"
_WIDTH = {"sigma": _ABOVE_ZERO}
READY = {
    "line": Ready("slope * x + intercept", line),
    "exponential": Ready("amplitude * exp(-x / decay)", falling),
    "double_exponential": Ready(
        "amplitude1 * exp(-x / decay1) + amplitude2 * exp(-x / decay2)", falling_twice
    ),
    "gaussian": Ready(
        "amplitude * " + _GAUSS.format(s="sigma"), lambda y, x: peak(y, x, 0.4247, 2.5066), _WIDTH
    ),
    "lorentzian": Ready("amplitude * " + _LORENTZ, lambda y, x: peak(y, x, 0.5, np.pi), _WIDTH),
    "pseudo_voigt": Ready(
        "amplitude * ((1 - fraction) * "
        + _GAUSS.format(s="(sigma / sqrt(2 * log(2)))")
        + f" + fraction * {_LORENTZ})",
        lambda y, x: peak(y, x, 0.5, 2.6) | {"fraction": 0.5},
        {**_WIDTH, "fraction": {"min": 0.0, "max": 1.0}},
    ),
    "logistic": Ready(
        "amplitude / (1 + exp(-(x - center) / sigma))",
        lambda y, x: {"amplitude": float(y[np.abs(y).argmax()]), **step(y, x)},
    ),
    "hill": Ready(
        "bottom + (top - bottom) * x**n / (ec50**n + x**n)",
        saturating,
        {"ec50": _ABOVE_ZERO, "n": _ABOVE_ZERO},
    ),
    "power_law": Ready("amplitude * x**exponent", power),
    "damped_sine": Ready("amplitude * exp(-x / decay) * sin(frequency * x + shift)", damped),
    "michaelis_menten": Ready(
        "vmax * x / (km + x)",
        lambda y, x: {"vmax": 1.2 * float(y.max()), "km": saturating(y, x)["ec50"]},
        {"km": _ABOVE_ZERO},
    ),
}


def ready(name: str, prefix: str = "", degree: int = 2) -> Model:
    """A model of this name, with `guess(y, x)`: `READY` has the names, and "polynomial" is one of
    any `degree`, of parameters c0, c1, ...

    ValueError for a name that there is not, and for a degree that is no whole number from 0 on.
    """
    if name == "polynomial":
        return _polynomial(prefix, degree)
    if name not in READY:
        raise ValueError(f"no model {name!r}; there are polynomial, {', '.join(READY)}")
    formula, guess, limits = READY[name]
    found = Model(Formula(formula), prefix=prefix, name=prefix + name, guess=guess)
    found.limits = {prefix + n: dict(limit) for n, limit in limits.items()}
    return found


def _polynomial(prefix: str, degree: int) -> Model:
    if isinstance(degree, bool) or not isinstance(degree, int) or not 0 <= degree <= 40:
        raise ValueError(f"the degree of a polynomial is a whole number up to 40, not {degree!r}")
    text = f"c{degree} + 0 * x" if degree == 0 else f"c{degree}"
    for k in reversed(range(degree)):
        text = f"c{k} + x * ({text})"

    def guess(y: Array, x: Array) -> dict[str, float]:
        found = np.polynomial.Polynomial.fit(x, y, min(degree, x.size - 1)).convert().coef
        return {f"c{k}": float(found[k]) if k < found.size else 0.0 for k in range(degree + 1)}

    return Model(Formula(text), prefix=prefix, name=f"{prefix}polynomial", guess=guess)
