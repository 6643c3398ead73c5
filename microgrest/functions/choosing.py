"""All choices of some elements of a vector."""

from __future__ import annotations

import itertools

import numpy as np

from ..creation import tensor
from ..tensor import Tensor
from ..types.integers import whole


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
