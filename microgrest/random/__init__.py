"""Random tensors: one counter-based stream (Philox), the same on every device."""

from __future__ import annotations

from . import fills  # noqa: F401 - it attaches methods
from .draws import (
    bernoulli as bernoulli,
    normal as normal,
    rand as rand,
    rand_like as rand_like,
    randint as randint,
    randint_like as randint_like,
    randn as randn,
    randn_like as randn_like,
    randperm as randperm,
)
from .generator import (
    Generator as Generator,
    default_generator as default_generator,
    fork_rng as fork_rng,
    get_rng_state as get_rng_state,
    initial_seed as initial_seed,
    manual_seed as manual_seed,
    seed as seed,
    set_rng_state as set_rng_state,
)
from .samples import (
    binomial as binomial,
    gamma_slope as gamma_slope,
    poisson as poisson,
    standard_gamma as standard_gamma,
)
