"""A model's Program fitted to data: natively, or by NumPy until it is compiled."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ..cpu import helpers, parallel
from ..source.codegen import interpreted
from ..source.program import Program
from . import by_numpy, source
from .algorithm import calling, folding, losses_by_numpy, marquardt as at, native
from .algorithm.driver import PLACES
from .algorithm.later import Later
from .algorithm.state import Settings, State, drive
from .source import Shape

Array = Any
__all__ = ["Fit", "Shape", "States"]
# Curves that a thread takes at a time: a few milliseconds.
PIECE = 512


class States(NamedTuple):
    """`State`'s arrays with one more dimension, of curves, and what becomes of them: `inverse` of
    R'R, NaN where R is singular, and where a parameter has no influence any more, `lost`."""

    v: Array
    s: Array
    c: Array
    inverse: Array
    lost: Array

    @classmethod
    def begin(cls, settings: Settings, starts: Array, lower: Array, upper: Array) -> States:
        """States that begin at `starts`, (curves, n), within bounds of that shape."""
        curves, n = starts.shape
        one = settings.state(starts[0])
        v, s, c = (np.repeat(part[None], curves, 0) for part in (one.v, one.s, one.c))
        v[:, at.TRIAL], v[:, at.LOWER], v[:, at.UPPER] = starts, lower, upper
        return cls(v, s, c, np.empty((curves, n, n)), np.zeros(curves, bool))


class Fit:
    """The fit of a model, of which `source` says what its Program computes."""

    def __init__(self, program: Program, shape: Shape) -> None:
        self.program, self.shape = program, shape
        self.proven: bool | None = None  # whether somebody has compared it with what it stands for
        self._rows = Later(self._text, program.name, source.ROWS_TYPES)
        self._code: Any = None
        self._numpy = by_numpy.function(program) if by_numpy.served(program) else None

    @property
    def by_numpy(self) -> bool:
        """Whether NumPy has all that the model asks for."""
        return self._numpy is not None

    def _text(self) -> str:
        return helpers.shared(source.rows(self.program, self.shape))

    def __call__(self, x: Array, y: Array, w: Array, state: State) -> None:
        """Fit from where `state` begins: x (predictors, points), y and w (outputs, points).

        They are float64, and rows lie side by side. Points of weight 0 are left out, whatever else
        they hold.
        """
        native = self._native(self._numpy is None)
        if native is None:
            drive(state, _ByNumpy(self, x, y, w, state))
            return
        n = self.shape.parameters
        inverse, lost = np.empty((1, n, n)), np.empty(1, bool)
        work, arrays = _work(n), (x[None], y[None], w[None])
        given = state.v[None], state.s[None], state.c[None], inverse, lost
        driver, *code = native
        now = driver(*code, *arrays, *work, *given, 0, 1)
        state.triangle, state.inverse = work[0][now], inverse[0]

    def many(self, x: Array, y: Array, w: Array, states: States) -> None:
        """Fit all: x (curves or 1, predictors, points), y (curves, outputs, points), w like y or
        one for all; float64, rows side by side."""
        (driver, *code), curves = self._native(True), len(y)

        def some(start: int) -> None:
            stop = min(start + PIECE, curves)
            driver(*code, x, y, w, *_work(self.shape.parameters), *states, start, stop)

        pieces = range(0, curves, PIECE)
        threads = min(parallel.get_num_threads(), len(pieces))
        if threads < 2:
            for start in pieces:
                some(start)
            return
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(some, pieces))

    def _native(self, now: bool) -> Any:
        """(algorithm, code of the model, code of folds), or None while they are not compiled."""
        n = self.shape.parameters
        parts = (_DRIVER, self._rows, *([_folds(n)] if n <= folding.MOST else []))
        found = [part.now() if now else part() for part in parts]
        if None in found:
            return None
        if self._code is None:
            types = source.ROWS_TYPES, folding.TYPES
            code = [_address(f, t) for f, t in zip(found[1:], types, strict=False)]
            self._code = (*code, 0)[:2]
        return found[0], *self._code

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


_DRIVER = Later(lambda: native.text("fit_some"), "fit_some", native.TYPES["fit_some"])


@cache
def _folds(n: int) -> Later:
    """What folds blocks for n parameters."""
    return Later(lambda: folding.text(n), "fold", folding.TYPES)


def _address(function: Any, types: str) -> Any:
    return function if interpreted() else calling.address(function, types)


def _work(n: int) -> tuple[Array, Array]:
    """Triangles and a block, for one thread."""
    return np.empty((4, n + 1, n + 1)), np.empty((n + 1) * PLACES)


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
