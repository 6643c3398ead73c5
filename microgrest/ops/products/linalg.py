"""Rows of linear algebra: what LAPACK does with stacks of matrices, (batch, rows, columns).

A row that finds several things returns all of them as one, (batch, elements), since only a row's
first result has a gradient: Q and R one after the other, say, which `linalg` parts. Its `info` is
0 for each matrix that went well. Rules are products and other rows of this file, so there are
derivatives of every order. Where both a difference of eigenvalues and what is divided by it are 0,
as in gradients of eigenvalues alone, the quotient is 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from ...kernels.kinds.linalg import lapack
from ...kernels.kinds.linalg.lapack import Form
from ...kernels.kinds.linalg.lu import LU, Elimination
from ...kernels.kinds.linalg.triangle import TRIANGLE, Half
from ...kernels.kinds.linalg.triangular import SOLVE_TRIANGULAR, System
from ...kernels.source.kind import Kind
from ...types.dtypes import int32, int64
from ..folds.reduction import sum as sum_of
from ..kernel import Call, Tensor, kernel
from ..places.indexing import add_along
from ..places.movement import diagonal as diagonal_row, embed, expand, permute, slice_
from ..pointwise.logic import logical_and, where
from ..row import Row
from .contraction import bmm


def internal(
    kind: Kind, vjp: Callable[..., tuple[Any, ...]], returns: tuple[str, ...] = ()
) -> Callable[[Callable[..., Call]], Row]:
    """A row for other functions; its rule says nothing of results after the first."""
    nothing = (None,) * len(returns[1:])

    def rule(*given: Any, **options: Any) -> tuple[Any, ...]:
        return (*vjp(*given, **options), *nothing)

    return kernel(kind, returns=returns, vjp=rule, method=False, internal=True)


# What rules are made of


def turned(x: Any) -> Any:
    """Each matrix transposed."""
    return permute(x, dims=(0, 2, 1))


def part(x: Any, batch: int, start: int, *shape: int) -> Any:
    """The elements of each row of `x` from `start` on, in `shape` behind the batch."""
    found = slice_(x, dim=1, start=start, stop=start + math.prod(shape), step=1)
    return found.reshape((batch, *shape))


def _first(found: Any) -> Any:
    """The first result of a row; of symbols it is the only one."""
    return found[0] if isinstance(found, tuple) else found


def _on_diagonal(x: Any, batch: int, n: int) -> Any:
    """Matrices with the rows of `x` on the diagonal."""
    params = {"offset": 0, "dim1": 1, "dim2": 2}
    return embed(x, through=diagonal_row, shape=(batch, n, n), params=params)


def _quotient(a: Any, b: Any) -> Any:
    """a / b, and 0 where both are 0."""
    neither = logical_and(a == 0, b == 0)
    return where(neither, 0.0, a / where(neither, 1.0, b))


def _result(x: Tensor, *shapes: tuple[int, ...]) -> tuple[Any, ...]:
    """What a row of LAPACK writes: all of `shapes`, of each matrix, and `info`."""
    batch = x.shape[0]
    return ((batch, sum(map(math.prod, shapes))), x.dtype), ((batch,), int32)


# Triangles


def _triangle(g: Any, y: Any, x: Any, diagonal: int = 0, lower: bool = True) -> tuple[Any]:
    return (triangle(g, diagonal=diagonal, lower=lower),)


@internal(TRIANGLE, vjp=_triangle)
def triangle(x: Tensor, diagonal: int = 0, lower: bool = True) -> Call:
    """Each matrix below a diagonal, which counts, or above it; zeros elsewhere."""
    sizes = *x.shape[-2:], diagonal
    return Call(Half(x.dtype.name, lower), ((x.shape, x.dtype),), sizes)


_above = partial(triangle, lower=False)


def _solve_triangular(
    g: Any, y: Any, a: Any, b: Any, upper: bool, unit: bool = False
) -> tuple[Any, Any]:
    back = solve_triangular(turned(a), g, upper=not upper, unit=unit)
    whole = -bmm(back, turned(y))
    return triangle(whole, diagonal=(1 if upper else -1) * unit, lower=not upper), back


@internal(SOLVE_TRIANGULAR, vjp=_solve_triangular)
def solve_triangular(a: Tensor, b: Tensor, upper: bool, unit: bool = False) -> Call:
    """x of a x = b, for triangular a, whose diagonal may be `unit`, ones that are not read."""
    params = System(a.dtype.name, upper, unit)
    return Call(params, ((b.shape, b.dtype),), tuple(b.shape))


def _from_right(z: Any, a: Any, upper: bool) -> Any:
    """z a^-T, for triangular a."""
    return turned(solve_triangular(a, turned(z), upper=upper))


# Decompositions


def _cholesky(g: Any, y: Any, a: Any, info: Any) -> tuple[Any]:
    """The symmetric part of L^-T P L^-1, P being L^T g, halved on the diagonal, 0 above it."""
    shape = tuple(a.shape)
    factor, g = y.reshape(shape), triangle(g.reshape(shape))
    product = bmm(turned(factor), g)
    product = (triangle(product) + triangle(product, diagonal=-1)) * 0.5
    upper = turned(factor)
    left = solve_triangular(upper, product, upper=True)
    both = solve_triangular(upper, turned(left), upper=True)
    return ((both + turned(both)) * 0.5,)


@internal(lapack.CHOLESKY, returns=("L", "info"), vjp=_cholesky)
def cholesky_factor(a: Tensor) -> Call:
    """L of a = L L^T."""
    n = a.shape[-1]
    return Call(Form(a.dtype.name), _result(a, (n, n)), tuple(a.shape))


def _qr(g: Any, y: Any, a: Any, info: Any, mode: str) -> tuple[Any]:
    """(gQ + Q S) R^-T; S is symmetric, with gR R^T - Q^T gQ above the diagonal (m >= n)."""
    batch, m, n = a.shape
    q, gq = (part(x, batch, 0, m, n) for x in (y, g))
    r, gr = (part(x, batch, m * n, n, n) for x in (y, g))
    inner = bmm(_above(gr), turned(r)) - bmm(turned(q), gq)
    symmetric = _above(inner) + turned(_above(inner, diagonal=1))
    return (_from_right(gq + bmm(q, symmetric), r, True),)


@internal(lapack.QR, returns=("QR", "info"), vjp=_qr)
def qr_factors(a: Tensor, mode: str) -> Call:
    """Q and R, as NumPy's `mode` has them. The rule is that of mode "reduced", for m >= n."""
    m, n = a.shape[1:]
    k = m if mode == "complete" else min(m, n)
    shapes = {"r": ((k, n),), "raw": ((n, m), (k,))}.get(mode, ((m, k), (k, n)))
    return Call(Form(a.dtype.name, mode), _result(a, *shapes), tuple(a.shape))


