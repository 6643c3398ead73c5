"""The method of Levenberg and Marquardt as MINPACK's `lmder` has it, one evaluation at a time.

Whoever fits evaluates, `advance` says where next: it is a state machine over arrays, so that one
text serves a native loop over one curve, a loop over many, and residuals that Python computes. By
J. J. More, "The Levenberg-Marquardt algorithm: implementation and theory" (1978), with its scaling,
its parameter, its tests and their numbers; of the Jacobian it sees the triangle alone.

Bounds are kept by a step of the free parameters. One that stands at its bound and would leave is
fixed, one after the other, and what still goes beyond ends at the bound.

    s, c, v    numbers, whole numbers, and rows of n numbers, by the names below
    t, a, w    triangles: at `v[X]`; pivoted; with the parameter's rows. b is a block of rows

Functions here are read as text and compiled, see `source`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .triangle import backward, factored, forward, take_in_upper

Array = Any

# What `advance` asks for.
DONE = 0
FOLD = 1  # the triangle at v[X], where the cost is known
COST = 2  # the sum of squares at v[TRIAL], as s[NEW]
START = 3  # what comes first: the same, where v[TRIAL] is where to begin
# Rows of v.
X = 0
TRIAL = 1
STEP = 2
SCALES = 3  # MINPACK's diag
LOWER = 4
UPPER = 5
NORMS = 6  # of the Jacobian's columns
GRADIENT = 7
FIXED = 8
LEFT = 9  # as FIXED, and those that would leave
ROTATED = 10
ROWS = 11
# Numbers. A cost is a sum of squares.
OLD = 0
NEW = 1
FTOL = 2
XTOL = 3
GTOL = 4
FACTOR = 5
DELTA = 6
PARAMETER = 7
LENGTH = 8  # of the step, scaled
SIZE = 9  # of x, scaled
PREDICTED = 10
SLOPE = 11
COSINE = 12  # the largest one between the residuals and a column of the Jacobian
LOSS_SCALE = 13
NUMBERS = 14
# Whole numbers; behind them the order of the columns.
EVALUATIONS = 0
JACOBIANS = 1
STATUS = 2  # MINPACK's info
MOST = 3
FRESH = 4  # whether no step has been taken
RESCALE = 5  # whether scales follow the columns' norms
BOUNDED = 6
LOSS = 7
ORDER = 8

EPSILON = 2.220446049250313e-16
TINY = 2.2250738585072014e-308


def advance(
    asked: int, t: Array, a: Array, w: Array, b: Array, v: Array, s: Array, c: Array
) -> int:
    """Go on with what was `asked` for; what is wanted next, DONE with c[STATUS] at the end."""
    n = v.shape[1]
    if asked == START:
        begin(v, s, c, n)
        return FOLD
    if asked == COST:
        if judge(v, s, c, n):
            return FOLD
    else:
        c[JACOBIANS] += 1
        if c[STATUS] == 0:
            prepare(t, v, s, c, n)
    if c[STATUS] != 0:
        return DONE
    propose(t, a, w, b, v, s, c, n)
    return COST


def begin(v: Array, s: Array, c: Array, n: int) -> None:
    """Where the first evaluation was."""
    for k in range(n):
        v[X, k] = v[TRIAL, k]
    s[OLD] = s[NEW]
    c[EVALUATIONS], c[JACOBIANS], c[STATUS], c[FRESH] = 1, 0, 0, 1


def length(scales: Array, x: Array, n: int) -> float:
    """The norm of x, scaled."""
    squares = 0.0
    for j in range(n):
        squares += (scales[j] * x[j]) ** 2
    return float(np.sqrt(squares))


def prepare(t: Array, v: Array, s: Array, c: Array, n: int) -> None:
    """At a new point: norms, scales, the gradient, and the test of it."""
    root, cosine = np.sqrt(s[OLD]), 0.0
    for k in range(n):
        squares = gradient = 0.0
        for j in range(k + 1):
            squares += t[k, j] * t[k, j]
            gradient += t[k, j] * t[n, j]
        norm = np.sqrt(squares)
        v[NORMS, k], v[GRADIENT, k] = norm, gradient
        low, high = v[X, k] <= v[LOWER, k], v[X, k] >= v[UPPER, k]
        fixed = c[BOUNDED] != 0 and ((low and gradient > 0.0) or (high and gradient < 0.0))
        v[FIXED, k] = 1.0 if fixed else 0.0
        if norm != 0.0 and root != 0.0 and not fixed and cosine == cosine:
            found = abs(gradient / root / norm)
            cosine = cosine if found <= cosine else found  # NaN stays
        if c[RESCALE] != 0:
            if c[FRESH] != 0:
                v[SCALES, k] = norm if norm != 0.0 else 1.0
            v[SCALES, k] = max(v[SCALES, k], norm)
    if c[FRESH] != 0:
        s[SIZE] = length(v[SCALES], v[X], n)
        s[DELTA] = s[FACTOR] * s[SIZE] if s[SIZE] != 0.0 else s[FACTOR]
    s[COSINE] = cosine
    # A start from which nothing finite is seen is left at once, as MINPACK leaves it.
    nowhere = c[FRESH] != 0 and not (np.isfinite(s[OLD]) and np.isfinite(cosine))
    if cosine <= s[GTOL] or nowhere:
        c[STATUS] = 4


def propose(t: Array, a: Array, w: Array, b: Array, v: Array, s: Array, c: Array, n: int) -> None:
    """The next trial point, and what the linear model says of it."""
    for k in range(n):
        v[LEFT, k] = v[FIXED, k]
    leaves = 0
    while leaves >= 0:
        factored(t, a, v[LEFT], c[ORDER:], n)
        restrained(a, w, b, v, s, c, n)
        for k in range(n):
            v[STEP, k] = 0.0 if v[LEFT, k] != 0.0 else v[STEP, k]
        leaves = leaving(v, n) if c[BOUNDED] != 0 else -1
        if leaves >= 0:
            v[LEFT, leaves] = 1.0
    clipped = False
    for k in range(n):
        trial = v[X, k] + v[STEP, k]
        if c[BOUNDED] != 0 and not v[LOWER, k] <= trial <= v[UPPER, k]:
            clipped = True
            trial = min(max(trial, v[LOWER, k]), v[UPPER, k])
            v[STEP, k] = trial - v[X, k]
        v[TRIAL, k] = trial
    s[LENGTH] = length(v[SCALES], v[STEP], n)
    if c[FRESH] != 0:
        s[DELTA] = min(s[DELTA], s[LENGTH])
    predict(t, v, s, clipped, n)


def leaving(v: Array, n: int) -> int:
    """Of the parameters that stand at a bound, the one that would leave the farthest; or -1."""
    found, most = -1, 0.0
    for k in range(n):
        step = v[STEP, k]
        if (v[X, k] <= v[LOWER, k] and step < 0.0) or (v[X, k] >= v[UPPER, k] and step > 0.0):
            far = abs(v[SCALES, k] * step)
            if far > most:
                found, most = k, far
    return found


def predict(t: Array, v: Array, s: Array, clipped: bool, n: int) -> None:
    """The relative reduction that the linear model predicts, and its slope."""
    curvature = gradient = 0.0
    for j in range(n):
        row = 0.0
        for k in range(j, n):
            row += t[k, j] * v[STEP, k]
        curvature += row * row
        gradient += v[GRADIENT, j] * v[STEP, j]
    damping = s[PARAMETER] * s[LENGTH] ** 2
    if clipped:
        s[PREDICTED], s[SLOPE] = -(2.0 * gradient + curvature) / s[OLD], gradient / s[OLD]
    else:
        s[PREDICTED] = (curvature + 2.0 * damping) / s[OLD]
        s[SLOPE] = -(curvature + damping) / s[OLD]


def judge(v: Array, s: Array, c: Array, n: int) -> bool:
    """Whether the trial point is taken; the size of the next step, and the tests of convergence."""
    c[EVALUATIONS] += 1
    better = 0.01 * s[NEW] < s[OLD]
    actual = 1.0 - s[NEW] / s[OLD] if better else -1.0
    predicted = s[PREDICTED]
    ratio = actual / predicted if predicted != 0.0 else 0.0
    if not ratio > 0.25:
        shrink = 0.5 if actual >= 0.0 else 0.5 * s[SLOPE] / (s[SLOPE] + 0.5 * actual)
        if not better or not shrink >= 0.1:
            shrink = 0.1
        s[DELTA] = shrink * min(s[DELTA], s[LENGTH] / 0.1)
        s[PARAMETER] /= shrink
    elif s[PARAMETER] == 0.0 or ratio >= 0.75:
        s[DELTA] = s[LENGTH] / 0.5
        s[PARAMETER] *= 0.5
    taken = ratio >= 1e-4
    if taken:
        for k in range(n):
            v[X, k] = v[TRIAL, k]
        s[SIZE] = length(v[SCALES], v[X], n)
        s[OLD] = s[NEW]
        c[FRESH] = 0
    converged(actual, ratio, s, c)
    return taken


def converged(actual: float, ratio: float, s: Array, c: Array) -> None:
    """MINPACK's tests, in its order."""
    reduced, predicted = abs(actual), s[PREDICTED]
    small = reduced <= s[FTOL] and predicted <= s[FTOL] and 0.5 * ratio <= 1.0
    near = s[DELTA] <= s[XTOL] * s[SIZE]
    if small or near:
        c[STATUS] = 3 if small and near else (1 if small else 2)
        return
    if c[EVALUATIONS] >= c[MOST]:
        c[STATUS] = 5
    if reduced <= EPSILON and predicted <= EPSILON and 0.5 * ratio <= 1.0:
        c[STATUS] = 6
    if s[DELTA] <= EPSILON * s[SIZE]:
        c[STATUS] = 7
    if s[COSINE] <= EPSILON:
        c[STATUS] = 8


