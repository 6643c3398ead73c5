"""What a tensor is, as functions."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor


def is_tensor(obj: Any) -> bool:
    """Whether `obj` is a Tensor."""
    return isinstance(obj, Tensor)


def numel(input: Tensor) -> int:
    """The number of elements of `input`."""
    return input.numel()


def is_floating_point(input: Tensor) -> bool:
    """Whether the dtype of `input` is a floating-point one."""
    return input.is_floating_point()
