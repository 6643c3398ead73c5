"""The data of many curves: checked, and cut into pieces as the kernel wants them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ...kernels.fits.source import Shape
from ..problem.bounds import in_bounds, prepared, start_within

Array = Any
OWN: Any = ["C", "ALIGNED", "WRITEABLE", "ENSUREARRAY"]  # what kernels are compiled for
POLICIES = (None, "propagate", "omit", "raise")


@dataclass(frozen=True)
class Curves:
    """Curves and what belongs to each. What is one for all has no dimension of curves."""

    x: Array  # (predictors, points) or (curves, predictors, points)
    y: Array  # (curves, points), of any dtype, perhaps a memory map
    p0: Any  # (n,), (curves, n), or a function
    sigma: Array | None
    lower: Array  # (n,) or (curves, n)
    upper: Array
    mask: Array | None
    omit: bool
    rows: bool  # whether the model takes predictors as rows
    n: int
    bounded: bool

    def __len__(self) -> int:
        return len(self.y)

    @property
    def shape(self) -> Shape:
        """What the model has."""
        return Shape(self.x.shape[-2], 1, self.n)

    @property
    def start(self) -> Array:
        """A start within the bounds of all, for the settings."""
        lower, upper = (part.reshape(-1, self.n) for part in (self.lower, self.upper))
        return start_within(lower.min(0, initial=np.inf), upper.max(0, initial=-np.inf))

    @property
    def lower_of_all(self) -> Array | None:
        """Lower bounds that hold for all, None if there are no bounds."""
        return self.lower.reshape(-1, self.n).min(0) if self.bounded else None

    @property
    def upper_of_all(self) -> Array | None:
        """Upper bounds, likewise."""
        return self.upper.reshape(-1, self.n).max(0) if self.bounded else None

    def part(self, start: int, stop: int) -> Curves:
        """The curves from start to stop - 1."""
        return self._taken(slice(start, stop))

    def of(self, numbers: Array) -> Curves:
        """The curves of these numbers."""
        return self._taken(numbers)

    def _taken(self, which: Any) -> Curves:
        def cut(part: Any, ndim: int) -> Any:
            return part[which] if isinstance(part, np.ndarray) and part.ndim == ndim else part

        return replace(
            self,
            x=cut(self.x, 3),
            y=np.asarray(self.y[which], float),
            p0=cut(self.p0, 2),
            sigma=cut(self.sigma, 2),
            lower=cut(self.lower, 2),
            upper=cut(self.upper, 2),
            mask=cut(self.mask, 2),
        )

    @cached_property
    def arrays(self) -> tuple[Array, Array, Array]:
        """x, y and w as the kernel takes them."""
        x = np.require(self.x if self.x.ndim == 3 else self.x[None], float, OWN)
        w = self._weights()
        y = np.where(w == 0, 0.0, self.y) if (w == 0).any() else self.y
        return x, np.require(y, float, OWN)[:, None], np.require(w, float, OWN)[:, None]

    def _weights(self) -> Array:
        """1 / sigma, 0 where a point is left out: (curves, points), or (1, points) for all."""
        with np.errstate(divide="ignore"):  # curves with errors of 0 are not fitted
            return np.where(self._there(), 1.0 / self._errors(), 0.0)

    def _errors(self) -> Array:
        return np.ones(()) if self.sigma is None else self.sigma.reshape(-1, self.y.shape[1])

    def _there(self) -> Array:
        """Which points are not left out, of that shape; those of infinite sigma are there, too."""
        there = np.ones((1, self.y.shape[1]), bool)
        if self.mask is not None:
            there = there & self.mask.reshape(-1, self.y.shape[1])
        if self.omit:
            errors = self._errors()
            there = there & ~(np.isnan(self.y) | np.isnan(self.x).any(-2))
            there &= ~(np.isnan(errors) | (errors == 0))
        return there

    def counts(self) -> Array:
        """How many points each curve has."""
        return np.broadcast_to(self._there().sum(1), (len(self),))

    def starts(self) -> tuple[Array, Array, Array]:
        """Starts and bounds, (curves, n)."""
        shape = len(self), self.n
        lower, upper, p = (np.broadcast_to(a, shape) for a in (self.lower, self.upper, self.p0))
        return np.clip(np.where(np.isfinite(p), p, 0.0), lower, upper), lower, upper

    def begun(self) -> Curves:
        """These curves, with what a function that is p0 makes of the points of each, in bounds.

        It is not asked about curves that cannot be fitted, and NaN makes a curve one of these.
        """
        if not callable(self.p0):
            return self
        w = np.broadcast_to(self._weights(), self.y.shape)
        p = np.full((len(self), self.n), np.nan)
        for i in np.flatnonzero(~self.bad()):
            x = self.x[i] if self.x.ndim == 3 else self.x
            there = w[i] != 0
            found = self.p0((x if self.rows else x[0])[..., there], self.y[i, there])
            if np.shape(found) != (self.n,):
                raise ValueError(
                    f"fit_many: p0 gave {np.shape(found)} for a curve, not {self.n} parameters: "
                    f"({self.n},)"
                )
            p[i] = found
        return replace(self, p0=np.clip(p, self.lower, self.upper))

    def bad(self) -> Array:
        """Curves that cannot be fitted: of NaN, of too few points, or begun outside of bounds."""
        x, y, w = self.arrays
        with np.errstate(all="ignore"):
            # One sum tells of most that all is finite.
            wrong = ~np.isfinite(np.einsum("cop,cop->c", y, np.broadcast_to(w, y.shape)))
            some, own = y[wrong], np.broadcast_to(w, y.shape)[wrong]
            wrong[wrong] = ~np.isfinite(np.where(own == 0, 0.0, some * own)).all((1, 2))
            wrong |= ~np.isfinite(np.where(w == 0, 0.0, x.sum(1, keepdims=True))).all((1, 2))
        wrong |= self.counts() < self.n
        if not callable(self.p0):
            outside = (self.p0 < self.lower) | (self.p0 > self.upper) | ~np.isfinite(self.p0)
            wrong |= np.broadcast_to(outside, (len(self), self.n)).any(1)
        return wrong

    def first(self) -> tuple[Array, Array, Array]:
        """x, y and the start of the first curve."""
        x, y, _ = self.arrays
        return x[0], y[0], self.starts()[0][0]


def prepare(
    x: Any, Y: Any, p0: Any, sigma: Any, bounds: Any, mask: Any, nan_policy: Any, n: int
) -> Curves:
    """What was given, checked: ValueError for shapes that do not fit."""
    y = Y if isinstance(Y, np.ndarray) else np.asarray(Y, float)
    for name, part in (("Y", y), ("x", x)):
        if np.iscomplexobj(part):
            raise TypeError(
                f"fit_many: {name} is complex; fit real and imaginary parts as curves of their own"
            )
    if y.ndim != 2 or not y.shape[1]:
        raise ValueError(f"fit_many: Y has to be (curves, points), got shape {y.shape}")
    if nan_policy not in POLICIES:
        raise ValueError(f"nan_policy must be one of {{None, 'raise', 'omit'}}, got {nan_policy!r}")
    if nan_policy == "raise" and (np.isnan(y).any() or np.isnan(np.asarray(x, float)).any()):
        raise ValueError("The input contains nan values")
    if isinstance(Y, np.ma.MaskedArray):
        there = ~np.ma.getmaskarray(Y)
        mask, y = there if mask is None else there & np.asarray(mask, bool), Y.data
    x, rows = _predictors(np.asarray(x, float), y.shape)
    if sigma is not None:
        sigma = np.asarray(sigma, float)
        sigma = _alike("sigma", np.full(y.shape[1], sigma) if sigma.ndim == 0 else sigma, y.shape)
    if mask is not None:
        mask = _alike("mask", np.asarray(mask, bool), y.shape)
    lower, upper = _bounds(bounds, n, len(y))
    bounded = bool(np.any((lower > -np.inf) | (upper < np.inf)))
    if p0 is None:
        p0 = start_within(lower, upper)
    if not callable(p0):
        p0 = np.asarray(p0, float)
        if p0.shape not in ((n,), (len(y), n)):
            raise ValueError(f"fit_many: p0 has shape {p0.shape}, not ({n},) or ({len(y)}, {n})")
        if p0.ndim == 1 and lower.ndim == 1 and bounded:
            in_bounds(p0, lower, upper)
    return Curves(x, y, p0, sigma, lower, upper, mask, nan_policy == "omit", rows, n, bounded)


def _predictors(x: Array, shape: tuple[int, int]) -> tuple[Array, bool]:
    """x as (predictors, points) or (curves, predictors, points), and whether they are rows."""
    curves, points = shape
    if x.shape == (points,):
        return x[None], False
    if x.shape == shape:
        return x[:, None], False
    if x.ndim == 2 and x.shape[1] == points:
        return x, True
    if x.ndim == 3 and x.shape[0] == curves and x.shape[2] == points:
        return x, True
    raise ValueError(
        f"fit_many: x has shape {x.shape}; for Y of shape {shape} it is ({points},), "
        f"(k, {points}), {shape} or ({curves}, k, {points})"
    )


def _alike(name: str, given: Array, shape: tuple[int, int]) -> Array:
    if given.shape not in (shape[1:], shape):
        raise ValueError(
            f"fit_many: {name} has shape {given.shape}, not {shape[1:]} or {shape}, as Y"
        )
    return given


def _bounds(bounds: Any, n: int, curves: int) -> tuple[Array, Array]:
    """Lower and upper bounds, (n,) or (curves, n)."""
    if not isinstance(bounds, (tuple, list)) or len(bounds) != 2:
        return prepared(bounds, n)
    ends = [np.asarray(end, float) for end in bounds]
    if any(end.ndim == 1 and end.shape != (n,) for end in ends):
        raise ValueError("Inconsistent shapes between bounds and `x0`.")
    if all(end.ndim < 2 for end in ends):
        return prepared(bounds, n)
    for end in ends:
        if end.ndim > 1 and end.shape != (curves, n):
            raise ValueError(
                f"fit_many: bounds have shape {end.shape}, not ({n},) or ({curves}, {n})"
            )
    lower, upper = (np.broadcast_to(end, (curves, n)) for end in ends)
    if np.any(lower >= upper):
        raise ValueError("Each lower bound must be strictly less than each upper bound.")
    return lower, upper