def _eigh(g: Any, y: Any, a: Any, info: Any, upper: bool, vectors: bool = True) -> tuple[Any]:
    """V (diag(gw) + S) V^T, S the symmetric part of V^T gV / (w_j - w_i)."""
    batch, n, _ = a.shape
    (w, gw), (v, gv) = ([part(x, batch, *at) for x in (y, g)] for at in ((0, n), (n, n, n)))
    product = bmm(turned(v), gv)
    away = triangle(product, diagonal=-1) + _above(product, diagonal=1)
    gaps = w.reshape((batch, 1, n)) - w.reshape((batch, n, 1))
    inner = _quotient(away, gaps)
    inner = (inner + turned(inner)) * 0.5 + _on_diagonal(gw, batch, n)
    return (bmm(bmm(v, inner), turned(v)),)


@internal(lapack.EIGH, returns=("pairs", "info"), vjp=_eigh)
def eigh_pairs(a: Tensor, upper: bool, vectors: bool = True) -> Call:
    """Eigenvalues in order, and `vectors`; of symmetric matrices, from one triangle."""
    n = a.shape[-1]
    shapes = ((n,), (n, n)) if vectors else ((n,),)
    return Call(
        Form(a.dtype.name, vectors=vectors, upper=upper), _result(a, *shapes), tuple(a.shape)
    )


