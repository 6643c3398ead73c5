"""Lengths and angles, and the losses of pairs and triplets that they make."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ....creation import triu_indices
from ....functions.checked import of_tensors
from ....functions.indexing.picking import index_select
from ....functions.naming import ends_as
from ....functions.pointwise.arithmetic import where
from ....functions.reductions.statistics import norm
from ....graph.modes import no_grad
from ....tensor import Tensor
from ....types.dtypes import promote_types
from ...reduction import reduced, reduction_of


def normalize(
    input: Tensor, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: Tensor | None = None
) -> Tensor:
    """The input over its p-norms along `dim`, none of which counts as less than `eps`."""
    result = input / norm(input, p, dim, True).clamp(min=eps).expand_as(input)
    return result if out is None else out.copy_(result)


def _held(lengths: Tensor, eps: float) -> Tensor:
    """Lengths of at least `eps`; gradients pass by the bound."""
    lengths = lengths.clone()
    with no_grad():
        lengths.clamp_(min=eps)
    return lengths


@of_tensors
def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosines of the angles between vectors along `dim`, of tensors that broadcast.

    Lengths count as at least `eps`. RuntimeError for integers.
    """
    if eps < 0:
        raise RuntimeError(f"eps must be non-negative, got: {eps}")
    common = promote_types(x1.dtype, x2.dtype)
    if not common.is_floating_point:
        raise RuntimeError(
            f"expected common dtype to be floating point, yet common dtype is {common!r}"
        )
    if common not in (x1.dtype, x2.dtype) or x1.dtype is not x2.dtype:
        x1, x2 = x1.to(common), x2.to(common)
    n = max(x1.ndim, x2.ndim)
    a, b = (x.reshape((1,) * (n - x.ndim) + tuple(x._shape)) for x in (x1, x2))
    a, b = a.expand((a * 0 + b.detach() * 0)._shape), b.expand((a.detach() * 0 + b * 0)._shape)
    units = [x / _held(norm(x, 2, dim, True), eps) for x in (a, b)]
    return (units[0] * units[1]).sum(dim)


@of_tensors
@ends_as("NormBackward1")
def pairwise_distance(
    x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    """The p-norms of x1 - x2 + eps along the last dimension, of tensors that broadcast."""
    difference = x1 - x2 + float(eps)
    return norm(difference, p, -1 if difference.ndim else None, keepdim)


@of_tensors
def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """The p-norm distances between the rows i < j of a matrix, in the order of i, then j.

    RuntimeError for other than a floating-point matrix, or a negative p.
    """
    if input.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.ndim}D")
    if not input.is_floating_point():
        raise RuntimeError("pdist only supports floating-point dtypes")
    if p < 0:
        raise RuntimeError("pdist only supports non-negative p values")
    n = input._shape[0]
    if n < 2:
        return input.reshape(-1)[:0].clone()
    rows = triu_indices(n, n, 1, device=input.device)
    return norm(index_select(input, 0, rows[0]) - index_select(input, 0, rows[1]), p, 1)


# Losses


@of_tensors
def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """1 - cos where the target is 1, max(0, cos - margin) where it is -1.

    Of rows of (N, D) inputs and targets (N,), or of vectors and one target.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    if target.ndim not in (0, 1):
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    sizes = [list(x._shape) for x in (input1, input2)]
    if input1.ndim != target.ndim + 1 or input2.ndim != target.ndim + 1:
        raise RuntimeError(
            f"{target.ndim}D target tensor expects {target.ndim + 1}D input tensors, but found "
            f"inputs with sizes {sizes[0]} and {sizes[1]}."
        )
    tiny = 1e-12
    squares = [(x * x).sum(target.ndim) + tiny for x in (input1, input2)]
    cosines = (input1 * input2).sum(target.ndim) / (squares[0] * squares[1]).sqrt()
    near = where(target == 1, 1 - cosines, 0)
    return reduced(near + where(target == -1, (cosines - margin).clamp(min=0), 0), reduction)


def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, margin - target (input1 - input2)); a target of 1 wants the first to be larger."""
    reduction = reduction_of(size_average, reduce, reduction)
    if not input1.ndim == input2.ndim == target.ndim:
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: {input1.size()}, input2: {input2.size()}, target: {target.size()} "
        )
    return reduced((-target * (input1 - input2) + float(margin)).clamp(min=0), reduction)


@of_tensors
def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, margin + d(anchor, positive) - d(anchor, negative)), d being `pairwise_distance`.

    `swap` takes the negative's distance from the positive where that is less (Balntas et al. 2016).
    """
    reduction = reduction_of(size_average, reduce, reduction)

    def distance(a: Tensor, b: Tensor) -> Tensor:
        return pairwise_distance(a, b, p, eps)

    return triplet_margin_with_distance_loss(
        anchor,
        positive,
        negative,
        distance_function=distance,
        margin=margin,
        swap=swap,
        reduction=reduction,
    )


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """The triplet loss of any distance, by default `pairwise_distance`."""
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of "
            f"dimensions, but got: anchor {anchor.ndim}D, positive {positive.ndim}D, and negative "
            f"{negative.ndim}D inputs"
        )
    distance = distance_function or pairwise_distance
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = far.minimum(distance(positive, negative))
    return reduced((margin + near - far).clamp(min=0), reduction)
