"""What a fit of a model says: estimates, errors, statistics, and how they are shown and kept."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from itertools import chain, count
from typing import Any

import numpy as np

from ...kernels.fits.algorithm import losses_by_numpy
from ...kernels.fits.algorithm.state import Settings, State
from ..curve.curve_fit import MOST, TOLERANCE
from ..curve.data import Data
from ..curve.run import CONVERGED, fitted
from ..problem.options import checked_loss, checked_margin
from ..problem.results import minpack_message
from .bound import Bound
from .intervals import profile, two_sided, wanted
from .parameters import Parameters
from .plot import plot
from .report import ci_report, fit_report

Array = Any


@dataclass
class ModelResult:
    """A fit: estimates in `params`, with standard errors; those that a user asks for by lmfit's
    names.

    `covar` is the covariance of the free parameters, `var_names` their names; None where it cannot
    be told. `init_params` is where the fit began, `data`, `xs` and `weights` what it was of. With a
    `loss`, what it makes of squared residuals stands for these in `chisqr` and all that uses it.
    """

    model: Any
    params: Parameters
    init_params: Parameters
    xs: list[Any]
    data: Array
    weights: Any
    scale_covar: bool
    covar: Array | None
    nfev: int
    status: int
    message: str
    loss: str = "linear"
    f_scale: float = 1.0

    @property
    def success(self) -> bool:
        """Whether it converged."""
        return self.status in CONVERGED

    @property
    def var_names(self) -> list[str]:
        """The names of the free parameters."""
        return [name for name, p in self.params.items() if p.free]

    @property
    def best_values(self) -> dict[str, float]:
        """All values by name."""
        return {name: p.value for name, p in self.params.items()}

    @cached_property
    def best_fit(self) -> Array:
        """The model at the data's x."""
        return self._at(self.xs, self.params, self.data.shape)

    @property
    def init_fit(self) -> Array:
        """The model at the start."""
        return self._at(self.xs, self.init_params, self.data.shape)

    @cached_property
    def residual(self) -> Array:
        """(data - model) * weights."""
        return (self.data - self.best_fit) * (1.0 if self.weights is None else self.weights)

    @property
    def ndata(self) -> int:
        """Points that count: those of weight 0 do not."""
        return _points(self.data, self.weights)

    @property
    def nvarys(self) -> int:
        """Free parameters."""
        return len(self.var_names)

    @property
    def nfree(self) -> int:
        """Degrees of freedom."""
        return self.ndata - self.nvarys

    @property
    def chisqr(self) -> float:
        """The sum of squared residuals, each counted as the loss has it."""
        rho = losses_by_numpy.RHO[self.loss]
        return losses_by_numpy.cost(rho, self.f_scale, self.residual.ravel())

    @property
    def redchi(self) -> float:
        """Chi-square a degree of freedom."""
        return self.chisqr / max(1, self.nfree)

    @property
    def aic(self) -> float:
        """Akaike's criterion: n log(chisqr / n) + 2 parameters."""
        return self._likelihood + 2 * self.nvarys

    @property
    def bic(self) -> float:
        """Bayes's criterion: n log(chisqr / n) + log(n) parameters."""
        return self._likelihood + math.log(self.ndata) * self.nvarys

    @property
    def _likelihood(self) -> float:
        return self.ndata * math.log(max(self.chisqr / self.ndata, 1e-250))

    @property
    def rsquared(self) -> float:
        """1 - chisqr / that of a constant; nan where all data are one number."""
        w = np.broadcast_to(1.0 if self.weights is None else self.weights, self.data.shape) ** 2
        off = self.data - (w * self.data).sum() / w.sum()
        total = float((w * off * off).sum())
        return 1 - self.chisqr / total if total else math.nan

    def eval(self, **given: Any) -> Any:
        """The model at its estimates, at the data's x or at others: `result.eval(x=...)`."""
        return self._at(self._xs(given), self.params, None if given else self.data.shape)

    def _xs(self, given: dict[str, Any]) -> list[Any]:
        names = self.model.independent
        unknown = given.keys() - set(names)
        if unknown:
            raise TypeError(f"{sorted(unknown)[0]!r} is none of the variables {', '.join(names)}")
        pairs = zip(names, self.xs, strict=True)
        found = [given.get(name, x) for name, x in pairs]
        return [np.asarray(x, float) if isinstance(x, (list, tuple)) else x for x in found]

    def _at(self, xs: list[Any], params: Parameters, shape: Any) -> Any:
        """The model's values; of `shape`, without one of x's if the model gives a number."""
        values = self.model.values(xs, [params[name].value for name in self.model.names])
        if shape is None:
            shape = np.shape(values) or np.shape(xs[0])
        return np.array(np.broadcast_to(values, shape), float)

    def eval_components(self, **given: Any) -> dict[str, Array]:
        """Each model of a sum by its prefix, or its name; the second of one name as `name 2`."""
        xs = self._xs(given)
        found: dict[str, Array] = {}
        for part in getattr(self.model, "components", lambda: [self.model])():
            names = chain([part.prefix or part.name], (f"{part.name} {k}" for k in count(2)))
            name = next(n for n in names if n not in found)
            found[name] = part.values(xs, [self.params[n].value for n in part.names])
        return found

    def eval_uncertainty(self, sigma: float = 1.0, **given: Any) -> Array:
        """Half the width of the band of the model around its estimate, at each x.

        The band holds the model with the probability of `sigma` standard deviations of a normal
        distribution, or with `sigma` itself if that is less than 1; by Student's t.
        """
        if self.covar is None:
            raise ValueError("the covariance of the parameters is not known, nor is a band")
        jac, shape = self._slopes(**given)
        variance = np.einsum("ij,jk,ik->i", jac, self.covar, jac)
        half = two_sided(wanted(sigma), max(1, self.nfree))
        return half * np.sqrt(variance).reshape(shape)

    def _slopes(self, **given: Any) -> tuple[Array, tuple[int, ...]]:
        """The derivatives at each x by each free parameter, and the shape of the model there."""
        bound = Bound(self.model, self.params)
        shape = self.eval(**given).shape
        free = np.array([self.params[name].value for name in self.var_names])
        return bound.jacobian(bound.data(self._xs(given), shape), shape, free), shape

    def idle(self) -> list[str]:
        """The free parameters that do not change the model where the fit ended."""
        slopes, _ = self._slopes()
        return [n for n, column in zip(self.var_names, slopes.T, strict=True) if not column.any()]

    def conf_interval(
        self, p_names: Sequence[str] | None = None, sigmas: Sequence[float] = (1, 2, 3)
    ) -> dict[str, list[tuple[float, float]]]:
        """Profile-likelihood intervals: for each name pairs of (probability, value), rising.

        A limit is where the least chi-square that the other parameters allow is as much larger as
        the F-test says for that probability, `sigmas` being such, or probabilities if below 1;
        -inf or inf where it never is, or where a bound comes first.
        """
        if not self.success:
            raise ValueError(
                f"the fit has not converged, so there are no intervals: {self.message}"
            )
        if self.covar is None or self.nfree < 1:
            raise ValueError(
                "intervals want a known covariance and more points than free parameters"
            )
        names = self.var_names if p_names is None else list(p_names)
        for name in names:
            if name not in self.var_names:
                raise ValueError(f"{name!r} is no free parameter; those are {self.var_names}")
        given = self.model, self.params, self.xs, self._data()
        bound, data, settings, start = prepared(*given, loss=self.loss, f_scale=self.f_scale)
        chisqr = self.chisqr
        if chisqr == 0:
            raise ValueError(
                "chi-square is 0: the model meets all points, which leaves no interval"
            )

        def least(j: int, value: float, near: Array) -> tuple[float, Array]:
            """The least chi-square with parameter j at a value, and where."""
            low, high = settings.lower, settings.upper
            n = start.size
            low, high = (
                np.full(n, end) if b is None else b.copy()
                for b, end in ((low, -np.inf), (high, np.inf))
            )
            near = near.copy()
            low[j] = high[j] = near[j] = value
            pinned = replace(settings, lower=low, upper=high, factor=1.0, ftol=1e-14, xtol=1e-10)
            options = {"factor": 1.0, "loss": self.loss}
            state, _ = fitted(bound, data, near, pinned, "trf", None, options)
            return state.cost, state.x.copy()

        errors = np.sqrt(np.diag(self.covar)) * (1 if self.scale_covar else math.sqrt(self.redchi))
        limits = [(self.params[n].min, self.params[n].max) for n in self.var_names]
        found = {}
        for name in names:
            j = self.var_names.index(name)
            found[name] = profile(
                lambda v, near, j=j: least(j, v, near),  # type: ignore[misc]
                (start, j, float(errors[j]), limits[j], chisqr, self.nfree),
                sigmas,
            )
        return found

    def _data(self) -> Data:
        return Data(None, self.data, self.weights, None)

    def fit_report(self) -> str:
        """All of it as text."""
        return fit_report(self)

    def ci_report(self, **options: Any) -> str:
        """`conf_interval` as text."""
        return ci_report(self.conf_interval(**options))

    def plot(self, **options: Any) -> Any:
        """A matplotlib figure of data, curve, its band, and residuals; see `plot.plot`."""
        return plot(self, **options)

    def table(self) -> dict[str, list[Any]]:
        """Columns of a table with a row for each parameter."""
        columns = ("name", "value", "stderr", "vary", "min", "max", "expr")
        return {c: [getattr(p, c) for p in self.params.values()] for c in columns}

    def to_frame(self) -> Any:
        """`table` as a pandas.DataFrame, by name; ImportError without pandas."""
        pandas = import_module("pandas")
        return pandas.DataFrame(self.table()).set_index("name")

    def to_json(self) -> str:
        """All but the model as JSON, for `from_json`."""
        kept: dict[str, Any] = {
            "params": self.params.dumps(),
            "init_params": self.init_params.dumps(),
        }
        kept |= {"xs": [np.asarray(x).tolist() for x in self.xs], "data": self.data.tolist()}
        kept |= {name: _listed(getattr(self, name)) for name in ("weights", "covar")}
        plain = ("scale_covar", "nfev", "status", "message", "loss", "f_scale")
        kept |= {name: getattr(self, name) for name in plain}
        return json.dumps(kept)

    @classmethod
    def from_json(cls, text: str, model: Any) -> ModelResult:
        """What `to_json` kept, of the same model."""
        kept = json.loads(text)
        for name in ("params", "init_params"):
            kept[name] = Parameters.loads(kept[name])
        if list(kept["params"])[: len(model.names)] != list(model.names):
            raise ValueError(f"the fit has {list(kept['params'])}, the model {list(model.names)}")
        arrays = {
            n: kept[n] if kept[n] is None else np.array(kept[n]) for n in ("weights", "covar")
        }
        kept |= {**arrays, "data": np.array(kept["data"]), "xs": [np.array(x) for x in kept["xs"]]}
        return cls(model=model, **kept)