def svd_shapes(m: int, n: int, whole: bool) -> tuple[tuple[int, ...], ...]:
    """The shapes of U, S and V^T."""
    k = min(m, n)
    return (m, m if whole else k), (k,), (n if whole else k, n)


def _parts(x: Any, whole: bool, batch: int, m: int, n: int) -> tuple[Any, Any, Any]:
    """Of U, S and V^T what belongs to singular values."""
    (_, columns), (k,), (lines, _) = svd_shapes(m, n, whole)
    u, s = part(x, batch, 0, m, columns), part(x, batch, m * columns, k)
    vh = part(x, batch, m * columns + k, lines, n)
    if whole:
        u = slice_(u, dim=2, start=0, stop=k, step=1)
        vh = slice_(vh, dim=1, start=0, stop=k, step=1)
    return u, s, vh


def _svd(g: Any, y: Any, a: Any, info: Any, whole: bool, vectors: bool = True) -> tuple[Any]:
    """U (skew(U^T gU) S / E + S skew(V^T gV) / E + diag(gS)) V^T, E_ij being s_j^2 - s_i^2, and
    what of gU and gV stands at right angles to U and V, through the inverse of S."""
    batch, m, n = a.shape
    k = min(m, n)
    (u, s, vh), (gu, gs, gvh) = (_parts(x, whole, batch, m, n) for x in (y, g))
    line, column = s.reshape((batch, 1, k)), s.reshape((batch, k, 1))
    gaps = (line - column) * (line + column)
    left, right = bmm(turned(u), gu), bmm(vh, turned(gvh))
    inner = _quotient(left - turned(left), gaps) * line
    inner = inner + column * _quotient(right - turned(right), gaps) + _on_diagonal(gs, batch, k)
    total = bmm(bmm(u, inner), vh)
    if m > k:
        total = total + bmm(_quotient(gu - bmm(u, left), line), vh)
    if n > k:
        total = total + bmm(u, _quotient(gvh - bmm(turned(right), vh), column))
    return (total,)


@internal(lapack.SVD, returns=("USV", "info"), vjp=_svd)
def svd_factors(a: Tensor, whole: bool, vectors: bool = True) -> Call:
    """U, S and V^T, or S alone; of U and V^T what S has, or the `whole`."""
    m, n = a.shape[1:]
    shapes = svd_shapes(m, n, whole) if vectors else ((min(m, n),),)
    form = Form(a.dtype.name, vectors=vectors, whole=whole)
    return Call(form, _result(a, *shapes), tuple(a.shape))


def _lu(g: Any, y: Any, a: Any, pivots: Any, order: Any, info: Any, pivot: bool) -> tuple[Any]:
    """L^-T (tril(L^T gL, -1) + triu(gU U^T)) U^-T, its lines put back (m = n)."""
    shape = tuple(a.shape)
    low, glow = triangle(y, diagonal=-1), triangle(g, diagonal=-1)
    inner = triangle(glow + bmm(turned(low), glow), diagonal=-1)
    inner = inner + _above(bmm(_above(g), turned(_above(y))))
    left = solve_triangular(turned(y), inner, upper=True, unit=True)
    lines = expand(order.reshape((*shape[:2], 1)), size=shape)
    return (add_along(_from_right(left, y, True), lines, dim=1, shape=shape),)


@internal(LU, returns=("LU", "pivots", "order", "info"), vjp=_lu)
def lu_parts(a: Tensor, pivot: bool) -> Call:
    """L, below a diagonal of ones, and U, in one; the exchanges, and the order of the lines."""
    batch, m, n = a.shape
    short = min(m, n)
    counts = ((batch, short), int32), ((batch, m), int64), ((batch,), int32)
    params = Elimination(a.dtype.name, pivot)
    return Call(params, ((a.shape, a.dtype), *counts), (batch, m, n))