def restrained(a: Array, w: Array, b: Array, v: Array, s: Array, c: Array, n: int) -> None:
    """The step of scaled length s[DELTA], to a tenth, and its parameter: MINPACK's lmpar.

    The whole step of Gauss and Newton, with parameter 0, if that is no longer.
    """
    order, z, delta = c[ORDER:], v[ROTATED], s[DELTA]
    rank = backward(a, z, n)
    norm = placed(z, v, order, n)
    excess = norm - delta
    if excess <= 0.1 * delta:
        s[PARAMETER] = 0.0
        return
    low = 0.0
    if rank == n:
        slope = newton(a, z, v, order, norm, n)
        low = excess / delta / slope / slope
    steepest = descent(a, v, order, n)
    high = steepest / delta if steepest != 0.0 else TINY / min(delta, 0.1)
    parameter = min(max(s[PARAMETER], low), high)
    if parameter == 0.0:
        parameter = steepest / norm
    for turn in range(10):
        if parameter == 0.0:
            parameter = max(TINY, 0.001 * high)
        damped(a, w, b, v, order, np.sqrt(parameter), n)
        backward(w, z, n)
        norm, before = placed(z, v, order, n), excess
        excess = norm - delta
        if abs(excess) <= 0.1 * delta or (low == 0.0 and excess <= before < 0.0) or turn == 9:
            break
        slope = newton(w, z, v, order, norm, n)
        if excess > 0.0:
            low = max(low, parameter)
        if excess < 0.0:
            high = min(high, parameter)
        parameter = max(low, parameter + excess / delta / slope / slope)
    s[PARAMETER] = parameter


