"""The yardsticks: each training step as a Numba expert would write it out by hand.

Forward, backward and update of a step stand in one loop, in float32, with sums in registers, and
with nothing computed that no parameter needs. Everything is allowed that keeps the arithmetic: data
in the layout that suits, `fastmath=True`, given arrays. A whole run of steps is one call. The loss
of each step goes to `losses`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange

loop = njit(fastmath=True, error_model="numpy")
parallel_loop = njit(fastmath=True, error_model="numpy", parallel=True)

f4 = np.float32
BLOCK = 4096  # points: what one thread sums up without another's sums
TILE = 128  # points whose activations, of all layers, stay in the first-level cache


# ---- the cubic -----------------------------------------------------------------------------------


@loop
def cubic_sums(x: Any, y: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    """The sums over all points of r * r and of r, r x, r x**2, r x**3, r being the residual."""
    square = s0 = s1 = s2 = s3 = f4(0)
    for i in range(x.size):
        v = x[i]
        r = a + v * (b + v * (c + v * d)) - y[i]
        rv = r * v
        rvv = rv * v
        square += r * r
        s0 += r
        s1 += rv
        s2 += rvv
        s3 += rvv * v
    return square, s0, s1, s2, s3


@loop
def cubic(x: Any, y: Any, p: Any, rate: Any, losses: Any) -> None:
    """p: the four coefficients, which are written."""
    a, b, c, d = p[0], p[1], p[2], p[3]
    double = f4(2) * rate
    for t in range(losses.size):
        losses[t], s0, s1, s2, s3 = cubic_sums(x, y, a, b, c, d)
        a -= double * s0
        b -= double * s1
        c -= double * s2
        d -= double * s3
    p[0], p[1], p[2], p[3] = a, b, c, d


@parallel_loop
def cubic_parallel(x: Any, y: Any, p: Any, rate: Any, losses: Any) -> None:
    """The same; blocks of points are shared out among the threads."""
    blocks = (x.size + BLOCK - 1) // BLOCK
    parts = np.empty((blocks, 5), f4)
    double = f4(2) * rate
    for t in range(losses.size):
        a, b, c, d = p[0], p[1], p[2], p[3]
        for k in prange(blocks):
            low = k * BLOCK
            found = cubic_sums(x[low : low + BLOCK], y[low : low + BLOCK], a, b, c, d)
            parts[k, 0], parts[k, 1], parts[k, 2], parts[k, 3], parts[k, 4] = found
        losses[t] = parts[:, 0].sum()
        for j in range(4):
            p[j] -= double * parts[:, j + 1].sum()


# ---- Linear(3, 1) and RMSprop --------------------------------------------------------------------


@loop
def linear(f: Any, y: Any, p: Any, square: Any, losses: Any) -> None:
    """f: the features as three rows; p: three weights and the bias; square: RMSprop's averages."""
    f1, f2, f3 = f[0], f[1], f[2]
    g = np.empty(4, f4)
    for t in range(losses.size):
        w1, w2, w3, bias = p[0], p[1], p[2], p[3]
        loss = s0 = s1 = s2 = s3 = f4(0)
        for i in range(y.size):
            r = w1 * f1[i] + w2 * f2[i] + w3 * f3[i] + bias - y[i]
            loss += r * r
            s0 += r
            s1 += r * f1[i]
            s2 += r * f2[i]
            s3 += r * f3[i]
        losses[t] = loss
        g[0], g[1], g[2], g[3] = s1, s2, s3, s0
        for j in range(4):
            slope = f4(2) * g[j]
            square[j] = f4(0.99) * square[j] + f4(0.01) * slope * slope
            p[j] -= f4(1e-3) * slope / (np.sqrt(square[j]) + f4(1e-8))


# ---- 2-16-16-1, tanh, momentum -------------------------------------------------------------------

LOG2E, LN2_HIGH, LN2_LOW = f4(1.4426950408889634), f4(0.693359375), f4(-2.12194440e-4)


@njit(error_model="numpy", inline="always")
def tanh(x: Any) -> Any:
    """(1 - e) / (1 + e) with e = exp(-2 |x|), in arithmetic that the vectorizer takes.

    exp by 2**k and Taylor's polynomial; off by 2e-7 at most, which is absolute: near 0 libm's is
    better.
    """
    u = max(f4(-2) * abs(x), f4(-40))
    k = np.floor(u * LOG2E + f4(0.5))
    r = (u - k * LN2_HIGH) - k * LN2_LOW
    q = f4(1 / 720) * r + f4(1 / 120)
    q = ((((q * r + f4(1 / 24)) * r + f4(1 / 6)) * r + f4(0.5)) * r + f4(1)) * r + f4(1)
    e = q * np.int32((np.int32(k) + np.int32(127)) << np.int32(23)).view(np.float32)
    size = (f4(1) - e) / (f4(1) + e)
    return size if x > 0 else -size


def hidden_from(width: int) -> Any:
    """The layer after `width` features: a constant, so that its sums stay in registers."""

    @loop
    def hidden(w: Any, b: Any, x: Any, out: Any) -> None:
        """out = tanh(w @ x + b) of a tile; the rows of x are features, its columns points."""
        for j in range(out.shape[0]):
            for i in range(TILE):
                z = b[j]
                for k in range(width):
                    z += w[j, k] * x[k, i]
                out[j, i] = z
            for i in range(TILE):
                out[j, i] = tanh(out[j, i])

    return hidden