def _listed(value: Any) -> Any:
    return None if value is None else np.asarray(value).tolist()


def prepared(
    model: Any,
    params: Parameters,
    xs: list[Any],
    data: Data,
    most: int | None = None,
    loss: str = "linear",
    f_scale: float = 1.0,
) -> tuple[Bound, Data, Settings, Array]:
    """What a fit wants: the function, data, settings and start; errors for what cannot be one."""
    bound = Bound(model, params)
    _check(model, params, bound, _points(data.y, data.weights))
    start = np.array([params[name].value for name in bound.free])
    lower, upper = (np.array([getattr(params[n], e) for n in bound.free]) for e in ("min", "max"))
    if most is not None and most <= 0:
        raise ValueError(f"max_nfev has to be positive or None, not {most}")
    if not isinstance(loss, str):
        raise TypeError(f"loss has to be a name, as 'huber', not {loss!r}; see least_squares")
    number = checked_loss(loss, "trf")
    bounded = bool(number or np.isfinite(lower).any() or np.isfinite(upper).any())
    settings = Settings(
        ftol=TOLERANCE,
        xtol=TOLERANCE,
        gtol=0.0,
        most=most or MOST * (start.size + 1),
        factor=1.0 if bounded else 100.0,
        lower=lower if bounded else None,
        upper=upper if bounded else None,
        loss=number,
        loss_scale=checked_margin(f_scale),
    )
    return bound, data._replace(x=bound.data(xs, data.y.shape)), settings, start


