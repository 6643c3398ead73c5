"""What is fitted: the points in the user's units, and the scaled ones that training sees."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.polynomial import Chebyshev, Polynomial
from numpy.typing import NDArray

from ..settings import Settings
from ..terminal.errors import InputError
from .table import read_columns

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Scaling:
    """t = (x - center) / radius and z = (y - mean) / spread; the identity unless told otherwise."""

    center: float = 0.0
    radius: float = 1.0
    mean: float = 0.0
    spread: float = 1.0

    @classmethod
    def of(cls, x: Vector, y: Vector) -> Scaling:
        """The scaling that takes `x` to [-1, 1] and `y` to mean 0 and variance 1."""
        with np.errstate(over="ignore", invalid="ignore"):
            low, high = float(x.min()), float(x.max())
            found = cls(low / 2 + high / 2, high / 2 - low / 2, float(y.mean()), float(y.std()))
        if not all(map(math.isfinite, (found.radius, found.mean, found.spread))):
            raise InputError("the values are too large to scale: their spread overflows float64")
        return cls(found.center, found.radius, found.mean, found.spread or 1.0)

    def coefficients(self, scaled: Vector, center: float = 0.0, scale: float = 1.0) -> Vector:
        """Coefficients of y in (x - center) / scale, constant first, from those of z in t."""
        with np.errstate(all="ignore"):
            inner = Polynomial([(center - self.center) / self.radius, scale / self.radius])
            outer = Polynomial(scaled * self.spread)(inner) + self.mean
        # Polynomial arithmetic drops trailing zeros.
        return np.pad(outer.coef, (0, len(scaled) - len(outer.coef)))


@dataclass(frozen=True)
class Problem:
    """Points (x, y) in the user's units; (t, z) are the same, scaled, in the dtype of the fit."""

    title: str
    x_name: str
    y_name: str
    x: Vector
    y: Vector
    scaling: Scaling
    t: NDArray[Any]
    z: NDArray[Any]

    def residual(self, scaled: Vector) -> float:
        """Root mean square of y minus the polynomial with coefficients `scaled`, in units of y."""
        t = (self.x - self.scaling.center) / self.scaling.radius
        z = (self.y - self.scaling.mean) / self.scaling.spread
        misfit = Polynomial(scaled)(t) - z
        return float(np.sqrt(np.mean(misfit * misfit))) * self.scaling.spread

    def least_squares(self, degree: int) -> float:
        """The smallest residual of any polynomial of `degree`, by NumPy's least squares."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", np.exceptions.RankWarning)  # points in tight clusters
            best = Chebyshev.fit(self.x, self.y, degree)(self.x) - self.y
        return float(np.sqrt(np.mean(best * best)))


def from_file(settings: Settings) -> Problem:
    """The problem that `settings.data` poses."""
    assert settings.data is not None
    columns = read_columns(settings.data, settings.x, settings.y, settings.header)
    title = f"{columns.y_name} by {columns.x_name}, {columns.x.size} rows of {settings.data.name}"
    return _pose(settings, title, columns.x_name, columns.y_name, columns.x, columns.y)


def synthetic(settings: Settings) -> Problem:
    """`settings.target` at evenly spaced points of [-pi, pi]."""
    x = np.linspace(-math.pi, math.pi, settings.points).astype(settings.dtype)
    title = f"{settings.target}(x) at {settings.points} points of [-pi, pi]"
    return _pose(settings, title, "x", "y", x, _sampled(settings.target, x))


def _sampled(target: str, x: NDArray[Any]) -> NDArray[Any]:
    """The function called `target` at `x`: by NumPy, for which nothing compiles, or by ours."""
    known = getattr(np, {"atan": "arctan"}.get(target, target), None)
    if known is not None:
        return np.asarray(known(x))
    import microgrest as torch

    sampled: NDArray[Any] = getattr(torch, target)(torch.from_numpy(x)).numpy()
    return sampled


def _pose(
    settings: Settings, title: str, x_name: str, y_name: str, x: NDArray[Any], y: NDArray[Any]
) -> Problem:
    x, y = x.astype(np.float64), y.astype(np.float64)
    distinct = np.unique(x).size
    if distinct <= settings.degree:
        raise InputError(
            f"degree {settings.degree} needs at least {settings.degree + 1} different values of "
            f"{x_name}; there {'is' if distinct == 1 else 'are'} {distinct}"
        )
    scaling = Scaling() if settings.tutorial else Scaling.of(x, y)
    t = ((x - scaling.center) / scaling.radius).astype(settings.dtype)
    z = ((y - scaling.mean) / scaling.spread).astype(settings.dtype)
    return Problem(title, x_name, y_name, x, y, scaling, t, z)


def default_rate(settings: Settings, problem: Problem) -> float:
    """The learning rate where none was given.

    The synthetic cubic with SGD: PyTorch's 1e-6, and above 2000 points as much less as the sum of
    squares has more terms. Other SGD: one over the largest eigenvalue of the Hessian, within which
    gradient descent on a quadratic cannot diverge. Adaptive optimizers: 1e-2.
    """
    if settings.optimizer != "sgd":
        return 1e-2
    if settings.tutorial:
        return 1e-6 * min(1.0, 2000 / settings.points)
    return 1 / largest_curvature(problem.t.astype(np.float64), settings.degree)


def largest_curvature(t: Vector, degree: int) -> float:
    """The largest eigenvalue of the Hessian of the sum of squares: H[i, j] = 2 sum(t**(i + j))."""
    power, moments = np.ones_like(t), []
    for _ in range(2 * degree + 1):
        moments.append(float(power.sum()))
        power *= t
    index = np.arange(degree + 1)
    hessian = 2 * np.array(moments)[index[:, None] + index]
    return float(np.linalg.eigvalsh(hessian)[-1])
