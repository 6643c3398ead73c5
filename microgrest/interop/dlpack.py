"""Tensors for other libraries: DLPack, and on GPUs the CUDA array interface."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..creation.foreign import CUDA, sharing
from ..dispatch.writes import memory
from ..tensor import Tensor
from ..tensor.methods import method
from ..types.device import CPU

HOST = (1, 0)  # DLPack's name of the CPU


@method(name="__dlpack__")
def dlpack(
    self: Tensor,
    *,
    stream: int | None = None,
    max_version: tuple[int, int] | None = None,
    dl_device: tuple[int, int] | None = None,
    copy: bool | None = None,
) -> Any:
    """A capsule over the memory; a copy if `copy`, or on the CPU if that is what `dl_device` says.

    BufferError for tensors that require grad, other devices, and a copy that `copy` rules out.
    """
    if self._requires_grad:
        raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
    if self._kind.device is CPU:
        wishes = {"max_version": max_version, "dl_device": dl_device, "copy": copy}
        given: dict[str, Any] = {k: v for k, v in wishes.items() if v is not None}
        return self._numpy().__dlpack__(stream=stream, **given)
    if dl_device == HOST:
        if copy is False:
            raise BufferError(f"a tensor on {self.device} cannot be had on the CPU without a copy")
        return self._numpy().__dlpack__(max_version=max_version)
    if dl_device not in (None, dlpack_device(self)):
        raise BufferError(f"a tensor on {self.device} cannot be exported to device {dl_device}")
    t = memory.copy(self) if copy else self
    return sharing().capsule(t._storage.array, t._offset, _layout(t), stream, max_version)


@method(name="__dlpack_device__")
def dlpack_device(self: Tensor) -> tuple[int, int]:
    """DLPack's numbers for the device: its kind, 1 for the CPU and 2 for CUDA, and its index."""
    return HOST if self._kind.device is CPU else (CUDA, self.device.index or 0)


def _interface(self: Tensor) -> dict[str, Any]:
    """The CUDA array interface, version 3, of a tensor on a GPU; others have no such attribute."""
    if self._kind.device is CPU:
        raise AttributeError("a tensor on the CPU has no __cuda_array_interface__")
    if self._requires_grad:
        raise RuntimeError(
            "Can't get __cuda_array_interface__ on Variable that requires grad. Use "
            "tensor.detach() to get one that does not."
        )
    found: dict[str, Any] = sharing().interface(self._storage.array, self._offset, _layout(self))
    if self._flat is not None:
        found["strides"] = None
    return found


method(name="__cuda_array_interface__")(property(_interface))


def _layout(t: Tensor) -> Any:
    return sharing().Layout(t._shape, t._strides, np.dtype(t._kind.numpy))
