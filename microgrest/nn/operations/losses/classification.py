"""Losses of classes: of indices of classes, of their probabilities, and of signs."""

from __future__ import annotations

from .... import recording
from ....dispatch.elementwise import call
from ....dispatch.families.kernels import SHORT
from ....functions.checked import of_tensors
from ....functions.indexing.picking import gather, index_select
from ....functions.naming import ends_as, rename
from ....functions.places import checked, index_of
from ....functions.pointwise.arithmetic import where
from ....functions.reductions.softmax import REGISTERS, log_softmax
from ....ops.pointwise import losses as rows
from ....tensor import Tensor
from ....types.dtypes import int64, uint8
from ...reduction import reduced, reduction_of


@ends_as("BinaryCrossEntropyBackward0")
def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """-target log(input) - (1 - target) log(1 - input), with logarithms of at least -100.

    `weight` broadcasts, and weighs the elements. ValueError for a target of another shape,
    RuntimeError for inputs outside [0, 1] (compiled steps look at those of their first calls).
    """
    reduction = reduction_of(size_average, reduce, reduction)
    if target._shape != input._shape:
        raise ValueError(
            f"Using a target size ({target.shape}) that is different to the input size "
            f"({input.shape}) is deprecated. Please ensure they have the same size."
        )
    if input.dtype is not target.dtype:
        raise RuntimeError(f"Found dtype {target.dtype!r} but expected {input.dtype!r}")
    x = input.detach()
    if recording.aside(lambda: bool(((x < 0) | (x > 1)).any())):
        raise RuntimeError("all elements of input should be between 0 and 1")
    elements = call(rows.binary_cross_entropy, (input, target))
    return reduced(_weighed(elements, weight), reduction)


@ends_as("BinaryCrossEntropyWithLogitsBackward0")
def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """The binary cross entropy of sigmoid(input), without overflow or cancellation.

    `weight` weighs the elements, `pos_weight` the part of the positives; both broadcast. ValueError
    for a target of another shape.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    if target._shape != input._shape:
        raise ValueError(
            f"Target size ({target.shape}) must be the same as input size ({input.shape})"
        )
    _check_floating(input, target)
    positive = 1.0 if pos_weight is None else pos_weight
    elements = call(rows.binary_cross_entropy_with_logits, (input, target, positive))
    return reduced(_weighed(elements.to(target.dtype), weight), reduction)


def _weighed(elements: Tensor, weight: Tensor | None) -> Tensor:
    """Elements times weights that broadcast, in the shape and type of the elements."""
    if weight is None:
        return elements
    found = elements * weight
    if found._shape != elements._shape:
        raise RuntimeError(
            f"output with shape {list(elements._shape)} doesn't match the broadcast shape "
            f"{list(found._shape)}"
        )
    return found.to(elements.dtype)


def _check_floating(input: Tensor, target: Tensor) -> None:
    if input.is_floating_point() and not target.is_floating_point():
        raise RuntimeError(
            f"result type {input.dtype!r} can't be cast to the desired output type {target.dtype!r}"
        )


# Indices of classes


@of_tensors
def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Minus the target's element of logarithms of probabilities (N, C, ...) or (C,).

    `target` has the index of a class for each, (N, ...) or (). `weight` has a weight for each
    class, by which elements are multiplied, and the mean divided; `ignore_index` is a target that
    counts for nothing. ValueError for shapes, IndexError for indices that do not fit.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    _check_targets(input, target, weight)
    losses, weights = _of_targets(input, target, weight, ignore_index)
    total = losses.sum() / weights.sum() if reduction == "mean" else reduced(losses, reduction)
    return rename(total, "NllLossBackward0")


def _classes(input: Tensor) -> int:
    """The dimension of the classes."""
    return 0 if input.ndim == 1 else 1


def _check_targets(input: Tensor, target: Tensor, weight: Tensor | None) -> None:
    """The errors of shapes and types that do not fit."""
    shape, wanted = list(input._shape), [*input._shape[:1], *input._shape[2:]]
    if input.ndim < 1:
        raise ValueError(f"Expected 1 or more dimensions (got {input.ndim})")
    if input.ndim == 1:
        wanted = []
        _check_type(target)
        if target._shape not in ((), (1,)):
            raise ValueError(
                "For 1D input, 1D target must have size 1, but got target size: "
                f"{list(target._shape)}"
            )
    if wanted[:1] != list(target._shape[:1]) and input.ndim > 1:
        raise ValueError(
            f"Expected input batch_size ({shape[0]}) to match target batch_size "
            f"({target._shape[0] if target.ndim else 0})."
        )
    if list(target._shape) != wanted and input.ndim > 1:
        raise RuntimeError(
            f"Expected target size {wanted}, got {list(target._shape)}; an input of size {shape} "
            "has its classes in dimension " + str(_classes(input))
        )
    _check_type(target)
    if not input.is_floating_point():
        raise NotImplementedError(f'"nll_loss_out_frame" is not implemented for {input.dtype!r}')
    _check_weight(weight, shape[_classes(input)], input)


def _check_type(target: Tensor) -> None:
    if target.dtype not in (int64, uint8):
        raise RuntimeError(f"expected target dtype to be Long or Byte, but got {target.dtype!r}")


def _check_weight(weight: Tensor | None, classes: int, input: Tensor) -> None:
    if weight is None:
        return
    _check_number(weight, classes)
    if weight.dtype is not input.dtype:
        raise RuntimeError(f"expected scalar type {input.dtype!r} but found {weight.dtype!r}")
    if weight._requires_grad:
        raise RuntimeError(
            "The function 'nll_loss_forward' is not differentiable with respect to argument "
            "'weight'. This input cannot have requires_grad True."
        )


def _check_number(weight: Tensor, classes: int) -> None:
    """RuntimeError unless there is one for each class."""
    if weight._shape != (classes,):
        raise RuntimeError(
            "weight tensor should be defined either for all "
            f"{classes} classes or no classes but got weight tensor of shape: "
            f"{list(weight._shape)}"
        )


def _of_targets(
    input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int
) -> tuple[Tensor, Tensor]:
    """The weighted losses of targets, 0 of those that are ignored, and their weights."""
    d = _classes(input)
    target = target.reshape(input._shape[:d] + input._shape[d + 1 :]).to(int64)
    counts = target != ignore_index
    chosen = where(counts, target, 0)
    _check_bounds(target, ignore_index, input._shape[d])
    losses = where(counts, -gather(input, d, chosen.unsqueeze(d)).squeeze(d), 0)
    weights = counts.to(input.dtype)
    if weight is not None:
        each = index_select(weight, 0, chosen.reshape(-1)).reshape(chosen._shape)
        weights = where(counts, each, 0)
        losses = losses * weights
    return losses, weights


@of_tensors
def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """The cross entropy of softmax(input), of shape (N, C, ...) or (C,), and targets.

    Targets are indices of classes, as for `nll_loss`, or probabilities of the input's shape. With
    `label_smoothing` s the probability of each class is s / C, and the target's 1 - s more.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    if label_smoothing == 0 and weight is None and _usual(input, target):
        return _of_indices(input, target, ignore_index, reduction)
    if label_smoothing > 1:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    if input.ndim < 1:
        raise ValueError(f"Expected 1 or more dimensions (got {input.ndim})")
    if target._shape == input._shape:
        return _of_probabilities(input, target, weight, ignore_index, reduction, label_smoothing)
    _check_targets(input, target, weight)
    if weight is None and not label_smoothing and input.dtype in REGISTERS and input.numel():
        return _of_indices(input, target, ignore_index, reduction)
    logarithms = log_softmax(input, _classes(input))
    losses, weights = _of_targets(logarithms, target, weight, ignore_index)
    if label_smoothing > 0:
        d = _classes(input)
        each = logarithms if weight is None else logarithms * _along(weight, input)
        counts = weights if weight is None else (target != ignore_index).to(input.dtype)
        smooth = where(counts.reshape(losses._shape) != 0, -each.sum(d), 0)
        losses = (1 - label_smoothing) * losses + label_smoothing / input._shape[d] * smooth
    return losses.sum() / weights.sum() if reduction == "mean" else reduced(losses, reduction)


