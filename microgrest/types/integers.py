"""Whole numbers as arguments: dimensions, places, lengths and shapes, each an int of 64 bits.

NumPy's integers and integer tensors of one element stand for numbers, bools and floats do not.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

LEAST, MOST = -(2**63), 2**63 - 1


def whole(value: Any, name: str = "dim") -> int:
    """`value` as an int; TypeError for what is none, ValueError beyond 64 bits."""
    if value.__class__ is not int:
        if isinstance(value, (bool, np.bool_)) or not hasattr(value, "__index__"):
            raise TypeError(f"argument {name!r} must be int, not {type(value).__name__}")
        value = operator.index(value)
    if not LEAST <= value <= MOST:
        raise ValueError(f"argument {name!r} is out of range: {value} takes more than 64 bits")
    return int(value)


def listed(given: Any) -> Sequence[Any]:
    """Dimensions that were given as one or as several."""
    return given if isinstance(given, (tuple, list)) else (given,)


def lengths(given: Sequence[Any], name: str = "size") -> tuple[int, ...]:
    """`whole` of each, with TypeError in every case; after the first, bools count too."""
    try:
        return tuple([int(n) if i and n is True else whole(n, name) for i, n in enumerate(given)])
    except ValueError as error:
        raise TypeError(str(error)) from None


def count(shape: Sequence[int]) -> int:
    """The number of elements of a shape; RuntimeError where no memory could hold them."""
    n = math.prod(shape)
    if n > MOST >> 3:
        raise RuntimeError(f"Storage size calculation overflowed with sizes={list(shape)}")
    return n
