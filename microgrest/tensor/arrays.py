"""NumPy arrays as tensors, shared or copied."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..types import dtypes
from ..types.device import CPU
from .storage import Kind, kind_of
from .tensor import Tensor, make


def from_array(array: np.ndarray[Any, Any], kind: Kind) -> Tensor:
    """A new tensor of `kind` with the values of `array`."""
    t = Tensor._empty(array.shape, kind)
    with np.errstate(over="ignore", invalid="ignore"):  # PyTorch converts in silence
        source = np.ascontiguousarray(array.reshape(-1), kind.numpy)
    kind.kernels.memory.from_host(t._flat, source.view(kind.raw))
    return t


def read(array: np.ndarray[Any, Any]) -> Tensor:
    """An array as an operand, which is only read: of its memory, or a copy where that cannot be."""
    if _lent(array) and all(s >= 0 for s in array.strides):
        return from_numpy(array)
    return from_array(array, kind_of(dtypes.from_numpy(array.dtype), CPU))


def _lent(array: np.ndarray[Any, Any]) -> bool:
    """Whether a tensor may have the array's memory for its own."""
    whole = not any(s % array.itemsize for s in array.strides)
    return array.flags.writeable and array.dtype.isnative and array.flags.aligned and whole


def from_numpy(array: np.ndarray[Any, Any]) -> Tensor:
    """A tensor that shares memory with `array`: writes to one show in the other.

    TypeError for types that tensors do not have, ValueError for negative strides. A read-only array
    is copied, with a warning.
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(array).__name__})")
    kind = kind_of(dtypes.from_numpy(array.dtype), CPU)
    if any(s < 0 for s in array.strides):
        raise ValueError(
            "At least one stride in the given numpy array is negative, and tensors with negative "
            "strides are not supported. (You can probably work around this by making a copy of "
            "your array with array.copy().)"
        )
    size = array.itemsize
    if not _lent(array):
        warnings.warn(
            "The given NumPy array is not writable, aligned or of the machine's byte order; the "
            "tensor is a copy of it.",
            UserWarning,
            stacklevel=2,
        )
        return from_array(array, kind)
    if array.flags.c_contiguous:
        return make(array.reshape(-1).view(kind.raw), array.shape, kind)
    span = (
        1 + sum((n - 1) * s for n, s in zip(array.shape, array.strides, strict=True)) // size
        if array.size
        else 0
    )
    base = np.lib.stride_tricks.as_strided(array, (span,), (size,))
    strides = tuple(s // size for s in array.strides)
    return make(base.view(kind.raw), (span,), kind)._alias(array.shape, strides, 0)
