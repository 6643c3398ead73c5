"""`curve_fit`: SciPy's, with exact derivatives, and a whole fit in one native call."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ...kernels.fits.algorithm.state import Settings, State
from ..problem.bounds import in_bounds, prepared, start_within
from ..problem.options import checked_loss, checked_margin, checked_scale, checked_tolerances
from ..problem.results import COMMON, TERMINATION, minpack_message, warn
from .data import Data, prepare
from .run import fitted

Array = Any
# Evaluations take microseconds, so fits go on until rounding ends them.
TOLERANCE = 1e-15
MOST = 1000
_LM = {"ftol", "xtol", "gtol", "maxfev", "factor", "diag", "epsfcn", "col_deriv"}
_TRF = {
    *("ftol", "xtol", "gtol", "maxfev", "max_nfev", "x_scale", "loss", "f_scale", "verbose"),
    *("diff_step", "tr_solver", "tr_options", "jac_sparsity"),
}


def curve_fit(
    f: Callable[..., Any],
    xdata: Any,
    ydata: Any,
    p0: Any = None,
    sigma: Any = None,
    absolute_sigma: bool = False,
    check_finite: bool | None = None,
    bounds: Any = (-np.inf, np.inf),
    method: str | None = None,
    jac: Any = None,
    *,
    full_output: bool = False,
    nan_policy: str | None = None,
    **kwargs: Any,
) -> Any:
    """Fit `f(x, a, b, ...)` to data by least squares: (popt, pcov), as SciPy's function does.

    `f` is plain Python with NumPy's, math's or this library's functions, or an op that
    `elementwise` made. Where it works point by point, it is read, differentiated and compiled, and
    the whole fit is one native call; `x` of shape (k, M) then has k predictors, `f` may return a
    tuple of outputs for `ydata` of that many rows, and data may have any shape. Other functions are
    called with arrays, and with tensors for their derivatives, which are exact too. What tensors
    cannot go through, and what `jac` asks for, is differentiated by differences, as in SciPy.

    Arguments, results, warnings and errors are SciPy's (`OptimizeWarning` is its own class where it
    is imported). Method "lm" is MINPACK's, for problems without bounds; "trf" and "dogbox" are here
    both the same iteration, whose steps keep within bounds. `ftol` and `xtol` are 1e-15 and
    `maxfev` 1000 times one more than there are parameters, unless they are given: fits go on until
    rounding ends them. A fit that ends where a parameter has lost its influence begins again with
    shorter steps, and the better result is kept.

    ValueError, TypeError and RuntimeError as SciPy's function raises them.
    """
    start, lower, upper = _start(f, p0, bounds)
    bounded = bool(np.any((lower > -np.inf) | (upper < np.inf)))
    method = method or ("trf" if bounded else "lm")
    if method == "lm" and bounded:
        raise ValueError(
            "Method 'lm' only works for unconstrained problems. Use 'trf' or 'dogbox' instead."
        )
    data = prepare(xdata, ydata, sigma, check_finite, nan_policy)
    if "args" in kwargs:
        raise ValueError("'args' is not a supported keyword argument.")
    _known(kwargs, _LM if method == "lm" else _TRF)
    if method == "lm":
        if data.y.size != 1 and start.size > data.y.size:
            raise TypeError(
                f"The number of func parameters={start.size} must not exceed the number of data "
                f"points={data.y.size}"
            )
        settings = _minpack(start, kwargs)
    else:
        settings = _within(start, lower, upper, method, kwargs)
    state, residuals = fitted(f, data, start, settings, method, jac, kwargs)
    message = _ended(state, settings, method)
    size = data.y.size if residuals is None else residuals().size
    pcov = _pcov(state, size, method, absolute_sigma)
    popt = state.x.copy()
    if not full_output:
        return popt, pcov
    return popt, pcov, _info(state, f, data, residuals, method), message, _ier(state, method)


def _start(f: Any, p0: Any, bounds: Any) -> tuple[Array, Array, Array]:
    """Where to begin, and the bounds."""
    if p0 is None:
        names = argument_names(f)
        if len(names) < 2:
            raise ValueError("Unable to determine number of fit parameters.")
        n = len(names) - 1
    else:
        p0 = np.atleast_1d(p0)
        n = p0.size
        if np.iscomplexobj(p0) or any(p is None for p in p0.flat):
            raise TypeError(f"p0 has to be real numbers, not {p0.dtype}")
    lower, upper = prepared(bounds, n)
    if p0 is None:
        p0 = start_within(lower, upper)
    return np.asarray(p0, float).ravel(), lower, upper


def argument_names(f: Any) -> list[str]:
    """The names of positional arguments."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    found = inspect.signature(f).parameters.values()
    return [p.name for p in found if p.kind in kinds]


def settings_of(
    start: Array, lower: Array | None, upper: Array | None, options: dict[str, Any]
) -> Settings:
    """Settings of many fits: as `curve_fit` has them, with bounds or without."""
    if lower is None or upper is None:
        within = {"loss", "f_scale"} & options.keys()
        if not within:
            _known(options, _LM, "fit_many")
            return _minpack(start, options)
        lower, upper = np.full(start.size, -np.inf), np.full(start.size, np.inf)
    _known(options, _TRF, "fit_many")
    return _within(start, lower, upper, "trf", options)


