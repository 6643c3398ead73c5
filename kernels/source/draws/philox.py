"""Philox4x32-10, and the draws made from it: scalar functions, one text for every device.

A counter-based generator has no state: `philox(seed, counter)` is a bijection of the counter that
passes the usual batteries, so element i of a draw depends on the seed, the draw's first counter
and i alone; not on threads, blocks or devices. (Salmon, Moraes, Dror and Shaw, "Parallel random
numbers: as easy as 1, 2, 3", SC 2011.)

Here they run as plain Python on NumPy scalars; `Draw.sources` is their text, for a generated module
to compile with `njit` or `cuda.jit(device=True)`. Words are uint64 values below 2**32, because
Numba widens any product of uint32. Integers and uniforms are the same bits everywhere: their
products are exact, unless bounds lie closer than 2**-100, so that fusing a multiply and an add,
which some targets do, changes nothing.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...vecmath.elementary.logarithm import log_f32, log_f64
from ...vecmath.elementary.trigonometric import trig_turn_f32, trig_turn_f64

# A NumPy scalar: uint64 where nothing else is said.
Number = Any


@dataclass(frozen=True, eq=False, repr=False)
class Draw:
    """How words become values: `function(*words, *parameters)` returns a value, or a tuple of them.

    It takes `words` words, a divisor of the four of a counter, and gives `values` values of
    `dtype`. `callees` are the functions of this module that it calls, `helpers` the names of those
    of `vecmath`, whose texts the generated module has to carry too.
    """

    function: Callable[..., Any]
    words: int
    values: int
    dtype: str
    parameters: tuple[str, ...] = ()
    callees: tuple[Callable[..., Any], ...] = ()
    helpers: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return self.function.__name__

    @property
    def per_counter(self) -> int:
        """Values that one counter gives."""
        return 4 // self.words * self.values

    @property
    def sources(self) -> list[str]:
        """Texts of `rounds`, `philox`, the callees and the function, without decorators."""
        functions: list[Callable[..., Any]] = [rounds, philox, *self.callees, self.function]
        return [inspect.getsource(f) for f in functions]


def rounds(c0: Number, c1: Number, c2: Number, c3: Number, k0: Number, k1: Number) -> Number:
    """Philox4x32-10 of a counter of four words under a key of two."""
    word = np.uint64(0xFFFFFFFF)
    half = np.uint64(32)
    for _ in range(10):
        p0 = c0 * np.uint64(0xD2511F53)
        p1 = c2 * np.uint64(0xCD9E8D57)
        c0, c2 = (p1 >> half) ^ c1 ^ k0, (p0 >> half) ^ c3 ^ k1
        c1, c3 = p1 & word, p0 & word
        k0 = (k0 + np.uint64(0x9E3779B9)) & word
        k1 = (k1 + np.uint64(0xBB67AE85)) & word
    return c0, c1, c2, c3


def philox(seed: Number, counter: Number) -> Number:
    """Four random words for a seed and a counter."""
    word = np.uint64(0xFFFFFFFF)
    half = np.uint64(32)
    zero = np.uint64(0)
    return rounds(counter & word, counter >> half, zero, zero, seed & word, seed >> half)


def affine(u1: Number, u0: Number, low: Number, high: Number, s1: Number, s0: Number) -> Number:
    """low + (u1 + u0) * (s1 + s0), below high. The four products are exact."""
    x = low + (u1 * s1 + (u1 * s0 + (u0 * s1 + u0 * s0)))
    return x if x < high else low


def uniform_f32(x: Number, low: Number, high: Number, s1: Number, s0: Number) -> Number:
    """A float32 in [low, high) from 24 bits; s1 + s0 = high - low, 12 bits each."""
    u1 = np.float32(np.int32(x >> np.uint64(20))) * np.float32(2.0**-12)
    u0 = np.float32(np.int32((x >> np.uint64(8)) & np.uint64(0xFFF))) * np.float32(2.0**-24)
    return affine(u1, u0, low, high, s1, s0)


def uniform_f64(x: Number, y: Number, low: Number, high: Number, s1: Number, s0: Number) -> Number:
    """A float64 in [low, high) from 53 bits; s1 + s0 = high - low, 26 bits each."""
    m = (x << np.uint64(21)) | (y >> np.uint64(11))
    u1 = np.float64(np.int32(m >> np.uint64(27))) * 2.0**-26
    u0 = np.float64(np.int32(m & np.uint64(0x7FFFFFF))) * 2.0**-53
    return affine(u1, u0, low, high, s1, s0)


def normal_f32(x: Number, y: Number, mean: Number, std: Number) -> Number:
    """Two normal float32 (Box and Muller, 1958), at most 6.8 standard deviations off.

    The angle is a fraction of 24 bits of a full turn, brought near 0 as an integer.
    """
    u = np.float32(np.int64(x)) * np.float32(2.0**-32) + np.float32(2.0**-33)
    radius = std * math.sqrt(np.float32(-2.0) * log_f32(u))
    k = np.int32(y >> np.uint64(8))
    q = np.int32((k + 2**21) >> 22)
    r = np.float32(np.int32(k - (q << 22))) * np.float32(2.0**-24 * 6.283185307179586)
    return mean + radius * trig_turn_f32(r, np.int32(q + 1)), mean + radius * trig_turn_f32(r, q)


def normal_f64(x: Number, y: Number, z: Number, w: Number, mean: Number, std: Number) -> Number:
    """Two normal float64 (Box and Muller, 1958), at most 8.6 standard deviations off.

    The angle is a fraction of 53 bits of a full turn, brought near 0 as an integer.
    """
    m = (x << np.uint64(21)) | (y >> np.uint64(11))
    k = np.int64((z << np.uint64(21)) | (w >> np.uint64(11)))
    radius = std * math.sqrt(-2.0 * log_f64(np.float64(np.int64(m + np.uint64(1))) * 2.0**-53))
    q = (k + 2**50) >> 51
    r = np.float64(k - (q << 51)) * (2.0**-53 * 6.283185307179586)
    return mean + radius * trig_turn_f64(r, q + 1), mean + radius * trig_turn_f64(r, q)


def below(x0: Number, x1: Number, x2: Number, n: Number) -> Number:
    """A uint64 in [0, n), n > 0: n times a fraction of 96 bits, rounded down.

    A value's probability is off by a part in 2**96 / n at most, so that no rejection is needed.
    """
    word = np.uint64(0xFFFFFFFF)
    half = np.uint64(32)
    n0, n1 = n & word, n >> half
    t = x1 * n0 + (x0 * n0 >> half)
    u = x0 * n1 + (t & word)
    v = x2 * n0 + (t >> half) + (u >> half)
    w = x1 * n1 + (v & word)
    return x2 * n1 + (v >> half) + (w >> half)


def integer(x: Number, y: Number, z: Number, _: Number, low: Number, n: Number) -> Number:
    """An int64 in [low, low + n); low is uint64 and wraps around."""
    return np.int64(low + below(x, y, z, n))


def bits(x: Number) -> Number:
    """A uint32."""
    return np.uint32(x)


def bernoulli(x: Number, limit: Number) -> Number:
    """True with probability limit / 2**32."""
    return x < limit


_BOUNDS = ("low", "high", "s1", "s0")
_MOMENTS = ("mean", "std")
BITS = Draw(bits, 1, 1, "uint32")
UNIFORM_F32 = Draw(uniform_f32, 1, 1, "float32", _BOUNDS, (affine,))
UNIFORM_F64 = Draw(uniform_f64, 2, 1, "float64", _BOUNDS, (affine,))
NORMAL_F32 = Draw(normal_f32, 2, 2, "float32", _MOMENTS, helpers=("log_f32", "trig_turn_f32"))
NORMAL_F64 = Draw(normal_f64, 4, 2, "float64", _MOMENTS, helpers=("log_f64", "trig_turn_f64"))
INTEGER = Draw(integer, 4, 1, "int64", ("low", "n"), (below,))
BERNOULLI = Draw(bernoulli, 1, 1, "bool", ("limit",))
