"""Memory of other libraries as tensors: on GPUs by DLPack or the CUDA array interface."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor, make
from ..tensor.storage import kind_of
from ..types import dtypes
from ..types.device import device

# DLPack's numbers of the kinds of memory that a GPU works on.
CUDA, MANAGED = 2, 13


def offers_gpu_memory(source: Any) -> bool:
    """Whether `source` is an object of another library with elements that a GPU can reach."""
    if hasattr(source, "__dlpack_device__"):
        return source.__dlpack_device__()[0] in (CUDA, MANAGED)
    return hasattr(source, "__cuda_array_interface__")


def shared(source: Any) -> tuple[Tensor, bool]:
    """A tensor over GPU memory of another library, and whether that memory is read-only.

    TypeError for types that tensors do not have, ValueError for strides that they do not have.
    """
    if getattr(source, "requires_grad", False):
        raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
    memory, layout, readonly = sharing().borrow(source)
    kind = kind_of(dtypes.from_numpy(layout.dtype), device("cuda", memory.device.index))
    memory.dtype = kind.raw
    t = make(memory, (layout.length,), kind)._alias(layout.shape, layout.strides, 0)
    return t, readonly


def sharing() -> Any:
    """The module of the GPU's kernels that gives and takes memory."""
    from ..kernels.cuda import exchange

    return exchange
