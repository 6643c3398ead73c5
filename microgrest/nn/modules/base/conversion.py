"""What `Module.to` does to each tensor: move it to a device, convert it if it is floating."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ....functions.pointwise.conversion import placed
from ....tensor import Tensor
from ....types.dtypes import as_dtype


def converter(
    *args: Any, device: Any = None, dtype: Any = None, non_blocking: bool = False
) -> Callable[[Tensor], Tensor]:
    """The conversion that the arguments of `Module.to` describe; TypeError for other dtypes."""
    copy = False
    if args:
        device, dtype, non_blocking, copy = placed(args, [device, dtype, non_blocking, copy])
    if copy:
        raise RuntimeError(".to() does not accept copy argument")
    wanted = None if dtype is None else as_dtype(dtype)
    if wanted is not None and not wanted.is_floating_point:
        raise TypeError(
            "nn.Module.to only accepts floating point or complex dtypes, "
            f"but got desired dtype={wanted}"
        )

    def convert(tensor: Tensor) -> Tensor:
        new = wanted if tensor.is_floating_point() else None
        return tensor.to(device=device, dtype=new, non_blocking=non_blocking)

    return convert
