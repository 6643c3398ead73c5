"""How a curve is fitted: natively where the model can be read, else by calling it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ...kernels.fits.algorithm import losses_by_numpy, marquardt as at
from ...kernels.fits.algorithm.state import Settings, State, drive
from ..problem.problem import METHODS, Problem
from ..reading import models
from .data import Data, numbers

Array = Any
# First steps, in units of the scaled start, with which a fit that ended badly begins again.
SHORTER = (1.0, 0.1)
CONVERGED = (1, 2, 3, 4)
SMALLEST = 1e-150  # data whose squares are numbers of all digits
_OWN: Any = ["C", "ALIGNED", "WRITEABLE", "ENSUREARRAY"]  # what the kernel is compiled for
Again = Callable[[State], None]


def fitted(
    f: Any, data: Data, start: Array, settings: Settings, method: str, jac: Any, kwargs: Any
) -> tuple[State, Callable[[], Array] | None]:
    """The state in which the fit ended, and what its residuals are if Python computed them."""
    loss = kwargs.get("loss", "linear")
    if jac is None and isinstance(loss, str) and data.root is None:
        native = _native(f, data, start)
        if native is not None:
            _enough(data.y, start, method)
            state = _best(native, settings, start, "factor" not in kwargs)
            _finite_start(state, method)
            _in_range(state, data)
            return state, None
    problem = _problem(f, data, settings, jac, kwargs)
    _checked(problem, start, method, callable(jac))
    state = _best(lambda s: drive(s, problem), settings, start, "factor" not in kwargs)
    _in_range(state, data)
    return state, lambda: problem.residuals(state.x)


def _in_range(state: State, data: Data) -> None:
    """ValueError for data whose squares no float holds: any parameters would be as good."""
    if 0 < state.cost < np.inf:
        return
    with np.errstate(all="ignore"):
        size = float(np.abs(data.y * (1.0 if data.weights is None else data.weights)).max())
    tiny, huge = 0 < size < SMALLEST, np.inf > size > 1 / SMALLEST
    if (state.cost == 0 and tiny) or (state.cost == np.inf and huge):
        raise ValueError(
            f"data of up to {size:.3g} in units of their errors, whose squares float64 does not "
            "hold: fit them in other units"
        )


def _best(run: Again, settings: Settings, start: Array, again: bool) -> State:
    """The fit; where a parameter has lost its influence, the best of those with shorter steps."""
    state = settings.state(start)
    run(state)
    if again and _lost(state) and np.isfinite(state.cost):
        spent = state.evaluations
        for factor in SHORTER:
            other = replace(settings, factor=factor).state(start)
            run(other)
            spent += other.evaluations
            better = other.cost < state.cost * (1 - 1e-6) and not _lost(other)
            if better and other.status in CONVERGED:
                state = other
                break
        state.c[at.EVALUATIONS] = spent
    return state


def _lost(state: State) -> bool:
    """Whether a parameter has no influence any more, beside that which it had."""
    n = state.x.size
    norms = np.sqrt(np.square(state.triangle[:n]).sum(1))
    gone = state.c[at.RESCALE] != 0 and np.any(norms < 1e-10 * state.v[at.SCALES])
    return bool(gone or np.isnan(state.inverse).any())


def _native(f: Any, data: Data, start: Array) -> Again | None:
    """What fits the model natively, if it can be read, and gives what Python does."""
    given = numbers(data.x)
    if given is None:
        return None
    for layout in models.layouts(given, data.y, start.size):
        fit = models.native(f, layout)
        if fit is not None:
            shape = layout.shape
            x = np.require(given.reshape(shape.predictors, -1), float, _OWN)
            y = np.require(data.y.reshape(shape.outputs, -1), float, _OWN)
            w = np.empty_like(y)
            w[...] = 1.0 if data.weights is None else _as_rows(data.weights, y)
            if models.proven(fit, f, data.x, x, y, start):
                return lambda state: fit(x, y, w, state)
    return None


def _as_rows(weights: Array, y: Array) -> Array:
    return weights if weights.ndim == 0 else weights.reshape(y.shape)


def _finite_start(state: State, method: str) -> None:
    if method != "lm" and not np.isfinite(state.cost):
        raise ValueError("Residuals are not finite in the initial point.")


def _enough(residuals: Array, start: Array, method: str) -> None:
    """As many residuals as parameters."""
    if method == "lm" and start.size > residuals.size:
        raise TypeError(
            f"Improper input: func input vector length N={start.size} must not exceed func output "
            f"vector length M={residuals.size}"
        )


def _checked(problem: Problem, start: Array, method: str, given: bool) -> None:
    """What SciPy refuses of the first residuals and of the Jacobian."""
    first = problem.residuals(start)
    _enough(first, start, method)
    if method != "lm" and not np.isfinite(first).all():
        raise ValueError("Residuals are not finite in the initial point.")
    shape = problem.jacobian(start).shape if given else (first.size, start.size)
    if shape != (first.size, start.size):
        error = TypeError if method == "lm" else ValueError
        expected = (first.size, start.size)
        raise error(
            f"The return value of `jac` has wrong shape: expected {expected}, actual {shape}."
        )


def _problem(f: Any, data: Data, settings: Settings, jac: Any, kwargs: Any) -> Problem:
    """The residuals as Python computes them."""
    loss = kwargs.get("loss", "linear")
    rho = losses_by_numpy.RHO[loss] if isinstance(loss, str) else loss
    bounds = (-np.inf, np.inf) if settings.lower is None else (settings.lower, settings.upper)

    def given(p: Array) -> Array:
        found = np.asarray(jac(data.x, *p), float)
        if data.root is not None:
            return data.root @ found
        if data.weights is None:
            return found
        return data.weights.reshape(-1, 1) * found

    how = given if callable(jac) else jac or "exact"
    if not callable(how) and how not in METHODS:
        raise ValueError(f"`jac` must be one of {METHODS}, callable or None, not {jac!r}.")
    if how == "exact" and data.root is not None:
        return _correlated(f, data, rho, settings, bounds)
    fun = partial(data.residuals, f)
    return Problem(fun, how, rho, settings.loss_scale, bounds, kwargs.get("diff_step"))


def _correlated(f: Any, data: Data, rho: Any, settings: Settings, bounds: Any) -> Problem:
    """Residuals whose errors have a covariance matrix: its root multiplies both sides."""
    plain = Data(data.x, data.y, None, None)
    inner = Problem(partial(plain.residuals, f), "exact", bounds=bounds)
    return Problem(
        partial(data.residuals, f),
        lambda p: data.root @ inner.jacobian(p),
        rho,
        settings.loss_scale,
        bounds,
    )
