"""Distributions of positive numbers and of parts of one: exponential, gamma, beta, Dirichlet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from ..autograd.function import Function, once_differentiable
from ..creation import arange
from ..functions.joining.stacking import stack
from ..functions.pointwise.rows import xlogy
from ..graph.modes import no_grad
from ..random import gamma_slope, standard_gamma
from ..tensor import Tensor
from ..types.dtypes import finfo
from . import constraints
from .distribution import Distribution, parameters
from .special import digamma, lgamma


class Exponential(Distribution):
    """Waiting times of events that come at `rate`."""

    arg_constraints: ClassVar = {"rate": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True

    def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
        (self.rate,) = parameters(rate)
        super().__init__(self.rate.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """1 / rate."""
        return self.rate.reciprocal()

    stddev = mean

    @property
    def mode(self) -> Tensor:
        """0."""
        return self.rate * 0

    @property
    def variance(self) -> Tensor:
        """1 / rate**2."""
        return self.rate**-2

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draws whose gradients go to the rate."""
        with no_grad():
            unit = self.rate.new_empty(self._extended_shape(sample_shape)).exponential_()
        return unit / self.rate

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density."""
        return self.rate.log() - self.rate * self._checked(value)

    def cdf(self, value: Tensor) -> Tensor:
        """1 - exp(-rate value)."""
        return -(-self.rate * self._checked(value)).expm1()

    def icdf(self, value: Tensor) -> Tensor:
        """Where the cdf is `value`."""
        return -(-value).log1p() / self.rate

    def entropy(self) -> Tensor:
        """1 - log(rate)."""
        return 1.0 - self.rate.log()


class _StandardGamma(Function):
    """Gamma numbers of rate 1, whose gradient is that of their quantiles, by the implicit rule."""

    @staticmethod
    def forward(ctx: Any, concentration: Tensor) -> Tensor:
        value = standard_gamma(concentration)
        ctx.save_for_backward(value, concentration)
        # In float64 until the end: numbers of a tiny concentration are tiny.
        least = finfo(concentration.dtype).tiny
        return value.to(concentration.dtype).clamp(min=least)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> Tensor:
        value, concentration = ctx.saved_tensors
        return g * gamma_slope(value, concentration).to(concentration.dtype)


class Gamma(Distribution):
    """Numbers whose density is in proportion to x**(concentration - 1) exp(-rate x)."""

    arg_constraints: ClassVar = {
        "concentration": constraints.positive,
        "rate": constraints.positive,
    }
    support = constraints.nonnegative
    has_rsample = True

    def __init__(self, concentration: Any, rate: Any, validate_args: bool | None = None) -> None:
        self.concentration, self.rate = parameters(concentration, rate)
        super().__init__(self.concentration.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """concentration / rate."""
        return self.concentration / self.rate

    @property
    def mode(self) -> Tensor:
        """(concentration - 1) / rate, or 0."""
        return ((self.concentration - 1) / self.rate).clamp(min=0)

    @property
    def variance(self) -> Tensor:
        """concentration / rate**2."""
        return self.concentration / self.rate**2

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draws whose gradients go to both parameters, by implicit reparameterization; once."""
        shape = self._extended_shape(sample_shape)
        value: Tensor = _StandardGamma.apply(self.concentration.expand(shape)) / self.rate
        return value

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density."""
        value, a = self._checked(value), self.concentration
        return xlogy(a, self.rate) + xlogy(a - 1, value) - self.rate * value - lgamma(a)

    def entropy(self) -> Tensor:
        """a - log(rate) + lgamma(a) + (1 - a) digamma(a)."""
        a = self.concentration
        return a - self.rate.log() + lgamma(a) + (1 - a) * digamma(a)


class Dirichlet(Distribution):
    """Parts of one whose density is in proportion to the product of x**(concentration - 1)."""

    arg_constraints: ClassVar = {"concentration": constraints.positive_vector}
    support = constraints.simplex
    has_rsample = True

    def __init__(self, concentration: Tensor, validate_args: bool | None = None) -> None:
        if concentration.ndim < 1:
            raise ValueError("`concentration` parameter must be at least one-dimensional.")
        self.concentration = concentration
        batch, event = concentration.shape[:-1], concentration.shape[-1:]
        super().__init__(batch, event, validate_args=validate_args)

    def _total(self) -> Tensor:
        return self.concentration.sum(-1, keepdim=True)

    @property
    def mean(self) -> Tensor:
        """concentration / its sum."""
        return self.concentration / self._total()

    @property
    def mode(self) -> Tensor:
        """(concentration - 1) / (its sum - n); the first corner where all are below 1."""
        above = (self.concentration - 1).clamp(min=0)
        mode = above / above.sum(-1, keepdim=True)
        first = (arange(mode.shape[-1], device=mode.device) == 0).to(mode.dtype)
        return first.where((self.concentration < 1).all(-1, keepdim=True), mode)

    @property
    def variance(self) -> Tensor:
        """a (s - a) / (s**2 (s + 1)), where s is the sum."""
        a, s = self.concentration, self._total()
        return a * (s - a) / (s**2 * (s + 1))

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Gamma numbers by their sum; gradients go to the concentrations, once."""
        shape = self._extended_shape(sample_shape)
        parts: Tensor = _StandardGamma.apply(self.concentration.expand(shape))
        return parts / parts.sum(-1, keepdim=True)

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density."""
        value, a = self._checked(value), self.concentration
        return xlogy(a - 1, value).sum(-1) - log_beta(a)

    def entropy(self) -> Tensor:
        """log B(a) - (n - s) digamma(s) - sum (a - 1) digamma(a)."""
        a, total = self.concentration, self.concentration.sum(-1)
        rest = ((a - 1) * digamma(a)).sum(-1)
        return log_beta(a) - (a.shape[-1] - total) * digamma(total) - rest


def log_beta(a: Tensor) -> Tensor:
    """log of the integral of the product of x**(a - 1) over parts of one."""
    result: Tensor = lgamma(a).sum(-1) - lgamma(a.sum(-1))
    return result


class Beta(Distribution):
    """Numbers in [0, 1], of density as x**(concentration1 - 1) (1 - x)**(concentration0 - 1)."""

    arg_constraints: ClassVar = {
        "concentration1": constraints.positive,
        "concentration0": constraints.positive,
    }
    support = constraints.unit_interval
    has_rsample = True

    def __init__(
        self, concentration1: Any, concentration0: Any, validate_args: bool | None = None
    ) -> None:
        a, b = parameters(concentration1, concentration0)
        self._both = stack([a, b], -1)
        super().__init__(a.shape, validate_args=validate_args)

    @property
    def concentration1(self) -> Tensor:
        """The first parameter."""
        return self._both[..., 0]

    @property
    def concentration0(self) -> Tensor:
        """The second parameter."""
        return self._both[..., 1]

    def _has(self, name: str) -> bool:
        return True

    @property
    def mean(self) -> Tensor:
        """a / (a + b)."""
        return self.concentration1 / (self.concentration1 + self.concentration0)

    @property
    def mode(self) -> Tensor:
        """(a - 1) / (a + b - 2); 1 where both are below 1."""
        return _dirichlet(self).mode[..., 0]

    @property
    def variance(self) -> Tensor:
        """a b / ((a + b)**2 (a + b + 1))."""
        total = self.concentration1 + self.concentration0
        return self.concentration1 * self.concentration0 / (total**2 * (total + 1))

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draws whose gradients go to both parameters, once."""
        return _dirichlet(self).rsample(sample_shape)[..., 0]

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density."""
        value = self._checked(value)
        return _dirichlet(self).log_prob(stack([value, 1 - value], -1))

    def entropy(self) -> Tensor:
        """That of both parts."""
        return _dirichlet(self).entropy()


def _dirichlet(beta: Beta) -> Dirichlet:
    """The distribution of a beta number and what it lacks to 1."""
    return Dirichlet(beta._both, validate_args=False)
