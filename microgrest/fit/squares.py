"""`least_squares`: SciPy's, of residuals that Python computes, with exact Jacobians."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..kernels.fits.algorithm import losses_by_numpy, marquardt as at
from ..kernels.fits.algorithm.state import Settings, State, drive
from .problem.bounds import in_bounds, prepared
from .problem.options import checked_loss, checked_margin, checked_scale, checked_tolerances
from .problem.problem import METHODS, Problem
from .problem.results import COMMON, TERMINATION, OptimizeResult

Array = Any
_METHODS = ("trf", "dogbox", "lm")


def least_squares(
    fun: Callable[..., Any],
    x0: Any,
    jac: Any = "exact",
    bounds: Any = (-np.inf, np.inf),
    method: str = "trf",
    ftol: float | None = 1e-8,
    xtol: float | None = 1e-8,
    gtol: float | None = 1e-8,
    x_scale: Any = None,
    loss: Any = "linear",
    f_scale: float = 1.0,
    diff_step: Any = None,
    tr_solver: str | None = None,
    tr_options: Mapping[str, Any] | None = None,
    jac_sparsity: Any = None,
    max_nfev: int | None = None,
    verbose: int = 0,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    callback: Callable[..., Any] | None = None,
    workers: Any = None,
) -> OptimizeResult:
    """The x within bounds where half the sum of `loss(fun(x)**2)` is least, as SciPy's function.

    `fun` takes an array of n numbers and returns m residuals. Its Jacobian is `jac(x)`, or that of
    what `fun` does with a float64 tensor, which is exact; a function that tensors cannot go
    through, and "2-point", "3-point" and "cs" ask for differences. Result, warnings and errors are
    SciPy's; `active_mask` says where x stands at a bound.

    "lm" is MINPACK's method. "trf" and "dogbox" name one method here: the same iteration, by steps
    that keep within bounds and may end at them, with losses. The solvers of SciPy's trust regions
    are not here: `tr_solver`, `tr_options`, `jac_sparsity` and `workers` are checked, and change
    nothing; a sparse Jacobian is taken as a dense one. `callback(intermediate_result=...)`, or
    `callback(x)` by any other name, ends the fit by True or StopIteration.
    """
    _check(jac, method, tr_solver, loss, verbose, max_nfev)
    if np.iscomplexobj(x0):
        raise ValueError("`x0` must be real.")
    start = np.atleast_1d(x0).astype(float)
    if start.ndim > 1:
        raise ValueError("`x0` must have at most 1 dimension.")
    lower, upper = _bounds(bounds, start, method)
    scale = checked_scale(x_scale, start, method)
    ftol, xtol, gtol = checked_tolerances({"ftol": ftol, "xtol": xtol, "gtol": gtol}, method)
    problem = Problem(
        lambda x: fun(x, *args, **(kwargs or {})),
        (lambda x: jac(x, *args, **(kwargs or {}))) if callable(jac) else jac,
        None if isinstance(loss, str) and loss == "linear" else _rho(loss),
        checked_margin(f_scale),
        (lower, upper),
        diff_step,
    )
    _checked_start(problem, start, method, loss, callable(jac), jac_sparsity)
    if method == "lm" and callback is not None:
        warnings.warn(
            "Callback function specified, but not supported with `lm` method.", stacklevel=2
        )
    bounded = bool(np.any(np.isfinite(lower) | np.isfinite(upper)))
    settings = Settings(
        ftol=ftol,
        xtol=xtol,
        gtol=gtol if method == "lm" else 0.0,
        most=max_nfev or 100 * start.size,
        factor=100.0 if method == "lm" else 1.0,
        scales=None if isinstance(scale, str) else 1 / scale,
        lower=lower if bounded else None,
        upper=upper if bounded else None,
    )
    state = settings.state(start)
    initial = problem.cost(start) / 2
    watch = None if method == "lm" else _Watch(gtol, lower, upper, callback)
    drive(state, problem, watch)
    result = _result(state, problem, (lower, upper), method, watch)
    if verbose:
        _tell(result, initial)
    return result


class _Watch:
    """At each point that is taken: SciPy's test of the gradient, and the callback."""

    def __init__(self, gtol: float, lower: Array, upper: Array, callback: Any) -> None:
        self.gtol, self.bounds, self.callback = gtol, (lower, upper), callback
        # SciPy looks at the name of the argument, too.
        names = set() if callback is None else {*inspect.signature(callback).parameters}
        self.whole = names == {"intermediate_result"}
        self.stopped = False
        self.turns = 0

    def __call__(self, state: State, gradient: Array) -> bool:
        """Whether to stop."""
        if self.callback is not None and self.turns:
            self.stopped = self._called(state)
        self.turns += 1
        if self.stopped or not optimality(state.x, gradient, *self.bounds) < self.gtol:
            return self.stopped
        state.c[at.STATUS] = 4
        return True

    def _called(self, state: State) -> bool:
        x = state.x.copy()
        shown = OptimizeResult(x=x, nit=self.turns, nfev=state.evaluations, cost=state.cost / 2)
        try:
            said = self.callback(intermediate_result=shown) if self.whole else self.callback(x)
            return said is True
        except StopIteration:
            return True


