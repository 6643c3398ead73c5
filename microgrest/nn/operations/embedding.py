"""Tables of vectors and their indices, one-hot vectors, and bilinear forms."""

from __future__ import annotations

import math
from itertools import pairwise

from ... import recording
from ...creation import zeros
from ...dispatch.structured import apply
from ...functions.checked import of_tensors
from ...functions.indexing.picking import index_select
from ...functions.matrices.products import matmul
from ...functions.naming import rename
from ...functions.places import numbers_slices
from ...functions.pointwise.arithmetic import where
from ...functions.reductions.statistics import norm
from ...graph.modes import no_grad
from ...ops.places import indexing as rows
from ...ops.places.indexing import add_along
from ...tensor import Tensor
from ...types.dtypes import int32, int64


@of_tensors
def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """1 at the index of each class, else 0, along a new last dimension, as int64.

    There are `num_classes` of them, or as many as the largest index asks for. RuntimeError for
    other than int64, and for indices outside (compiled steps look at those of their first calls).
    """
    if tensor.dtype is not int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    if not tensor.numel():
        if num_classes <= 0:
            raise RuntimeError("Can not infer total number of classes from empty tensor.")
        return zeros(*tensor._shape, num_classes, dtype=int64, device=tensor.device)
    if num_classes < -1 or num_classes == 0:
        raise RuntimeError("Class values must be smaller than num_classes.")
    if num_classes == -1:
        num_classes = int(tensor.max().item()) + 1
    least, most = recording.aside(lambda: (int(tensor.min()), int(tensor.max())))
    if least < 0:
        raise RuntimeError("Class values must be non-negative.")
    if most >= num_classes:
        raise RuntimeError("Class values must be smaller than num_classes.")
    classes = tensor.new_ones(num_classes).cumsum(0) - 1
    return (tensor.unsqueeze(-1) == classes).to(int64)


def _check_indices(name: str, input: Tensor) -> None:
    if input.dtype not in (int32, int64):
        raise RuntimeError(
            f"Expected tensor for argument #1 'indices' to have one of the following scalar types: "
            f"Long, Int; but got {input.dtype!r} instead (while checking arguments for {name})"
        )


def _padding(weight: Tensor, padding_idx: int | None) -> int | None:
    if padding_idx is None:
        return None
    n = weight._shape[0]
    assert -n <= padding_idx < n, "Padding_idx must be within num_embeddings"
    return padding_idx % n


@of_tensors
def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """The rows of `weight`, (rows, D), at indices `input`: a tensor (*input.shape, D).

    The row `padding_idx` gets no gradient. Rows whose `norm_type`-norm is above `max_norm` are
    scaled to it first, in place. `scale_grad_by_freq` divides gradients by how often a row is used.
    IndexError for indices out of range; NotImplementedError for sparse gradients.
    """
    _check_indices("embedding", input)
    if sparse:
        raise NotImplementedError("embedding: sparse gradients are not supported; use sparse=False")
    if weight.ndim != 2:
        raise RuntimeError("'weight' must be 2-D")
    plain = padding_idx is None and max_norm is None and not scale_grad_by_freq
    if plain and numbers_slices(input, weight):
        return apply(rows.embedding, (weight, input), {"dim": 0})
    padding, index = _padding(weight, padding_idx), input.reshape(-1)
    if max_norm is not None:
        _renormalize(weight, index, max_norm, norm_type)
    found = index_select(weight, 0, index)
    if scale_grad_by_freq:
        found = _divided(found, index)
    if padding is not None:
        found = where((index == padding).unsqueeze(1), found.detach(), found)
    return rename(found.reshape(*input._shape, weight._shape[1]), "EmbeddingBackward0")


def _divided(rows: Tensor, index: Tensor) -> Tensor:
    """The rows, with gradients divided by how often each index is there."""
    counts = (index.unsqueeze(1) == index).sum(1, dtype=rows.dtype).unsqueeze(1)
    return rows.detach() + (rows - rows.detach()) / counts


