"""Gradient clipping: PyTorch's `nn.utils.clip_grad`."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from functools import wraps
from types import GeneratorType
from typing import Any, TypeVar, cast

from ...creation import tensor
from ...functions.joining.stacking import stack
from ...functions.reductions.statistics import norm
from ...graph.modes import no_grad
from ...tensor import Tensor

__all__ = ["clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm"]

Tensors = Tensor | Iterable[Tensor]
Function = TypeVar("Function", bound=Callable[..., Any])


def _outside_graph(function: Function) -> Function:
    @wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        with no_grad():
            return function(*args, **kwargs)

    return cast(Function, called)


@_outside_graph
def get_total_norm(
    tensors: Tensors,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """The norm of all the elements as one vector, of order `norm_type`, which may be "inf".

    A tensor of no dimensions, on the device of the first tensor; 0 for no tensors. With
    `error_if_nonfinite`, which waits for a GPU, RuntimeError if it is infinite or NaN. `foreach`
    only chooses an implementation in PyTorch.
    """
    given, order = _listed(tensors), float(norm_type)
    if not given:
        return tensor(0.0)
    norms = [norm(t, order).to(given[0].device) for t in given]
    total = norm(stack(norms), order)
    if error_if_nonfinite and not total.isfinite():
        raise RuntimeError(
            f"The total norm of order {order} for gradients from `parameters` is non-finite, so "
            "it cannot be clipped. To disable this error and scale the gradients by the "
            "non-finite norm anyway, set `error_if_nonfinite=False`"
        )
    return total


@_outside_graph
def clip_grads_with_norm_(
    parameters: Tensors, max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Scale all gradients by `max_norm / (total_norm + 1e-6)`, if that is below 1."""
    scale = (float(max_norm) / (total_norm + 1e-6)).clamp(max=1.0)
    for grad in _gradients(_listed(parameters)):
        grad.mul_(scale.to(grad.device))


@_outside_graph
def clip_grad_norm_(
    parameters: Tensors,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale all gradients so that their norm, as one vector, is at most `max_norm`.

    Returns the norm that they had, as `get_total_norm` computes it (Pascanu et al. 2013).
    """
    given = _listed(parameters)
    if not given and isinstance(parameters, GeneratorType):
        warnings.warn(
            "`parameters` is an empty generator, no gradient clipping will occur.", stacklevel=3
        )
    total = get_total_norm(_gradients(given), norm_type, error_if_nonfinite, foreach)
    clip_grads_with_norm_(given, max_norm, total, foreach)
    return total


@_outside_graph
def clip_grad_value_(parameters: Tensors, clip_value: float, foreach: bool | None = None) -> None:
    """Hold every element of the gradients between -clip_value and clip_value."""
    bound = float(clip_value)
    for grad in _gradients(_listed(parameters)):
        grad.clamp_(min=-bound, max=bound)


def _listed(tensors: Tensors) -> list[Tensor]:
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)


def _gradients(parameters: list[Tensor]) -> list[Tensor]:
    return [p.grad for p in parameters if p.grad is not None]
