"""PyTorch's elder functions of matrices, which stand beside `linalg`, and their methods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numpy as np

from .. import recording, return_types
from ..creation import as_tensor, empty, eye
from ..functions.aliases import numpy_names
from ..functions.outputs import Into, into
from ..functions.reductions import statistics
from ..functions.reductions.folds import Dims
from ..ops.products import linalg as rows
from ..tensor import Tensor
from ..tensor.methods import method
from ..types.dtypes import int32, int64
from . import factors, norms, products, solving
from .checks import check_alike, check_floating, check_matrix, check_square, parts, stacked

P = ParamSpec("P")
T = TypeVar("T")


def with_out(function: Callable[P, T]) -> Into[P, T]:
    """`function` with `out`, of the result's dtype."""
    return into(function, same=True)


@with_out
@method
def cholesky(input: Tensor, upper: bool = False) -> Tensor:
    """`linalg.cholesky`."""
    return factors.cholesky(input, upper=upper)


@with_out
@method
def cholesky_solve(input: Tensor, L: Tensor, upper: bool = False) -> Tensor:
    """X of A X = input, given L of A = L L^T, or L^T if `upper`."""
    for x, called in ((input, "b"), (L, "A")):
        if x.ndim < 2:
            raise RuntimeError(
                f"{called} should have at least 2 dimensions, but has {x.ndim} dimensions instead"
            )
    check_alike("cholesky_solve", L, input)
    lower = L.mT if upper else L
    half = solving.solve_triangular(lower, input, upper=False)
    return solving.solve_triangular(lower.mT, half, upper=True)


@with_out
@method
def cholesky_inverse(L: Tensor, upper: bool = False) -> Tensor:
    """The inverse of A, given L of A = L L^T, or L^T if `upper`."""
    check_square("cholesky_inverse", L)
    return cholesky_solve(eye(L._shape[-1], dtype=L.dtype, device=L.device), L, upper)


@with_out
@method
def inverse(input: Tensor) -> Tensor:
    """`linalg.inv`."""
    return solving.inv(input)


@method
def pinverse(input: Tensor, rcond: float = 1e-15) -> Tensor:
    """`linalg.pinv` with rtol=`rcond`."""
    return solving.pinv(input, rcond)


@with_out
@method
def slogdet(input: Tensor) -> Any:
    """`linalg.slogdet`."""
    return return_types.slogdet(*solving.sign_and_log(input))


@with_out
@method
def qr(input: Tensor, some: bool = True) -> Any:
    """`linalg.qr`, "reduced" or, unless `some`, "complete"."""
    return return_types.qr(*factors.qr(input, "reduced" if some else "complete"))


@with_out
@method
def svd(input: Tensor, some: bool = True, compute_uv: bool = True) -> Any:
    """(U, S, V), input = U diag(S) V^T; U and V are zeros unless `compute_uv`."""
    if compute_uv:
        u, s, vh = factors.svd(input, not some)
        return return_types.svd(u, s, vh.mT)
    s = factors.svdvals(input)
    u, v = (input.new_zeros((*input._shape[:-2], n, n)) for n in input._shape[-2:])
    return return_types.svd(u, s, v)


@with_out
@method
def triangular_solve(
    input: Tensor,
    A: Tensor,
    upper: bool = True,
    transpose: bool = False,
    unitriangular: bool = False,
) -> Any:
    """(X of A X = input, or of A^T X = input, and a copy of A), for triangular A."""
    matrix, half = (A.mT, not upper) if transpose else (A, upper)
    solution = solving.solve_triangular(matrix, input, upper=half, unitriangular=unitriangular)
    return return_types.triangular_solve(solution, A.clone())


# LU


@method
def lu(input: Tensor, pivot: bool = True, get_infos: bool = False) -> tuple[Tensor, ...]:
    """(LU, pivots), or (LU, pivots, infos): `linalg.lu_factor_ex`."""
    found, pivots, _, infos = factors.decomposed("torch.lu", input, pivot)
    return (found, pivots, infos) if get_infos else (found, pivots)


def order_of(pivots: Tensor, n: int) -> Tensor:
    """The order of n lines after the exchanges `pivots`, counted from 1."""
    recording.leaves("lu_solve(), which follows pivots,", "solve by linalg.solve")
    exchanges = pivots.cpu().numpy()
    order = np.broadcast_to(np.arange(n), (*exchanges.shape[:-1], n)).copy()
    for k in range(exchanges.shape[-1]):
        other = exchanges[..., k : k + 1].astype(np.int64) - 1
        here = order[..., k : k + 1].copy()
        order[..., k : k + 1] = np.take_along_axis(order, other, -1)
        np.put_along_axis(order, other, here, -1)
    return as_tensor(order, device=pivots.device)


