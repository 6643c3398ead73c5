"""Tensors over the memory of Python's objects: of whatever it is, and of buffers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..dispatch.api import FUNCTIONS
from ..tensor import Tensor
from ..tensor.arrays import from_numpy
from ..types.dtypes import as_dtype
from ..types.integers import whole
from .data import as_tensor, from_dlpack, tensor
from .fills import empty
from .foreign import offers_gpu_memory
from .options import extents, finish


def asarray(
    obj: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    copy: bool | None = None,
    requires_grad: bool | None = None,
) -> Tensor:
    """`obj` as a tensor: a tensor, an array, an object with DLPack, a buffer, a sequence, a number.

    With copy=True it has memory of its own. With copy=False it shares that of `obj`: ValueError
    where it cannot. By default it shares where it can. It requires grad if `obj` does, unless
    `requires_grad` says otherwise.
    """
    shared = _shared(obj, dtype)
    if shared is None:
        if copy is False:
            raise ValueError("can't alias arbitrary sequence into a tensor.")
        return tensor(obj, dtype=dtype, device=device, requires_grad=bool(requires_grad))
    found = as_tensor(shared, dtype, device)
    apart = found._storage is not shared._storage
    if copy is False and apart:
        raise ValueError(
            f"can't alias tensor of dtype {shared.dtype!r} on device {shared.device} into one of "
            f"dtype {found.dtype!r} on device {found.device}."
        )
    if copy and not apart:
        found = FUNCTIONS["clone"](found)
    if requires_grad is False and found._requires_grad:
        return found.detach()
    return finish(found, bool(requires_grad) and not found._requires_grad)


def _shared(obj: Any, dtype: Any) -> Tensor | None:
    """A tensor over the memory of `obj`, unless it has none that a tensor could see."""
    if isinstance(obj, Tensor):
        return obj
    if isinstance(obj, np.generic):
        obj = np.asarray(obj)
    if isinstance(obj, np.ndarray):
        return from_numpy(obj)
    if offers_gpu_memory(obj) or hasattr(obj, "__dlpack__"):
        return from_dlpack(obj)
    if isinstance(obj, (bytearray, memoryview)):
        return frombuffer(obj, dtype=as_dtype(dtype) if dtype else tensor(0.0).dtype)
    return None


def frombuffer(
    buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, requires_grad: bool = False
) -> Tensor:
    """`count` elements of an object with Python's buffer protocol, from byte `offset` on; shared.

    All that follow by default. ValueError where there are none, or not as many; a read-only buffer
    is copied, with a warning.
    """
    d = as_dtype(dtype)
    try:
        size = memoryview(buffer).nbytes
    except TypeError:
        raise ValueError(
            f"object does not implement Python buffer protocol: {type(buffer).__name__}"
        ) from None
    count, offset = whole(count, "count"), whole(offset, "offset")
    _check_span(size, count, offset, d.itemsize)
    return finish(from_numpy(np.frombuffer(buffer, d.numpy, count, offset)), requires_grad)


def _check_span(size: int, count: int, offset: int, each: int) -> None:
    """ValueError unless `count` elements, or all, lie in a buffer of `size` bytes from `offset`."""
    if not size or not count:
        raise ValueError(f"both buffer length ({size}) and count ({count}) must not be 0")
    if not 0 <= offset < size:
        raise ValueError(
            f"offset ({offset} bytes) must be non-negative and no greater than buffer length "
            f"({size} bytes) minus 1"
        )
    if count > 0 and count * each > size - offset:
        raise ValueError(
            f"requested buffer length ({count} * {each} bytes) after offset ({offset} bytes) must "
            f"not be greater than actual buffer length ({size} bytes)"
        )
    if count < 0 and (size - offset) % each:
        raise ValueError(
            f"buffer length ({size - offset} bytes) after offset ({offset} bytes) must be a "
            f"multiple of element size ({each})"
        )


def empty_strided(size: Sequence[int], stride: Sequence[int], **options: Any) -> Tensor:
    """An uninitialized tensor of shape `size` whose elements lie at strides `stride`.

    RuntimeError where there are not as many strides as extents, or a negative one.
    """
    shape, steps = extents((tuple(size),)), tuple(whole(s, "stride") for s in stride)
    if len(shape) != len(steps):
        raise RuntimeError(
            f"dimensionality of sizes ({len(shape)}) must match dimensionality of strides "
            f"({len(steps)})"
        )
    if any(s < 0 for s in steps):
        raise RuntimeError(
            f"strides must not be negative, got sizes={list(shape)} and strides={list(steps)}"
        )
    requires_grad = options.pop("requires_grad", False)
    t = empty(_span(shape, steps), **options)._alias(shape, steps, 0)
    return finish(t, requires_grad)


def _span(shape: Sequence[int], steps: Sequence[int]) -> int:
    """The elements of memory that a tensor of this geometry takes."""
    if 0 in shape:
        return 0
    return 1 + sum((n - 1) * s for n, s in zip(shape, steps, strict=True))
