"""Cholesky factors and triangular systems of small matrices, in ops that have every derivative."""

from __future__ import annotations

from ..functions.joining.stacking import stack
from ..tensor import Tensor


def factor(matrix: Tensor) -> Tensor:
    """The lower triangular L with L L^T = matrix, of matrices in the last two dimensions.

    NaN where a matrix is not positive definite.

        for j:  L[:, j] = rest[:, j] / sqrt(rest[j, j]);  rest -= L[:, j] L[:, j]^T
    """
    rest, columns = (matrix + matrix.mT) / 2, []  # so that gradients are symmetric, too
    for j in range(matrix.shape[-1]):
        column = rest[..., :, j] / rest[..., j, j].sqrt().unsqueeze(-1)
        columns.append(column)
        rest = rest - column.unsqueeze(-1) * column.unsqueeze(-2)
    return stack(columns, -1).tril()


def solved(lower: Tensor, right: Tensor) -> Tensor:
    """The X with lower X = right, of matrices in the last two dimensions; batches broadcast.

    for j:  X[j] = (right[j] - L[j, :j] X[:j]) / L[j, j]
    """
    rows: list[Tensor] = []
    for j in range(lower.shape[-1]):
        row = right[..., j, :]
        for k, known in enumerate(rows):
            row = row - lower[..., j, k].unsqueeze(-1) * known
        rows.append(row / lower[..., j, j].unsqueeze(-1))
    return stack(rows, -2)