def _renormalize(weight: Tensor, index: Tensor, max_norm: float, norm_type: float) -> None:
    """Scale the rows at `index` whose norms are above `max_norm`, in place."""
    with no_grad():
        rows = index_select(weight, 0, index)
        lengths = norm(rows, norm_type, 1, True)
        weight[index] = where(lengths > max_norm, rows * (max_norm / (lengths + 1e-7)), rows)


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """The "sum", "mean" or "max" of the rows of `weight` at each bag of indices: (bags, D).

    An input (bags, n) has its bags in rows; one of one dimension has them from each of `offsets`
    on, the last of which, `include_last_offset`, is the end. `per_sample_weights` weigh the rows of
    sums. `padding_idx` counts for nothing.
    """
    if input.ndim == 2:
        if offsets is not None:
            raise ValueError(
                "if input is 2D, then offsets has to be None, as input is treated is a mini-batch "
                f"of fixed length sequences. However, found offsets of type {type(offsets)}"
            )
        bags, n = input._shape
        starts = [k * n for k in range(bags + 1)]
    elif input.ndim == 1:
        starts = _starts(input, offsets, include_last_offset)
    else:
        raise ValueError(
            f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.ndim}"
        )
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum, mean or max")
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError(
            "embedding_bag: per_sample_weights was not None. per_sample_weights is only supported "
            f"for mode='sum' (got mode='{mode}'). Please open a feature request on GitHub."
        )
    if per_sample_weights is not None and per_sample_weights._shape != input._shape:
        raise ValueError(
            f"embedding_bag: If per_sample_weights ({list(per_sample_weights._shape)}) is not "
            f"None, then it must have the same shape as the input ({list(input._shape)})"
        )
    index = input.reshape(-1)
    padding = _padding(weight, padding_idx)
    try:
        rows = embedding(index, weight, padding, max_norm, norm_type, scale_grad_by_freq, sparse)
    except IndexError as error:
        raise RuntimeError(f"embedding_bag: {error}") from None
    kept = index.new_ones(index._shape) if padding is None else (index != padding).to(int64)
    counts = kept.to(rows.dtype).unsqueeze(1)
    if per_sample_weights is not None:
        rows = rows * per_sample_weights.reshape(-1, 1)
    return _bags(rows, counts, starts, mode)


def _starts(input: Tensor, offsets: Tensor | None, include_last: bool) -> list[int]:
    """Where each bag begins, and where the last ends."""
    if offsets is None:
        raise ValueError("offsets has to be a 1D Tensor but got None")
    if offsets.ndim != 1:
        raise ValueError("offsets has to be a 1D Tensor")
    starts: list[int] = offsets.tolist()
    if starts and starts[0] != 0:
        raise RuntimeError(
            "offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from "
            f"position 0. However, got {starts[0]}"
        )
    if starts and starts[-1] > input._shape[0]:
        raise RuntimeError(
            f"offsets[-1] can not be greater than input's length({input._shape[0]}). However, got "
            f"offsets[-1] of {starts[-1]}"
        )
    return starts if include_last else [*starts, input._shape[0]]


def _bags(rows: Tensor, counts: Tensor, starts: list[int], mode: str) -> Tensor:
    """The rows from each start to the next, as one; `counts` are 0 for those that do not count."""
    bags, width = max(len(starts) - 1, 0), rows._shape[1]
    if mode == "max":
        return _largest(rows, counts, starts, width)
    lengths = [b - a for a, b in pairwise(starts)]
    of = counts.new_tensor([k for k, n in enumerate(lengths) for _ in range(n)], dtype=int64)
    used = rows[: len(of)] * counts[: len(of)]
    total = _added(used, of, bags)
    if mode == "sum":
        return total
    return total / _added(counts[: len(of)], of, bags).clamp(min=1)


def _added(rows: Tensor, of: Tensor, bags: int) -> Tensor:
    """Zeros of `bags` rows, with each row added to its bag."""
    shape = bags, rows._shape[1]
    index = of.unsqueeze(1).expand(rows._shape)
    return apply(add_along, (rows, index.contiguous()), {"dim": 0, "shape": shape})


def _largest(rows: Tensor, counts: Tensor, starts: list[int], width: int) -> Tensor:
    from ...functions.joining.stacking import stack

    found = []
    for a, b in pairwise(starts):
        if a == b:
            found.append(rows.new_zeros(width))
            continue
        counted = counts[a:b, :1] != 0
        largest = where(counted, rows[a:b], -math.inf).max(0)[0]
        found.append(where(counted.any(0), largest, 0))
    return stack(found) if found else rows.new_zeros(0, width)


@of_tensors
def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x1 W x2 for each of the matrices W: (..., n1), (..., n2), (out, n1, n2) to (..., out)."""
    if input1.ndim != input2.ndim:
        raise RuntimeError(
            f"bilinear(): input dimensions do not match: got {input1.ndim} and {input2.ndim}"
        )
    if input1._shape[:-1] != input2._shape[:-1]:
        raise RuntimeError(
            f"bilinear(): input batch dimensions do not match: got {list(input1._shape)} and "
            f"{list(input2._shape)}"
        )
    wanted = input1._shape[-1], input2._shape[-1]
    if weight.ndim != 3 or weight._shape[1:] != wanted:
        raise RuntimeError(
            f"bilinear(): inputs of sizes {wanted[0]} and {wanted[1]} do not match a weight of "
            f"shape {list(weight._shape)}"
        )
    if bias is not None and bias._shape != weight._shape[:1]:
        raise RuntimeError(
            f"bilinear(): bias size does not match weight size: got {list(bias._shape)} but "
            f"expected {[weight._shape[0]]}"
        )
    out, n1, n2 = weight._shape
    left = matmul(input1, weight.permute(1, 0, 2).reshape(n1, out * n2))
    products = left.reshape(*input1._shape[:-1], out, n2) * input2.unsqueeze(-2)
    result = products.sum(-1, dtype=products.dtype)
    return result if bias is None else result + bias
