"""Special functions by PyTorch's names in torch.special."""

from __future__ import annotations

from typing import Any

from .dispatch.api import FUNCTIONS
from .functions.outputs import (
    into,
    log_softmax as log_softmax,
    logsumexp as logsumexp,
    softmax as softmax,
)
from .functions.pointwise.arithmetic import logit as logit, round as round
from .functions.pointwise.special import mvlgamma, polygamma as polygamma
from .tensor import Tensor

digamma = psi = FUNCTIONS["digamma"]
erf, erfc, erfinv = FUNCTIONS["erf"], FUNCTIONS["erfc"], FUNCTIONS["erfinv"]
exp2, expm1, log1p = FUNCTIONS["exp2"], FUNCTIONS["expm1"], FUNCTIONS["log1p"]
expit, sinc, xlogy = FUNCTIONS["sigmoid"], FUNCTIONS["sinc"], FUNCTIONS["xlogy"]
gammaln, multigammaln = FUNCTIONS["lgamma"], into(mvlgamma)
i0, i0e = FUNCTIONS["i0"], FUNCTIONS["special_i0e"]
i1, i1e = FUNCTIONS["special_i1"], FUNCTIONS["special_i1e"]
modified_bessel_i0, modified_bessel_i1 = i0, i1
entr, erfcx = FUNCTIONS["special_entr"], FUNCTIONS["special_erfcx"]
ndtr, ndtri = FUNCTIONS["special_ndtr"], FUNCTIONS["special_ndtri"]
log_ndtr, xlog1py = FUNCTIONS["special_log_ndtr"], FUNCTIONS["special_xlog1py"]


def zeta(input: Any, other: Any, *, out: Tensor | None = None) -> Tensor:
    """Hurwitz's zeta function, the sum over k >= 0 of (other + k)**-input.

    It has no derivative by `input`: NotImplementedError where that requires grad.
    """
    if isinstance(input, Tensor) and input.requires_grad:
        raise NotImplementedError(
            "the derivative for 'zeta' by its first argument is not implemented"
        )
    return FUNCTIONS["special_zeta"](input, other, out=out)
