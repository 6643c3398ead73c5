"""A model of data as a native fit: traced, lowered to one Program, kept by its fingerprint."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np

from ...kernels.fits.fit import Fit, Shape
from ...ops.pointwise.logic import ne, where
from ...ops.pointwise.rounding import constant
from ...ops.trace import Lowering, Symbol, pull_back
from ...own.expressions import is_number
from ...own.reader import read
from ...own.source import python_function
from ...own.traced import safe
from ...types.dtypes import float64
from .fingerprint import fingerprint

Array = Any
KEPT = 256
TRIED = 32  # points at which a model of numbers is looked at
_known: dict[Any, Fit | None] = {}


class Layout(NamedTuple):
    """How data meet a model: whether x is several predictors, and how many of what there are.

    A model of several predictors takes them as one argument, rows of x; one of several outputs
    returns a tuple.
    """

    rows: bool
    shape: Shape


def layouts(x: Array, y: Array, parameters: int) -> list[Layout]:
    """The ways in which x and y may fit together, point by point."""
    found = []
    if y.shape == x.shape:
        found.append(Layout(False, Shape(1, 1, parameters)))
    if x.ndim and y.shape == x.shape[1:]:
        found.append(Layout(True, Shape(x.shape[0], 1, parameters)))
    if y.ndim and x.shape == y.shape[1:]:
        found.append(Layout(False, Shape(1, y.shape[0], parameters)))
    if x.ndim > 1 and y.ndim and x.shape[1:] == y.shape[1:]:
        found.append(Layout(True, Shape(x.shape[0], y.shape[0], parameters)))
    return [layout for layout in found if layout.shape.outputs <= 64 and parameters <= 64]


def native(f: Any, layout: Layout) -> Fit | None:
    """The native fit of a model; None if it cannot be read as one."""
    key = fingerprint(f), layout
    if key in _known and key[0] is not None:
        return _known[key]
    try:
        found: Fit | None = Fit(program(f, layout), layout.shape)
    except (NotImplementedError, TypeError, OSError, ValueError):
        found = None
    if len(_known) >= KEPT:
        del _known[next(iter(_known))]
    _known[key] = found
    return found


def program(f: Any, layout: Layout) -> Any:
    """The Program of a model's weighted residuals and their derivatives; see `kernels/fits/source`.

    NotImplementedError, TypeError, OSError or ValueError where the model cannot be read.
    """
    shape = layout.shape
    x, parameters, results = _results(f, layout)
    data = [(Symbol(f"y{o}"), Symbol(f"w{o}")) for o in range(shape.outputs)]
    inputs = [*x, *(symbol for pair in data for symbol in pair), *parameters]
    lowering = Lowering([(s, float64, float64) for s in inputs])
    outputs = []
    for result, (y, w) in zip(results, data, strict=True):
        counts = ne(w, 0.0)
        if type(result) is not Symbol:
            result = constant(float(result), y)
        bars = pull_back(result, constant(1.0, y), parameters)
        outputs.append(where(counts, (result - y) * w, constant(0.0, y)))
        outputs += [
            0.0 if bar is None else where(counts, bar * w, constant(0.0, y)) for bar in bars
        ]
    return lowering.program(_name(f), [(v, float64, None) for v in outputs])


def _results(f: Any, layout: Layout) -> tuple[list[Symbol], list[Symbol], Sequence[Any]]:
    """Symbols of the predictors and the parameters, and what the model makes of them."""
    known = getattr(f, "traced", None)
    function = python_function(f, "fit") if known is None else f
    names, defaults = _parameters(function, layout.shape.parameters)
    x = [Symbol(f"x{i}") for i in range(layout.shape.predictors)]
    parameters = [Symbol(safe(name)) for name in names]
    if known is not None:
        predictors = len(getattr(known, "independent", "x"))
        if predictors != len(x) or layout.rows != (predictors > 1):
            raise ValueError(f"the model has {predictors} predictors, not {len(x)}")
        return x, parameters, [known.at(*x, *parameters, *defaults)]
    first = tuple(x) if layout.rows else x[0]
    result = read(function, [first, *parameters, *defaults], x[0], "fit")
    results = result if isinstance(result, (tuple, list)) else [result]
    if len(results) != layout.shape.outputs or not all(map(is_number, results)):
        raise ValueError(f"the model gives {len(results)} outputs, not {layout.shape.outputs}")
    return x, parameters, results


def _parameters(function: Any, count: int) -> tuple[list[str], list[float]]:
    """The names of the `count` parameters, and the defaults of those behind them."""
    given = list(inspect.signature(function).parameters.values())
    rest = given[1 + count :]
    plain = all(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in given)
    numbers = all(isinstance(p.default, (int, float)) for p in rest)
    if not plain or not numbers:
        raise TypeError("the model's arguments do not fit")
    if len(given) <= count:
        raise TypeError(f"the model takes {len(given) - 1} parameters, not {count}")
    return [p.name for p in given[1 : 1 + count]], [p.default for p in rest]


def _name(f: Any) -> str:
    name = getattr(f, "__name__", "model")
    return "".join(c for c in name if c.isalnum() or c == "_") or "model"


def proven(fit: Fit, f: Any, given: Any, x: Array, y: Array, p: Array) -> bool:
    """Whether the model as it was read gives at `p` what Python does, to rounding; looked at once.

    `given` is x as `f` takes it; x and y are (predictors, points) and (outputs, points).
    """
    if fit.proven is None:
        fit.proven = not fit.by_numpy or _agrees(fit, x, y, p, _by_python(f, given, x, y, p))
    return fit.proven


def _agrees(fit: Fit, x: Array, y: Array, p: Array, values: Array) -> bool:
    with np.errstate(all="ignore"):
        residuals = (values - y).ravel()
        found = fit.rows(x, y, np.ones_like(y), p)[0]
        same = np.abs(found - residuals) <= 1e-6 * (np.abs(residuals) + np.abs(y.ravel()))
    return bool((same | ~np.isfinite(residuals) | ~np.isfinite(found)).all())


def _by_python(f: Any, given: Any, x: Array, y: Array, p: Array) -> Array:
    """What Python makes of the points, (outputs, points), NaN where that is not known."""
    with np.errstate(all="ignore"):
        try:
            values = np.asarray(f(given, *p), float)
            return np.broadcast_to(values.reshape(y.shape) if values.ndim else values, y.shape)
        except Exception:  # models that choose by `if` fail on arrays: some points, one by one
            values, points = np.full(y.shape, np.nan), x.shape[1]
            for i in np.unique(np.linspace(0, points - 1, TRIED).astype(int)):
                with suppress(Exception):
                    values[:, i] = f(x[:, i] if np.ndim(given) == x.ndim else x[0, i], *p)
            return values
