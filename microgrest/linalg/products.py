"""Products, powers and exponentials of matrices, and systems of tensors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from ..creation import eye
from ..dispatch.api import FUNCTIONS
from ..functions.checked import of_tensors
from ..functions.joining.stacking import cat
from ..functions.matrices.products import cross as cross_of, matmul as matmul
from ..functions.reductions.folds import sum as sum_of
from ..functions.views.shapes import diagonal as diagonal_of
from ..tensor import Tensor
from ..tensor.methods import method
from ..types.dtypes import bool_
from ..types.integers import whole
from .checks import check_floating, check_matrix, check_square
from .solving import inv, solve


def multi_dot(tensors: Sequence[Tensor]) -> Tensor:
    """The product of matrices, in the order of the fewest multiplications.

    The first may be a row vector, the last a column vector.
    """
    chain = list(tensors)
    if len(chain) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(chain)}")
    for i, x in enumerate(chain):
        if not isinstance(x, Tensor):
            raise TypeError(f"multi_dot(): tensor {i} must be Tensor, not {type(x).__name__}")
        allowed = (1, 2) if i in (0, len(chain) - 1) else (2,)
        if x.ndim not in allowed:
            raise RuntimeError(
                f"multi_dot(): tensor {i} must be {'1D or 2D' if len(allowed) == 2 else '2D'} but "
                f"got {x.ndim}D"
            )
    row, column = chain[0].ndim == 1, chain[-1].ndim == 1
    chain[0] = chain[0].unsqueeze(0) if row else chain[0]
    chain[-1] = chain[-1].unsqueeze(1) if column else chain[-1]
    for i, (a, b) in enumerate(pairwise(chain)):
        if a._shape[1] != b._shape[0]:
            raise RuntimeError(
                f"multi_dot(): tensors {i} and {i + 1} with shapes {list(a._shape)} and "
                f"{list(b._shape)} cannot be multiplied"
            )
    found = _multiplied(chain, _splits([*(x._shape[0] for x in chain), chain[-1]._shape[1]]))
    return found.reshape(found._shape[int(row) : 2 - int(column)])


def _splits(sizes: Sequence[int]) -> dict[tuple[int, int], int]:
    """Where to part each stretch of a chain of matrices, sizes[i] by sizes[i + 1]."""
    n = len(sizes) - 1
    costs = {(i, i): 0 for i in range(n)}
    found = {}
    for length in range(2, n + 1):
        for i in range(n - length + 1):
            j = i + length - 1
            costs[i, j], found[i, j] = min(
                (costs[i, k] + costs[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k)
                for k in range(i, j)
            )
    return found


def _multiplied(chain: Sequence[Tensor], splits: dict[tuple[int, int], int]) -> Tensor:
    def product(i: int, j: int) -> Tensor:
        if i == j:
            return chain[i]
        k = splits[i, j]
        return product(i, k) @ product(k + 1, j)

    return product(0, len(chain) - 1)


def _ones(A: Tensor) -> Tensor:
    """Identities of the shape of A."""
    return eye(A._shape[-1], dtype=A.dtype, device=A.device).expand(A._shape).clone()


@method
def matrix_power(input: Tensor, n: int) -> Tensor:
    """The product of `n` copies of square matrices, or of -n inverses; the identity for n = 0."""
    name = "linalg.matrix_power"
    check_square(name, input)
    n = whole(n, "n")
    if n < 0:
        check_floating(name, input)
        input, n = inv(input), -n
    if n == 0:
        return _ones(input)
    found, square = None, input
    while True:
        if n & 1:
            found = square if found is None else found @ square
        n >>= 1
        if not n:
            assert found is not None
            return found.clone() if found is input else found
        square = square @ square


# Coefficients of the Padé approximant of degree 13 to exp, which is exact to float64 for matrices
# whose 1-norm is at most 5.37 (Higham, 2005).
_PADE = [
    math.factorial(26 - k) * math.factorial(13) // (math.factorial(13 - k) * math.factorial(k))
    for k in range(14)
]
_REACH = 5.371920351148152


@method
def matrix_exp(input: Tensor) -> Tensor:
    """exp of square matrices: a Padé approximant of A / 2**s, squared s times."""
    name = "linalg.matrix_exp"
    check_floating(name, input)
    check_square(name, input)
    if not input.numel():
        return input.clone()
    if input._shape[-1] == 1:
        return FUNCTIONS["exp"](input)
    size = input.detach().abs().sum(-2).max().item()
    s = max(math.ceil(math.log2(size / _REACH)), 0) if 0 < size < math.inf else 0
    found = _approximant(input * 0.5**s if s else input)
    for _ in range(s):
        found = found @ found
    return found


def _approximant(A: Tensor) -> Tensor:
    """(V - U)^-1 (V + U), U the odd and V the even terms."""
    c = [k / _PADE[0] for k in _PADE]
    one, A2 = _ones(A), A @ A
    A4 = A2 @ A2
    A6 = A4 @ A2
    U = A @ (
        A6 @ (c[13] * A6 + c[11] * A4 + c[9] * A2) + c[7] * A6 + c[5] * A4 + c[3] * A2 + c[1] * one
    )
    V = A6 @ (c[12] * A6 + c[10] * A4 + c[8] * A2) + c[6] * A6 + c[4] * A4 + c[2] * A2 + c[0] * one
    return solve(V - U, V + U)


def vecdot(x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor:
    """Inner products of vectors along `dim`; all other dimensions broadcast."""
    for t in (x, y):
        if t.dtype is not x.dtype:
            raise RuntimeError(
                f"linalg.vecdot: Expected x and y to have the same dtype, but found {x.dtype!r} "
                f"and {y.dtype!r} instead"
            )
    a, b = x.movedim(dim, -1), y.movedim(dim, -1)
    if a._shape[-1] != b._shape[-1]:
        raise RuntimeError(
            f"inconsistent tensor size, expected tensor {list(x._shape)} and src {list(y._shape)} "
            "to have the same number of elements along dim"
        )
    if not x.is_floating_point():
        return sum_of(a * b, -1, dtype=x.dtype)
    return matmul(a.unsqueeze(-2), b.unsqueeze(-1)).squeeze((-1, -2))


def cross(input: Tensor, other: Tensor, *, dim: int = -1) -> Tensor:
    """The vector product along `dim`, of three elements."""
    return cross_of(input, other, dim)


@of_tensors
def diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """The diagonals of matrices in two dimensions, a view."""
    return diagonal_of(A, offset, dim1, dim2)


@of_tensors
def vander(x: Tensor, N: int | None = None) -> Tensor:
    """Powers 0 to N - 1 of each element along a new last dimension; N is by default x.size(-1)."""
    x = x if x._shape else x.reshape((1,))
    n = x._shape[-1] if N is None else whole(N, "N")
    if n <= 1:
        raise RuntimeError("N must be greater than 1.")
    if x.dtype is bool_:
        raise RuntimeError("linalg.vander() takes floating-point and integer tensors, got bool")
    powers = x.unsqueeze(-1).expand(*x._shape, n - 1)
    found = powers.cumprod(-1)  # of integers as int64
    return cat([powers[..., :1].to(found.dtype) ** 0, found], -1)


def householder_product(input: Tensor, tau: Tensor) -> Tensor:
    """The first n columns of H_1 H_2 ... H_k, H_i = 1 - tau_i v_i v_i^T, from `geqrf`.

    v_i is 1 at i, 0 before, and column i of `input` (..., m, n) below.
    """
    name = "torch.linalg.householder_product"
    check_floating(name, input, tau)
    check_matrix(name, input, "input")
    m, n = input._shape[-2:]
    if n > m or tau._shape[-1] > n:
        raise RuntimeError(
            f"{name}: input.shape[-2] must be greater than or equal to input.shape[-1], and that "
            f"to tau.shape[-1], but got {m}, {n} and {tau._shape[-1]}"
        )
    found = eye(m, n, dtype=input.dtype, device=input.device).expand(input._shape)
    below = input.tril(-1) + eye(m, n, dtype=input.dtype, device=input.device)
    for i in reversed(range(tau._shape[-1])):
        v = below[..., i : i + 1]
        found = found - tau[..., i : i + 1].unsqueeze(-1) * (v @ (v.mT @ found))
    return found.clone() if not tau._shape[-1] else found


# Tensors as matrices


def tensorinv(A: Tensor, ind: int = 2) -> Tensor:
    """The inverse of A as a map from its last dimensions to the first `ind`, as a tensor."""
    if ind <= 0:
        raise RuntimeError("Expected a strictly positive integer for 'ind'")
    first, last = A._shape[:ind], A._shape[ind:]
    if math.prod(first) != math.prod(last):
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[ind:]) == "
            f"prod(self.shape[:ind]), but got {math.prod(last)} != {math.prod(first)}"
        )
    n = math.prod(first)
    return inv(A.reshape(n, n)).reshape(*last, *first)


def tensorsolve(A: Tensor, B: Tensor, dims: Sequence[int] | None = None) -> Tensor:
    """X of tensordot(A, X, X.ndim) = B; `dims` of A are moved to its end before."""
    if dims is not None:
        A = A.movedim(tuple(dims), tuple(range(A.ndim - len(dims), A.ndim)))
    last = A._shape[B.ndim :]
    n, found = math.prod(A._shape[: B.ndim]), math.prod(last)
    if n != found:
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == "
            f"prod(self.shape[:other.ndim]), but got {found} != {n}"
        )
    return solve(A.reshape(n, n), B.reshape(-1)).reshape(last)
