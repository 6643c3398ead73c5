"""Triangles: what of a Jacobian with many rows decides the next step, and all that is made of it.

`t[k, j]` is row j of column k. The first n columns are R of the Jacobian's QR factorization, the
last one is the residuals', rotated alike: its first n rows are Q'f. A block of rows is `b[k, i]`,
row i of column k, residuals last. Functions here are read as text and compiled, see `source`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any


def take_in(t: Array, b: Array, n: int, size: int) -> None:
    """Fold `size` rows of `b` into the triangle `t` by Householder reflections; `b` is lost."""
    for j in range(n + 1):
        below = b[j]
        squares = 0.0
        for i in range(size):
            squares += below[i] * below[i]
        if squares != 0.0:
            diagonal = t[j, j]
            norm = np.sqrt(diagonal * diagonal + squares)
            norm = -norm if diagonal > 0.0 else norm
            u = diagonal - norm
            for k in range(j + 1, n + 1):
                column = b[k]
                dot = 0.0
                for i in range(size):
                    dot += below[i] * column[i]
                dot = (dot + u * t[k, j]) / (u * norm)
                t[k, j] += dot * u
                for i in range(size):
                    column[i] += dot * below[i]
            t[j, j] = norm


def take_in_upper(t: Array, b: Array, n: int) -> None:
    """`take_in` of n rows of which row i begins with column i, without the rest of the last one."""
    for j in range(n):
        squares = 0.0
        for i in range(j + 1):
            squares += b[j, i] * b[j, i]
        if squares != 0.0:
            diagonal = t[j, j]
            norm = np.sqrt(diagonal * diagonal + squares)
            norm = -norm if diagonal > 0.0 else norm
            u = diagonal - norm
            scale = 1.0 / (u * norm)
            for k in range(j + 1, n + 1):
                dot = u * t[k, j]
                for i in range(j + 1):
                    dot += b[j, i] * b[k, i]
                dot *= scale
                t[k, j] += dot * u
                for i in range(j + 1):
                    b[k, i] += dot * b[j, i]
            t[j, j] = norm


def pivoted(t: Array, a: Array, fixed: Array, order: Array, n: int) -> None:
    """The QR factorization of triangle `t` with the longest columns first: `a`, `order`.

    Column j of `a` is column `order[j]` of `t`; those that are `fixed` are 0 and come last.
    """
    for k in range(n + 1):
        used = k == n or fixed[k] == 0.0
        for j in range(n):
            a[k, j] = t[k, j] if used and j <= k else 0.0
    for k in range(n):
        order[k] = k
    for j in range(n):
        best, most = j, -1.0
        for k in range(j, n):
            squares = 0.0
            for i in range(j, n):
                squares += a[k, i] * a[k, i]
            if squares > most:
                best, most = k, squares
        if best != j:
            order[j], order[best] = order[best], order[j]
            for i in range(n):
                a[j, i], a[best, i] = a[best, i], a[j, i]
        norm = np.sqrt(max(most, 0.0))
        if norm > 0.0:
            norm = -norm if a[j, j] > 0.0 else norm
            a[j, j] -= norm
            scale = a[j, j] * norm
            for k in range(j + 1, n + 1):
                dot = 0.0
                for i in range(j, n):
                    dot += a[j, i] * a[k, i]
                dot /= scale
                for i in range(j, n):
                    a[k, i] += dot * a[j, i]
        a[j, j] = norm


def factored(t: Array, a: Array, fixed: Array, order: Array, n: int) -> None:
    """`pivoted`, but in their own order where no column is nearly one of those before it."""
    apart = True
    for k in range(n):
        squares = 0.0
        for j in range(k + 1):
            squares += t[k, j] * t[k, j]
        if fixed[k] != 0.0 or not t[k, k] * t[k, k] > 1e-12 * squares:
            apart = False
    if not apart:
        pivoted(t, a, fixed, order, n)
        return
    for k in range(n + 1):
        for j in range(n):
            a[k, j] = t[k, j] if j <= k else 0.0
    for k in range(n):
        order[k] = k


def backward(t: Array, x: Array, n: int) -> int:
    """Solve R x = the last column of `t`; where R is singular the rest is 0. Its rank."""
    rank = n
    for j in range(n):
        if rank == n and t[j, j] == 0.0:
            rank = j
        x[j] = t[n, j] if rank == n else 0.0
    for j in range(rank - 1, -1, -1):
        x[j] /= t[j, j]
        for i in range(j):
            x[i] -= t[j, i] * x[j]
    return rank


def forward(t: Array, x: Array, n: int) -> float:
    """Solve R'y = x in place; the norm of y."""
    squares = 0.0
    for j in range(n):
        y = x[j]
        for i in range(j):
            y -= t[j, i] * x[i]
        x[j] = y / t[j, j]
        squares += x[j] * x[j]
    return float(np.sqrt(squares))


def covariance(inverse: Array, a: Array, w: Array, order: Array, n: int) -> None:
    """The inverse of R'R of the pivoted triangle `a`; NaN where R is singular to rounding.

    `w` is overwritten: its row k becomes column k of R's inverse.
    """
    singular = False
    for k in range(n):
        squares = 0.0
        for j in range(k + 1):
            squares += a[k, j] * a[k, j]
        singular = singular or not abs(a[k, k]) > 1e-15 * n * np.sqrt(squares)
    for k in range(n):
        for j in range(n):
            w[n, j] = 1.0 if j == k else 0.0
        for j in range(k, -1, -1):
            w[n, j] = np.nan if singular else w[n, j] / a[j, j]
            for i in range(j):
                w[n, i] -= a[j, i] * w[n, j]
        for j in range(n):
            w[k, j] = w[n, j]
    for i in range(n):
        for j in range(n):
            total = 0.0
            for k in range(n):
                total += w[k, i] * w[k, j]
            inverse[order[i], order[j]] = total


def finish(t: Array, inverse: Array, a: Array, w: Array, v: Array, order: Array) -> None:
    """The inverse of R'R of the triangle `t`; NaN where it is singular. The rest is work space."""
    n = v.shape[1]
    for k in range(n):
        v[0, k] = 0.0
    factored(t, a, v[0], order, n)
    covariance(inverse, a, w, order, n)
