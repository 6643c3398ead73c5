"""Philox4x32-10, and the draws made from it: scalar functions, one text for every device.

A counter-based generator has no state: `philox(seed, counter)` is a bijection of the counter that
passes the usual batteries, so element i of a draw depends on the seed, the draw's first counter
and i alone; not on threads, blocks or devices. (Salmon, Moraes, Dror and Shaw, "Parallel random
numbers: as easy as 1, 2, 3", SC 2011.)

A `Draw` gives the text of its function and of what that calls, for a generated module to compile
with `njit` or `cuda.jit(device=True)`; here they run as plain Python on NumPy scalars. Words are
uint64 values below 2**32, because Numba widens any product of uint32. Integers and uniforms
are the same bits everywhere: their products are exact, so that fusing a multiply and an add, which
some targets do, changes nothing.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from math import cos, log, sin, sqrt
from typing import Any, NamedTuple

import numpy as np

# Scalar arguments and results; their NumPy types are in the names, _f32 and _f64.
Number = Any


class Draw(NamedTuple):
    """A function `(seed, counter, *parameters) -> lanes values`, and its source with its callees.

    `math` names the elementary functions that the generated module has to provide.
    """

    function: Callable[..., Any]
    lanes: int
    parameters: tuple[str, ...] = ()
    callees: tuple[Callable[..., Any], ...] = ()
    math: tuple[str, ...] = ()

    @property
    def source(self) -> list[str]:
        """Source texts in the order of their calls, each without decorator."""
        return [inspect.getsource(f) for f in (philox, *self.callees, self.function)]


def philox(seed: Number, counter: Number) -> Number:
    """Four random words for a uint64 seed and a uint64 counter."""
    word = np.uint64(0xFFFFFFFF)
    half = np.uint64(32)
    k0, k1 = seed & word, seed >> half
    c0, c1, c2, c3 = counter & word, counter >> half, np.uint64(0), np.uint64(0)
    for _ in range(10):
        p0 = c0 * np.uint64(0xD2511F53)
        p1 = c2 * np.uint64(0xCD9E8D57)
        c0, c2 = (p1 >> half) ^ c1 ^ k0, (p0 >> half) ^ c3 ^ k1
        c1, c3 = p1 & word, p0 & word
        k0 = (k0 + np.uint64(0x9E3779B9)) & word
        k1 = (k1 + np.uint64(0xBB67AE85)) & word
    return c0, c1, c2, c3


# Uniforms


def affine(low: Number, high: Number, s1: Number, s0: Number, u1: Number, u0: Number) -> Number:
    """low + (s1 + s0) * (u1 + u0), below high. The four products are exact."""
    x = low + (u1 * s1 + (u1 * s0 + (u0 * s1 + u0 * s0)))
    return x if x < high else low


def uniform_f32(x: Number, low: Number, high: Number, s1: Number, s0: Number) -> Number:
    """A word's upper 24 bits as a number in [low, high)."""
    u1 = np.float32(np.int32(x >> np.uint64(20))) * np.float32(2.0**-12)
    u0 = np.float32(np.int32((x >> np.uint64(8)) & np.uint64(0xFFF))) * np.float32(2.0**-24)
    return affine(low, high, s1, s0, u1, u0)


def uniform_f64(x: Number, y: Number, low: Number, high: Number, s1: Number, s0: Number) -> Number:
    """The upper 53 bits of two words as a number in [low, high)."""
    m = (x << np.uint64(21)) | (y >> np.uint64(11))
    u1 = np.float64(np.int32(m >> np.uint64(27))) * 2.0**-26
    u0 = np.float64(np.int32(m & np.uint64(0x7FFFFFF))) * 2.0**-53
    return affine(low, high, s1, s0, u1, u0)


def draw_uniform_f32(
    seed: Number, counter: Number, low: Number, high: Number, s1: Number, s0: Number
) -> Number:
    """Four float32 numbers in [low, high); s1 + s0 = high - low, 12 bits each."""
    a, b, c, d = philox(seed, counter)
    return (
        uniform_f32(a, low, high, s1, s0),
        uniform_f32(b, low, high, s1, s0),
        uniform_f32(c, low, high, s1, s0),
        uniform_f32(d, low, high, s1, s0),
    )


