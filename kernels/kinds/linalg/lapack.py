"""Kinds that NumPy's LAPACK computes, on the host: each of a stack of matrices.

A kind writes `out`, which holds all that it finds of a matrix, one flat array after the other, and
`info`, int32: 0, or for a matrix that LAPACK gives up on what it says of it; its `out` is NaN. The
last `sizes` are the rows and columns of the inputs, the first is how many matrices there are.

    cholesky   L of L L^T = a, from its lower triangle       info: a leading minor that is not > 0
    solve      x of a x = b                                  info: a pivot that is 0
    qr         Q, R                                          `mode` as NumPy's
    eigh       eigenvalues, eigenvectors in columns          info: n
    svd        U, S, V^T                                     info: n
    pinv       the pseudoinverse, without singular values up to max(atol, rtol * the largest)
    cofactors  det(a) a^-T, by minors, so that a may be singular
    slogdet    the sign of the determinant, and log of its magnitude
    det        the determinant
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...source.kind import Cost, Kind, elements, fixed

Array = np.ndarray[Any, Any]
Shapes = tuple[tuple[int, ...], ...]


class Form(NamedTuple):
    """The type of the elements, and what a kind can do in several ways.

    `vectors`: whether to write them. `upper`: the triangle that is read. `whole`: of U and V^T all
    columns and rows. `symmetric`: the inputs are, so that eigenvalues serve.
    """

    dtype: str
    mode: str = "reduced"
    vectors: bool = True
    upper: bool = False
    whole: bool = False
    symmetric: bool = False


def _joined(*parts: Array) -> Array:
    """What was found of each matrix, in a row."""
    return np.concatenate([part.reshape(len(part), -1) for part in parts], 1)


# What is computed, of stacks; an error of one of them is an error of all

_linalg: Any = np.linalg


def _cholesky(form: Form, a: Array) -> Any:
    return _linalg.cholesky(a)


def _solve(form: Form, a: Array, b: Array) -> Any:
    return _linalg.solve(a, b)


def _qr(form: Form, a: Array) -> Any:
    if form.mode == "r":
        return _linalg.qr(a, "r")
    return _joined(*_linalg.qr(a, form.mode))


def _eigh(form: Form, a: Array) -> Any:
    half = "U" if form.upper else "L"
    return _joined(*_linalg.eigh(a, half)) if form.vectors else _linalg.eigvalsh(a, half)


def _svd(form: Form, a: Array) -> Any:
    if not form.vectors:
        return _linalg.svd(a, compute_uv=False)
    return _joined(*_linalg.svd(a, form.whole))


def _pinv(form: Form, a: Array, atol: Array, rtol: Array) -> Any:
    if form.symmetric:
        s, v = _linalg.eigh(a)
        u, vh = v, np.swapaxes(v, 1, 2)
    else:
        u, s, vh = _linalg.svd(a, False)
    size = np.abs(s)
    least = np.maximum(atol, rtol * size.max(1, initial=0))[:, None]
    inverse = np.where(size > least, 1 / np.where(size > least, s, 1), 0)
    return np.swapaxes(vh, 1, 2) @ (inverse[:, :, None] * np.swapaxes(u, 1, 2))


def _cofactors(form: Form, a: Array) -> Any:
    """By a = U S V^T: det(U) det(V) U C V^T, where C has the products of the other elements of S.

    Each is a product of those before and those after, so that nothing is divided by.
    """
    u, s, vh = _linalg.svd(a)
    ones = np.ones_like(s[:, :1])
    before = np.cumprod(np.concatenate([ones, s[:, :-1]], 1), 1)
    after = np.cumprod(np.concatenate([ones, s[:, :0:-1]], 1), 1)[:, ::-1]
    turned = np.rint(_linalg.det(u) * _linalg.det(vh))
    return u @ ((turned[:, None] * before * after)[:, :, None] * vh)


def _slogdet(form: Form, a: Array) -> Any:
    sign, logarithm = _linalg.slogdet(a)
    unknown = _unknown(sign, a) | np.isnan(logarithm)
    return np.stack([np.where(unknown, 0, sign), np.where(unknown, np.nan, logarithm)], 1)


def _det(form: Form, a: Array) -> Any:
    found = _linalg.det(a)
    return np.where(_unknown(found, a), np.nan, found)


def _unknown(determinant: Array, a: Array) -> Any:
    """Where LAPACK calls a matrix singular that is not of numbers."""
    return (determinant == 0) & ~np.isfinite(a).all((1, 2))


# What is wrong with a matrix that LAPACK gave up on


def _order(a: Array, *others: Array) -> int:
    return len(a)


def _minor(a: Array) -> int:
    """The first leading minor that is not positive."""
    for n in range(1, len(a)):
        try:
            np.linalg.cholesky(a[:n, :n])
        except np.linalg.LinAlgError:
            return n
    return len(a)


def _pivot(a: Array, *others: Array) -> int:
    """The first pivot that is 0, counted from 1, by elimination."""
    left = a.copy()
    for i in range(len(a)):
        best = i + int(np.argmax(np.abs(left[i:, i])))
        if left[best, i] == 0:
            return i + 1
        left[[i, best]] = left[[best, i]]
        left[i + 1 :] -= np.outer(left[i + 1 :, i] / left[i, i], left[i])
    return len(a)


# The kinds


def _kind(
    name: str,
    compute: Callable[..., Any],
    shapes: Callable[..., Shapes],
    failed: Callable[..., int] = _order,
    inputs: tuple[str, ...] = ("a",),
) -> Kind:
    def run(form: Form, *given: Any) -> None:
        *operands, out, info = given[: len(inputs) + 2]
        stacks = shapes(*given[len(inputs) + 2 :])
        views = [x.reshape(shape) for x, shape in zip(operands, stacks, strict=True)]
        rows = out.reshape(len(info), -1) if len(info) else out
        info[:] = 0
        if not out.size:
            return
        with np.errstate(all="ignore"):
            try:
                rows[:] = compute(form, *views).reshape(rows.shape)
            except np.linalg.LinAlgError:
                _each(form, compute, failed, views, rows, info)

    def host(form: Form) -> Callable[..., None]:
        return lambda *given: run(form, *given)

    return Kind(
        name=name,
        operands=fixed(**dict.fromkeys(inputs, "r"), out="w", info="w"),
        oracle=run,
        host=host,
        eager_only="calls LAPACK, which no compiled step does",
        cost=lambda params, metas, sizes: Cost(
            4 * elements(metas[0]) * max(sizes[1:], default=1), elements(metas[0])
        ),
    )


def _each(
    form: Form,
    compute: Callable[..., Any],
    failed: Callable[..., int],
    views: list[Array],
    rows: Array,
    info: Array,
) -> None:
    """One by one, so that only those fail that do."""
    for i in range(len(info)):
        alone = [view[i : i + 1] for view in views]
        try:
            rows[i] = compute(form, *alone).reshape(-1)
        except np.linalg.LinAlgError:
            rows[i] = np.nan
            info[i] = failed(*[view[0] for view in alone])


def _alone(batch: int, m: int, n: int) -> Shapes:
    return ((batch, m, n),)


CHOLESKY = _kind("cholesky", _cholesky, _alone, _minor)
QR = _kind("qr", _qr, _alone)
EIGH = _kind("eigh", _eigh, _alone)
SVD = _kind("svd", _svd, _alone)
COFACTORS = _kind("cofactors", _cofactors, _alone)
SLOGDET = _kind("slogdet", _slogdet, _alone)
DET = _kind("det", _det, _alone)
SOLVE = _kind(
    "solve",
    _solve,
    lambda batch, n, columns: ((batch, n, n), (batch, n, columns)),
    _pivot,
    ("a", "b"),
)
PINV = _kind(
    "pinv",
    _pinv,
    lambda batch, m, n: ((batch, m, n), (batch,), (batch,)),
    inputs=("a", "atol", "rtol"),
)
