"""Tensors of data: of numbers, sequences and arrays, and of other libraries' memory."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..dispatch.common import check_range
from ..dispatch.conversion import convert
from ..dispatch.writes.memory import copy
from ..tensor import Tensor
from ..tensor.arrays import from_array, from_numpy
from ..types import dtypes
from ..types.device import chosen_device
from ..types.dtypes import dtype, get_default_dtype
from .foreign import offers_gpu_memory, shared
from .options import finish, kind_from

_NUMBERS = frozenset((bool, int, float))


def tensor(
    data: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A new tensor with a copy of `data`: numbers, nested sequences, NumPy arrays, tensors.

    Floats become the default dtype, ints int64; NumPy data keep their type. ValueError for ragged
    sequences, TypeError for what is not numeric.
    """
    device = chosen_device() if device is None else device
    if isinstance(data, Tensor):
        warnings.warn(
            "To copy construct from a tensor, it is recommended to use "
            "sourceTensor.detach().clone() or sourceTensor.detach().clone().requires_grad_(True), "
            "rather than tensor(sourceTensor).",
            UserWarning,
            stacklevel=2,
        )
        t = convert(copy(data), dtype, device)
        return finish(t, requires_grad, pin_memory)
    if offers_gpu_memory(data):
        theirs, _ = shared(data)
        t = convert(theirs, dtype, device)
        return finish(copy(t) if t is theirs else t, requires_grad, pin_memory)
    array, natural = as_array(data, dtype is not None and dtypes.as_dtype(dtype).is_floating_point)
    kind = kind_from(dtype, device, natural)
    if array.size and not (kind.dtype.is_floating_point or isinstance(data, np.ndarray)):
        check_range(kind.dtype, array.min().item(), array.max().item())
    return finish(from_array(array, kind), requires_grad, pin_memory)


def as_array(data: Any, floating: bool = False) -> tuple[np.ndarray[Any, Any], dtype]:
    """`data` as a NumPy array, and the dtype of a tensor of it unless another is asked for.

    ValueError for an integer beyond 64 bits, unless the tensor will be a `floating` one.
    """
    if not isinstance(data, (bool, int, float, list, tuple)):
        if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
            data = list(data)
        elif hasattr(data, "__array__"):
            array = np.asarray(data)
            return array, dtypes.from_numpy(array.dtype)
    natural, numbers = _natural(data), _numbers(data)
    try:
        array = np.asarray(numbers)
    except ValueError:
        raise _ragged(numbers) from None
    if array.dtype == object or (array.dtype.kind == "u" and array.itemsize > 1):
        if not (natural.is_floating_point or floating):
            raise ValueError("Overflow when unpacking long long: an int is beyond 64 bits")
        array = array.astype(np.float64)
    return array, natural


def _ragged(data: Any, dim: int = 0) -> Exception:
    """The error for sequences that are not of equal lengths, or stand beside numbers."""
    lengths = [_length(d) for d in data]
    for n in lengths:
        if (n is None) is not (lengths[0] is None):
            return TypeError(f"not a sequence: at dim {dim + 1} stand sequences beside numbers")
        if n != lengths[0]:
            return ValueError(
                f"expected sequence of length {lengths[0]} at dim {dim + 1} (got {n})"
            )
    found = [_ragged(d, dim + 1) for d, n in zip(data, lengths, strict=True) if n]
    return found[0] if found else ValueError("expected sequences of equal length")


def _length(data: Any) -> int | None:
    """The length of a sequence; None for numbers."""
    sequence = isinstance(data, (list, tuple)) or (isinstance(data, np.ndarray) and data.ndim)
    return len(data) if sequence else None


def _natural(data: Any, first: bool = False) -> dtype:
    """The dtype that nested sequences of numbers, tensors and NumPy values promote to.

    A string that stands `first` in a sequence is one dimension too many.
    """
    if not isinstance(data, (list, tuple)):
        if isinstance(data, (Tensor, np.ndarray, np.generic)):
            return data.dtype if isinstance(data, Tensor) else dtypes.from_numpy(data.dtype)
        if isinstance(data, (bool, int, float)):
            return dtypes.of_number(data)
        what = f"{type(data).__name__} {data!r}"
        if isinstance(data, complex):
            raise NotImplementedError(f"there are no complex tensors here, to hold {data!r}")
        if isinstance(data, (str, bytes)):
            error = ValueError if first and isinstance(data, str) else TypeError
            raise error(f"cannot make a tensor of {what}: elements must be numbers or bools")
        raise RuntimeError(f"Could not infer dtype of {what}: elements must be numbers or bools")
    kinds = dict(zip(map(type, data), data, strict=True))
    if kinds.keys() <= _NUMBERS:
        data = kinds.values()
    return (
        functools.reduce(dtypes.promote_types, (_natural(d, not i) for i, d in enumerate(data)))
        if data
        else get_default_dtype()
    )


def _numbers(data: Any) -> Any:
    """`data` with NumPy scalars in place of tensors, which have to be single numbers."""
    if isinstance(data, (list, tuple)):
        return data if _NUMBERS.issuperset(map(type, data)) else [_numbers(d) for d in data]
    if not isinstance(data, Tensor):
        return data
    if data.numel() != 1:
        error = ValueError if data.dtype.is_floating_point else TypeError
        raise error(
            "only one element tensors can be converted to Python scalars, not one of shape "
            f"{list(data._shape)}; stack() joins tensors"
        )
    return data._numpy().reshape(())


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """`data` as a tensor, without a copy where type and device allow it."""
    device = chosen_device() if device is None else device
    if isinstance(data, Tensor):
        return convert(data, dtype, device)
    if isinstance(data, np.ndarray) and data.flags.writeable:
        return convert(from_numpy(data), dtype, device)
    if offers_gpu_memory(data):
        return convert(_on_gpu(data), dtype, device)
    return tensor(data, dtype=dtype, device=device)


def from_dlpack(source: Any) -> Tensor:
    """A tensor over the memory of any object with `__dlpack__`, without a copy.

    Objects with `__cuda_array_interface__` are taken too. TypeError and ValueError for types and
    strides that tensors do not have. Read-only memory is copied, with a warning.
    """
    if not (offers_gpu_memory(source) or hasattr(source, "__dlpack__")):
        raise RuntimeError(
            f"from_dlpack received an object without __dlpack__: {type(source).__name__}"
        )
    return _on_gpu(source) if offers_gpu_memory(source) else from_numpy(np.from_dlpack(source))


def _on_gpu(source: Any) -> Tensor:
    t, readonly = shared(source)
    if readonly:
        warnings.warn(
            "The given memory is not writable; the tensor is a copy of it.",
            UserWarning,
            stacklevel=3,
        )
    return copy(t) if readonly else t
