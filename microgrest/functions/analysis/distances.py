"""Distances of the rows of two matrices."""

from __future__ import annotations

from ...dispatch.api import FUNCTIONS
from ...ops.row import register_type
from ...tensor import Tensor
from ...types.dtypes import FLOATING
from ..joining.stacking import cat
from ..matrices.products import matmul
from ..naming import ends_as
from ..pointwise.arithmetic import where
from ..reductions.folds import mean, sum
from ..reductions.statistics import norm
from ..views.shapes import transpose, unsqueeze

# Whether Euclidean distances are taken from products of matrices, by mode; None: of many rows.
_BY_PRODUCTS = {
    "use_mm_for_euclid_dist_if_necessary": None,
    "use_mm_for_euclid_dist": True,
    "donot_use_mm_for_euclid_dist": False,
}
_MANY = 25


@ends_as("CdistBackward0")
def cdist(
    x1: Tensor,
    x2: Tensor,
    p: float = 2.0,
    compute_mode: str = "use_mm_for_euclid_dist_if_necessary",
) -> Tensor:
    """The p-norms of the differences of each row of `x1`, (..., n, k), and `x2`, (..., m, k).

    The result is (..., n, m); leading dimensions broadcast. The gradient of a distance of 0 is 0.
    With p = 2 and more than 25 rows, squares and products of rows are computed, not differences.
    """
    if not isinstance(p, (int, float)):
        raise TypeError(f"cdist(): argument 'p' must be float, not {type(p).__name__}")
    if compute_mode not in _BY_PRODUCTS:
        raise ValueError(f"{compute_mode} is not a valid value for compute_mode")
    _check(x1, x2, p)
    if not x1._shape[-1]:
        return sum(unsqueeze(x1, -2) - unsqueeze(x2, -3), -1)
    by_products = _BY_PRODUCTS[compute_mode]
    if by_products is None:
        by_products = max(x1._shape[-2], x2._shape[-2]) > _MANY
    if p == 2 and by_products and x1.numel() and x2.numel():
        return _euclidean(x1, x2)
    apart = unsqueeze(x1, -2) - unsqueeze(x2, -3)
    if p == 0:
        return sum(where(apart.isnan(), apart, (apart != 0).to(apart.dtype)), -1)
    return norm(apart, p, -1)


def _check(x1: Tensor, x2: Tensor, p: float) -> None:
    for name, x in (("X1", x1), ("X2", x2)):
        if not isinstance(x, Tensor):
            raise TypeError(f"cdist(): argument {name!r} must be Tensor, not {type(x).__name__}")
        if x.ndim < 2:
            raise RuntimeError(f"cdist only supports at least 2D tensors, {name} got: {x.ndim}D")
        if x.dtype.category != FLOATING:
            raise RuntimeError(
                f"cdist only supports floating-point dtypes, {name} got: {x.dtype!r}"
            )
        if register_type(x.dtype) is not x.dtype:
            raise NotImplementedError(f'"cdist" is not implemented for {x.dtype!r} tensors')
    if x1._shape[-1] != x2._shape[-1]:
        raise RuntimeError(
            "X1 and X2 must have the same number of columns. "
            f"X1: {x1._shape[-1]} X2: {x2._shape[-1]}"
        )
    if x1.dtype is not x2.dtype:
        raise RuntimeError(f"expected scalar type {x1.dtype!r} but found {x2.dtype!r}")
    if not p >= 0:
        raise RuntimeError("cdist only supports non-negative p values")


def _euclidean(x1: Tensor, x2: Tensor) -> Tensor:
    """|a - b| as the root of a a - 2 a b + b b, one product, of rows seen from their middle."""
    middle = mean(x1.detach(), -2, True)
    middle = where(middle.isfinite(), middle, 0)
    a, b = x1 - middle, x2 - middle
    a_squares, b_squares = sum(a * a, -1, True), sum(b * b, -1, True)
    ones = [(s.detach() * 0) + 1 for s in (a_squares, b_squares)]
    left = cat([-2 * a, a_squares, ones[0]], -1)
    right = cat([b, ones[1], b_squares], -1)
    return FUNCTIONS["root"](matmul(left, transpose(right, -2, -1)).clamp_min(0))
