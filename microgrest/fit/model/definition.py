"""`Model`: a function, its parameters by name, and fits of it to data."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from ...own.reader import read
from ...own.source import python_function
from ..curve.data import Data, bad_points
from ..reading.expression import Formula
from ..reading.fingerprint import fingerprint
from ..reading.grammar import spelled
from .parameters import Parameter, Parameters
from .result import ModelResult, solve

Array = Any
Guess = Callable[[Array, Array], dict[str, float]]
POLICIES = ("raise", "omit")


class Model:
    """A model of data, `f(x, a, b, ...)`, whose parameters are known by their names.

        model = Model(lambda x, a, k, c: a * np.exp(-k * x) + c)
        result = model.fit(y, x=x, a=1.0, k=0.5, c=0.0)
        print(result.fit_report())

    `f` is what `curve_fit` takes, or a `Formula`. The first argument is the independent variable,
    or those that `independent_vars` names; numbers as defaults are starts. `prefix` goes before
    the names of parameters, so that models can be added: `Model(peak, prefix="p1_") + line`.
    Results are exact as `curve_fit`'s are: derivatives are not differences, ties included.
    """

    def __init__(
        self,
        f: Callable[..., Any],
        independent_vars: Sequence[str] | None = None,
        prefix: str = "",
        name: str | None = None,
        guess: Guess | None = None,
    ) -> None:
        self.f, self.prefix, self._guess = f, prefix, guess
        self.name = name or getattr(f, "text", None) or getattr(f, "__name__", "model")
        names, self.starts = _arguments(f)
        several = isinstance(f, Formula) and len(f.independent) > 1
        given = f.independent if isinstance(f, Formula) else independent_vars or names[:1]
        self.independent = tuple(given)
        if self.independent != tuple(names[: len(given)]) and not several:
            raise ValueError(
                f"independent_vars {list(given)} have to be the first arguments: {', '.join(names)}"
            )
        self._own = tuple(names[1 if several else len(given) :])
        self.names = tuple(prefix + n for n in self._own)
        self.limits: dict[str, dict[str, Any]] = {}
        if not self.names:
            raise ValueError(f"{self.name}: the model has no parameters")

    # What fits ask of a model

    def key(self) -> Hashable:
        """What tells it from other models; itself where nothing else does."""
        found = fingerprint(self.f)
        return (object() if found is None else found, self.independent, self.names)

    def expression(self, xs: Sequence[Any], values: Sequence[Any]) -> Any:
        """What it computes from Symbols."""
        known = getattr(self.f, "traced", None)
        if known is not None:
            return known.at(*xs, *values)
        return read(python_function(self.f, "fit"), [*xs, *values], xs[0], "fit")

    def values(self, xs: Sequence[Any], values: Sequence[Any]) -> Any:
        """What Python gives."""
        if isinstance(self.f, Formula) and len(self.independent) > 1:
            return self.f(xs, *values)
        return self.f(*xs, *values)

    # What users ask of it

    def make_params(self, **given: Any) -> Parameters:
        """Its parameters, with starts by name: a number, a Parameter, or a dict of what to set.

        TypeError for a name that it does not have, ValueError for what no parameter can be.
        """
        found = Parameters()
        for name in self.names:
            options = {"value": self.starts.get(name.removeprefix(self.prefix), -np.inf)}
            found.add(name, **{**options, **self.limits.get(name, {})})
        for name, value in given.items():
            _put(self, found, name, value)
        return found

    def guess(self, y: Any, x: Any, **given: Any) -> Parameters:
        """Parameters that start near the data; NotImplementedError for a model without a guess."""
        if self._guess is None:
            raise NotImplementedError(
                f"{self.name} has no guess; give starts, as in make_params({self.names[0]}=1.0)"
            )
        y, x = np.asarray(y, float).ravel(), np.asarray(x, float).ravel()
        if x.shape != y.shape or y.size < 2:
            raise ValueError(f"guess takes two points at least, got y {y.shape} and x {x.shape}")
        order = np.argsort(x, kind="stable")
        with np.errstate(all="ignore"):
            found = self._guess(y[order], x[order])
        params = self.make_params(**{self.prefix + name: 1.0 for name in found})
        for name, value in found.items():
            p = params[self.prefix + name]
            if p.min <= value <= p.max and np.isfinite(value):  # other data say nothing of it
                p.value = float(value)
        for name, value in given.items():
            _put(self, params, name, value)
        return params

    def eval(self, params: Parameters | None = None, **given: Any) -> Any:
        """Its values: `model.eval(params, x=x)`, or `model.eval(x=x, a=1.0, ...)`."""
        xs, given = self._split(given)
        params = (params or self.make_params()).copy()
        for name, value in given.items():
            _put(self, params, name, value)
        for name, p in params.items():
            if p.expr is None and p.value == -np.inf:
                raise ValueError(f"{name} has no value: give {name}=..., or params with it")
        values = params.valuesdict()
        return self.values(xs, [values[name] for name in self.names])

    def fit(
        self,
        data: Any,
        params: Parameters | None = None,
        weights: Any = None,
        *,
        scale_covar: bool = True,
        nan_policy: str = "raise",
        max_nfev: int | None = None,
        loss: str = "linear",
        f_scale: float = 1.0,
        **given: Any,
    ) -> ModelResult:
        """Fit to `data` by least squares: `model.fit(y, x=x, a=1.0, ...)`.

        Independent variables and starts come by name; starts, numbers or dicts as `make_params`
        takes them, go before those of `params`, which stay as they are. Residuals are multiplied
        by `weights`, 1 / sigma. With `scale_covar=False` weights are taken at their word, else
        standard errors are scaled to a reduced chi-square of 1. `nan_policy="omit"` leaves points
        with NaN out. `loss` ("soft_l1", "huber", "cauchy", "arctan") counts what of a residual is
        beyond `f_scale` for less.

        ValueError for NaN, for a parameter without a start and for one that starts beyond its
        bounds, TypeError for unknown names and for more free parameters than points. What does not
        converge has `success` False and says so in `message`.
        """
        xs, given = self._split(given)
        params = self.make_params() if params is None else params.copy()
        for name in self.names:
            if name not in params:
                raise ValueError(f"{self.name}: params have no {name!r}")
        for name, value in given.items():
            _put(self, params, name, value)
        if np.iscomplexobj(data):
            raise TypeError("data have to be real; of complex ones, fit a model of two outputs")
        y, xs, weights = _cleaned(np.asarray(data, float), xs, weights, nan_policy)
        whole = Data(None, y, weights, None)
        return solve(self, params, xs, whole, scale_covar, max_nfev, loss, f_scale)

    def _split(self, given: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """The independent variables, and the rest."""
        for name in self.independent:
            if name not in given:
                raise TypeError(f"{self.name}: give the independent variable {name!r}, {name}=...")
        rest = {name: value for name, value in given.items() if name not in self.independent}
        return [_array(given[name]) for name in self.independent], rest

    def __add__(self, other: Model) -> Sum:
        if not isinstance(other, Model):
            return NotImplemented
        return Sum(self, other)

    def __repr__(self) -> str:
        return f"<Model {self.name}: {', '.join(self.names)}>"


class Sum(Model):
    """The sum of two models of the same independent variables."""

    def __init__(self, left: Model, right: Model) -> None:
        both = set(left.names) & set(right.names)
        if both:
            raise ValueError(
                f"both models have {sorted(both)[0]!r}; tell them apart by prefix=..., as in "
                "ready('gaussian', prefix='p1_')"
            )
        if left.independent != right.independent:
            raise ValueError(f"models of {left.independent} and of {right.independent}")
        self.parts = left, right
        self.prefix, self.independent = "", left.independent
        self.name = f"{left.name} + {right.name}"
        self.names = left.names + right.names
        self.starts = {p.prefix + n: v for p in self.parts for n, v in p.starts.items()}
        self.limits = {**left.limits, **right.limits}
        self._guess = None

    def key(self) -> Hashable:
        """Those of its parts."""
        return tuple(part.key() for part in self.parts)

    def expression(self, xs: Sequence[Any], values: Sequence[Any]) -> Any:
        """The sum over Symbols."""
        n = len(self.parts[0].names)
        return self.parts[0].expression(xs, values[:n]) + self.parts[1].expression(xs, values[n:])

    def values(self, xs: Sequence[Any], values: Sequence[Any]) -> Any:
        """The sum by Python."""
        n = len(self.parts[0].names)
        return self.parts[0].values(xs, values[:n]) + self.parts[1].values(xs, values[n:])

    def components(self) -> list[Model]:
        """The models that are no sums."""
        return [c for p in self.parts for c in (p.components() if isinstance(p, Sum) else [p])]


def _arguments(f: Any) -> tuple[list[str], dict[str, float]]:
    """Names of arguments, and their defaults, which are starts."""
    found, starts = [], {}
    for p in inspect.signature(f).parameters.values():
        if p.kind not in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD):
            raise TypeError(f"a model names each parameter plainly; it has {p}")
        found.append(p.name)
        if p.default is not p.empty:
            if isinstance(p.default, bool) or not isinstance(p.default, (int, float)):
                raise TypeError(f"the default of {p.name!r} is {p.default!r}, which is no number")
            starts[p.name] = float(p.default)
    return found, starts


def _put(model: Model, params: Parameters, name: str, value: Any) -> None:
    """What a user gave for a parameter."""
    name = spelled(name)
    if name not in params:
        known = ", ".join((*model.independent, *model.names))
        raise TypeError(f"{model.name} has no {name!r}; it has: {known}")
    if isinstance(value, Parameter):
        params[name] = Parameter(name, value.value, value.vary, value.min, value.max, value.expr)
    elif isinstance(value, dict):
        params[name].set(**value)
    else:
        try:
            params[name].set(value=float(value))
        except (TypeError, ValueError):
            raise TypeError(f"{name}={value!r} is no number") from None


def _array(x: Any) -> Any:
    return np.asarray(x, float) if isinstance(x, (list, tuple, np.ndarray, float, int)) else x


def _cleaned(y: Array, xs: list[Any], weights: Any, policy: str) -> tuple[Array, list[Any], Any]:
    """The data without NaN, or ValueError."""
    if policy not in POLICIES:
        raise ValueError(f"nan_policy must be 'raise' or 'omit', not {policy!r}")
    if y.size == 0:
        raise ValueError("data must not be empty")
    if weights is not None:
        weights = np.asarray(weights, float)
        if weights.shape not in ((), y.shape):
            raise ValueError(f"weights have shape {weights.shape}, data {y.shape}")
        if not np.isfinite(weights).all() or (weights < 0).any():
            raise ValueError("weights have to be finite and not negative: 1 / sigma")
    pointwise = [_ends_alike(np.shape(x), y.shape) for x in xs]
    parts = [y, *(np.asarray(x, float) for x, own in zip(xs, pointwise, strict=True) if own)]
    bad = bad_points(parts, lambda a: ~np.isfinite(a))
    if bad.any() and policy == "raise":
        raise ValueError(
            f"data or x have NaN or infinity, first at point {np.flatnonzero(bad.ravel())[0]}; "
            "nan_policy='omit' leaves such points out"
        )
    if bad.any():
        xs = [np.asarray(x)[..., ~bad] if own else x for x, own in zip(xs, pointwise, strict=True)]
        weights = weights if weights is None or weights.ndim == 0 else weights[..., ~bad]
        y = y[..., ~bad]
        if not y.size:
            raise ValueError("no point is left without NaN")
    return y, xs, weights


def _ends_alike(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    """Whether the longer shape ends as the shorter one is."""
    n = min(len(a), len(b))
    return n > 0 and a[-n:] == b[-n:]
