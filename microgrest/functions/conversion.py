"""Copies of a tensor as another dtype, on another device, or contiguous."""

from __future__ import annotations

from typing import Any

from .. import cuda as cuda_devices, dtypes
from ..device import CPU, device as device_type
from ..dispatch.memory import put
from ..dispatch.structured import apply
from ..dtypes import dtype
from ..methods import method
from ..ops import convert as rows
from ..storage import kind_of
from ..tensor import Tensor, make


@method
def contiguous(input: Tensor) -> Tensor:
    """The tensor itself if it is contiguous, else a copy that is."""
    return input if input._flat is not None else input.clone()


@method
def to(
    input: Tensor,
    *args: Any,
    dtype: Any = None,
    device: Any = None,
    copy: bool = False,
    non_blocking: bool = False,
) -> Tensor:
    """The tensor as another dtype or on another device, or like another tensor.

    It is the tensor itself if nothing changes, unless `copy`.
    """
    for a in args:
        if isinstance(a, Tensor):
            dtype, device = a.dtype, a.device
        elif isinstance(a, (str, device_type)) or a.__class__ is int:
            device = a
        elif isinstance(a, bool):
            continue
        elif a is not None:
            dtype = a
    wanted = input._kind.dtype if dtype is None else dtypes.as_dtype(dtype)
    kind = kind_of(wanted, input._kind.device if device is None else device_type(device))
    if kind is input._kind:
        return input.clone() if copy else input
    if wanted is not input._kind.dtype:
        input = rows.to[wanted](input)
    if kind is not input._kind:
        params = {"device": kind.device, "blocking": not non_blocking}
        input = apply(rows.transfer, (input,), params)
    return input


def _conversion(name: str, d: dtype) -> None:
    def convert(self: Tensor) -> Tensor:
        return to(self, dtype=d)

    convert.__name__, convert.__doc__ = name, f"The tensor as {d.name}."
    method(name=name)(convert)


_NAMES = {"bool": dtypes.bool_, "byte": dtypes.uint8, "char": dtypes.int8, **dtypes.ALIASES}
for _name, _d in _NAMES.items():
    _conversion(_name, _d)


@method
def type_as(input: Tensor, other: Tensor) -> Tensor:
    """The tensor with the dtype and device of `other`."""
    return to(input, other)


@method
def cpu(input: Tensor) -> Tensor:
    """The tensor in host memory."""
    return to(input, device="cpu")


@method
def cuda(input: Tensor, device: Any = None, non_blocking: bool = False) -> Tensor:
    """The tensor on a GPU, the current one by default."""
    return to(input, device="cuda" if device is None else device, non_blocking=non_blocking)


@method
def pin_memory(input: Tensor) -> Tensor:
    """The tensor in page-locked memory, from which copies to a GPU can go on by themselves."""
    if input.device is not CPU:
        raise RuntimeError(f"cannot pin a tensor on {input.device}, only dense CPU tensors")
    if is_pinned(input):
        return input
    values = input.contiguous().detach()
    array = cuda_devices.kernels().memory.pinned(values.numel(), values._kind.raw)
    pinned = make(array, input._shape, input._kind)
    put(pinned, values)
    return pinned


@method
def is_pinned(input: Tensor) -> bool:
    """Whether the tensor is in page-locked memory."""
    if input.device is not CPU or not cuda_devices.is_initialized():
        return False
    return bool(cuda_devices.kernels().memory.is_pinned(input._storage.array))


@method
def record_stream(input: Tensor, stream: Any) -> None:
    """Say that `stream` (`cuda.Stream`) uses the memory, which is then not reused before it has."""
    input._kind.kernels.memory.record_stream(input._storage.array, stream._raw)


@method
def get_device(input: Tensor) -> int:
    """The number of the GPU that the tensor is on, -1 on the CPU."""
    return -1 if input.device is CPU else input.device.index or 0
