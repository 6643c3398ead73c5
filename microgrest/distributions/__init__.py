"""Distributions: draws, probabilities and entropies that can be differentiated."""

from __future__ import annotations

from . import constraints as constraints, kl as kl
from .discrete import Bernoulli as Bernoulli, Categorical as Categorical, Poisson as Poisson
from .distribution import Distribution as Distribution
from .kl import kl_divergence as kl_divergence, register_kl as register_kl
from .location import (
    Laplace as Laplace,
    LogNormal as LogNormal,
    Normal as Normal,
    Uniform as Uniform,
)
from .multivariate import Independent as Independent, MultivariateNormal as MultivariateNormal
from .positive import (
    Beta as Beta,
    Dirichlet as Dirichlet,
    Exponential as Exponential,
    Gamma as Gamma,
)
