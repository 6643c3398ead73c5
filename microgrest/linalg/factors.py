"""Decompositions: Cholesky, QR, LU, of singular values, of symmetric matrices by eigenvectors.

Each takes a batch of matrices (..., m, n), float32 or float64, and has derivatives of every order,
where what it returns has them: vectors of equal singular values or eigenvalues have none.
"""

from __future__ import annotations

from typing import Any, NoReturn

from .. import return_types
from ..creation import arange, empty, eye
from ..functions.joining.stacking import cat
from ..ops.products import linalg as rows
from ..tensor import Tensor
from .checks import (
    check_floating,
    check_info,
    check_matrix,
    check_square,
    parts,
    records,
    stacked,
)


def cholesky_ex(A: Tensor, *, upper: bool = False, check_errors: bool = False) -> Any:
    """(L, info): L of A = L L^T, or L^T if `upper`, which reads the upper triangle of A.

    `info` is 0, or the order of a leading minor that is not positive; L is NaN then.
    """
    found, info = _cholesky("linalg.cholesky_ex", A, upper)
    if check_errors:
        _check_positive("linalg.cholesky_ex", A, info)
    return return_types.linalg_cholesky_ex(found, info)


def cholesky(A: Tensor, *, upper: bool = False) -> Tensor:
    """L of A = L L^T, for symmetric positive definite A; LinAlgError for others."""
    found, info = _cholesky("linalg.cholesky", A, upper)
    _check_positive("linalg.cholesky", A, info)
    return found


def _cholesky(name: str, A: Tensor, upper: bool) -> tuple[Tensor, Tensor]:
    check_floating(name, A)
    check_square(name, A)
    found, info = rows.cholesky_factor(stacked(A.mT if upper else A))
    found = found.reshape(A._shape)
    return found.mT if upper else found, info.reshape(A._shape[:-2])


def _check_positive(name: str, A: Tensor, info: Tensor) -> None:
    check_info(
        name,
        A,
        info,
        lambda code: (
            "The factorization could not be completed because the input is not positive-definite "
            f"(the leading minor of order {code} is not positive-definite)."
        ),
    )


def qr(A: Tensor, mode: str = "reduced") -> Any:
    """(Q, R), A = Q R: Q of min(m, n) orthonormal columns, or of m if "complete"; "r": R alone."""
    name = "linalg.qr"
    check_floating(name, A)
    check_matrix(name, A)
    if mode not in ("reduced", "r", "complete"):
        raise RuntimeError(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', "
            "or 'complete'"
        )
    m, n = A._shape[-2:]
    batch, k = A._shape[:-2], min(m, n)
    if not records(A):
        found, _ = rows.qr_factors(stacked(A), mode=mode)
        if mode == "r":
            (r,) = parts(found, batch, (k, n))
            return return_types.linalg_qr(empty(0, dtype=A.dtype, device=A.device), r)
        k = m if mode == "complete" else k
        return return_types.linalg_qr(*parts(found, batch, (m, k), (k, n)))
    if mode == "complete" and m > n:
        raise RuntimeError(
            "The derivative of linalg.qr depends on mode='complete' when nrows > ncols, which is "
            "not implemented: the columns of Q beyond A's are not determined. Use mode='reduced'"
        )
    q, r = _square_qr(A[..., :m], batch, m, k)
    if m < n:
        r = cat([r, q.mT @ A[..., m:]], -1)
    return return_types.linalg_qr(q, r)


def _square_qr(A: Tensor, batch: Any, m: int, n: int) -> list[Tensor]:
    found, _ = rows.qr_factors(stacked(A), mode="reduced")
    return parts(found, batch, (m, n), (n, n))


def svd(A: Tensor, full_matrices: bool = True, *, driver: str | None = None) -> Any:
    """(U, S, Vh), A = U diag(S) Vh, S in descending order; U and Vh square if `full_matrices`."""
    name = "linalg.svd"
    check_floating(name, A)
    check_matrix(name, A)
    _check_driver(name, driver)
    found, info = rows.svd_factors(stacked(A), whole=full_matrices)
    check_info(name, A, info, _diverged)
    m, n = A._shape[-2:]
    return return_types.linalg_svd(
        *parts(found, A._shape[:-2], *rows.svd_shapes(m, n, full_matrices))
    )


def svdvals(A: Tensor, *, driver: str | None = None) -> Tensor:
    """The singular values, in descending order; with derivatives where some are equal, too."""
    if isinstance(A, Tensor) and records(A):
        values: Tensor = svd(A, False, driver=driver)[1]
        return values
    name = "linalg.svd"
    check_floating(name, A)
    check_matrix(name, A)
    _check_driver(name, driver)
    found, info = rows.svd_factors(stacked(A), whole=False, vectors=False)
    check_info(name, A, info, _diverged)
    return parts(found, A._shape[:-2], (min(A._shape[-2:]),))[0]


def _check_driver(name: str, driver: str | None) -> None:
    if driver is not None:
        raise RuntimeError(f"{name}: keyword argument `driver=` is only supported on CUDA inputs")


def _diverged(code: int) -> str:
    return (
        "The algorithm failed to converge because the input matrix contained non-finite values, "
        f"or has too many repeated values (error code: {code})."
    )


