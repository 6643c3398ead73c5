"""What a fit starts from and ends with, as the arrays of the algorithm; and the fit by Python."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from . import marquardt as at, native
from .later import Later
from .triangle import finish

Array = Any


@dataclass(slots=True)
class State:
    """The arrays of `marquardt` for n parameters, and what becomes of them.

    `triangle` is R and Q'f at the end, `inverse` that of R'R, NaN where R is singular.
    """

    v: Array
    s: Array
    c: Array
    triangle: Array = field(default=None)
    inverse: Array = field(default=None)

    @property
    def x(self) -> Array:
        """The parameters."""
        return self.v[at.X]

    @property
    def cost(self) -> float:
        """The sum of squares, or of scale**2 * rho."""
        return float(self.s[at.OLD])

    @property
    def status(self) -> int:
        """MINPACK's number for how it ended: 1 to 4 converged."""
        return int(self.c[at.STATUS])

    @property
    def evaluations(self) -> int:
        """How often residuals were computed."""
        return int(self.c[at.EVALUATIONS])

    @property
    def jacobians(self) -> int:
        """How many points Jacobians were asked for at."""
        return int(self.c[at.JACOBIANS])


@dataclass(frozen=True, slots=True)
class Settings:
    """What decides a fit besides its data and its start. `scales` None: by the columns' norms."""

    ftol: float
    xtol: float
    gtol: float
    most: int
    factor: float = 100.0
    scales: Any = None
    lower: Any = None
    upper: Any = None
    loss: int = 0
    loss_scale: float = 1.0

    def state(self, start: Array) -> State:
        """A state that begins at `start`."""
        n = start.size
        v, s = np.zeros((at.ROWS, n)), np.zeros(at.NUMBERS)
        c = np.zeros(at.ORDER + n, np.int64)
        v[at.TRIAL] = start
        v[at.LOWER] = -np.inf if self.lower is None else self.lower
        v[at.UPPER] = np.inf if self.upper is None else self.upper
        c[at.BOUNDED] = self.lower is not None
        c[at.MOST], c[at.LOSS], s[at.LOSS_SCALE] = self.most, self.loss, self.loss_scale
        s[at.FTOL], s[at.XTOL], s[at.GTOL] = self.ftol, self.xtol, self.gtol
        s[at.FACTOR] = self.factor
        if self.scales is None:
            c[at.RESCALE] = 1
        else:
            v[at.SCALES] = self.scales
        return State(v, s, c)


class Residuals(Protocol):
    """What is fitted, as Python computes it."""

    def cost(self, x: Array) -> float:
        """The sum of squares, or what a loss makes of it."""

    def rows(self, x: Array) -> Array:
        """The Jacobian at x with the residuals as its last column, scaled as the loss wants."""


def drive(
    state: State, residuals: Residuals, watch: Callable[[State, Array], bool] | None = None
) -> None:
    """The fit, with residuals by Python.

    `watch` is shown each point that is taken, with the gradient there, and may end it.
    """
    v, s, n = state.v, state.s, state.v.shape[1]
    advance: Callable[..., int] = _advance() or at.advance
    triangles, b = np.zeros((3, n + 1, n + 1)), np.zeros((n + 1, n))
    asked = at.START
    with np.errstate(all="ignore"):
        while asked != at.DONE:
            if asked == at.FOLD:
                t = triangles[0] = triangle(residuals.rows(v[at.X].copy()))
                if watch is not None and watch(state, t[:n] @ t[n]):
                    break
            else:
                s[at.NEW] = residuals.cost(v[at.TRIAL].copy())
            asked = advance(asked, *triangles, b, v, s, state.c)
    state.triangle = triangles[0]
    state.inverse = np.empty((n, n))
    finish(*(triangles[0], state.inverse, *triangles[1:], v[at.ROTATED :], state.c[at.ORDER :]))


def triangle(rows: Array) -> Array:
    """The triangle of rows, a column a row of it."""
    m, k = rows.shape
    found = np.zeros((k, k))
    if np.isfinite(rows).all():
        found[: min(m, k)] = np.linalg.qr(rows, mode="r")
    else:
        found[:] = np.nan
    return found.T


_advance = Later(lambda: native.text("advance"), "advance", native.TYPES["advance"])
