"""Choices: places drawn by weights, and all choices of some elements of a vector."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from .. import recording
from ..creation import check_tensor, tensor
from ..random.draws import drawn, everywhere
from ..random.generator import Generator
from ..tensor import Tensor
from ..tensor.methods import method
from ..tensor.storage import kind_of
from ..types.dtypes import float64
from ..types.integers import whole
from .kernels import FUNCTIONS
from .reductions.scans import cumsum
from .sorting import argsort


@method
def multinomial(
    input: Tensor,
    num_samples: int,
    replacement: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Places drawn from rows of weights that need not sum to 1: int64 in [0, n).

    RuntimeError for weights that are negative, infinite or NaN, for rows without any weight, and,
    without replacement, for more samples than there are places.
    """
    count = _check(input, num_samples, replacement)
    weights = input.detach().to(float64)
    recording.aside(lambda: _check_weights(weights))
    draw = _with_replacement if replacement else _without_replacement
    return draw(weights, count, generator)


def _with_replacement(weights: Tensor, count: int, generator: Generator | None) -> Tensor:
    """Where uniform numbers fall in the sums so far."""
    sums = cumsum(weights, -1)
    shape = (*weights._shape[:-1], count)
    u = drawn(kind_of(float64, weights.device), shape, "uniform", generator)
    places: Tensor = FUNCTIONS["searchsorted"](sums / sums[..., -1:], u, right=True)
    return places


def _without_replacement(weights: Tensor, count: int, generator: Generator | None) -> Tensor:
    """The first to come of exponential waiting times at these rates; those of weight 0 are last."""
    u = 1 - drawn(kind_of(float64, weights.device), weights._shape, "uniform", generator)
    return argsort(-u.log() / weights, -1)[..., :count].clone()


def _check(input: Any, num_samples: Any, replacement: bool) -> int:
    """The number of samples; errors for what no weights can be drawn by."""
    check_tensor("multinomial", input)
    if not input.dtype.is_floating_point:
        raise RuntimeError(
            f"multinomial only supports floating-point dtypes for input, got: {input.dtype!r}"
        )
    if input.ndim not in (1, 2):
        raise RuntimeError(f"prob_dist must be 1 or 2 dim, got {input.ndim}")
    count, n = whole(num_samples, "num_samples"), input._shape[-1]
    if count <= 0:
        raise RuntimeError(f"cannot sample n_sample <= 0 samples, got {count}")
    if not replacement and count > n:
        raise RuntimeError(
            "cannot sample n_sample > prob_dist.size(-1) samples without replacement: "
            f"{count} of {n}"
        )
    return count


def _check_weights(weights: Tensor) -> None:
    """RuntimeError unless all are numbers from 0 on, and one of each row is above."""
    if not everywhere((weights >= 0) & (weights < float("inf"))):
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    if not everywhere((weights > 0).any(-1)):
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")


def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """Every choice of `r` elements of a vector, a row each, in the order of their places."""
    if input.ndim != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(input._shape)}")
    if whole(r, "r") < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    if not r:
        return input.new_empty(0)
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    places = np.array([*choose(range(len(input)), r)], np.int64).reshape(-1, r)
    return input[tensor(places, device=input.device)]
