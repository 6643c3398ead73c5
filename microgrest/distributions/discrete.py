"""Distributions of whole numbers: Bernoulli, categorical, Poisson."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

from ..creation import arange, full
from ..functions.joining.stacking import broadcast_tensors
from ..functions.pointwise.rows import xlogy
from ..functions.ranking.drawing import multinomial
from ..graph.modes import no_grad
from ..random import bernoulli, poisson
from ..tensor import Size, Tensor
from ..types.dtypes import finfo
from . import constraints
from .distribution import Distribution, parameters
from .special import clamped, lgamma, log_normalized, softplus


def _one_of(probs: Any, logits: Any) -> bool:
    """Whether it is `probs`; ValueError unless exactly one of the two is given."""
    if (probs is None) == (logits is None):
        raise ValueError("Either `probs` or `logits` must be specified, but not both.")
    return probs is not None


class Bernoulli(Distribution):
    """1 with probability `probs`, or with that whose log odds are `logits`; else 0."""

    arg_constraints: ClassVar = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.boolean
    has_enumerate_support = True

    def __init__(
        self, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        if _one_of(probs, logits):
            (self._param,) = (self.probs,) = parameters(probs)
        else:
            (self._param,) = (self.logits,) = parameters(logits)
        super().__init__(self._param.shape, validate_args=validate_args)

    @cached_property
    def probs(self) -> Tensor:
        """The probability of 1."""
        return self.logits.sigmoid()

    @cached_property
    def logits(self) -> Tensor:
        """log(probs / (1 - probs))."""
        p = clamped(self.probs)
        return p.log() - (-p).log1p()

    @property
    def param_shape(self) -> Size:
        """The shape of the parameter."""
        return self._param.shape

    @property
    def mean(self) -> Tensor:
        """probs."""
        return self.probs

    @property
    def mode(self) -> Tensor:
        """The likelier one; NaN where both are."""
        mode = (self.probs >= 0.5).to(self.probs.dtype)
        return mode.masked_fill(self.probs == 0.5, math.nan)

    @property
    def variance(self) -> Tensor:
        """probs (1 - probs)."""
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """0 or 1, of the type of the parameter."""
        with no_grad():
            return bernoulli(self.probs.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the probability."""
        return self._checked(value) * self.logits - softplus(self.logits)

    def entropy(self) -> Tensor:
        """softplus(logits) - probs logits."""
        return softplus(self.logits) - self.probs * self.logits

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """0 and 1."""
        return _enumerated(self, 2, self._param, expand)


class Categorical(Distribution):
    """0 to n - 1 with the `probs` in the last dimension, which are made to sum to 1.

    Or with those whose logarithms, up to a constant, are `logits`.
    """

    arg_constraints: ClassVar = {"probs": constraints.simplex, "logits": constraints.real_vector}
    has_enumerate_support = True

    def __init__(
        self,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        name = "probs" if _one_of(probs, logits) else "logits"
        given = probs if probs is not None else logits
        if not isinstance(given, Tensor) or not given.ndim:
            raise ValueError(f"`{name}` parameter must be at least one-dimensional.")
        if probs is not None:
            self._param = self.probs = probs / probs.sum(-1, keepdim=True)
        else:
            self._param = self.logits = log_normalized(given)
        self._num_events = given.shape[-1]
        super().__init__(given.shape[:-1], validate_args=validate_args)

    @cached_property
    def probs(self) -> Tensor:
        """The probabilities, which sum to 1."""
        return self.logits.exp()

    @cached_property
    def logits(self) -> Tensor:
        """Their logarithms."""
        return clamped(self.probs).log()

    @property
    def support(self) -> constraints.Constraint:
        """The whole numbers from 0 to n - 1."""
        return constraints.IntegerInterval(0, self._num_events - 1)

    @property
    def param_shape(self) -> Size:
        """The shape of the parameter."""
        return self._param.shape

    def _undefined(self) -> Tensor:
        shape = self._extended_shape()
        return full(shape, math.nan, dtype=self._param.dtype, device=self._param.device)

    @property
    def mean(self) -> Tensor:
        """NaN: categories are no numbers."""
        return self._undefined()

    variance = mean

    @property
    def mode(self) -> Tensor:
        """The likeliest category."""
        return self.probs.argmax(-1)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Categories, int64."""
        rows = self.probs.detach().reshape(-1, self._num_events)
        count = Size(sample_shape).numel()
        shape = self._extended_shape(sample_shape)
        if not count or not rows.numel():
            return full(shape, 0, device=rows.device)
        return multinomial(rows, count, True).T.reshape(shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the probability of a category."""
        value = self._checked(value).long().unsqueeze(-1)
        value, logits = broadcast_tensors(value, self.logits)
        return logits.gather(-1, value[..., :1]).squeeze(-1)

    def entropy(self) -> Tensor:
        """-sum probs log(probs)."""
        logits = self.logits.clamp(min=finfo(self.logits.dtype).min)
        return -(logits * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """Every category."""
        return _enumerated(self, self._num_events, None, expand)


def _enumerated(d: Distribution, n: int, like: Tensor | None, expand: bool) -> Tensor:
    """0 to n - 1 along a new first dimension, of the type of `like`, or int64."""
    device = d._param.device  # type: ignore[attr-defined]
    values = arange(n, dtype=like.dtype if like is not None else None, device=device)
    values = values.reshape(-1, *(1,) * len(d.batch_shape))
    return values.expand((-1, *d.batch_shape)) if expand else values


class Poisson(Distribution):
    """The number of events whose mean number is `rate`."""

    arg_constraints: ClassVar = {"rate": constraints.nonnegative}
    support = constraints.nonnegative_integer

    def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
        (self.rate,) = parameters(rate)
        super().__init__(self.rate.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """rate."""
        return self.rate

    variance = mean

    @property
    def mode(self) -> Tensor:
        """rate, rounded down."""
        return self.rate.floor()

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Whole numbers, of the type of the rate."""
        with no_grad():
            return poisson(self.rate.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the probability."""
        value = self._checked(value)
        return xlogy(value, self.rate) - self.rate - lgamma(value + 1)
