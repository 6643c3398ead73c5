"""Losses of numbers and of distributions: how far an input is from a target, element by element."""

from __future__ import annotations

import math
import warnings

from .... import recording
from ....dispatch.elementwise import call
from ....functions.checked import of_tensors
from ....functions.naming import ends_as, rename
from ....functions.pointwise.arithmetic import where
from ....graph.modes import no_grad
from ....ops.pointwise import losses as rows
from ....tensor import Tensor
from ....types.dtypes import bool_, promote_types
from ...reduction import reduced, reduction_of


def _warn_of_shapes(input: Tensor, target: Tensor) -> None:
    """Warn where input and target have different shapes, which broadcast."""
    if target._shape != input._shape:
        warnings.warn(
            f"Using a target size ({target.shape}) that is different to the input size "
            f"({input.shape}). This will likely lead to incorrect results due to broadcasting. "
            "Please ensure they have the same size.",
            stacklevel=3,
        )


def _difference(input: Tensor, target: Tensor) -> Tensor:
    """input - target; of bools, which subtraction refuses, as the other's type."""
    if bool_ in (input.dtype, target.dtype):
        common = promote_types(input.dtype, target.dtype)
        input, target = input.to(common), target.to(common)
    return input - target


def _weighted(elements: Tensor, input: Tensor, weight: Tensor | None, reduction: str) -> Tensor:
    """The loss from its elements, which `weight`, of the input's shape, weighs if it is there."""
    if weight is None:
        return reduced(elements, reduction)
    _check_weight(input, weight)
    elements = elements * weight
    return elements.sum() / weight.sum() if reduction == "mean" else reduced(elements, reduction)


def _check_weight(input: Tensor, weight: Tensor) -> None:
    if weight.shape != input.shape:
        raise ValueError("Weights and input must have the same size.")


def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """The squared difference, elementwise, then its "mean", "sum" or, with "none", itself.

    `weight`, of the input's shape, weighs the elements; the mean is then over the weights. Warns
    where input and target have different shapes, which broadcast.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    _warn_of_shapes(input, target)
    common = promote_types(input.dtype, target.dtype)
    if weight is None and not common.is_floating_point:
        raise NotImplementedError(f'"mse_loss" is not implemented for {common!r}; use float()')
    squares = _weighted(_difference(input, target).square(), input, weight, reduction)
    return rename(squares, "MseLossBackward0") if weight is None else squares


def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """The absolute difference, elementwise, and by `reduction`; `weight` as in `mse_loss`."""
    reduction = reduction_of(size_average, reduce, reduction)
    _warn_of_shapes(input, target)
    return _weighted((input - target).abs(), input, weight, reduction)


@ends_as("SmoothL1LossBackward0")
def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """d**2 / (2 beta) where |d| < beta, else |d| - beta / 2, of d = input - target.

    With a beta of 0 the L1 loss; RuntimeError for a negative one. Girshick 2015.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    _warn_of_shapes(input, target)
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    difference = input - target
    if beta == 0:
        return reduced(difference.abs(), reduction)
    return reduced(call(rows.smooth_l1, (difference, beta)), reduction)


@ends_as("HuberLossBackward0")
def huber_loss(
    input: Tensor,
    target: Tensor,
    reduction: str = "mean",
    delta: float = 1.0,
    weight: Tensor | None = None,
) -> Tensor:
    """d**2 / 2 where |d| <= delta, else delta (|d| - delta / 2), of d = input - target.

    RuntimeError unless delta > 0. `weight` weighs the elements, and not their mean. Huber 1964.
    """
    _warn_of_shapes(input, target)
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    elements = call(rows.huber, (_difference(input, target), delta)).to(input.dtype)
    if weight is None:
        return reduced(elements, reduction)
    _check_weight(input, weight)
    return reduced(elements * weight, reduction)


@of_tensors
def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """target (log(target) - input), of logarithms of probabilities, and by `reduction`.

    "batchmean" is the sum over the first extent, the divergence of Kullback and Leibler; "mean"
    warns. With `log_target` the targets are logarithms, too.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    if reduction == "mean":
        warnings.warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support "
            "size. 'batchmean' divides only by the batch size, and aligns with the KL div math "
            "definition. 'mean' will be changed to behave the same as 'batchmean' in the next "
            "major release.",
            stacklevel=2,
        )
    if not (input.is_floating_point() and target.is_floating_point()):
        raise RuntimeError("kl_div: Integral inputs not supported.")
    if log_target:
        elements = target.exp() * (target - input)
    else:
        elements = target.xlogy(target) - target * input
    if reduction != "batchmean":
        return reduced(elements, reduction)
    total = elements.sum()
    return total / input._shape[0] if input.ndim else total


@of_tensors
def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The negative logarithm of a Poisson distribution's probability of `target`.

    exp(input) - target input, or, not `log_input`, input - target log(input + eps). `full` adds
    Stirling's approximation of log(target!) where the target is above 1.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    expected, logarithm = (input.exp(), input) if log_input else (input, (input + eps).log())
    elements = expected - target * logarithm
    if full:
        many = where(target > 1, target, 1)
        stirling = many * many.log() - many + 0.5 * (2 * math.pi * many).log()
        elements = elements + where(target > 1, stirling, 0)
    return reduced(elements, reduction)


@of_tensors
def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """(log(var) + (input - target)**2 / var) / 2, of variances of at least `eps`.

    `var` is a number, or has the input's shape, or that without the last dimension, or with 1 in
    its place. `full` adds log(2 pi) / 2. ValueError for other shapes, and for negative variances
    (compiled steps look at those of their first calls). Nix and Weigend 1994.
    """
    variances = _variances(input, var)
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not valid")
    if recording.aside(lambda: bool((variances < 0).any())):
        raise ValueError("var has negative entry/entries")
    variances = variances.clone()
    with no_grad():  # gradients pass by the bound
        variances.clamp_(min=eps)
    elements = 0.5 * (variances.log() + (input - target) ** 2 / variances)
    if full:
        elements = elements + 0.5 * math.log(2 * math.pi)
    return reduced(elements, reduction)


def _variances(input: Tensor, var: Tensor | float) -> Tensor:
    """Variances that broadcast to the input."""
    if isinstance(var, (int, float)):
        if var < 0:
            raise ValueError("var has negative entry/entries")
        return var * input.new_ones(input._shape)
    if not isinstance(var, Tensor):
        raise TypeError(f"var has to be a tensor or a number, got {type(var).__name__}")
    if var._shape == input._shape:
        return var
    if var._shape == input._shape[:-1]:
        return var.unsqueeze(-1)
    same = len(var._shape) == len(input._shape)
    if same and all(a == b or b == 1 for a, b in zip(input._shape, var._shape, strict=True)):
        return var
    raise ValueError("var is of incorrect size")
