"""Losses of margins: of classes that score too near another, and of signs."""

from __future__ import annotations

from typing import Any

from ....dispatch.api import FUNCTIONS
from ....dispatch.elementwise import call
from ....functions.checked import of_tensors
from ....functions.indexing.picking import gather, index_select
from ....functions.naming import ends_as
from ....functions.places import checked, index_of
from ....functions.pointwise.arithmetic import where
from ....ops.pointwise import losses as rows
from ....tensor import Tensor
from ....types.dtypes import bool_, int64
from ...reduction import reduced, reduction_of


@of_tensors
@ends_as("MultiMarginLossBackward0")
def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The mean over classes of max(0, margin - x[target] + x[i])**p, i other than the target.

    Of inputs (N, C), (C,) or () and targets (N,) or (); p is 1 or 2, `weight` one for each class.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    if weight is not None and weight.ndim != 1:
        raise ValueError("weight must be one-dimensional")
    if input.ndim > 2:
        raise RuntimeError(
            f"Expected non-empty vector or matrix with optional 0-dim batch size, but got: "
            f"{list(input._shape)}"
        )
    x = input if input.ndim == 2 else input.reshape(1, -1)
    chosen = target.reshape(-1).to(int64)
    if chosen._shape[0] != x._shape[0]:
        raise RuntimeError(
            f"inconsistent target size, expected {[x._shape[0]]} but got {[*target._shape]}"
        )
    checked(
        index_of(chosen, x.device),
        0,
        x._shape[1],
        lambda i: RuntimeError(f"target out of range: {i}"),
    )
    gaps = (margin - gather(x, 1, chosen.unsqueeze(1)) + x).clamp(min=0)
    gaps = gaps if p == 1 else gaps.square()
    if weight is not None:
        gaps = gaps * index_select(weight, 0, chosen).unsqueeze(1)
    own = chosen.unsqueeze(1) == _counted(x)
    losses = where(own, 0, gaps).sum(1) / x._shape[1]
    return reduced(losses if input.ndim == 2 else losses.squeeze(0), reduction)


def _counted(x: Tensor) -> Tensor:
    """0, 1, 2, ..., one for each index of the last dimension."""
    return x.detach().new_ones(x._shape[-1:], dtype=int64).cumsum(0) - 1


@of_tensors
@ends_as("MultilabelMarginLossBackward0")
def multilabel_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The sum of max(0, 1 - x[j] + x[i]) over targets j and all other i, over the classes' number.

    Of inputs (N, C), (C,) or (); `target`, of that shape, lists classes up to the first -1.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    if input.ndim > 2 or target._shape != input._shape:
        raise RuntimeError(
            f"inconsistent target size: {list(target._shape)} for input of size: "
            f"{list(input._shape)}"
        )
    if target.dtype is not int64 and input.numel():
        raise RuntimeError(f"expected scalar type Long but found {target.dtype!r}")
    x = input if input.ndim == 2 else input.reshape(1, -1)
    listed = target.reshape(x._shape).to(int64)
    checked(
        index_of(listed, x.device),
        -1,
        x._shape[1],
        lambda i: RuntimeError(f"target out of range: {i}"),
    )
    given = (listed >= 0).to(int64).cumprod(1) != 0
    chosen = where(given, listed, 0)
    named = ((chosen.unsqueeze(2) == _counted(x)) & given.unsqueeze(2)).any(1)
    gaps = (1 - gather(x, 1, chosen).unsqueeze(2) + x.unsqueeze(1)).clamp(min=0)
    gaps = where(given.unsqueeze(2) & ~named.unsqueeze(1), gaps, 0)
    losses = gaps.sum((1, 2)) / max(x._shape[1], 1)
    return reduced(losses if input.ndim == 2 else losses.squeeze(0), reduction)


@of_tensors
def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The mean over classes, the last dimension, of the binary cross entropy of sigmoid(input)."""
    reduction = reduction_of(size_average, reduce, reduction)
    if target.dtype is bool_:  # of which 1 - target is none
        raise RuntimeError("Subtraction, the `-` operator, with a bool tensor is not supported.")
    elements = call(rows.binary_cross_entropy_with_logits, (input, target, 1.0))
    if weight is not None:
        elements = elements * weight
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not valid")
    return reduced(elements.sum(-1) / input._shape[-1], reduction)


# Signs


@of_tensors
@ends_as("SoftMarginLossBackward0")
def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """log(1 + exp(-target input)), of targets 1 and -1, without overflow."""
    reduction = reduction_of(size_average, reduce, reduction)
    signs: Any = target.to(input.dtype) if not target.is_floating_point() else target
    return reduced(-FUNCTIONS["logsigmoid"](signs * input), reduction)


@of_tensors
def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The input where the target is 1, max(0, margin - input) where it is -1."""
    reduction = reduction_of(size_average, reduce, reduction)
    far = where(target != 1, (float(margin) - input).clamp(min=0), 0)
    return reduced(far + where(target != -1, input, 0), reduction)
