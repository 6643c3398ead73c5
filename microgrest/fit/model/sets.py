"""Several data sets fitted at once by one model, of which some parameters are shared."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from ...ops.pointwise.logic import eq, where
from ...ops.trace import Symbol
from .definition import Model
from .parameters import Parameters
from .result import ModelResult


class Sets(Model):
    """A model of `count` data sets, numbered from 1 by one more variable, `set`.

    Parameters that are `shared` keep their names; each other one is one a set: `a_1`, `a_2`, ...
    """

    def __init__(self, model: Model, count: int, shared: Sequence[str]) -> None:
        shared = [shared] if isinstance(shared, str) else shared
        for name in shared:
            if name not in model.names:
                raise ValueError(f"{model.name} has no {name!r} to share: {', '.join(model.names)}")
        self.model, self.count, self.shared = model, count, tuple(shared)
        self.name, self.prefix = f"{model.name}, {count} sets", ""
        self.independent = (*model.independent, "set")
        numbers = range(1, count + 1)
        self.own = {n: [n] if n in shared else [f"{n}_{i}" for i in numbers] for n in model.names}
        self.names = tuple(name for names in self.own.values() for name in names)
        known = (*self.independent, *self.names)
        twice = [name for name in known if known.count(name) > 1]
        if twice:
            raise ValueError(f"{twice[0]!r} would be two of {self.name}; rename one")
        begin = model.make_params()
        self.starts = {name: begin[n].value for n, names in self.own.items() for name in names}
        self.limits = {name: model.limits[n] for n in model.limits for name in self.own.get(n, ())}
        self._guess = None

    def key(self) -> Hashable:
        """That of the model, with what is shared."""
        return "sets", self.count, self.shared, self.model.key()

    def expression(self, xs: Sequence[Any], values: Sequence[Any]) -> Any:
        """Over Symbols."""
        return self.model.expression(xs[:-1], self._chosen(xs[-1], values))

    def values(self, xs: Sequence[Any], values: Sequence[Any]) -> Any:
        """By Python."""
        return self.model.values(xs[:-1], self._chosen(xs[-1], values))

    def _chosen(self, number: Any, values: Sequence[Any]) -> list[Any]:
        """The parameters of each point's set."""
        known = dict(zip(self.names, values, strict=True))
        found = []
        for names in self.own.values():
            chosen = known[names[-1]]
            if type(number) is Symbol:
                for i, name in enumerate(names[:-1], 1):
                    chosen = where(eq(number, float(i)), known[name], chosen)
            elif len(names) > 1:
                chosen = sum((np.asarray(number) == i) * known[n] for i, n in enumerate(names, 1))
            found.append(chosen)
        return found


def fit_sets(
    model: Model,
    data: Sequence[Any],
    params: Parameters | None = None,
    weights: Sequence[Any] | None = None,
    *,
    shared: Sequence[str] = (),
    scale_covar: bool = True,
    nan_policy: str = "raise",
    max_nfev: int | None = None,
    loss: str = "linear",
    f_scale: float = 1.0,
    **given: Any,
) -> ModelResult:
    """Fit several data sets at once: `fit_sets(model, [y1, y2], x=[x1, x2], shared=["k"], a=1.0)`.

    Data, weights and independent variables are lists, an element a set. A start for `a` is that of
    each set's, `a_2` of one. The result's model takes one more variable, the number of the set:
    `result.eval(x=x1, set=1)`. ValueError and TypeError as `Model.fit` raises them, and for lists
    of unequal length.
    """
    sets = Sets(model, len(data), shared)
    if not data:
        raise ValueError("fit_sets: no data sets")
    columns = {name: given.pop(name) for name in model.independent if name in given}
    for name, parts in (*columns.items(), ("weights", weights)):
        if parts is not None and len(parts) != len(data):
            raise ValueError(f"{name} has {len(parts)} parts for {len(data)} data sets")
        for y, part in zip(data, parts or (), strict=False):
            if np.shape(part) != np.shape(y):
                raise ValueError(f"{name} has shape {np.shape(part)} beside {np.shape(y)} data")
    number = [np.full(np.size(y), i + 1.0) for i, y in enumerate(data)]
    starts: dict[str, Any] = {}
    for name, value in given.items():
        starts |= dict.fromkeys(sets.own.get(name, [name]), value)
    return sets.fit(
        _joined(data),
        params,
        None if weights is None else _joined(weights),
        scale_covar=scale_covar,
        nan_policy=nan_policy,
        max_nfev=max_nfev,
        loss=loss,
        f_scale=f_scale,
        **{name: _joined(parts) for name, parts in columns.items()},
        **{"set": _joined(number), **starts},
    )


def _joined(parts: Sequence[Any]) -> Any:
    return np.concatenate([np.ravel(np.asarray(part, float)) for part in parts])
