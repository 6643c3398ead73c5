"""Solutions of linear systems, inverses, and determinants.

Each takes batches of matrices, float32 or float64, whose leading dimensions broadcast, and has
derivatives of every order.
"""

from __future__ import annotations

import math
from typing import Any

from .. import return_types
from ..creation import eye, tensor
from ..functions.pointwise.arithmetic import where
from ..ops.products import linalg as rows
from ..tensor import Tensor
from ..tensor.methods import method
from ..types.dtypes import finfo, int64
from .checks import (
    check_alike,
    check_floating,
    check_info,
    check_matrix,
    check_square,
    parts,
    stacked,
    together,
)
from .factors import svdvals


def solve(A: Tensor, B: Tensor, *, left: bool = True) -> Tensor:
    """X of A X = B, or of X A = B unless `left`; LinAlgError where A is singular.

    B is (..., n, k), or a batch of vectors: (n,), or of A's shape without the last dimension.
    """
    found, info = _solve("linalg.solve", A, B, left)
    check_info("torch.linalg.solve", A, info, _singular)
    return found


def solve_ex(A: Tensor, B: Tensor, *, left: bool = True, check_errors: bool = False) -> Any:
    """(result, info): as `solve`, NaN for a singular matrix, with `info` its pivot that is 0."""
    found, info = _solve("linalg.solve_ex", A, B, left)
    if check_errors:
        check_info("torch.linalg.solve_ex", A, info, _singular)
    return return_types.linalg_solve_ex(found, info)


def _singular(code: int) -> str:
    return "The solver failed because the input matrix is singular."


def _is_vector(A: Tensor, B: Tensor) -> bool:
    return B.ndim == 1 or (A.ndim - 1 == B.ndim and B._shape == A._shape[:-1])


def _solve(name: str, A: Tensor, B: Tensor, left: bool) -> tuple[Tensor, Tensor]:
    check_floating(name, A, B)
    check_square(name, A)
    check_alike(name, A, B)
    vector = _is_vector(A, B)
    if vector and not left:
        raise RuntimeError(f"{name}: Vector broadcasting of the left hand side is not supported")
    columns = B.unsqueeze(-1) if vector else B
    _check_fit(name, A, columns, left)
    a, b = together(name, A if left else A.mT, columns if left else columns.mT)
    found, info = rows.solve_stack(stacked(a), stacked(b))
    found, info = found.reshape(b._shape), info.reshape(a._shape[:-2])
    if vector:
        return found.squeeze(-1), info
    return found if left else found.mT, info


def _check_fit(name: str, A: Tensor, B: Tensor, left: bool) -> None:
    check_matrix(name, B, "B")
    if A._shape[-1] != B._shape[-2 if left else -1]:
        equation = "AX = B" if left else "XA = B"
        a, b = ("x".join(map(str, t._shape[-2:])) for t in (A, B))
        raise RuntimeError(
            f"{name}: Incompatible shapes of A and B for the equation {equation} ({a} and {b})"
        )