def draw_uniform_f64(
    seed: Number, counter: Number, low: Number, high: Number, s1: Number, s0: Number
) -> Number:
    """Two float64 numbers in [low, high); s1 + s0 = high - low, 26 bits each."""
    a, b, c, d = philox(seed, counter)
    return uniform_f64(a, b, low, high, s1, s0), uniform_f64(c, d, low, high, s1, s0)


# Normals, by Box and Muller: sqrt(-2 log u) times the cosine and the sine of a random angle


def normal_f32(x: Number, y: Number) -> Number:
    """Two standard normal numbers of two words; at most 6.8 in magnitude."""
    u = np.float32(np.int64(x)) * np.float32(2.0**-32) + np.float32(2.0**-33)
    radius = sqrt(np.float32(-2.0) * log(u))
    angle = np.float32(np.int32(y >> np.uint64(8))) * np.float32(2.0**-24 * 6.283185307179586)
    return radius * cos(angle), radius * sin(angle)


def draw_normal_f32(seed: Number, counter: Number, mean: Number, std: Number) -> Number:
    """Four normal float32 numbers."""
    a, b, c, d = philox(seed, counter)
    p, q = normal_f32(a, b)
    r, s = normal_f32(c, d)
    return mean + std * p, mean + std * q, mean + std * r, mean + std * s


def draw_normal_f64(seed: Number, counter: Number, mean: Number, std: Number) -> Number:
    """Two normal float64 numbers; standard ones are at most 8.6 in magnitude."""
    a, b, c, d = philox(seed, counter)
    m = (a << np.uint64(21)) | (b >> np.uint64(11))
    radius = sqrt(-2.0 * log(np.float64(np.int64(m + np.uint64(1))) * 2.0**-53))
    angle = np.float64(np.int64((c << np.uint64(21)) | (d >> np.uint64(11)))) * (
        2.0**-53 * 6.283185307179586
    )
    return mean + std * (radius * cos(angle)), mean + std * (radius * sin(angle))


# Integers


def below(seed: Number, counter: Number, n: Number) -> Number:
    """A uint64 in [0, n), n > 0: n times a 96-bit fraction, rounded down.

    A value's probability is off by a part in 2**96 / n at most, so that no rejection is needed
    and every element takes one counter.
    """
    word = np.uint64(0xFFFFFFFF)
    half = np.uint64(32)
    x0, x1, x2, _ = philox(seed, counter)
    n0, n1 = n & word, n >> half
    t = x1 * n0 + (x0 * n0 >> half)
    u = x0 * n1 + (t & word)
    v = x2 * n0 + (t >> half) + (u >> half)
    w = x1 * n1 + (v & word)
    return x2 * n1 + (v >> half) + (w >> half)


def draw_raw(seed: Number, counter: Number) -> Number:
    """Four uint32."""
    a, b, c, d = philox(seed, counter)
    return np.uint32(a), np.uint32(b), np.uint32(c), np.uint32(d)


def draw_integers(seed: Number, counter: Number, low: Number, n: Number) -> Number:
    """One int64 in [low, low + n); low and n are uint64 and wrap around."""
    return (np.int64(low + below(seed, counter, n)),)


def draw_bernoulli(seed: Number, counter: Number, limit: Number) -> Number:
    """Four truth values, each true with probability limit / 2**32."""
    a, b, c, d = philox(seed, counter)
    return a < limit, b < limit, c < limit, d < limit


_AFFINE = ("low", "high", "s1", "s0")
RAW = Draw(draw_raw, 4)
UNIFORM_F32 = Draw(draw_uniform_f32, 4, _AFFINE, (affine, uniform_f32))
UNIFORM_F64 = Draw(draw_uniform_f64, 2, _AFFINE, (affine, uniform_f64))
NORMAL_F32 = Draw(draw_normal_f32, 4, ("mean", "std"), (normal_f32,), ("log", "sin", "cos", "sqrt"))
NORMAL_F64 = Draw(draw_normal_f64, 2, ("mean", "std"), (), ("log", "sin", "cos", "sqrt"))
INTEGERS = Draw(draw_integers, 1, ("low", "n"), (below,))
BERNOULLI = Draw(draw_bernoulli, 4, ("limit",))
