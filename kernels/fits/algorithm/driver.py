"""Whole fits around the code of a model: of one curve, and of many.

    rows    the model's code: `rows(x, y, w, p, flat, start, stop)` computes the weighted residuals
            of the points from start to stop - 1 and their derivatives, see `source`
    fold    code of the number of parameters, or 0: folds a block into a triangle, see `folding`
    flat    a block of rows, `PLACES` of each column one after the other; b is the same as a table

Both are code at an address: so this is compiled once for all models. Functions here are read as
text and compiled, see `native`; a GPU has its own `call_rows`, `call_fold` and `extents`, see
`on_cuda`, for there all is one kernel, of the model, and data lie otherwise.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .losses import LINEAR, cost, weigh
from .marquardt import (
    DONE,
    FOLD,
    LOSS,
    LOSS_SCALE,
    NEW,
    ORDER,
    RESCALE,
    ROTATED,
    SCALES,
    START,
    TRIAL,
    advance,
)
from .triangle import finish, take_in

Array = Any

# Places of a block: points times outputs.
PLACES = 256


def call_rows(
    code: Any, x: Array, y: Array, w: Array, p: Array, flat: Array, start: int, stop: int
) -> None:
    """Call code; where this runs as Python, a function."""
    code(x, y, w, p, flat, start, stop)


def call_fold(code: Any, t: Array, flat: Array, size: int) -> None:
    """Likewise."""
    code(t, flat, size)


def extents(y: Array) -> tuple[int, int]:
    """Outputs and points."""
    return y.shape[0], y.shape[1]


def evaluate(
    rows: Any, fold: Any, x: Array, y: Array, w: Array, p: Array, t: Array, flat: Array, b: Array,
    loss: int, scale: float,
) -> float:  # fmt: skip
    """Twice the cost at the parameters `p`; the triangle of all rows there is `t`."""
    n, total = p.size, 0.0
    outputs, all_points = extents(y)
    points = PLACES // outputs
    for k in range(n + 1):
        for j in range(n + 1):
            t[k, j] = 0.0
    for start in range(0, all_points, points):
        stop = min(all_points, start + points)
        size = stop - start
        if outputs > 1:  # the gaps behind the outputs of a short block hold rows of zeros
            if size < points:
                for k in range(n + 1):
                    for i in range(PLACES):
                        b[k, i] = 0.0
            size = points * outputs
        call_rows(rows, x, y, w, p, flat, start, stop)
        total += cost(b[n], size, loss, scale)
        if loss != LINEAR:
            weigh(b, n, size, loss, scale)
        if fold != 0:
            call_fold(fold, t, flat, size)
        else:
            take_in(t, b, n, size)
    return total


def fit_one(
    rows: Any, fold: Any, x: Array, y: Array, w: Array, triangles: Array, flat: Array, b: Array,
    v: Array, s: Array, c: Array,
) -> int:  # fmt: skip
    """Fit from v[TRIAL]; the place among `triangles` of the one at the end. The rest is lost."""
    now, asked = 0, START
    while asked != DONE:
        if asked == FOLD:
            now = 1 - now
        else:
            t, loss, scale = triangles[1 - now], c[LOSS], s[LOSS_SCALE]
            s[NEW] = evaluate(rows, fold, x, y, w, v[TRIAL], t, flat, b, loss, scale)
        asked = advance(asked, triangles[now], triangles[2], triangles[3], b, v, s, c)
    return now


def fit_whole(
    rows: Any, fold: Any, x: Array, y: Array, w: Array, triangles: Array, flat: Array, b: Array,
    v: Array, s: Array, c: Array, inverse: Array, lost: Array,
) -> int:  # fmt: skip
    """`fit_one`, and what becomes of it: `inverse`, of R'R, and lost[0], whether a parameter has no
    influence any more."""
    now, n = fit_one(rows, fold, x, y, w, triangles, flat, b, v, s, c), v.shape[1]
    t = triangles[now]
    finish(t, inverse, triangles[2], triangles[3], v[ROTATED:], c[ORDER:])
    lost[0] = gone(t, inverse, v[SCALES], c[RESCALE] != 0, n)
    return now


def fit_some(
    rows: Any, fold: Any, x: Array, y: Array, w: Array, triangles: Array, flat: Array,
    v: Array, s: Array, c: Array, inverse: Array, lost: Array, start: int, stop: int,
) -> int:  # fmt: skip
    """Fit the curves from start to stop - 1, each by itself; x and w may be one for all.

    The place among `triangles` of the last one's.
    """
    now, b = 0, flat.reshape((v.shape[2] + 1, PLACES))
    for i in range(start, stop):
        at_x, at_w = min(i, x.shape[0] - 1), min(i, w.shape[0] - 1)
        now = fit_whole(
            rows, fold, x[at_x], y[i], w[at_w], triangles, flat, b, v[i], s[i], c[i],
            inverse[i], lost[i:i + 1],
        )  # fmt: skip
    return now


def gone(t: Array, inverse: Array, scales: Array, rescaled: bool, n: int) -> bool:
    """Whether a parameter has no influence any more, beside that which it had."""
    found = np.isnan(inverse[0, 0])
    for k in range(n):
        squares = 0.0
        for j in range(n + 1):
            squares += t[k, j] * t[k, j]
        found = found or (rescaled and np.sqrt(squares) < 1e-10 * scales[k])
    return bool(found)
