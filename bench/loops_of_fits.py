"""The yardstick of fits: MINPACK's method for many curves, as a Numba expert would write it.

Model, Jacobian and residuals stand in one loop over the points, for a number of parameters that is
a constant; of the Jacobian only the triangle of its QR factorization is kept, without pivoting.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from loops import loop
from numba import njit

TOLERANCE = 1.49012e-8  # SciPy's, of costs and of parameters


@njit(error_model="numpy", inline="always")
def exp(x: Any) -> Any:
    """As `tanh` in `loops`: 2**k and Taylor's polynomial, off by two units of the last place."""
    x = min(max(x, -708.0), 709.0)
    k = np.floor(x * 1.4426950408889634 + 0.5)
    r = (x - k * 0.693147180369123816) - k * 1.90821492927058770e-10
    q = ((r / 6227020800 + 1 / 479001600) * r + 1 / 39916800) * r + 1 / 3628800
    q = (((q * r + 1 / 362880) * r + 1 / 40320) * r + 1 / 5040) * r + 1 / 720
    q = (((((q * r + 1 / 120) * r + 1 / 24) * r + 1 / 6) * r + 0.5) * r + 1.0) * r + 1.0
    return q * np.int64((np.int64(np.int32(k)) + 1023) << 52).view(np.float64)


@loop
def decay_rows(x: Any, y: Any, p: Any, b: Any) -> Any:
    """Columns of the Jacobian of a * exp(-k * x) + c, and the residuals; their sum of squares."""
    a, k, c, cost = p[0], p[1], p[2], 0.0
    for i in range(x.size):
        e = exp(-k * x[i])
        r = a * e + c - y[i]
        b[0, i], b[1, i], b[2, i], b[3, i] = e, -a * x[i] * e, 1.0, r
        cost += r * r
    return cost


@loop
def peak_rows(x: Any, y: Any, p: Any, b: Any) -> Any:
    """The same of height * exp(-((x - center) / width)**2) + base + slope * x."""
    height, center, width, base, slope, cost = p[0], p[1], p[2], p[3], p[4], 0.0
    inverse = 1.0 / width
    for i in range(x.size):
        u = (x[i] - center) * inverse
        e = exp(-u * u)
        d = 2.0 * height * e * u * inverse
        r = height * e + base + slope * x[i] - y[i]
        b[0, i], b[1, i], b[2, i], b[3, i], b[4, i], b[5, i] = e, d, d * u, 1.0, x[i], r
        cost += r * r
    return cost


