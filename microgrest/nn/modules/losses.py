"""Losses as modules: each is one line, the function of `nn.functional` and its options."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter as Argument, Signature
from typing import Any, ClassVar

from .. import functional as F
from ..reduction import reduction_of
from .module import Module

_WEIGHTS = ("weight", "pos_weight")
_OLD = {"size_average": None, "reduce": None}  # the deprecated way to say `reduction`


class Loss(Module):
    """A function of inputs and targets; its options are the constructor's arguments.

    `reduction` is "mean" (the default), "sum", or "none" for the elements themselves. Weights are
    buffers.
    """

    function: ClassVar[Callable[..., Any]]
    signature: ClassVar[Signature]

    def __init_subclass__(
        cls, function: Callable[..., Any], named: bool = False, **options: Any
    ) -> None:
        kind = Argument.KEYWORD_ONLY if named else Argument.POSITIONAL_OR_KEYWORD
        cls.function = staticmethod(function)
        cls.signature = Signature([Argument(n, kind, default=v) for n, v in options.items()])
        cls.__doc__ = f"`nn.functional.{function.__name__}` as a module."

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        given = dict(bound.arguments)
        average, reduce = (given.pop(name, None) for name in _OLD)
        given["reduction"] = reduction_of(average, reduce, given["reduction"])
        for name in _WEIGHTS:
            if name in given:
                self.register_buffer(name, given[name])
        for name, value in given.items():
            if name not in _WEIGHTS:
                setattr(self, name, value)

    def forward(self, *tensors: Any) -> Any:
        options = {n: getattr(self, n) for n in self.signature.parameters if n not in _OLD}
        return self.function(*tensors, **options)


_BY = {**_OLD, "reduction": "mean"}


# fmt: off
class L1Loss(Loss, function=F.l1_loss, **_BY): ...
class MSELoss(Loss, function=F.mse_loss, **_BY): ...
class SmoothL1Loss(Loss, function=F.smooth_l1_loss, **_BY, beta=1.0): ...
class HuberLoss(Loss, function=F.huber_loss, reduction="mean", delta=1.0): ...
class KLDivLoss(Loss, function=F.kl_div, **_BY, log_target=False): ...
class BCELoss(Loss, function=F.binary_cross_entropy, weight=None, **_BY): ...
class BCEWithLogitsLoss(
    Loss, function=F.binary_cross_entropy_with_logits, weight=None, **_BY, pos_weight=None
): ...
class NLLLoss(
    Loss, function=F.nll_loss, weight=None, size_average=None, ignore_index=-100, reduce=None,
    reduction="mean",
): ...
class CrossEntropyLoss(
    Loss, function=F.cross_entropy, weight=None, size_average=None, ignore_index=-100, reduce=None,
    reduction="mean", label_smoothing=0.0,
): ...
class SoftMarginLoss(Loss, function=F.soft_margin_loss, **_BY): ...
class HingeEmbeddingLoss(Loss, function=F.hinge_embedding_loss, margin=1.0, **_BY): ...
class MarginRankingLoss(Loss, function=F.margin_ranking_loss, margin=0.0, **_BY): ...
class CosineEmbeddingLoss(Loss, function=F.cosine_embedding_loss, margin=0.0, **_BY): ...
class MultiLabelMarginLoss(Loss, function=F.multilabel_margin_loss, **_BY): ...
class MultiLabelSoftMarginLoss(
    Loss, function=F.multilabel_soft_margin_loss, weight=None, **_BY
): ...
class MultiMarginLoss(
    Loss, function=F.multi_margin_loss, p=1, margin=1.0, weight=None, **_BY
): ...
class TripletMarginLoss(
    Loss, function=F.triplet_margin_loss, margin=1.0, p=2.0, eps=1e-6, swap=False, **_BY
): ...
class TripletMarginWithDistanceLoss(
    Loss, function=F.triplet_margin_with_distance_loss, named=True, distance_function=None,
    margin=1.0, swap=False, reduction="mean",
): ...
class PoissonNLLLoss(
    Loss, function=F.poisson_nll_loss, log_input=True, full=False, size_average=None, eps=1e-8,
    reduce=None, reduction="mean",
): ...
class GaussianNLLLoss(
    Loss, function=F.gaussian_nll_loss, named=True, full=False, eps=1e-6, reduction="mean"
): ...
# fmt: on


class CTCLoss(Module):
    """Not supported: NotImplementedError."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError("CTCLoss is not supported")