def solve_triangular(
    A: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Tensor:
    """X of A X = B for triangular A, of which no other triangle is read; X A = B unless `left`.

    `unitriangular`: the diagonal is taken for ones.
    """
    name = "linalg.solve_triangular"
    check_floating(name, A, B)
    check_square(name, A)
    check_alike(name, A, B)
    _check_fit(name, A, B, left)
    if not left:
        A, B, upper = A.mT, B.mT, not upper
    a, b = together(name, A, B)
    x = rows.solve_triangular(stacked(a), stacked(b), upper=upper, unit=unitriangular)
    found: Tensor = x.reshape(b._shape)
    return found if left else found.mT


def inv(A: Tensor) -> Tensor:
    """The inverse; LinAlgError where A is singular."""
    found, info = _inverse("linalg.inv", A)
    _check_inverse("linalg.inv", A, info)
    return found


def inv_ex(A: Tensor, *, check_errors: bool = False) -> Any:
    """(inverse, info): as `inv`, NaN for a singular matrix, with `info` its pivot that is 0."""
    found, info = _inverse("linalg.inv_ex", A)
    if check_errors:
        _check_inverse("linalg.inv_ex", A, info)
    return return_types.linalg_inv_ex(found, info)


def _inverse(name: str, A: Tensor) -> tuple[Tensor, Tensor]:
    check_floating(name, A)
    check_square(name, A)
    ones = eye(A._shape[-1], dtype=A.dtype, device=A.device)
    found, info = rows.solve_stack(stacked(A), stacked(ones.expand(A._shape)))
    return found.reshape(A._shape), info.reshape(A._shape[:-2])


def _check_inverse(name: str, A: Tensor, info: Tensor) -> None:
    check_info(
        name,
        A,
        info,
        lambda code: (
            f"The diagonal element {code} is zero, the inversion could not be completed because "
            "the input matrix is singular."
        ),
    )


# Least squares


def _tolerances(A: Tensor, atol: Any, rtol: Any) -> tuple[Tensor, Tensor]:
    """atol, by default 0, and rtol, by default max(m, n) eps where atol is 0, for each matrix."""

    def made(value: Any) -> Tensor:
        found = value if isinstance(value, Tensor) else tensor(value, device=A.device)
        return found.to(A.dtype)

    usual = max(A._shape[-2:]) * finfo(A.dtype).eps
    least = made(0.0 if atol is None else atol)
    relative = made(rtol) if rtol is not None else where(least > 0, 0.0, made(usual))
    return least, relative


def pinv(
    A: Tensor,
    rcond: Any = None,
    hermitian: bool = False,
    *,
    atol: Any = None,
    rtol: Any = None,
) -> Tensor:
    """The pseudoinverse (..., n, m), as if singular values up to max(atol, rtol sigma_1) were 0.

    `rcond` is another name of rtol. The rank has to stay as it is where derivatives are taken.
    """
    name = "linalg.pinv"
    check_floating(name, A)
    (check_square if hermitian else check_matrix)(name, A)
    m, n = A._shape[-2:]
    batch = A._shape[:-2]
    limits = _tolerances(A, atol, rcond if rtol is None else rtol)
    least, relative = (t.expand(batch).reshape(math.prod(batch)) for t in limits)
    found, info = rows.pinv_stack(stacked(A), least, relative, symmetric=hermitian)
    check_info(name, A, info, lambda code: "The algorithm failed to converge.")
    return parts(found, batch, (n, m))[0]


def matrix_rank(
    A: Tensor, tol: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None
) -> Tensor:
    """How many singular values are larger than max(atol, rtol sigma_1); `tol` is atol, rtol 0."""
    name = "torch.linalg.matrix_rank"
    check_floating(name, A)
    (check_square if hermitian else check_matrix)(name, A, "input")
    if tol is not None:
        atol, rtol = tol, 0.0
    if not A.numel():
        return (A.sum((-1, -2)) * 0).to(int64)
    sizes = svdvals(A.detach())
    least, relative = _tolerances(A, atol, rtol)
    limit = where(least > relative * sizes[..., 0], least, relative * sizes[..., 0])
    return (sizes > limit.unsqueeze(-1)).sum(-1)


_DRIVERS = ("gels", "gelsy", "gelsd", "gelss")


def lstsq(A: Tensor, B: Tensor, rcond: float | None = None, *, driver: str | None = None) -> Any:
    """(solution, residuals, rank, singular_values): X of the least norm of A X - B, and of X.

    Singular values up to rcond times the largest, by default max(m, n) eps, count as 0. As in
    PyTorch, residuals are there where m > n and the driver is not "gelsy", which is the default;
    the rank but for "gels"; singular values for "gelsd" and "gelss". All compute alike here.
    """
    name = "torch.linalg.lstsq"
    check_floating(name, A, B)
    check_matrix(name, A, "input")
    check_alike(name, A, B)
    driver = driver or "gelsy"
    if driver not in _DRIVERS:
        raise RuntimeError(f"{name}: parameter `driver` should be one of {_DRIVERS}, not {driver}")
    vector = _is_vector(A, B)
    columns = B.unsqueeze(-1) if vector else B
    if A._shape[-2] != columns._shape[-2:][0]:
        raise RuntimeError(f"{name}: input.size(-2) should match other.size(-2)")
    solution = pinv(A, rcond) @ columns
    squares = (A @ solution - columns).square().sum(-2)
    nothing = tensor([], dtype=A.dtype, device=A.device)
    m, n = A._shape[-2:]
    values = svdvals(A.detach())
    rank = matrix_rank(A, rtol=rcond)
    return return_types.linalg_lstsq(
        solution.squeeze(-1) if vector else solution,
        squares if m > n and driver != "gelsy" and bool((rank == n).all()) else nothing,
        rank if driver != "gels" else nothing.to(int64),
        values if driver in ("gelsd", "gelss") else nothing,
    )


# Determinants


@method
def det(input: Tensor) -> Tensor:
    """The determinant, whose derivative is by minors, so that the matrix may be singular."""
    check_floating("linalg.det", input)
    check_square("linalg.det", input)
    if not input._shape[-1]:
        return input.new_ones(input._shape[:-2])
    found, _ = rows.determinant(stacked(input))
    return parts(found, input._shape[:-2], ())[0]


def sign_and_log(input: Tensor) -> tuple[Tensor, Tensor]:
    """The sign of the determinant, and log of its magnitude."""
    check_floating("linalg.slogdet", input)
    check_square("linalg.slogdet", input)
    batch = input._shape[:-2]
    if not input._shape[-1]:
        return input.new_ones(batch), input.new_zeros(batch)
    found, _ = rows.sign_log_determinant(stacked(input))
    sign, logarithm = found.select(1, 0).detach().clone(), found.select(1, 1).clone()
    return sign.reshape(batch), logarithm.reshape(batch)


def slogdet(A: Tensor) -> Any:
    """(sign, logabsdet): the determinant's sign, -1, 0 or 1, and the log of its magnitude."""
    return return_types.linalg_slogdet(*sign_and_log(A))


@method
def logdet(input: Tensor) -> Tensor:
    """The logarithm of the determinant; NaN where that is negative."""
    sign, logarithm = sign_and_log(input)
    return where(sign == -1, math.nan, logarithm)
