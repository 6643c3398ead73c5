"""Residuals that Python computes, with a Jacobian by whichever way there is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...kernels.fits.algorithm import losses_by_numpy
from . import exact
from .differences import differences

Array = Any
Loss = Callable[[Array], Array] | None
Bounds = tuple[Any, Any]
# Ways to a Jacobian that are not a function.
METHODS = ("exact", "2-point", "3-point", "cs")


class Problem:
    """Residuals of x and their Jacobian, with what a loss makes of both.

    `fun` is SciPy's: an array in, an array out. `jac` is a function like it that gives a matrix, or
    "exact" for derivatives of what `fun` does with tensors, or SciPy's name for differences. What
    tensors cannot go through is differentiated by differences.
    """

    def __init__(
        self,
        fun: Callable[[Any], Any],
        jac: Any,
        loss: Loss = None,
        scale: float = 1.0,
        bounds: Bounds = (-np.inf, np.inf),
        step: Any = None,
    ) -> None:
        self.fun, self.jac, self.loss, self.scale = fun, jac, loss, scale
        self.bounds, self.step = bounds, step
        self.checked = False
        self._last: tuple[Array, Array] | None = None

    def residuals(self, x: Array) -> Array:
        """The residuals at x, which are remembered until the next."""
        if self._last is None or not np.array_equal(self._last[0], x):
            self._last = x.copy(), np.atleast_1d(np.array(self.fun(x), float))
        return self._last[1]

    def jacobian(self, x: Array) -> Array:
        """The Jacobian at x."""
        if callable(self.jac):
            found = self.jac(x)
            dense = found.toarray() if hasattr(found, "toarray") else found
            return np.atleast_2d(np.asarray(dense, float))
        if self.jac == "exact":
            try:
                return self._exact(x)
            except exact.NotExact:
                self.jac = "2-point"
        return differences(
            lambda p: np.ravel(self.fun(p)), x, self.residuals(x), self.jac, self.step, self.bounds
        )

    def _exact(self, x: Array) -> Array:
        """By tensors; compared with a difference the first time."""
        values, found = exact.jacobian(self.fun, x)
        if not self.checked:
            fun = lambda p: np.asarray(self.fun(p), float)  # noqa: E731
            bounds = [np.broadcast_to(b, x.shape) for b in self.bounds]
            same = np.allclose(values, self.residuals(x), rtol=1e-6, equal_nan=True)
            if not same or not exact.agrees(fun, x, values, found, bounds):
                raise exact.NotExact("values leave the graph on the way")
            self.checked = True
        return found

    def cost(self, x: Array) -> float:
        """Twice the cost, which without a loss is the sum of squares."""
        return losses_by_numpy.cost(self.loss, self.scale, self.residuals(x))

    def rows(self, x: Array) -> Array:
        """The Jacobian beside the residuals, scaled as the loss wants."""
        return losses_by_numpy.weighed(self.loss, self.scale, self.residuals(x), self.jacobian(x))