def optimality(x: Array, gradient: Array, lower: Array, upper: Array) -> float:
    """The largest element of the gradient, each scaled by the way to the bound that it leads to."""
    distance = np.where(gradient > 0, x - lower, upper - x)
    scale = np.where(np.isfinite(distance), distance, 1.0)
    return float(np.max(np.abs(gradient * scale), initial=0.0))


def _check(
    jac: Any, method: Any, tr_solver: Any, loss: Any, verbose: int, max_nfev: int | None
) -> None:
    """SciPy's ValueErrors for arguments that are none of those there are."""
    if method not in _METHODS:
        raise ValueError("`method` must be 'trf', 'dogbox' or 'lm'.")
    if not callable(jac) and jac not in METHODS:
        raise ValueError("`jac` must be '2-point', '3-point', 'cs', 'exact' or callable.")
    if tr_solver not in (None, "exact", "lsmr"):
        raise ValueError("`tr_solver` must be None, 'exact' or 'lsmr'.")
    checked_loss(loss, method)
    if verbose not in (0, 1, 2):
        raise ValueError("`verbose` must be in [0, 1, 2].")
    if max_nfev is not None and max_nfev <= 0:
        raise ValueError("`max_nfev` must be None or positive integer.")


def _bounds(bounds: Any, start: Array, method: str) -> tuple[Array, Array]:
    if not hasattr(bounds, "lb") and len(bounds) != 2:
        raise ValueError("`bounds` must contain 2 elements.")
    lower, upper = prepared(bounds, start.size)
    if method == "lm" and not np.all((lower == -np.inf) & (upper == np.inf)):
        raise ValueError("Method 'lm' doesn't support bounds.")
    in_bounds(start, lower, upper)
    return lower, upper


def _rho(loss: Any) -> Callable[[Array], Array] | None:
    return loss if callable(loss) else losses_by_numpy.RHO[loss]


def _checked_start(
    problem: Problem, start: Array, method: str, loss: Any, given: bool, sparsity: Any
) -> None:
    """What SciPy refuses of the first residuals, losses and Jacobian."""
    first = problem.residuals(start)
    if first.ndim != 1:
        raise ValueError(f"`fun` must return at most 1-d array_like. f0.shape: {first.shape}")
    if not np.all(np.isfinite(first)):
        raise ValueError("Residuals are not finite in the initial point.")
    m, n = first.size, start.size
    if method == "lm" and m < n:
        raise ValueError(
            "Method 'lm' doesn't work when the number of residuals is less than the number of "
            "variables."
        )
    if callable(loss) and np.shape(loss((first / problem.scale) ** 2)) != (3, m):
        raise ValueError("The return value of `loss` callable has wrong shape.")
    if sparsity is not None and not given:
        if method == "lm":
            raise ValueError("method='lm' does not support `jac_sparsity`.")
        if np.shape(sparsity) != (m, n):
            raise ValueError("`jac_sparsity` has wrong shape.")
    if given:
        shape = problem.jacobian(start).shape
        if shape != (m, n):
            raise ValueError(
                f"The return value of `jac` has wrong shape: expected {(m, n)}, actual {shape}."
            )


def _result(
    state: State, problem: Problem, bounds: tuple[Array, Array], method: str, watch: _Watch | None
) -> OptimizeResult:
    x, (lower, upper) = state.x.copy(), bounds
    fun = problem.residuals(x).copy()
    rows = problem.rows(x)
    jac, gradient = rows[:, :-1], rows[:, :-1].T @ rows[:, -1]
    status = COMMON[state.status]
    if watch is not None and watch.stopped:
        status = -2
    best = optimality(x, gradient, lower, upper)
    if method == "lm":
        best = float(np.max(np.abs(gradient), initial=0.0))
    mask = np.where(x >= upper, 1, np.where(x <= lower, -1, 0))
    return OptimizeResult(
        x=x,
        cost=state.cost / 2,
        fun=fun,
        jac=jac,
        grad=gradient,
        optimality=best,
        active_mask=mask,
        nfev=state.evaluations,
        njev=state.jacobians,
        status=status,
        message=TERMINATION[status],
        success=status > 0,
    )


def _tell(result: OptimizeResult, initial: float) -> None:
    print(result.message)
    print(
        f"Function evaluations {result.nfev}, initial cost {initial:.4e}, final cost "
        f"{result.cost:.4e}, first-order optimality {result.optimality:.2e}."
    )
