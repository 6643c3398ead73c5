"""A model's Program fitted to data: natively, or by NumPy until it is compiled."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..cpu import helpers
from ..source.program import Program
from . import by_numpy, source
from .algorithm import losses_by_numpy, marquardt as at
from .algorithm.later import Later
from .algorithm.state import State, drive
from .source import Shape

Array = Any
__all__ = ["Fit", "Shape"]


class Fit:
    """The fit of a model, of which `source` says what its Program computes."""

    def __init__(self, program: Program, shape: Shape) -> None:
        self.program, self.shape = program, shape
        self.proven: bool | None = None  # whether somebody has compared it with what it stands for
        self._native = Later(self._text, program.name, source.FIT_TYPES)
        self._numpy = by_numpy.function(program) if by_numpy.served(program) else None

    @property
    def by_numpy(self) -> bool:
        """Whether NumPy has all that the model asks for."""
        return self._numpy is not None

    def _text(self) -> str:
        return helpers.shared(source.fitting(self.program, self.shape))

    def __call__(self, x: Array, y: Array, w: Array, state: State) -> None:
        """Fit from where `state` begins: x (predictors, points), y and w (outputs, points).

        They are float64, and rows lie side by side. Points of weight 0 are left out, whatever else
        they hold.
        """
        kernel = self._native() if self._numpy is not None else self._native.now()
        if kernel is None:
            drive(state, _ByNumpy(self, x, y, w, state))
            return
        n = self.shape.parameters
        triangles, state.inverse = np.empty((4, n + 1, n + 1)), np.empty((n, n))
        flat = np.empty((n + 1) * source.BLOCK)
        block = flat.reshape(n + 1, source.BLOCK)
        kernel(x, y, w, triangles, state.inverse, flat, block, state.v, state.s, state.c)
        state.triangle = triangles[0]

    def rows(self, x: Array, y: Array, w: Array, p: Array) -> tuple[Array, Array]:
        """Weighted residuals at `p` (outputs * points), and their Jacobian, by NumPy."""
        if self._numpy is None:
            raise NotImplementedError(f"{self.program.name} asks for functions that NumPy has not")
        pairs = [part for pair in zip(y, w, strict=True) for part in pair]
        k, shape = self.shape.parameters + 1, y.shape[1:]
        found = self._numpy([*x, *pairs, *p])
        columns = [
            np.concatenate([np.broadcast_to(v, shape) for v in found[at::k]]) for at in range(k)
        ]
        return columns[0], np.stack(columns[1:], 1)


class _ByNumpy:
    """Residuals of a model, and what a loss makes of them."""

    def __init__(self, fit: Fit, x: Array, y: Array, w: Array, state: State) -> None:
        self._fit, self._data = fit, (x, y, w)
        names = {number: name for name, number in losses_by_numpy.NUMBERS.items()}
        self._rho = losses_by_numpy.RHO[names[int(state.c[at.LOSS])]]
        self._scale = float(state.s[at.LOSS_SCALE])
        self._found: Any = None

    def cost(self, x: Array) -> float:
        """The sum of squares, or what a loss makes of it."""
        self._found = x, self._fit.rows(*self._data, x)
        return losses_by_numpy.cost(self._rho, self._scale, self._found[1][0])

    def rows(self, x: Array) -> Array:
        """The Jacobian at x, where the cost was asked for last, beside the residuals."""
        return losses_by_numpy.weighed(self._rho, self._scale, *self._found[1])
