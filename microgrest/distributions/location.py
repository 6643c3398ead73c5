"""Distributions with a location and a scale: normal, lognormal, Laplace, uniform."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from ..graph.modes import no_grad
from ..random import rand, randn
from ..tensor import Size, Tensor
from ..types.dtypes import finfo
from . import constraints
from .distribution import Distribution, parameters

_LOG_2PI = math.log(2 * math.pi)


def drawn(make: Any, shape: Size, like: Tensor) -> Tensor:
    """Draws by `make` of the dtype and device of `like`."""
    t: Tensor = make(shape, dtype=like.dtype, device=like.device)
    return t


class LocationScale(Distribution):
    """What begins at `loc` and reaches as far as `scale`: numbers or tensors, broadcast."""

    arg_constraints: ClassVar = {"loc": constraints.real, "scale": constraints.positive}
    support: constraints.Constraint = constraints.real
    has_rsample = True

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = parameters(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)


class Normal(LocationScale):
    """Normal numbers of mean `loc` and standard deviation `scale`."""

    @property
    def mean(self) -> Tensor:
        """loc."""
        return self.loc

    mode = mean

    @property
    def stddev(self) -> Tensor:
        """scale."""
        return self.scale

    @property
    def variance(self) -> Tensor:
        """scale**2."""
        return self.scale**2

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draws whose gradients go to loc and scale."""
        return self.loc + drawn(randn, self._extended_shape(sample_shape), self.loc) * self.scale

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density."""
        z = (self._checked(value) - self.loc) / self.scale
        return -0.5 * z**2 - self.scale.log() - 0.5 * _LOG_2PI

    def cdf(self, value: Tensor) -> Tensor:
        """By erfc, so that the lower tail keeps its digits."""
        z = (self._checked(value) - self.loc) / self.scale
        return 0.5 * (z * -math.sqrt(0.5)).erfc()

    def icdf(self, value: Tensor) -> Tensor:
        """Where the cdf is `value`."""
        return self.loc + self.scale * (2 * value - 1).erfinv() * math.sqrt(2)

    def entropy(self) -> Tensor:
        """log(scale) + (1 + log(2 pi)) / 2."""
        return 0.5 + 0.5 * _LOG_2PI + self.scale.log()


class LogNormal(LocationScale):
    """Numbers whose logarithms are normal, of mean `loc` and standard deviation `scale`."""

    support = constraints.positive

    @property
    def base_dist(self) -> Normal:
        """The distribution of the logarithms."""
        return Normal(self.loc, self.scale, validate_args=False)

    @property
    def mean(self) -> Tensor:
        """exp(loc + scale**2 / 2)."""
        return (self.loc + self.scale**2 / 2).exp()

    @property
    def mode(self) -> Tensor:
        """exp(loc - scale**2)."""
        return (self.loc - self.scale**2).exp()

    @property
    def variance(self) -> Tensor:
        """(exp(scale**2) - 1) exp(2 loc + scale**2)."""
        squared = self.scale**2
        return squared.expm1() * (2 * self.loc + squared).exp()

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draws whose gradients go to loc and scale."""
        return self.base_dist.rsample(sample_shape).exp()

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density."""
        log = self._checked(value).log()
        return self.base_dist.log_prob(log) - log

    def cdf(self, value: Tensor) -> Tensor:
        """That of the logarithm."""
        return self.base_dist.cdf(self._checked(value).log())

    def icdf(self, value: Tensor) -> Tensor:
        """Where the cdf is `value`."""
        return self.base_dist.icdf(value).exp()

    def entropy(self) -> Tensor:
        """That of the logarithms, and loc."""
        return self.base_dist.entropy() + self.loc


class Laplace(LocationScale):
    """Two exponential distributions back to back, at `loc`, of scale `scale`."""

    @property
    def mean(self) -> Tensor:
        """loc."""
        return self.loc

    mode = mean

    @property
    def variance(self) -> Tensor:
        """2 scale**2."""
        return 2 * self.scale**2

    @property
    def stddev(self) -> Tensor:
        """sqrt(2) scale."""
        return math.sqrt(2) * self.scale

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draws whose gradients go to loc and scale."""
        with no_grad():
            least = finfo(self.loc.dtype).eps
            u = drawn(rand, self._extended_shape(sample_shape), self.loc)
            u = u * (2 - least) + (least - 1)  # in (-1, 1)
            u = u.sign() * (-u.abs()).log1p()
        return self.loc - self.scale * u

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density."""
        distance = (self._checked(value) - self.loc).abs()
        return -(2 * self.scale).log() - distance / self.scale

    def cdf(self, value: Tensor) -> Tensor:
        """The probability of what is no larger."""
        away = self._checked(value) - self.loc
        tail = (-away.abs() / self.scale).exp() / 2
        return (1 - tail).where(away > 0, tail)

    def icdf(self, value: Tensor) -> Tensor:
        """Where the cdf is `value`."""
        term = value - 0.5
        return self.loc - self.scale * term.sign() * (-2 * term.abs()).log1p()

    def entropy(self) -> Tensor:
        """1 + log(2 scale)."""
        return 1 + (2 * self.scale).log()


class Uniform(Distribution):
    """Numbers uniform in [low, high)."""

    has_rsample = True

    def __init__(self, low: Any, high: Any, validate_args: bool | None = None) -> None:
        self.low, self.high = parameters(low, high)
        super().__init__(self.low.shape, validate_args=validate_args)

    @property
    def arg_constraints(self) -> dict[str, constraints.Constraint]:  # type: ignore[override]
        """low is below high."""
        below, above = constraints.LessThan(self.high), constraints.GreaterThan(self.low)
        return {"low": below, "high": above}

    @property
    def support(self) -> constraints.Constraint:
        """From low to high."""
        return constraints.Interval(self.low, self.high)

    @property
    def mean(self) -> Tensor:
        """Halfway."""
        return (self.high + self.low) / 2

    @property
    def mode(self) -> Tensor:
        """NaN: there is no most likely one."""
        return self.high * math.nan

    @property
    def stddev(self) -> Tensor:
        """(high - low) / sqrt(12)."""
        return (self.high - self.low) / math.sqrt(12)

    @property
    def variance(self) -> Tensor:
        """(high - low)**2 / 12."""
        return (self.high - self.low) ** 2 / 12

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draws whose gradients go to low and high."""
        u = drawn(rand, self._extended_shape(sample_shape), self.low)
        return self.low + u * (self.high - self.low)

    def log_prob(self, value: Tensor) -> Tensor:
        """-log(high - low) inside, minus infinity outside."""
        value = self._checked(value)
        inside = (self.low <= value) & (self.high > value)
        return inside.to(self.low.dtype).log() - (self.high - self.low).log()

    def cdf(self, value: Tensor) -> Tensor:
        """The part of the interval below."""
        result = (self._checked(value) - self.low) / (self.high - self.low)
        return result.clamp(0, 1)

    def icdf(self, value: Tensor) -> Tensor:
        """Where the cdf is `value`."""
        return value * (self.high - self.low) + self.low

    def entropy(self) -> Tensor:
        """log(high - low)."""
        return (self.high - self.low).log()