def _known(kwargs: dict[str, Any], names: set[str], caller: str = "curve_fit") -> None:
    for name in kwargs:
        if name not in names:
            raise TypeError(f"{caller}() got an unexpected keyword argument '{name}'")


def _minpack(start: Array, kwargs: dict[str, Any]) -> Settings:
    """Settings of `leastsq`."""
    diag = kwargs.get("diag")
    least = min(kwargs.get(name, 0.0) for name in ("ftol", "xtol", "gtol", "maxfev"))
    if least < 0 or kwargs.get("factor", 1.0) <= 0 or (diag is not None and np.min(diag) <= 0):
        raise RuntimeError("Optimal parameters not found: Improper input parameters.")
    if diag is not None:
        diag = np.asarray(diag, float)
        if diag.shape != start.shape:
            raise TypeError(f"diag has shape {diag.shape}, not that of p0, {start.shape}")
    return Settings(
        ftol=kwargs.get("ftol", TOLERANCE),
        xtol=kwargs.get("xtol", TOLERANCE),
        gtol=kwargs.get("gtol", 0.0),
        most=kwargs.get("maxfev", 0) or MOST * (start.size + 1),
        factor=kwargs.get("factor", 100.0),
        scales=diag,
    )


def _within(
    start: Array, lower: Array, upper: Array, method: str, kwargs: dict[str, Any]
) -> Settings:
    """Settings of `least_squares`."""
    if method not in ("trf", "dogbox"):
        raise ValueError("`method` must be 'trf', 'dogbox' or 'lm'.")
    most = kwargs.get("max_nfev", kwargs.get("maxfev"))
    if most is not None and most <= 0:
        raise ValueError("`max_nfev` must be None or positive integer.")
    in_bounds(start, lower, upper)
    tolerances = {"ftol": TOLERANCE, "xtol": TOLERANCE}
    tolerances |= {name: kwargs[name] for name in ("ftol", "xtol", "gtol") if name in kwargs}
    ftol, xtol, gtol = checked_tolerances(tolerances, method)
    loss = checked_loss(kwargs.get("loss", "linear"), method)
    scale = checked_scale(kwargs.get("x_scale", "jac"), start, method)
    return Settings(
        ftol=ftol,
        xtol=xtol,
        gtol=gtol,
        most=most or MOST * (start.size + 1),
        factor=1.0,
        scales=None if isinstance(scale, str) else 1 / scale,
        lower=lower,
        upper=upper,
        loss=loss,
        loss_scale=checked_margin(kwargs.get("f_scale", 1.0)),
    )


def _ended(state: State, settings: Settings, method: str) -> str:
    """What there is to say of how the fit ended; RuntimeError where it did not converge."""
    if method != "lm":
        message = TERMINATION[COMMON[state.status]]
        bad = COMMON[state.status] <= 0
    else:
        tolerances = settings.ftol, settings.xtol, settings.gtol
        message = minpack_message(state.status, *tolerances, settings.most)
        bad = state.status not in (1, 2, 3, 4)
    if bad:
        raise RuntimeError("Optimal parameters not found: " + message)
    return message


def _pcov(state: State, size: int, method: str, absolute: bool) -> Array:
    """The covariance of the parameters; infinite, with a warning, where it cannot be told."""
    n = state.x.size
    found = state.inverse if method == "lm" else _pseudo_inverse(state.triangle, size)
    if not absolute:
        with np.errstate(all="ignore"):
            found = found * (state.cost / (size - n)) if size > n else found * np.nan
    known = np.isfinite(found).all()
    if not known:
        found = np.full((n, n), np.inf)
        warn("Covariance of the parameters could not be estimated", stacklevel=4)
    return found


def _pseudo_inverse(triangle: Array, size: int) -> Array:
    """Of R'R, without singular values that are 0 but for rounding."""
    n = triangle.shape[0] - 1
    _, s, vt = np.linalg.svd(triangle[:n, :n].T)
    s = s[s > np.finfo(float).eps * max(size, n) * s[0]]
    vt = vt[: s.size]
    return (vt.T / s**2) @ vt


def _ier(state: State, method: str) -> int:
    return state.status if method == "lm" else COMMON[state.status]


def _info(
    state: State, f: Any, data: Data, residuals: Callable[[], Array] | None, method: str
) -> dict[str, Any]:
    """SciPy's infodict."""
    n = state.x.size
    with np.errstate(all="ignore"):
        fvec = np.asarray(data.residuals(f, state.x)) if residuals is None else residuals()
    found: dict[str, Any] = {"nfev": state.evaluations, "fvec": fvec}
    if method == "lm":
        fjac = np.zeros((n, max(fvec.size, n)))
        fjac[:, :n] = state.triangle[:n, :n]
        order = np.arange(n, dtype=np.int32)
        found |= {"njev": state.jacobians, "fjac": fjac, "ipvt": order}
        found["qtf"] = state.triangle[n, :n].copy()
    return found