def _points(y: Array, weights: Any) -> int:
    """How many count: those of weight 0 do not."""
    return int(np.count_nonzero(np.broadcast_to(1.0 if weights is None else weights, y.shape)))


def _check(model: Any, params: Parameters, bound: Bound, points: int) -> None:
    if not bound.free:
        raise ValueError(f"{model.name}: no parameter is free to vary")
    if len(bound.free) > points:
        raise TypeError(f"{len(bound.free)} free parameters for {points} data points")
    for name, p in params.items():
        if p.expr is None and not np.isfinite(p.value):
            raise ValueError(f"{name} has no start: give {name}=..., or use model.guess")
        if p.free and not p.min <= p.value <= p.max:
            raise ValueError(
                f"{name} starts at {p.value:g}, outside of its bounds [{p.min:g}, {p.max:g}]"
            )


def solve(
    model: Any,
    params: Parameters,
    xs: list[Any],
    data: Data,
    scale: bool,
    most: int | None = None,
    loss: str = "linear",
    f_scale: float = 1.0,
) -> ModelResult:
    """The fit."""
    bound, whole, settings, start = prepared(model, params, xs, data, most, loss, f_scale)
    method = "lm" if settings.lower is None else "trf"
    state, _ = fitted(bound, whole, start, settings, method, None, {"loss": loss})
    status = state.status if np.isfinite(state.cost) else 0
    message = minpack_message(status, TOLERANCE, TOLERANCE, 0.0, settings.most)
    if not np.isfinite(state.cost):
        message = "The model is no number where the fit begins."
    for p in params.values():  # those of an earlier fit say nothing of this one
        p.stderr, p.correl = None, {}
    given = params.copy(), params, xs, data.y, data.weights, scale
    ended = state.evaluations, status, message
    result = ModelResult(model, *given, None, *ended, loss, f_scale)
    _fill(result, bound, state)
    return result


def _fill(result: ModelResult, bound: Bound, state: State) -> None:
    """Estimates, with errors and correlations where they are known."""
    for name, value in bound.resolved(list(state.x)).items():
        result.params[name].value = float(value)
    covar = state.inverse * (result.redchi if result.scale_covar else 1.0)
    if (result.nfree < 1 and result.scale_covar) or not np.isfinite(covar).all():
        return
    result.covar = covar
    errors = np.sqrt(np.diag(covar))
    for i, name in enumerate(bound.free):
        p = result.params[name]
        p.stderr = float(errors[i])
        p.correl = {
            other: float(covar[i, j] / (errors[i] * errors[j]))
            for j, other in enumerate(bound.free)
            if j != i and errors[i] * errors[j] > 0
        }
    for name, slopes in bound.tied(state.x).items():
        result.params[name].stderr = float(np.sqrt(slopes @ covar @ slopes))
