"""Functions that several distributions are written in."""

from __future__ import annotations

from ..dispatch.api import FUNCTIONS
from ..tensor import Tensor
from ..types.dtypes import finfo


def clamped(probs: Tensor) -> Tensor:
    """Probabilities away from 0 and 1, by what their type can tell: their logarithms are finite."""
    eps = finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def softplus(x: Tensor) -> Tensor:
    """log(1 + exp(x)), without overflow."""
    return x.clamp(min=0) + (-x.abs()).exp().log1p()


def log_normalized(logits: Tensor) -> Tensor:
    """Logarithms of probabilities that sum to 1 in the last dimension."""
    above = logits.amax(-1, keepdim=True).detach()
    return logits - (above + (logits - above).exp().sum(-1, keepdim=True).log())


def lgamma(x: Tensor) -> Tensor:
    """log |gamma(x)|."""
    return FUNCTIONS["lgamma"](x)


def digamma(x: Tensor) -> Tensor:
    """The derivative of log gamma(x)."""
    return FUNCTIONS["digamma"](x)
