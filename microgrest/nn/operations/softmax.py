"""Softmax in the forms that `nn.functional` has, and gates."""

from __future__ import annotations

import warnings
from typing import Any

from ...creation import zeros_like
from ...dispatch.elementwise import call
from ...functions.checked import of_tensors
from ...functions.naming import ends_as
from ...functions.pointwise.arithmetic import where
from ...functions.reductions import softmax as functions
from ...ops.pointwise.activation import prelu as prelu_row
from ...random import rand_like
from ...tensor import Tensor
from ...types.dtypes import finfo


def _usual(name: str, ndim: int) -> int:
    """The dimension that was usual before there was an argument for it."""
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include "
        "dim=X as an argument.",
        stacklevel=4,
    )
    return 0 if ndim in (0, 1, 3) else 1


def softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """exp(x) over its sum along `dim`, of the input as `dtype`."""
    d = _usual("softmax", input.ndim) if dim is None else dim
    return functions.softmax(input, d, dtype)


def softmin(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """The softmax of -x."""
    d = _usual("softmin", input.ndim) if dim is None else dim
    return functions.softmax(-input, d, dtype)


def log_softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """The logarithm of softmax along `dim`, of the input as `dtype`."""
    d = _usual("log_softmax", input.ndim) if dim is None else dim
    return functions.log_softmax(input, d, dtype)


@of_tensors
def gumbel_softmax(
    logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Tensor:
    """A sample of the Gumbel-softmax distribution (Jang et al. 2016), along `dim`.

    `hard` gives one-hot vectors, with the gradient of the soft ones. `eps` is not used.
    """
    if eps != 1e-10:
        warnings.warn("`eps` parameter is deprecated and has no effect.", stacklevel=2)
    waits = -(1 - rand_like(logits.detach())).log()  # of (0, 1]
    noise = -waits.clamp(min=finfo(waits.dtype).tiny).log()
    soft = functions.softmax((logits + noise) / tau, dim)
    if not hard:
        return soft
    largest = soft.detach().max(dim, True)[1]
    places = largest.new_ones(soft._shape).cumsum(dim) - 1 if soft.ndim else largest
    chosen: Tensor = (places == largest).to(soft.dtype)
    return chosen - soft.detach() + soft


@ends_as("GluBackward0")
def glu(input: Tensor, dim: int = -1) -> Tensor:
    """The first half along `dim` times the sigmoid of the second (Dauphin et al. 2016)."""
    if not input.ndim:
        raise RuntimeError("glu does not support scalars because halving size must be even")
    d = input._dim(dim)
    if input._shape[d] % 2:
        raise RuntimeError(
            f"Halving dimension must be even, but dimension {d} is size {input._shape[d]}"
        )
    if not input.is_floating_point():
        raise NotImplementedError(f'"glu_cpu" is not implemented for {input.dtype!r} tensors')
    half = input._shape[d] // 2
    return input.narrow(d, 0, half) * input.narrow(d, half, half).sigmoid()


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """x for x > 0, else weight x: one weight, or one for each channel, the second dimension.

    RuntimeError for weights of another number or type. He et al. 2015.
    """
    for name, value in (("input", input), ("weight", weight)):
        if not isinstance(value, Tensor):
            raise TypeError(
                f"prelu(): argument {name!r} must be Tensor, not {type(value).__name__}"
            )
    if input.dtype is not weight.dtype:
        raise RuntimeError(
            f"prelu: Type promoting not supported. Got {input.dtype!r} and {weight.dtype!r}"
        )
    if weight.ndim > 1:
        raise RuntimeError(
            f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.ndim}"
        )
    if weight.numel() != 1:
        if not input.ndim:
            raise RuntimeError("Not allow zero-dim input tensor.")
        channels = input._shape[1] if input.ndim > 1 else 1
        if channels != weight.numel():
            raise RuntimeError(
                "Mismatch of parameter numbers and input channel size. Found parameter numbers = "
                f"{weight.numel()} and channel size = {channels}."
            )
    shape = [1] * input.ndim
    if input.ndim > 1:
        shape[1] = weight.numel()
    return call(prelu_row, (input, weight.reshape(shape)))


@of_tensors
def rrelu(
    input: Tensor,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    inplace: bool = False,
) -> Tensor:
    """x for x > 0, else x times a slope drawn from [lower, upper], or their mean in evaluation.

    Xu et al. 2015.
    """
    if lower > upper:
        raise RuntimeError("Lower bound should be less than or equal to the upper bound")
    if training:
        slope = rand_like(input.detach()) * (upper - lower) + lower
    else:
        slope = zeros_like(input.detach()) + (lower + upper) / 2
    result = where(input > 0, input, input * slope)
    return input.copy_(result) if inplace else result
