"""Losses as modules: each is one line, the function of `nn.functional` and its options.

The elements of a loss become by `reduction` "mean" (the default), "sum", or with "none" themselves;
`size_average` and `reduce` are the deprecated way to say it. `weight` and `pos_weight` are buffers.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter as Argument, Signature
from typing import Any, ClassVar

from .. import functional as F
from ..reduction import reduction_of
from .module import Module

_BUFFERS = ("weight", "pos_weight")


class Loss(Module):
    """Applies a function of an input, a target and what else; its options are the constructor's."""

    function: ClassVar[Callable[..., Any]]
    signature: ClassVar[Signature]

    def __init_subclass__(
        cls, function: Callable[..., Any], keywords: bool = False, **options: Any
    ) -> None:
        kind = Argument.KEYWORD_ONLY if keywords else Argument.POSITIONAL_OR_KEYWORD
        cls.function = staticmethod(function)
        cls.signature = Signature(
            [Argument(name, kind, default=value) for name, value in options.items()]
        )
        cls.__doc__ = f"`nn.functional.{function.__name__}` as a module."

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        options = dict(bound.arguments)
        flags = options.pop("size_average", None), options.pop("reduce", None)
        options["reduction"] = reduction_of(*flags, options["reduction"])
        for name, value in options.items():
            if name in _BUFFERS:
                self.register_buffer(name, value)
            else:
                setattr(self, name, value)

    def forward(self, *given: Any) -> Any:
        names = (n for n in self.signature.parameters if n not in ("size_average", "reduce"))
        return self.function(*given, **{name: getattr(self, name) for name in names})


_OLD: dict[str, Any] = {"size_average": None, "reduce": None, "reduction": "mean"}


class L1Loss(Loss, function=F.l1_loss, **_OLD): ...


class MSELoss(Loss, function=F.mse_loss, **_OLD): ...


class SmoothL1Loss(Loss, function=F.smooth_l1_loss, **_OLD, beta=1.0): ...


class HuberLoss(Loss, function=F.huber_loss, reduction="mean", delta=1.0): ...


class KLDivLoss(Loss, function=F.kl_div, **_OLD, log_target=False): ...


class BCELoss(Loss, function=F.binary_cross_entropy, weight=None, **_OLD): ...


class BCEWithLogitsLoss(
    Loss,
    function=F.binary_cross_entropy_with_logits,
    weight=None,
    **_OLD,
    pos_weight=None,
): ...


class NLLLoss(
    Loss,
    function=F.nll_loss,
    weight=None,
    size_average=None,
    ignore_index=-100,
    reduce=None,
    reduction="mean",
): ...


class CrossEntropyLoss(
    Loss,
    function=F.cross_entropy,
    weight=None,
    size_average=None,
    ignore_index=-100,
    reduce=None,
    reduction="mean",
    label_smoothing=0.0,
): ...


class PoissonNLLLoss(
    Loss,
    function=F.poisson_nll_loss,
    log_input=True,
    full=False,
    size_average=None,
    eps=1e-8,
    reduce=None,
    reduction="mean",
): ...


class GaussianNLLLoss(
    Loss, function=F.gaussian_nll_loss, keywords=True, full=False, eps=1e-6, reduction="mean"
): ...


class HingeEmbeddingLoss(Loss, function=F.hinge_embedding_loss, margin=1.0, **_OLD): ...


class SoftMarginLoss(Loss, function=F.soft_margin_loss, **_OLD): ...


class MultiLabelMarginLoss(Loss, function=F.multilabel_margin_loss, **_OLD): ...


class MultiLabelSoftMarginLoss(
    Loss, function=F.multilabel_soft_margin_loss, weight=None, **_OLD
): ...


class MultiMarginLoss(Loss, function=F.multi_margin_loss, p=1, margin=1.0, weight=None, **_OLD): ...


class CosineEmbeddingLoss(Loss, function=F.cosine_embedding_loss, margin=0.0, **_OLD): ...


class MarginRankingLoss(Loss, function=F.margin_ranking_loss, margin=0.0, **_OLD): ...


class TripletMarginLoss(
    Loss, function=F.triplet_margin_loss, margin=1.0, p=2.0, eps=1e-6, swap=False, **_OLD
): ...


class TripletMarginWithDistanceLoss(
    Loss,
    function=F.triplet_margin_with_distance_loss,
    keywords=True,
    distance_function=None,
    margin=1.0,
    swap=False,
    reduction="mean",
): ...