# Solutions, inverses, determinants


def _solve(g: Any, y: Any, a: Any, b: Any, info: Any) -> tuple[Any, Any]:
    shape = tuple(b.shape)
    back = _first(solve_stack(turned(a), g.reshape(shape))).reshape(shape)
    return -bmm(back, turned(y.reshape(shape))), back


@internal(lapack.SOLVE, returns=("x", "info"), vjp=_solve)
def solve_stack(a: Tensor, b: Tensor) -> Call:
    """x of a x = b."""
    return Call(Form(a.dtype.name), _result(a, tuple(b.shape[1:])), tuple(b.shape))


def _pinv(g: Any, y: Any, a: Any, atol: Any, rtol: Any, info: Any, symmetric: bool) -> Any:
    """-P^T g P^T + (1 - A P) g^T P P^T + P^T P g^T (1 - P A)  (Golub and Pereyra, 1973)."""
    batch, m, n = a.shape
    p, g = y.reshape((batch, n, m)), g.reshape((batch, n, m))
    pt, gt = turned(p), turned(g)
    left = bmm(bmm(gt, p), pt)
    right = bmm(bmm(pt, p), gt)
    total = left - bmm(bmm(a, p), left) + right - bmm(bmm(right, p), a)
    return total - bmm(bmm(pt, g), pt), None, None


@internal(lapack.PINV, returns=("inverse", "info"), vjp=_pinv)
def pinv_stack(a: Tensor, atol: Tensor, rtol: Tensor, symmetric: bool = False) -> Call:
    """The pseudoinverse, as if singular values up to max(atol, rtol * the largest) were 0."""
    m, n = a.shape[1:]
    form = Form(a.dtype.name, symmetric=symmetric)
    return Call(form, _result(a, (n, m)), tuple(a.shape))


def _cofactors(g: Any, y: Any, a: Any, info: Any) -> tuple[Any]:
    """(<g, C> - C g^T) a^-T."""
    batch, n, _ = shape = tuple(a.shape)
    c, g = y.reshape(shape), g.reshape(shape)
    scale = expand(sum_of(g * c, dim=(1, 2), keepdim=False).reshape((batch, 1)), size=(batch, n))
    inner = _on_diagonal(scale, batch, n) - bmm(c, turned(g))
    return (turned(_first(solve_stack(a, turned(inner))).reshape(shape)),)


@internal(lapack.COFACTORS, returns=("minors", "info"), vjp=_cofactors)
def cofactors(a: Tensor) -> Call:
    """det(a) a^-T, the derivative of the determinant."""
    n = a.shape[-1]
    return Call(Form(a.dtype.name), _result(a, (n, n)), tuple(a.shape))


@internal(
    lapack.DET,
    returns=("det", "info"),
    vjp=lambda g, y, a, info: (
        g.reshape((a.shape[0], 1, 1)) * _first(cofactors(a)).reshape(tuple(a.shape)),
    ),
)
def determinant(a: Tensor) -> Call:
    """The determinant."""
    return Call(Form(a.dtype.name), _result(a, (1,)), tuple(a.shape))


def _slogdet(g: Any, y: Any, a: Any, info: Any) -> tuple[Any]:
    """g a^-T."""
    batch, n, _ = shape = tuple(a.shape)
    scale = expand(part(g, batch, 1, 1), size=(batch, n))
    return (_first(solve_stack(turned(a), _on_diagonal(scale, batch, n))).reshape(shape),)


@internal(lapack.SLOGDET, returns=("sign_log", "info"), vjp=_slogdet)
def sign_log_determinant(a: Tensor) -> Call:
    """The sign of the determinant, and the logarithm of its magnitude."""
    return Call(Form(a.dtype.name), _result(a, (1,), (1,)), tuple(a.shape))