def eigh(A: Tensor, UPLO: str = "L") -> Any:
    """(eigenvalues, eigenvectors) of symmetric A, ascending, from its lower or Upper triangle."""
    found, n = _eigh("linalg.eigh", A, UPLO, True)
    return return_types.linalg_eigh(*parts(found, A._shape[:-2], (n,), (n, n)))


def eigvalsh(A: Tensor, UPLO: str = "L") -> Tensor:
    """The eigenvalues of symmetric A; with derivatives where some are equal, too."""
    if isinstance(A, Tensor) and records(A):
        values: Tensor = eigh(A, UPLO)[0]
        return values
    found, n = _eigh("linalg.eigh", A, UPLO, False)
    return found.reshape(*A._shape[:-2], n)


def _eigh(name: str, A: Tensor, UPLO: str, vectors: bool) -> tuple[Tensor, int]:
    check_floating(name, A)
    check_square(name, A)
    if not isinstance(UPLO, str) or UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    found, info = rows.eigh_pairs(stacked(A), upper=UPLO.upper() == "U", vectors=vectors)
    check_info(name, A, info, _diverged)
    return found, A._shape[-1]


def eig(A: Tensor) -> NoReturn:
    """NotImplementedError: eigenvalues of matrices that are not symmetric are complex numbers."""
    raise NotImplementedError(
        "linalg.eig: its results are complex, and there are no complex tensors; use "
        "linalg.eigh for symmetric matrices"
    )


def eigvals(A: Tensor) -> NoReturn:
    """NotImplementedError, as `eig`."""
    raise NotImplementedError(
        "linalg.eigvals: its result is complex, and there are no complex tensors; use "
        "linalg.eigvalsh for symmetric matrices"
    )


# LU


def lu_factor_ex(A: Tensor, *, pivot: bool = True, check_errors: bool = False) -> Any:
    """(LU, pivots, info): `lu_factor`, and the first pivot that is 0, or 0."""
    found, pivots, _, info = decomposed("linalg.lu_factor_ex", A, pivot)
    if check_errors:
        _check_pivots("torch.linalg.lu_factor_ex", A, info)
    return return_types.linalg_lu_factor_ex(found, pivots, info)


def lu_factor(A: Tensor, *, pivot: bool = True) -> Any:
    """(LU, pivots), for `lu_solve`: L below its diagonal of ones, and U; the lines exchanged."""
    found, pivots, _, info = decomposed("linalg.lu_factor", A, pivot)
    _check_pivots("torch.linalg.lu_factor", A, info)
    return return_types.linalg_lu_factor(found, pivots)


def _check_pivots(name: str, A: Tensor, info: Tensor) -> None:
    check_info(
        name,
        A,
        info,
        lambda code: (
            f"U[{code},{code}] is zero and using it on lu_solve would result in a division by "
            "zero. If you still want to perform the factorization, consider calling "
            "linalg.lu(A, pivot) or linalg.lu_factor_ex(A, pivot)"
        ),
        RuntimeError,
    )


def decomposed(name: str, A: Tensor, pivot: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(LU, pivots, order, info); A's lines in this order are L U."""
    check_floating(name, A)
    check_matrix(name, A)
    m, n = A._shape[-2:]
    batch = A._shape[:-2]
    oblong = m != n and records(A)
    found, pivots, order, info = rows.lu_parts(stacked(A.detach() if oblong else A), pivot=pivot)
    if oblong:
        lines = stacked(A).gather(1, order.unsqueeze(-1).expand(-1, m, n))
        found = _oblong(lines, min(m, n))
    return (
        found.reshape(A._shape),
        pivots.reshape(*batch, min(m, n)),
        order.reshape(*batch, m),
        info.reshape(batch),
    )


def _oblong(lines: Tensor, k: int) -> Tensor:
    """LU of lines in their order: of the square at the top, and solutions beside it and below."""
    square, *_ = rows.lu_parts(lines[:, :k, :k], pivot=False)
    beside = rows.solve_triangular(square, lines[:, :k, k:], upper=False, unit=True)
    below = rows.solve_triangular(square.mT, lines[:, k:, :k].mT, upper=False)
    return cat([square, beside], -1) if beside.numel() else cat([square, below.mT], -2)


def lu(A: Tensor, *, pivot: bool = True) -> Any:
    """(P, L, U), A = P L U; P is empty without `pivot`."""
    found, _, order, _ = decomposed("linalg.lu", A, pivot)
    P = permutation(order, A) if pivot else empty(0, dtype=A.dtype, device=A.device)
    return return_types.linalg_lu(P, *triangles(found))


def triangles(LU: Tensor) -> tuple[Tensor, Tensor]:
    """L, with its diagonal of ones, and U."""
    m, n = LU._shape[-2:]
    k = min(m, n)
    ones = eye(m, k, dtype=LU.dtype, device=LU.device)
    return LU[..., :k].tril(-1) + ones, LU[..., :k, :].triu()


def permutation(order: Tensor, like: Tensor) -> Tensor:
    """The matrix whose column i has its one in line order[i]."""
    lines = arange(order._shape[-1], device=order.device).unsqueeze(-1)
    return (order.unsqueeze(-2) == lines).to(like.dtype)
