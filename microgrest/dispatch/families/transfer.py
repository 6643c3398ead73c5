"""Copies from one device to another."""

from __future__ import annotations

from ...ops.row import Row
from ...recording import leaves
from ...tensor import Tensor, make
from ...tensor.storage import kind_of
from ...types.device import CPU, device as device_type
from ..structured import family
from ..writes.memory import flat


@family("transfer")
def transfer(row: Row, x: Tensor, *, device: device_type, blocking: bool) -> Tensor:
    """A contiguous copy of `x` on `device`.

    Not `blocking`, a copy to the CPU is in pinned memory and complete once the GPU's stream is
    synchronized, and a copy from pinned memory still reads it when this returns.
    """
    leaves(f"a copy to {device}", "have all tensors of the step on one device before it")
    kind, source = kind_of(x._kind.dtype, device), flat(x)
    if device is CPU:
        return make(x._kind.kernels.memory.to_host(source, blocking), x._shape, kind)
    y = Tensor._empty(x._shape, kind)
    if x.device is CPU:
        kind.kernels.memory.from_host(y._flat, source, blocking)
    else:
        kind.kernels.memory.copy(y._flat, source)
    return y
