"""What is asked of a draw: checked, and made into a scalar function of `philox` and its parameters.

What each function means, and its ranges, say those of the targets that call it.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from . import philox
from .philox import Draw


class _Float(NamedTuple):
    """A type's scalars, half the bits of a difference, the largest number, and the draws."""

    kind: Any
    bits: int
    largest: float
    uniform: Draw
    normal: Draw


_FLOATS = {
    np.dtype(np.float32): _Float(
        np.float32, 12, float(np.finfo(np.float32).max), philox.UNIFORM_F32, philox.NORMAL_F32
    ),
    np.dtype(np.float64): _Float(
        np.float64, 26, float(np.finfo(np.float64).max), philox.UNIFORM_F64, philox.NORMAL_F64
    ),
}
_WORDS = 1 << 32
_INT64 = np.iinfo(np.int64)


class Request(NamedTuple):
    """A draw and the parameters of its function, NumPy scalars of the types it takes."""

    draw: Draw
    parameters: tuple[Any, ...] = ()


RAW = Request(philox.BITS)


def uniform(dtype: np.dtype[Any], low: float, high: float) -> Request:
    """Numbers in [low, high)."""
    kind, bits, largest, draw, _ = _float(dtype)
    if not 0.0 <= high - low <= largest:
        raise ValueError(f"uniform needs low <= high, not too far apart, got {low} and {high}")
    width = map(kind, _split(float(kind(high - low)), bits))
    return Request(draw, (kind(low), kind(high), *width))


def normal(dtype: np.dtype[Any], mean: float, std: float) -> Request:
    """Normal numbers."""
    kind, _, _, _, draw = _float(dtype)
    if not std >= 0.0:
        raise ValueError(f"normal needs std >= 0, got {std}")
    return Request(draw, (kind(mean), kind(std)))


def integers(low: int, high: int) -> Request:
    """Integers in [low, high)."""
    if not _INT64.min <= low < high <= _INT64.max:
        raise ValueError(f"integers needs int64 low < high, got {low} and {high}")
    return Request(philox.INTEGER, (word(low), word(high - low)))


def bernoulli(p: float) -> Request:
    """True with probability p."""
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"bernoulli needs 0 <= p <= 1, got {p}")
    return Request(philox.BERNOULLI, (word(round(p * _WORDS)),))


def word(n: int) -> np.uint64:
    """An integer of Python modulo 2**64."""
    return np.uint64(n & 0xFFFFFFFFFFFFFFFF)


def _float(dtype: np.dtype[Any]) -> _Float:
    try:
        return _FLOATS[dtype]
    except KeyError:
        raise TypeError(f"needs float32 or float64, got {dtype}") from None


def _split(x: float, bits: int) -> tuple[float, float]:
    """x as the sum of two numbers, `bits` bits each, when x has no more than twice as many."""
    mantissa, exponent = math.frexp(x)
    upper = math.ldexp(round(math.ldexp(mantissa, bits)), exponent - bits)
    return upper, x - upper
