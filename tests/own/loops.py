"""Users' loops, as they would write them, and ops of them."""

from __future__ import annotations

from math import exp as power_of_e

import numba as nb
import numpy as np
import numpy as xp
from numba import njit, prange

import microgrest as mg

GAIN = 1.5
WEIGHTS = np.array([0.25, 0.5, 0.25])


@njit
def weight(r, gain=GAIN):
    return gain * r


# Fills its result


def convolve_back(grad_out, signal, response, grad_signal, grad_response):
    for i in range(signal.size):
        for j in range(min(i + 1, response.size)):
            grad_signal[i - j] += weight(response[j]) * grad_out[i]
            grad_response[j] += GAIN * signal[i - j] * grad_out[i]


@mg.kernel(out="signal", backward=convolve_back)
@njit(fastmath=True, cache=True)
def convolve(signal: np.ndarray, response: np.ndarray, out: np.ndarray) -> None:
    """What a detector with a causal response makes of a signal."""
    for i in range(signal.size):
        # as much of the response as there is signal before
        for j in range(min(i + 1, response.size)):
            out[i] += weight(response[j]) * signal[i - j]


# Returns its result


def smooth_back(grad_out, strength, grad_x):
    n, m = grad_out.shape
    for i in range(n):
        for j in range(m):
            for k in range(3):
                if 0 <= j + k - 1 < m:
                    grad_x[i, j + k - 1] += strength * WEIGHTS[k] * grad_out[i, j]


@mg.kernel(out="x", backward=smooth_back)
@njit
def smooth(x, strength=1.0):
    out = xp.zeros_like(x)
    n, m = x.shape
    for i in range(n):
        for j in range(m):
            for k in range(3):
                if 0 <= j + k - 1 < m:
                    out[i, j] += strength * WEIGHTS[k] * x[i, j + k - 1]
    return out


# Several results, of other shapes and types


def peaks_back(grad_highest, where, grad_x):
    for i in range(where.size):
        grad_x[i, where[i]] = grad_highest[i]


@mg.kernel(
    highest=lambda x: (x.shape[0],),
    where=lambda x: ((x.shape[0],), mg.int64),
    backward=peaks_back,
)
def peaks(x, highest, where):
    for i in range(x.shape[0]):
        best = 0
        for j in range(1, x.shape[1]):
            if x[i, j] > x[i, best]:
                best = j
        highest[i] = x[i, best]
        where[i] = best


# A backward that has one itself


def cube_back_back(grad_grad_x, grad_out, x, grad_grad_out, grad_x):
    for i in range(x.size):
        grad_grad_out[i] = 3.0 * x[i] ** 2 * grad_grad_x[i]
        grad_x[i] = 6.0 * x[i] * grad_out[i] * grad_grad_x[i]


@mg.kernel(grad_x="x", backward=cube_back_back)
def cube_back(grad_out, x, grad_x):
    for i in range(x.size):
        grad_x[i] = 3.0 * x[i] ** 2 * grad_out[i]


@mg.kernel(out="x", backward=cube_back)
def cube(x, out):
    for i in range(x.size):
        out[i] = x[i] ** 3


# What the backward takes of results, numbers of all types, elements without dimensions


def decay_back(grad_out, out, t, rate, flip, grad_rate):
    for i in range(t.size):
        sign = nb.float64(-1.0 if flip else 1.0)
        grad_rate[0] -= sign * t[i] * out[i] * grad_out[i]


@mg.kernel(out="t", backward=decay_back)
def decay(t, rate, power, flip, out):
    for i in range(t.size):
        out[i] = power_of_e(-(t[i] * rate[0] if not flip else -t[i] * rate[0])) ** power


@mg.kernel(out="x")
@njit(parallel=True)
def doubled(x, out):
    for i in prange(x.size):
        out[i] = 2 * x[i]


@mg.kernel(total=lambda x: ((), mg.float64))
def kernel(x):
    total = 0.0
    for i in range(x.size):
        total += x[i]
    return total


def scaled_back(grad_out, x, factor, grad_x, grad_factor):
    for i in range(x.size):
        grad_x[i] = factor * grad_out[i]
        grad_factor[0] += x[i] * grad_out[i]


@mg.kernel(out="x", inside=lambda x: (x.shape, mg.bool), backward=scaled_back)
@njit
def scaled(x, factor):
    """Two results that are returned, one of them of bools; a number with a gradient."""
    return factor * x, np.abs(x) < factor
