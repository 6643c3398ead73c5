"""What becomes of a loss's elements: their mean, their sum, or nothing."""

from __future__ import annotations

import warnings

from ..tensor import Tensor


def reduction_of(size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    """`reduction`, or what the two deprecated flags, where given, mean in its place."""
    if size_average is None and reduce is None:
        return reduction
    summed = "sum" if size_average is False else "mean"
    reduction = "none" if reduce is False else summed
    warnings.warn(
        "size_average and reduce args will be deprecated, "
        f"please use reduction='{reduction}' instead.",
        stacklevel=3,
    )
    return reduction


def reduced(elements: Tensor, reduction: str) -> Tensor:
    """The loss from its elements; ValueError for an unknown `reduction`."""
    if reduction == "mean":
        return elements.mean()
    if reduction == "sum":
        return elements.sum()
    if reduction == "none":
        return elements
    raise ValueError(f"{reduction} is not a valid value for reduction")
