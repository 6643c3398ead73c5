"""Draws of which nobody knows how many random words they take: gamma, Poisson and binomial numbers.

Each is a scalar function of a key, which has a Philox stream of its own, and of parameters in
float64. Here they run as plain Python on NumPy scalars; `Sampler.sources` is their text, for a
generated module to compile with `njit` or `cuda.jit(device=True)`.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .philox import NORMAL_F64, Number, normal_f64, philox


@dataclass(frozen=True, eq=False, repr=False)
class Sampler:
    """`function(*operands)`, which calls `callees` and the `helpers` of vecmath by these names.

    `operands` are its parameters; "key" is an int64 that is not negative, others are float64.
    """

    function: Callable[..., Any]
    operands: tuple[str, ...]
    callees: tuple[Callable[..., Any], ...] = ()
    helpers: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What people call it."""
        return self.function.__name__

    @property
    def sources(self) -> list[str]:
        """Texts of the callees and the function, without decorators."""
        return [inspect.getsource(f) for f in (*self.callees, self.function)]


def fraction(x: Number, y: Number) -> Number:
    """A float64 in (0, 1), of 52 bits, from two words."""
    m = (x << np.uint64(20)) | (y >> np.uint64(12))
    return (np.float64(np.int64(m)) + 0.5) * 2.0**-52


def gamma(key: Number, shape: Number) -> Number:
    """A gamma number of rate 1, by rejection; one of a shape below 1 is drawn of shape + 1.

    Source: Marsaglia and Tsang, "A simple method for generating gamma variables", 2000.
    """
    if not shape > 0.0 or shape == np.inf:
        return shape if shape == np.inf else np.nan
    seed, counter = np.uint64(key), np.uint64(0)
    d = (shape if shape >= 1.0 else shape + 1.0) - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    v, w, accepted = 1.0, 0.5, False
    while not accepted:
        a, b, e, f = philox(seed, counter)
        x, _ = normal_f64(a, b, e, f, 0.0, 1.0)
        a, b, e, f = philox(seed, counter + np.uint64(1))
        counter += np.uint64(2)
        u, w = fraction(a, b), fraction(e, f)
        v = 1.0 + c * x
        if v > 0.0:
            v = v * v * v
            accepted = math.log(u) < 0.5 * x * x + d - d * v + d * math.log(v)
    return d * v if shape >= 1.0 else d * v * math.exp(math.log(w) / shape)


def digamma_above(x: Number) -> Number:
    """The derivative of log gamma(x), x > 0: by recurrence up to 10, then its asymptotic series."""
    value = 0.0
    while x < 10.0:
        value -= 1.0 / x
        x += 1.0
    z = 1.0 / (x * x)
    series = 1.0 / 240.0 - z * (1.0 / 132.0 - z * (691.0 / 32760.0 - z / 12.0))
    series = z * (1.0 / 12.0 - z * (1.0 / 120.0 - z * (1.0 / 252.0 - z * series)))
    return value + math.log(x) - 0.5 / x - series


def gamma_slope(value: Number, shape: Number) -> Number:
    """How a gamma number of rate 1 moves with its shape while its quantile stays.

    That is -dF/dshape / p = x sum_n x**n / (a (a + 1) ... (a + n)) (digamma(a + n + 1) - log x),
    of the series of F. Source: Figurnov, Mohamed and Mnih, "Implicit reparameterization
    gradients", 2018.
    """
    if not (value > 0.0 and shape > 0.0) or value == np.inf or shape == np.inf:
        return 0.0 if value == 0.0 else np.nan
    log, psi = math.log(value), digamma_above(shape + 1.0)
    term, at = 1.0 / shape, shape + 1.0
    total, size = term * (psi - log), term
    while term > 1e-17 * size or at < value:
        psi += 1.0 / at
        term *= value / at
        at += 1.0
        size += term
        total += term * (psi - log)
    return value * total


