"""A linear layer, input @ weight.T + bias, and all of its gradients, as one kernel each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ...kernels.kinds.matrices.linear import LINEAR, LINEAR_BACK, Back
from ..folds.reduction import sum
from ..kernel import Call, Tensor, kernel
from ..places.movement import permute
from .contraction import mm

alone = partial(kernel, short=True, internal=True, method=False)


def _rule(g: Any, y: Any, bias: Any, x: Any, weight: Any) -> tuple[Any, Any, Any]:
    n, k = tuple(weight.shape)
    shape = tuple(x.shape)
    if len(shape) != 2:
        g, x = g.reshape((-1, n)), x.reshape((-1, k))
    return (
        sum(g, dim=(0,), keepdim=False),
        mm(g, weight).reshape(shape),
        mm(permute(g, dims=(1, 0)), x),
    )


def _together(wanted: tuple[bool, ...]) -> Callable[..., tuple[Any, ...]] | None:
    """The gradients of bias, input and weight from g and what the rule saves, by one kernel."""
    if wanted == (True, True, True):
        return linear_back
    if wanted == (True, False, True):
        return lambda g, x: _with_none(*weight_back(g, x))
    return None


def _with_none(bias: Any, weight: Any) -> tuple[Any, None, Any]:
    return bias, None, weight


@alone(LINEAR, vjp=_rule, backward_name="AddmmBackward0", together=_together)
def linear(bias: Tensor, input: Tensor, weight: Tensor) -> Call:
    """input @ weight.T + bias, of samples (..., k), weights (n, k) and bias (n,)."""
    shape = (*input.shape[:-1], *bias.shape)
    return Call(input.dtype.name, ((shape, input.dtype),))


@alone(LINEAR_BACK, returns=("bias", "input", "weight"))
def linear_back(g: Tensor, input: Tensor, weight: Tensor) -> Call:
    """The gradients of `linear` by all."""
    shapes = (weight.shape[:1], input.shape, weight.shape)
    return _gradients(g, True, shapes)


@alone(LINEAR_BACK, returns=("bias", "weight"))
def weight_back(g: Tensor, input: Tensor) -> Call:
    """The gradients of `linear` by bias and weight."""
    n, k = g.shape[-1], input.shape[-1]
    return _gradients(g, False, ((n,), (n, k)))


def _gradients(g: Tensor, whole: bool, shapes: tuple[tuple[int, ...], ...]) -> Call:
    return Call(Back(g.dtype.name, whole), tuple((tuple(s), g.dtype) for s in shapes))
