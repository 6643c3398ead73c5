"""Losses as modules: `nn.functional`'s, with their options kept."""

from __future__ import annotations

from ...tensor import Tensor
from .. import functional as F
from ..reduction import reduction_of
from .module import Module


class MSELoss(Module):
    """The squared difference of input and target, elementwise, then by `reduction`:

    "mean" (the default), "sum", or "none" for the elements themselves. `size_average` and
    `reduce` are the deprecated way to say it.
    """

    def __init__(
        self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
    ) -> None:
        super().__init__()
        self.reduction = reduction_of(size_average, reduce, reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.mse_loss(input, target, reduction=self.reduction)