def poisson(key: Number, rate: Number) -> Number:
    """A Poisson number: by products of uniform numbers, or, from a rate of 10 on, by rejection.

    Source: Hoermann, "The transformed rejection method for generating Poisson random variables",
    1993 (PTRS).
    """
    if not rate >= 0.0 or rate == np.inf:
        return np.nan
    seed, counter = np.uint64(key), np.uint64(0)
    k = 0.0
    if rate < 10.0:
        least, product = math.exp(-rate), 1.0
        while True:
            a, b, _, _ = philox(seed, counter)
            counter += np.uint64(1)
            product *= fraction(a, b)
            if product <= least:
                return k
            k += 1.0
    scale = 0.931 + 2.53 * math.sqrt(rate)
    slope = -0.059 + 0.02483 * scale
    steep = 1.1239 + 1.1328 / (scale - 3.4)
    sure = 0.9277 - 3.6224 / (scale - 2.0)
    while True:
        a, b, e, f = philox(seed, counter)
        counter += np.uint64(1)
        u, v = fraction(a, b) - 0.5, fraction(e, f)
        us = 0.5 - abs(u)
        k = math.floor((2.0 * slope / us + scale) * u + rate + 0.43)
        if us >= 0.07 and v <= sure:
            return k
        if k < 0.0 or (us < 0.013 and v > us):
            continue
        bound = k * math.log(rate) - rate - math.lgamma(k + 1.0)
        if math.log(v * steep / (slope / (us * us) + scale)) <= bound:
            return k


def binomial(key: Number, count: Number, chance: Number) -> Number:
    """Successes of `count` trials: by waiting times where few are expected, else by rejection.

    Source: Hoermann, "The generation of binomial random variates", 1993 (BTRS).
    """
    n = math.floor(count) if count < np.inf else np.nan
    if not (n >= 0.0 and 0.0 <= chance <= 1.0):
        return np.nan
    p = chance if chance <= 0.5 else 1.0 - chance
    seed, counter = np.uint64(key), np.uint64(0)
    k = 0.0
    if n * p < 10.0:
        waited, rest = 0.0, math.log1p(-p)
        while p > 0.0:
            a, b, _, _ = philox(seed, counter)
            counter += np.uint64(1)
            waited += math.floor(math.log(fraction(a, b)) / rest) + 1.0
            if waited > n:
                break
            k += 1.0
        return k if chance <= 0.5 else n - k
    spread = math.sqrt(n * p * (1.0 - p))
    scale = 1.15 + 2.53 * spread
    slope = -0.0873 + 0.0248 * scale + 0.01 * p
    steep = (2.83 + 5.1 / scale) * spread
    sure = 0.92 - 4.2 / scale
    mode = math.floor((n + 1.0) * p)
    top = math.lgamma(mode + 1.0) + math.lgamma(n - mode + 1.0)
    while True:
        a, b, e, f = philox(seed, counter)
        counter += np.uint64(1)
        u, v = fraction(a, b) - 0.5, fraction(e, f)
        us = 0.5 - abs(u)
        k = math.floor((2.0 * slope / us + scale) * u + n * p + 0.5)
        if k < 0.0 or k > n:
            continue
        bound = top - math.lgamma(k + 1.0) - math.lgamma(n - k + 1.0)
        bound += (k - mode) * math.log(p / (1.0 - p))
        if (us >= 0.07 and v <= sure) or math.log(v * steep / (slope / (us * us) + scale)) <= bound:
            return k if chance <= 0.5 else n - k


_CALLEES = (fraction,)
GAMMA = Sampler(gamma, ("key", "shape"), _CALLEES)
GAMMA_SLOPE = Sampler(gamma_slope, ("value", "shape"), (digamma_above,))
POISSON = Sampler(poisson, ("key", "rate"), _CALLEES)
BINOMIAL = Sampler(binomial, ("key", "count", "chance"), _CALLEES)
# Those that draw call Philox and, for normal numbers, what that calls.
STREAM = NORMAL_F64