def marquardt(n: int, rows: Any) -> Any:
    """Fits of n parameters, a constant: many(x, Y, start, popt, perr, status)."""

    @loop
    def factored(b: Any, t: Any) -> None:
        """R of the columns' QR factorization, column k of it as t[k]; b is lost."""
        m = b.shape[1]
        for j in range(n + 1):
            squares = 0.0
            for i in range(j, m):
                squares += b[j, i] * b[j, i]
            norm = -np.sqrt(squares) if b[j, j] > 0 else np.sqrt(squares)
            t[j, j] = norm
            if norm == 0.0:
                continue
            b[j, j] -= norm
            scale = 1.0 / (b[j, j] * norm)
            for k in range(j + 1, n + 1):
                dot = 0.0
                for i in range(j, m):
                    dot += b[j, i] * b[k, i]
                dot *= scale
                for i in range(j, m):
                    b[k, i] += dot * b[j, i]
                t[k, j] = b[k, j]

    @loop
    def damped(t: Any, d: Any, root: Any, w: Any, z: Any) -> None:
        """The triangle of t with a row root * d[j] for each parameter, by Givens' rotations."""
        for k in range(n + 1):
            for j in range(min(k + 1, n)):
                w[k, j] = t[k, j]
        for j in range(n):
            for k in range(n + 1):
                z[k] = root * d[j] if k == j else 0.0
            for i in range(j, n):
                r = np.sqrt(w[i, i] * w[i, i] + z[i] * z[i])
                c, s = w[i, i] / r, z[i] / r
                for k in range(i, n + 1):
                    w[k, i], z[k] = c * w[k, i] + s * z[k], c * z[k] - s * w[k, i]

    @loop
    def solved(w: Any, d: Any, step: Any) -> Any:
        """The step of a triangle, and its scaled length."""
        for j in range(n):
            step[j] = -w[n, j]
        squares = 0.0
        for j in range(n - 1, -1, -1):
            step[j] /= w[j, j]
            for i in range(j):
                step[i] -= w[j, i] * step[j]
            squares += (d[j] * step[j]) ** 2
        return np.sqrt(squares)

    @loop
    def slope(w: Any, d: Any, step: Any, length: Any, z: Any) -> Any:
        """The square of the norm of the solution of R'z = d * d * step / length."""
        squares = 0.0
        for j in range(n):
            z[j] = d[j] * d[j] * step[j] / length
            for i in range(j):
                z[j] -= w[j, i] * z[i]
            z[j] /= w[j, j]
            squares += z[j] * z[j]
        return squares

    @loop
    def restrained(
        t: Any, d: Any, delta: Any, parameter: Any, w: Any, step: Any, z: Any
    ) -> Any:  # lmpar
        """The step that is delta long, to a tenth; its parameter, and its length."""
        length = solved(t, d, step)
        if length <= 1.1 * delta:
            return 0.0, length
        low = (length - delta) / delta / slope(t, d, step, length, z)
        squares = 0.0
        for j in range(n):
            g = 0.0
            for i in range(j + 1):
                g += t[j, i] * t[n, i]
            squares += (g / d[j]) ** 2
        high = np.sqrt(squares) / delta
        parameter = min(max(parameter, low), high)
        if parameter == 0.0:
            parameter = np.sqrt(squares) / length
        for _ in range(10):
            damped(t, d, np.sqrt(parameter), w, z)
            length = solved(w, d, step)
            over = length - delta
            if abs(over) <= 0.1 * delta:
                break
            low, high = (max(low, parameter), high) if over > 0 else (low, min(high, parameter))
            parameter = max(low, parameter + over / delta / slope(w, d, step, length, z))
        return parameter, length

    @loop
    def fit(x: Any, y: Any, p: Any, perr: Any, b: Any, t: Any, v: Any) -> Any:
        """lmder from p on, which is written, with its errors; MINPACK's number for the end."""
        d, step, trial, z, now = v[0], v[1], v[2], v[3], 0
        d[:], parameter, delta, size = 0.0, 0.0, 0.0, 0.0
        cost, first, info = rows(x, y, p, b), True, 0
        factored(b, t[0])
        for _ in range(200 * (n + 1)):
            squares = 0.0
            for k in range(n):
                norm = 0.0
                for j in range(k + 1):
                    norm += t[now, k, j] * t[now, k, j]
                d[k] = max(d[k], np.sqrt(norm))
                squares += (d[k] * p[k]) ** 2
            size = np.sqrt(squares)
            if first:
                delta = 100.0 * size if size > 0 else 100.0
            parameter, length = restrained(t[now], d, delta, parameter, t[2], step, z)
            linear = 0.0
            for j in range(n):
                trial[j] = p[j] + step[j]
                row = 0.0
                for k in range(j, n):
                    row += t[now, k, j] * step[k]
                linear += row * row
            delta, first = min(delta, length) if first else delta, False
            new = rows(x, y, trial, b)
            factored(b, t[1 - now])
            damping = parameter * length * length
            predicted, down = (linear + 2.0 * damping) / cost, -(linear + damping) / cost
            actual = 1.0 - new / cost if 0.01 * new < cost else -1.0
            ratio = actual / predicted if predicted != 0 else 0.0
            if ratio <= 0.25:
                shrink = 0.5 if actual >= 0 else 0.5 * down / (down + 0.5 * actual)
                shrink = max(shrink, 0.1) if 0.01 * new < cost else 0.1
                delta, parameter = shrink * min(delta, length / 0.1), parameter / shrink
            elif parameter == 0.0 or ratio >= 0.75:
                delta, parameter = 2.0 * length, 0.5 * parameter
            if ratio >= 1e-4:
                for k in range(n):
                    p[k] = trial[k]
                cost, now = new, 1 - now
            info = int(abs(actual) <= TOLERANCE and predicted <= TOLERANCE and ratio <= 2.0)
            info += 2 * int(delta <= TOLERANCE * size)
            if info:
                break
        for k in range(n):  # R inverse, row by row
            perr[k] = 0.0
            for i in range(k, n):
                z[i] = 1.0 if i == k else 0.0
                for j in range(k, i):
                    z[i] -= z[j] * t[now, i, j]
                z[i] /= t[now, i, i]
                perr[k] += z[i] * z[i]
            perr[k] = np.sqrt(perr[k] * cost / (x.size - n))
        return info

    @njit(error_model="numpy", fastmath=True, nogil=True)
    def many(x: Any, y: Any, start: Any, popt: Any, perr: Any, status: Any) -> None:
        """All curves, one after the other."""
        b, t = np.empty((n + 1, x.size)), np.zeros((3, n + 1, n + 1))
        v = np.empty((4, n + 1))
        for i in range(len(y)):
            popt[i] = start
            status[i] = fit(x, y[i], popt[i], perr[i], b, t, v)

    return many
