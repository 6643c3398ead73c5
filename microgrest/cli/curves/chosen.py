"""The model that `--model` names, and where its parameters begin, stay, or stand still."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import numpy as np

from microgrest.fit import ExpressionError, Formula, Model, Parameters, ready
from microgrest.fit.problem.bounds import start_within
from microgrest.fit.reading.grammar import parsed, variables

from ..data.table import Vector
from ..settings import Asked
from ..terminal.errors import InputError
from .rows import Rows

_NONE_FREE = "the model has no parameter that could be fitted"


@dataclass(frozen=True)
class Chosen:
    """A model as a function of what is fitted of it, `f(x, *free)`.

    `names` are all parameters, `free` those that are fitted; `start`, `lower` and `upper` are of
    these. Where `guess(x, y)` finds a start for each group, `start` is NaN.
    """

    model: Model
    names: tuple[str, ...]
    free: tuple[str, ...]
    fixed: Mapping[str, float]
    f: Callable[..., Any]
    start: Vector
    lower: Vector
    upper: Vector
    guess: Callable[[Vector, Vector], Vector] | None

    @property
    def text(self) -> str:
        """The formula."""
        return cast(Formula, self.model.f).text

    @property
    def params(self) -> Parameters:
        """As `Model.fit` takes them."""
        found = Parameters()
        free = dict(zip(self.free, zip(self.start, *self.bounds, strict=True), strict=True))
        for name in self.names:
            if name in free:
                start, low, high = free[name]
                found.add(name, start, min=low, max=high)
            else:
                found.add(name, self.fixed[name], vary=False)
        return found

    @property
    def bounds(self) -> tuple[Vector, Vector]:
        """As `curve_fit` takes them."""
        return self.lower, self.upper


def choose(asked: Asked, rows: Rows) -> Chosen:
    """The model of `asked`; InputError names what is not there."""
    named = _named(asked.model)
    model = named or Model(_formula(asked.model, rows.x_name))
    formula = cast(Formula, model.f)
    names = formula.parameters
    _known(asked, names)
    free = tuple(name for name in names if name not in asked.fix)
    if not free:
        raise InputError(f"{_NONE_FREE}: {formula.text!r}")
    ends = np.array([asked.bounds.get(name) or _limits(named, name) for name in free])
    guess = partial(_guess, named, free, asked.p0, ends) if named else None
    start = start_within(*ends.T)
    if guess is not None:
        start = guess(rows.x, rows.y) if asked.group is None else np.full(len(free), np.nan)
    start = np.array([asked.p0.get(name, at) for name, at in zip(free, start, strict=True)])
    for name, value, (low, high) in zip(free, start, ends, strict=True):
        if value < low or value > high:
            raise InputError(f"--p0: {name} begins at {value:g}, outside of {low:g} to {high:g}")
    f = _with(formula, asked.fix)
    guess = guess if asked.group is not None else None
    return Chosen(model, names, free, asked.fix, f, start, ends[:, 0], ends[:, 1], guess)


def _named(text: str) -> Model | None:
    """The ready model of this name, if it is a name."""
    if not text.isidentifier():
        return None
    try:
        return ready(text)
    except ValueError as error:
        raise InputError(f"--model: {error}; or give a formula, as 'a*exp(-k*x)'") from None


def _limits(named: Model | None, name: str) -> tuple[float, float]:
    """Where a parameter of a ready model stays."""
    limits = named.limits.get(name, {}) if named else {}
    return limits.get("min", -np.inf), limits.get("max", np.inf)


def _guess(
    named: Model, free: tuple[str, ...], p0: Mapping[str, float], ends: Any, x: Vector, y: Vector
) -> Vector:
    """Where the free parameters begin near data, within their bounds."""
    if y.size < 2:  # too few to be fitted, too
        return np.asarray(start_within(*ends.T))
    found = named.guess(y, x)
    values = [p0.get(name, found[name].value) for name in free]
    return np.asarray(np.clip(values, *ends.T))


def _formula(text: str, x_name: str) -> Formula:
    """A formula of x, or of the column's own name."""
    names = dict.fromkeys(("x", re.sub(r"\s*[\[(/].*$", "", x_name)))
    error = None
    for name in filter(str.isidentifier, names):
        try:
            found = Formula(text, name)
        except ExpressionError as why:
            error = error or why
        else:
            if not found.parameters:
                raise InputError(f"{_NONE_FREE}: {found.text!r}")
            return found
    raise InputError(f"--model: {error}")


def _with(formula: Formula, fixed: Mapping[str, float]) -> Formula:
    """The formula with numbers in place of some names."""
    text = formula.text.encode()
    for node in reversed(variables(parsed(formula.text))):
        if node.id in fixed:
            number = f"({fixed[node.id]!r})".encode()
            text = text[: node.col_offset] + number + text[node.end_col_offset :]
    return Formula(text.decode(), formula.independent)


def _known(asked: Asked, names: tuple[str, ...]) -> None:
    """InputError for an option about a parameter that is not there, or about one that is fixed."""
    for option, given in (("p0", asked.p0), ("bounds", asked.bounds), ("fix", asked.fix)):
        for name in given:
            if name not in names:
                known = ", ".join(names) or "none"
                raise InputError(f"--{option}: the model has no parameter {name!r}; it has {known}")
            if option != "fix" and name in asked.fix:
                raise InputError(f"--{option}: {name} is fixed: drop it here, or from --fix")