def through_to(width: int) -> Any:
    """The way back through a layer that gave `width` features."""

    @loop
    def through(w: Any, d: Any, h: Any, out: Any) -> None:
        """out = (w.T @ d) * (1 - h**2): the cotangent before the tanh that gave h."""
        for k in range(out.shape[0]):
            for i in range(TILE):
                z = f4(0)
                for j in range(width):
                    z += w[j, k] * d[j, i]
                out[k, i] = z * (f4(1) - h[k, i] * h[k, i])

    return through


hidden_from_2, hidden_from_16 = hidden_from(2), hidden_from(16)
through_to_1, through_to_16 = through_to(1), through_to(16)


@loop
def weight_gradient(d: Any, x: Any, gw: Any, gb: Any) -> None:
    """gw += d @ x.T and gb += the row sums of d; two rows of x, an even number, at a time."""
    for j in range(d.shape[0]):
        total = f4(0)
        for i in range(TILE):
            total += d[j, i]
        gb[j] += total
        for k in range(0, x.shape[0], 2):
            even = odd = f4(0)
            for i in range(TILE):
                even += d[j, i] * x[k, i]
                odd += d[j, i] * x[k + 1, i]
            gw[j, k] += even
            gw[j, k + 1] += odd


@loop
def output(w: Any, b: Any, h: Any, y: Any, valid: Any, scale: Any, d: Any) -> Any:
    """The sum of the squares of e = w @ h + b - y over the `valid` first points; d = scale * e."""
    for i in range(TILE):
        d[0, i] = b[0] - y[i]
    for k in range(h.shape[0]):
        for i in range(TILE):
            d[0, i] += w[0, k] * h[k, i]
    loss = f4(0)
    for i in range(valid):
        loss += d[0, i] * d[0, i]
    for i in range(TILE):
        d[0, i] *= scale if i < valid else f4(0)
    return loss


@loop
def update(p: Any, g: Any, velocity: Any, rate: Any) -> None:
    """Momentum 0.9; g is cleared for the next step."""
    for i in range(p.size):
        velocity[i] = f4(0.9) * velocity[i] + g[i]
        p[i] -= rate * velocity[i]
        g[i] = f4(0)


@loop
def network(x: Any, y: Any, n: Any, p: Any, velocity: Any, rate: Any, losses: Any) -> None:
    """x (tiles, 2, TILE) and y (tiles, TILE) hold n points; p: all parameters, one by one."""
    g = np.zeros_like(p)
    w1, b1, w2, b2 = p[:32].reshape(16, 2), p[32:48], p[48:304].reshape(16, 16), p[304:320]
    w3, b3 = p[320:336].reshape(1, 16), p[336:]
    gw1, gb1, gw2, gb2 = g[:32].reshape(16, 2), g[32:48], g[48:304].reshape(16, 16), g[304:320]
    gw3, gb3 = g[320:336].reshape(1, 16), g[336:]
    h1, h2 = np.empty((16, TILE), f4), np.empty((16, TILE), f4)
    d1, d2, d3 = np.empty((16, TILE), f4), np.empty((16, TILE), f4), np.empty((1, TILE), f4)
    scale = f4(2) / f4(n)
    for t in range(losses.size):
        loss = f4(0)
        for k in range(x.shape[0]):
            hidden_from_2(w1, b1, x[k], h1)
            hidden_from_16(w2, b2, h1, h2)
            loss += output(w3, b3, h2, y[k], min(TILE, n - k * TILE), scale, d3)
            weight_gradient(d3, h2, gw3, gb3)
            through_to_1(w3, d3, h2, d2)
            weight_gradient(d2, h1, gw2, gb2)
            through_to_16(w2, d2, h1, d1)
            weight_gradient(d1, x[k], gw1, gb1)
        losses[t] = loss / f4(n)
        update(p, g, velocity, rate)


# ---- what stands between the matrix products of 784-256-128-10 -----------------------------------


@loop
def bias_relu(z: Any, b: Any) -> None:
    """z = max(z + b, 0)."""
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            z[i, j] = max(z[i, j] + b[j], f4(0))


@loop
def softmax_gradient(z: Any, b: Any, labels: Any) -> Any:
    """The cross entropy of the logits z + b; z becomes its gradient."""
    rows, loss = f4(z.shape[0]), f4(0)
    for i in range(z.shape[0]):
        largest = z[i, 0] + b[0]
        for j in range(z.shape[1]):
            z[i, j] += b[j]
            largest = max(largest, z[i, j])
        loss -= z[i, labels[i]] - largest
        total = f4(0)
        for j in range(z.shape[1]):
            z[i, j] = np.exp(z[i, j] - largest)
            total += z[i, j]
        loss += np.log(total)
        for j in range(z.shape[1]):
            z[i, j] /= total * rows
        z[i, labels[i]] -= f4(1) / rows
    return loss / rows


@loop
def mask_and_sum(d: Any, h: Any, sums: Any) -> None:
    """d = d where h > 0, else 0, and its column sums."""
    sums[:] = f4(0)
    for i in range(d.shape[0]):
        for j in range(d.shape[1]):
            d[i, j] = d[i, j] if h[i, j] > 0 else f4(0)
            sums[j] += d[i, j]


@loop
def adam(p: Any, g: Any, mean: Any, square: Any, rate: Any, correction: Any) -> None:
    """Flat arrays; `rate` is divided by 1 - 0.9**t, `correction` is sqrt(1 - 0.999**t)."""
    for i in range(p.size):
        mean[i] = f4(0.9) * mean[i] + f4(0.1) * g[i]
        square[i] = f4(0.999) * square[i] + f4(0.001) * g[i] * g[i]
        p[i] -= rate * mean[i] / (np.sqrt(square[i]) / correction + f4(1e-8))