def _usual(input: Tensor, target: Tensor) -> bool:
    """Whether these are rows and an index for each, of which nothing else needs to be known."""
    shape = input._shape
    return (
        len(shape) == 2
        and target._shape == shape[:1]
        and target._kind.dtype is int64
        and input._kind.dtype in REGISTERS
        and 0 not in shape
    )


def _of_indices(input: Tensor, target: Tensor, ignored: int, reduction: str) -> Tensor:
    """The usual case, by one kernel each way."""
    d = _classes(input)
    if target._kind.dtype is not int64:
        target = target.to(int64)
    if target._shape == (1,) and not d:
        target = target.reshape(())
    try:
        losses = SHORT["cross_entropy"](input, target, dim=d, ignored=ignored)[0]
    except RuntimeError:
        _check_bounds(target, ignored, input._shape[d])
        raise
    if reduction != "mean":
        return rename(reduced(losses, reduction), "NllLossBackward0")
    mean = SHORT["mean_of_targets"](losses, target, ignored=ignored)[0]
    return rename(mean, "NllLossBackward0")


def _check_bounds(target: Tensor, ignored: int, n: int) -> None:
    """IndexError where a target is no class."""
    chosen = where(target == ignored, 0, target)

    def out_of_bounds(wrong: int) -> Exception:
        return IndexError(f"Target {wrong} is out of bounds.")

    checked(index_of(chosen, target.device), 0, n, out_of_bounds)


def _along(weight: Tensor, input: Tensor) -> Tensor:
    """Weights of classes, seen along these in `input`."""
    return weight.reshape([-1, *[1] * (input.ndim - _classes(input) - 1)])


def _of_probabilities(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
) -> Tensor:
    if not target.is_floating_point():
        raise RuntimeError(
            "Expected floating point type for target with class probabilities, got "
            f"{target.dtype!r}"
        )
    if ignore_index >= 0:
        raise RuntimeError("ignore_index is not supported for floating point target")
    d = _classes(input)
    n = input._shape[d]
    if weight is not None:
        _check_number(weight, n)
    if label_smoothing > 0:
        target = target * (1 - label_smoothing) + label_smoothing / max(n, 1)
    elements = -log_softmax(input, d) * target
    losses = (elements if weight is None else elements * _along(weight, input)).sum(d)
    return losses.sum() / losses.numel() if reduction == "mean" else reduced(losses, reduction)