@with_out
def lu_unpack(
    LU_data: Tensor, LU_pivots: Tensor, unpack_data: bool = True, unpack_pivots: bool = True
) -> Any:
    """(P, L, U) of what `linalg.lu_factor` returned; those that are not asked for are empty."""
    nothing = empty(0, dtype=LU_data.dtype, device=LU_data.device)
    P = L = U = nothing
    if unpack_pivots:
        if LU_pivots.dtype is not int32:
            raise RuntimeError(
                "lu_unpack: LU_pivots is expected to be a contiguous tensor of int32 dtype, "
                f"got {LU_pivots.dtype}; use those that lu_factor returned"
            )
        P = factors.permutation(order_of(LU_pivots, LU_data._shape[-2]), LU_data)
    if unpack_data:
        L, U = factors.triangles(LU_data)
    return return_types.lu_unpack(P, L, U)


def solve_by_lu(
    LU: Tensor, pivots: Tensor, B: Tensor, *, left: bool = True, adjoint: bool = False
) -> Tensor:
    """X of A X = B, or of X A = B unless `left`, of A^T if `adjoint`, from `lu_factor` of A."""
    name = "linalg.lu_solve"
    check_floating(name, LU, B)
    check_square(name, LU, "LU")
    check_matrix(name, B, "B")
    check_alike(name, LU, B)
    if not left:
        return solve_by_lu(LU, pivots, B.mT, adjoint=not adjoint).mT
    P = factors.permutation(order_of(pivots, LU._shape[-1]), LU)
    system = solving.solve_triangular
    if adjoint:
        half = system(LU.mT, B, upper=False)
        return P @ system(LU.mT, half, upper=True, unitriangular=True)
    half = system(LU, P.mT @ B, upper=False, unitriangular=True)
    return system(LU, half, upper=True)


@with_out
@method
def lu_solve(b: Tensor, LU_data: Tensor, LU_pivots: Tensor) -> Tensor:
    """X of A X = b, from `linalg.lu_factor` of A."""
    return solve_by_lu(LU_data, LU_pivots, b)


# Householder's reflections


@with_out
@method
def geqrf(input: Tensor) -> Any:
    """(a, tau): R, below it the vectors of the reflections that make Q, and their factors."""
    check_floating("geqrf", input)
    check_matrix("geqrf", input, "input")
    if input._requires_grad:
        raise NotImplementedError("the derivative for 'geqrf' is not implemented; use linalg.qr")
    m, n = input._shape[-2:]
    found, _ = rows.qr_factors(stacked(input), mode="raw")
    turned, tau = parts(found, input._shape[:-2], (n, m), (min(m, n),))
    return return_types.geqrf(turned.mT, tau)


@with_out
@method
def orgqr(input: Tensor, input2: Tensor) -> Tensor:
    """`linalg.householder_product`."""
    return products.householder_product(input, input2)


# Products and norms


@with_out
def chain_matmul(*matrices: Tensor) -> Tensor:
    """`linalg.multi_dot`."""
    if len(matrices) == 1 and isinstance(matrices[0], Tensor):
        if matrices[0].ndim != 2:
            raise RuntimeError(f"Tensor dimension is {matrices[0].ndim}, expected 2 instead.")
        return matrices[0].clone()
    return products.multi_dot(matrices[0] if isinstance(matrices[0], (list, tuple)) else matrices)


def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """Powers of the elements of a vector in columns, in descending order unless `increasing`."""
    if x.ndim != 1:
        raise RuntimeError("x must be a one-dimensional tensor.")
    if not x.is_floating_point():
        x = x.to(int64)
    n = x._shape[0] if N is None else N
    found = products.vander(x, n) if n > 1 else x.unsqueeze(-1).expand(-1, n) ** 0
    return found if increasing else found.flip(1)


@with_out
@method
@numpy_names
def norm(
    input: Tensor, p: Any = "fro", dim: Dims = None, keepdim: bool = False, dtype: Any = None
) -> Tensor:
    """(sum |x|**p)**(1/p) along `dim`; "fro" is p = 2, "nuc" the sum of singular values."""
    if dtype is not None:
        input = input.to(dtype)
    if p != "nuc":
        return statistics.norm(input, p, dim, keepdim)
    return nuclear_norm(input, dim, keepdim)


det, logdet = with_out(solving.det), solving.logdet
matrix_power, matrix_exp = with_out(products.matrix_power), products.matrix_exp


@with_out
def nuclear_norm(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The sum of the singular values of matrices in two dimensions, by default the last."""
    return norms.matrix_norm(input, "nuc", (-2, -1) if dim is None else dim, keepdim)


@with_out
def frobenius_norm(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The square root of the sum of squares along `dim`, or of all elements."""
    return statistics.norm(input, 2, dim if dim != [] else None, keepdim)
