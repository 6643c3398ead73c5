"""Page-locked memory, from which copies to a GPU can go on by themselves."""

from __future__ import annotations

from .. import cuda as cuda_devices
from ..dispatch.writes.memory import copy, put
from ..tensor import Tensor, make
from ..tensor.methods import method
from ..types.device import CPU


@method
def pin_memory(input: Tensor) -> Tensor:
    """The tensor in page-locked memory, from which copies to a GPU can go on by themselves."""
    if input.device is not CPU:
        raise RuntimeError(f"cannot pin a tensor on {input.device}, only dense CPU tensors")
    if is_pinned(input):
        return input
    values = input if input._flat is not None else copy(input)
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
