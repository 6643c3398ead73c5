"""Matrix products as users call them."""

from __future__ import annotations

import math
from typing import Any

from ..dispatch.contraction import check
from ..dispatch.structured import apply
from ..ops import contraction as rows
from ..ops.row import Row
from ..tensor import Tensor
from ..methods import method


def _product(row: Row, a: Any, b: Any) -> Tensor:
    check(row.name, a, b)
    return apply(row, (a, b), {})


@method
def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """The product of matrices (n, k) and (k, m)."""
    return _product(rows.mm, input, mat2)


@method
def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """The products of matrices (b, n, k) and (b, k, m)."""
    return _product(rows.bmm, input, mat2)


@method
def mv(input: Tensor, vec: Tensor) -> Tensor:
    """The product of a matrix (n, k) and a vector (k,)."""
    return _product(rows.mv, input, vec)


@method
def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """The inner product of two vectors."""
    return _product(rows.dot, input, tensor)


@method
def matmul(input: Tensor, other: Tensor) -> Tensor:
    """The matrix product, by the operands' dimensions: vectors, matrices, or broadcast batches of them."""
    if not isinstance(other, Tensor) or not isinstance(input, Tensor):
        bad = input if not isinstance(input, Tensor) else other
        raise TypeError(f"matmul(): argument must be Tensor, not {type(bad).__name__}")
    a, b = input.ndim, other.ndim
    if not a or not b:
        raise RuntimeError(f"both arguments to matmul need to be at least 1D, but they are {a}D and {b}D")
    if (a, b) in _BY_RANK and (a < 3 or input._shape[0] == other._shape[0]):
        return _product(_BY_RANK[a, b], input, other)
    if a == 1:
        return matmul(input.unsqueeze(0), other).squeeze(-2)
    if b == 1:
        return matmul(input, other.unsqueeze(-1)).squeeze(-1)
    if b == 2:
        rows_ = input.reshape(-1, input._shape[-1])
        return mm(rows_, other).reshape(*input._shape[:-1], other._shape[-1])
    return _batched(input, other)


_BY_RANK = {(1, 1): rows.dot, (2, 1): rows.mv, (2, 2): rows.mm, (3, 3): rows.bmm}


def _batched(a: Tensor, b: Tensor) -> Tensor:
    """matmul of stacks whose leading dimensions broadcast."""
    from ..dispatch.common import broadcast_shapes

    batch = broadcast_shapes("matmul", [tuple(a._shape[:-2]), tuple(b._shape[:-2])])
    n = math.prod(batch)
    left = a.expand(*batch, *a._shape[-2:]).reshape(n, *a._shape[-2:])
    right = b.expand(*batch, *b._shape[-2:]).reshape(n, *b._shape[-2:])
    return bmm(left, right).reshape(*batch, a._shape[-2], b._shape[-1])


@method(name="__matmul__")
def _matmul(self: Tensor, other: Tensor) -> Tensor:
    return matmul(self, other)


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input @ weight.T + bias, for input (..., in), weight (out, in), bias (out,)."""
    product = matmul(input, weight.t())
    return product if bias is None else product + bias


@method
def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """beta input + alpha mat1 @ mat2."""
    return input * beta + mm(mat1, mat2) * alpha


@method
def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """Every product of an element of one vector and one of the other."""
    if input.ndim != 1 or vec2.ndim != 1:
        raise RuntimeError(f"outer: Expected 1-D arguments, but got {input.ndim}-D and {vec2.ndim}-D")
    return input.unsqueeze(1) * vec2
