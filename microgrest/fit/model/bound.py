"""A model as a function of its free parameters: ties filled in, fixed ones as data."""

from __future__ import annotations

import inspect
import math
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from ..problem.problem import Problem
from ..reading import models
from .parameters import Parameters

Array = Any


class Bound:
    """What fits take for a model and its parameters.

    Called as `bound(x, *free)`. Fits read it as a model that is known already (`traced`, `at`), in
    which the values of fixed parameters are predictors: so that no value is compiled for good.
    """

    def __init__(self, model: Any, parameters: Parameters) -> None:
        self.model, self.ties = model, parameters.ties()
        self.parameters = parameters
        self.free = tuple(name for name, p in parameters.items() if p.free)
        self.fixed = tuple(n for n, p in parameters.items() if not p.vary and p.expr is None)
        self.constants = [parameters[name].value for name in self.fixed]
        self.independent = (*model.independent, *self.fixed)
        self.key: Hashable = (
            *(model.key(), self.free, self.fixed),
            *((name, tie.text) for name, tie in self.ties.items()),
        )
        kind = inspect.Parameter.POSITIONAL_ONLY
        names = ("_".join(("x", *self.free)), *self.free)
        self.__signature__ = inspect.Signature([inspect.Parameter(n, kind) for n in names])
        self.__name__ = "model"

    @property
    def traced(self) -> Bound:
        """What fits find in a model that is read already."""
        return self

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Bound) and self.key == other.key

    def resolved(self, free: Sequence[Any], fixed: Sequence[Any] | None = None) -> dict[str, Any]:
        """The values of all parameters by name."""
        fixed = self.constants if fixed is None else fixed
        known = dict(zip((*self.free, *self.fixed), (*free, *fixed), strict=True))
        return self.parameters.resolved(known, self.ties)

    def all(self, free: Sequence[Any], fixed: Sequence[Any] | None = None) -> list[Any]:
        """Those of the model, in its order."""
        values = self.resolved(free, fixed)
        return [values[name] for name in self.model.names]

    def at(self, *values: Any) -> Any:
        """What the model gives for Symbols: of x, of fixed and of free parameters."""
        k, m = len(self.model.independent), len(self.independent)
        return self.model.expression(values[:k], self.all(values[m:], values[k:m]))

    def __call__(self, x: Any, *free: Any) -> Any:
        """What Python gives, of numbers or tensors as parameters."""
        k = len(self.model.independent)
        xs = [x] if len(self.independent) == 1 else list(x)[:k]
        return self.model.values(xs, self.all(free))

    def data(self, xs: Sequence[Any], shape: tuple[int, ...]) -> Any:
        """x as fits take it: an array, rows of predictors, or a tuple of what is no predictor."""
        if any(np.shape(x) != shape for x in xs):
            return xs[0] if len(self.independent) == 1 else tuple(xs)
        if len(self.independent) == 1:
            return np.asarray(xs[0], float)
        fixed = [np.full(shape, value) for value in self.constants]
        return np.stack([*(np.asarray(x, float) for x in xs), *fixed])

    def tied(self, free: Array) -> dict[str, Array]:
        """The derivatives of tied parameters by the free ones."""
        found = {}
        for name in self.ties:

            def value(p: Any, name: str = name) -> Any:
                return self.resolved(p)[name]

            found[name] = Problem(value, "exact").jacobian(free)[0]
        return found

    def jacobian(self, x: Any, shape: tuple[int, ...], free: Array) -> Array:
        """The derivatives at x of a model of `shape` by its parameters: (points, parameters)."""
        if isinstance(x, np.ndarray):
            for layout in models.layouts(x, np.empty(shape), free.size):
                fit = models.native(self, layout)
                if fit is not None and fit.by_numpy:
                    y = np.zeros((layout.shape.outputs, math.prod(shape) // layout.shape.outputs))
                    rows = fit.rows(x.reshape(layout.shape.predictors, -1), y, y + 1, free)
                    return rows[1]
        flat = lambda p: (self(x, *p) + np.zeros(shape)).reshape(-1)  # noqa: E731
        return Problem(flat, "exact").jacobian(free)
