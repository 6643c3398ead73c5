"""What `Module.to` does to each tensor: move it to a device, convert it if it is floating."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..device import device as Device
from ..dtypes import dtype as Dtype
from ..tensor import Tensor


def converter(*args: Any, **kwargs: Any) -> Callable[[Tensor], Tensor]:
    """The conversion that the arguments of `Module.to` describe; TypeError for other dtypes."""
    device, dtype = _target(*args, **kwargs)
    if dtype is not None and not dtype.is_floating_point:
        raise TypeError(
            "nn.Module.to only accepts floating point or complex dtypes, "
            f"but got desired dtype={dtype}"
        )

    def convert(tensor: Tensor) -> Tensor:
        moved = tensor if device is None else tensor.to(device)
        return moved.to(dtype) if dtype is not None and moved.is_floating_point() else moved

    return convert


def _target(
    *args: Any, device: Any = None, dtype: Dtype | None = None, non_blocking: bool = False
) -> tuple[Device | None, Dtype | None]:
    """The device and dtype among `args`: each may be either, or a tensor that has both."""
    for value in args:
        if isinstance(value, Tensor):
            device, dtype = value.device, value.dtype
        elif isinstance(value, Dtype):
            dtype = value
        elif value is not None and not isinstance(value, bool):
            device = value
    return None if device is None else Device(device), dtype
