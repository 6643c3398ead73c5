"""Copies of a tensor as another dtype, on another device, or contiguous."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ... import cuda as cuda_devices
from ...creation import TensorType, named
from ...dispatch.conversion import convert
from ...tensor import Tensor
from ...tensor.methods import method
from ...types import dtypes
from ...types.device import CPU, device as device_type
from ...types.dtypes import dtype
from ...types.layouts import check_layout


@method
def contiguous(input: Tensor, *, memory_format: Any = None) -> Tensor:
    """The tensor itself if it is contiguous, else a copy that is."""
    if memory_format is not None:
        check_layout(memory_format=memory_format)
    return input if input._flat is not None else input.clone()


@method
def to(
    input: Tensor,
    *args: Any,
    dtype: Any = None,
    device: Any = None,
    copy: bool = False,
    non_blocking: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """The tensor as another dtype or on another device, or like another tensor.

    By position: (device, dtype, non_blocking, copy), (dtype, non_blocking, copy) or
    (tensor, non_blocking, copy). It is the tensor itself if nothing changes, unless `copy`.
    """
    if args:
        named = [device, dtype, non_blocking, copy]
        device, dtype, non_blocking, copy = placed(args, named)
    if memory_format is not None:
        check_layout(memory_format=memory_format)
    found = convert(input, dtype, device, blocking=not non_blocking)
    return input.clone() if copy and found is input else found


def placed(args: Sequence[Any], named: list[Any]) -> list[Any]:
    """The arguments of `to`, those `named` with `args` by position: device, dtype and two bools.

    TypeError for arguments that no spelling of PyTorch's has.
    """
    first = args[0]
    if isinstance(first, Tensor):
        args = (first.device, first.dtype, *args[1:])
    begin = 0 if first is None or isinstance(first, (Tensor, str, int, device_type)) else 1
    names = ("device", "dtype", "non_blocking", "copy")
    if begin + len(args) > len(names):
        raise TypeError(f"to() takes {names[begin:]} by position, but {len(args)} were given")
    for at, value in enumerate(args, begin):
        if named[at]:
            raise TypeError(f"to() got multiple values for argument {names[at]!r}")
        if at > 1 and not isinstance(value, bool):
            raise TypeError(f"to(): argument {names[at]!r} must be bool, not {value!r}")
        named[at] = value
    return named


def _conversion(name: str, d: dtype) -> None:
    def convert(self: Tensor, *, memory_format: Any = None) -> Tensor:
        return to(self, dtype=d, memory_format=memory_format)

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
    """The tensor on a GPU, the current one by default; RuntimeError for what is no GPU."""
    where = device_type("cuda" if device is None else device)
    if where.type != "cuda":
        raise RuntimeError(f"Invalid device, must be cuda device, got {where}: use to() instead")
    return to(input, device=where, non_blocking=non_blocking)


@method
def record_stream(input: Tensor, stream: Any) -> None:
    """Say that `stream` (`cuda.Stream`) uses the memory, which is then not reused before it has."""
    if input.device is CPU:
        raise NotImplementedError(
            "record_stream(): the memory of a tensor on the CPU has no stream"
        )
    if not isinstance(stream, cuda_devices.Stream):
        raise TypeError(f"record_stream(): argument 's' must be Stream, not {stream!r}")
    input._kind.kernels.memory.record_stream(input._storage.array, stream._raw)


@method
def get_device(input: Tensor) -> int:
    """The number of the GPU that the tensor is on, -1 on the CPU."""
    return -1 if input.device is CPU else input.device.index or 0


@method(name="type")
def type_of(input: Tensor, dtype: Any = None, non_blocking: bool = False) -> Any:
    """PyTorch's legacy type name, or a conversion to a dtype, a legacy type or the name of one."""
    if dtype is None:
        return input._named()
    found = named(dtype) if isinstance(dtype, str) else dtype
    if found is None:
        raise ValueError(f"invalid type: {dtype!r}")
    if isinstance(found, TensorType):
        return to(input, found.device, found.dtype, non_blocking)
    return to(input, dtype=found, non_blocking=non_blocking)
