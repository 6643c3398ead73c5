"""How a curve is fitted: natively where the model can be read, else by calling it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ..kernels.fits import losses_by_numpy
from ..kernels.fits.fit import Fit
from ..kernels.fits.state import Settings, State, drive
from . import models
from .curve_data import Data
from .problem import Problem

Array = Any
# Lengths of the first step, in units of the scaled start, that a fit that ends badly begins again with.
SHORTER = (1.0, 0.1)
Again = Callable[[State], None]


def fitted(
    f: Any, data: Data, start: Array, settings: Settings, method: str, jac: Any, kwargs: Any
) -> tuple[State, Callable[[], Array] | None]:
    """The state in which the fit ended, and what its residuals are if Python computed them."""
    loss = kwargs.get("loss", "linear")
    if jac is None and isinstance(loss, str) and data.root is None:
        native = _native(f, data, start)
        if native is not None:
            state = _best(native, settings, start, "factor" not in kwargs)
            _finite_start(state, method)
            return state, None
    problem = _problem(f, data, settings, jac, kwargs)
    first = problem.residuals(start)
    _checked(first, start.size, method)
    state = _best(lambda s: drive(s, problem), settings, start, "factor" not in kwargs)
    return state, lambda: problem.residuals(state.x)


def _best(run: Again, settings: Settings, start: Array, again: bool) -> State:
    """The fit; where a parameter has lost its influence, the best of those with shorter steps."""
    state = settings.state(start)
    run(state)
    if again and np.isnan(state.inverse).any() and np.isfinite(state.cost):
        for factor in SHORTER:
            other = replace(settings, factor=factor).state(start)
            run(other)
            if other.cost < state.cost and other.status in (1, 2, 3, 4):
                return other
    return state


def _native(f: Any, data: Data, start: Array) -> Again | None:
    """What fits the model natively, if it can be read, and gives what Python does."""
    if not isinstance(data.x, np.ndarray):
        return None
    for layout in models.layouts(data.x, data.y, start.size):
        fit = models.native(f, layout)
        if fit is not None:
            shape = layout.shape
            x = np.ascontiguousarray(data.x.reshape(shape.predictors, -1))
            y = np.ascontiguousarray(data.y.reshape(shape.outputs, -1))
            w = np.empty_like(y)
            w[...] = 1.0 if data.weights is None else _as_rows(data.weights, y)
            if _proven(fit, f, data, x, y, start):
                return lambda state: fit(x, y, w, state)
    return None


def _as_rows(weights: Array, y: Array) -> Array:
    return weights if weights.ndim == 0 else weights.reshape(y.shape)


def _proven(fit: Fit, f: Any, data: Data, x: Array, y: Array, start: Array) -> bool:
    """Whether the model as it was read gives what Python gives, looked at once."""
    if fit.proven is None:
        try:
            with np.errstate(all="ignore"):
                values = np.asarray(f(data.x, *start), float)
                values = np.broadcast_to(values, data.y.shape) - data.y
            fit.proven = models.agrees(fit, x, y, start, values.ravel())
        except Exception:  # models that choose by `if` fail on arrays
            fit.proven = True
    return bool(fit.proven)


def _finite_start(state: State, method: str) -> None:
    if method != "lm" and not np.isfinite(state.cost):
        raise ValueError("Residuals are not finite in the initial point.")


def _checked(first: Array, n: int, method: str) -> None:
    """What SciPy refuses of the first residuals."""
    if first.ndim != 1:
        raise ValueError(f"the model gives residuals of shape {first.shape}, not one for each point")
    if method == "lm" and n > first.size:
        raise TypeError(
            f"Improper input: func input vector length N={n} must not exceed func output vector "
            f"length M={first.size}"
        )
    if method != "lm" and not np.isfinite(first).all():
        raise ValueError("Residuals are not finite in the initial point.")


def _problem(f: Any, data: Data, settings: Settings, jac: Any, kwargs: Any) -> Problem:
    """The residuals as Python computes them."""
    loss = kwargs.get("loss", "linear")
    rho = losses_by_numpy.RHO[loss] if isinstance(loss, str) else loss
    bounds = (-np.inf, np.inf) if settings.lower is None else (settings.lower, settings.upper)

    def fun(p: Any) -> Any:
        return data.weighed(f(data.x, *p) - data.y)

    def given(p: Array) -> Array:
        found = np.asarray(jac(data.x, *p), float)
        if data.root is not None:
            return np.linalg.solve(data.root, found)
        if data.weights is None:
            return found
        return data.weights.reshape(-1, 1) * found

    how = given if callable(jac) else jac or "exact"
    if how == "exact" and data.root is not None:
        return _correlated(f, data, rho, settings, bounds)
    return Problem(fun, how, rho, settings.loss_scale, bounds, kwargs.get("diff_step"))


def _correlated(f: Any, data: Data, rho: Any, settings: Settings, bounds: Any) -> Problem:
    """Residuals whose errors have a covariance matrix: its root goes through both sides."""
    plain = Data(data.x, data.y, None, None)
    inner = Problem(lambda p: plain.weighed(f(data.x, *p) - data.y), "exact", bounds=bounds)
    return Problem(
        lambda p: data.weighed(f(data.x, *p) - data.y),
        lambda p: np.linalg.solve(data.root, inner.jacobian(p)),
        rho,
        settings.loss_scale,
        bounds,
    )
