"""Parameters as one vector, and back: PyTorch's `nn.utils.convert_parameters`."""

from __future__ import annotations

from collections.abc import Iterable

from ...functions.joining.stacking import cat
from ...tensor import Tensor

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All elements of all parameters in one vector; gradients go through it.

    TypeError for parameters on several devices.
    """
    given = list(parameters)
    _check_devices(given)
    return cat([p.reshape(-1) for p in given])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Let the parameters be parts of the vector, one after the other, whose memory they share.

    TypeError for what is no tensor, and for parameters on several devices; ValueError, and nothing
    is changed, for a vector that is too short.
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected Tensor, but got: {type(vec).__name__}")
    given = list(parameters)
    _check_devices(given)
    needed = sum(p.numel() for p in given)
    if needed > vec.numel():
        raise ValueError(
            f"the parameters have {needed} elements, and the vector has only {vec.numel()}"
        )
    at = 0
    for p in given:
        p.data = vec[at : at + p.numel()].view_as(p).data
        at += p.numel()


def _check_devices(parameters: list[Tensor]) -> None:
    if len({p.device for p in parameters}) > 1:
        raise TypeError(
            "Found two parameters on different devices, this is currently not supported."
        )