def placed(z: Array, v: Array, order: Array, n: int) -> float:
    """The solution -z, of pivoted columns, as v[STEP]; its scaled norm."""
    for j in range(n):
        v[STEP, order[j]] = -z[j]
    return length(v[SCALES], v[STEP], n)


def newton(t: Array, z: Array, v: Array, order: Array, norm: float, n: int) -> float:
    """What the norm of the step changes by with the parameter, as a root of it."""
    for j in range(n):
        scale = v[SCALES, order[j]]
        z[j] = scale * (scale * v[STEP, order[j]] / norm)
    return forward(t, z, n)


def descent(a: Array, v: Array, order: Array, n: int) -> float:
    """The norm of the scaled gradient."""
    squares = 0.0
    for j in range(n):
        gradient = 0.0
        for i in range(j + 1):
            gradient += a[j, i] * a[n, i]
        squares += (gradient / v[SCALES, order[j]]) ** 2
    return float(np.sqrt(squares))


def damped(a: Array, w: Array, b: Array, v: Array, order: Array, root: float, n: int) -> None:
    """The triangle `w` of `a` and of a row `root` times its scale for each parameter."""
    for k in range(n + 1):
        for i in range(n):
            w[k, i] = a[k, i] if i <= k else 0.0
            b[k, i] = 0.0
        if k < n:
            b[k, k] = root * v[SCALES, order[k]]
    w[n, n] = 0.0
    take_in_upper(w, b, n)
