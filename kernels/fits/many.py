"""Many curves fitted natively, on all cores: each as it would be alone, bit for bit."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..cpu import helpers, parallel
from ..source.program import Program
from . import source
from .algorithm import marquardt as at
from .algorithm.state import Settings
from .source import Shape

Array = Any


class States(NamedTuple):
    """`State`'s arrays with one more dimension, of curves, and what becomes of them."""

    v: Array
    s: Array
    c: Array
    inverse: Array
    lost: Array


class ManyFits:
    """Fits of a model, of which `source` says what its Program computes."""

    def __init__(self, program: Program, shape: Shape) -> None:
        self.program, self.shape = program, shape
        self._kernels: dict[bool, Any] = {}

    def begin(self, settings: Settings, starts: Array, lower: Array, upper: Array) -> States:
        """States that begin at `starts`, (curves, n), within bounds of that shape."""
        curves, n = starts.shape
        one = settings.state(starts[0])
        v, s, c = (np.repeat(part[None], curves, 0) for part in (one.v, one.s, one.c))
        v[:, at.TRIAL], v[:, at.LOWER], v[:, at.UPPER] = starts, lower, upper
        return States(v, s, c, np.empty((curves, n, n)), np.zeros(curves, bool))

    def __call__(self, x: Array, y: Array, w: Array, states: States) -> None:
        """Fit all: x (curves or 1, predictors, points), y (curves, outputs, points), w like y or
        one for all; float64, rows side by side."""
        threads = len(y) > source.GROUP and parallel.usable()
        kernel = self._kernels.get(threads)
        if kernel is None:
            text = helpers.shared(source.fitting_many(self.program, self.shape, threads))
            kernel = self._kernels[threads] = helpers.load(text, self.program.name).kernel
        kernel(x, y, w, *states)
