"""Device memory that other libraries see, and theirs seen here, without a copy.

The protocols are DLPack (https://dmlc.github.io/dlpack/latest/python_spec.html) and, of Numba, the
CUDA array interface, version 3. Both have the two sides name their streams, so that neither reads
what the other has not written yet.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .driver.device import Device, device, driver, here, simulated, stream_on
from .memory import Span, span

LEGACY_STREAM = 1  # the handle by which both protocols name the default stream


class Borrowed(NamedTuple):
    """What keeps somebody else's memory alive."""

    device: Device
    view: Any


class Layout(NamedTuple):
    """Where the elements are in a span: shape, strides in elements, NumPy's type."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def length(self) -> int:
        """The elements from the first to the last in memory, both included."""
        if 0 in self.shape:
            return 0
        return 1 + sum((n - 1) * s for n, s in zip(self.shape, self.strides, strict=True))


def interface(memory: Any, offset: int, layout: Layout) -> dict[str, Any]:
    """The CUDA array interface of elements that begin at `offset` in a span.

    AttributeError under the simulator, whose memory no GPU can reach.
    """
    if simulated:
        raise AttributeError("simulated memory has no __cuda_array_interface__")
    size = layout.dtype.itemsize
    return {
        "version": 3,
        "shape": layout.shape,
        "strides": tuple(s * size for s in layout.strides),
        "typestr": layout.dtype.str,
        "data": (memory.ptr + offset * size if layout.length else 0, False),
        "stream": int(stream_on(memory.device).handle) or LEGACY_STREAM,
    }


def capsule(memory: Any, offset: int, layout: Layout, stream: int | None, max_version: Any) -> Any:
    """A DLPack capsule of elements that begin at `offset` in a span, which it keeps alive.

    Work that is queued in `stream`, a handle, from now on comes after what is queued here; None is
    the default stream, and -1 that the consumer sees to it. BufferError where that is not possible.
    """
    if simulated:
        raise BufferError("simulated memory is not on a GPU: use .cpu() to share it")
    _hand_over(memory.device, stream)
    size = layout.dtype.itemsize
    address, nbytes = memory.ptr + offset * size, layout.length * size
    view = driver.exported(address, nbytes, memory, *layout)
    return view.__dlpack__(stream=-1, max_version=max_version)


def _hand_over(where: Device, stream: int | None) -> None:
    if stream == -1:
        return
    handle = LEGACY_STREAM if stream is None else stream
    if not isinstance(handle, int) or handle < 1:
        raise BufferError(f"a CUDA stream is given as None, -1, 1, 2 or its handle, not {stream!r}")
    own = stream_on(where)
    if int(own.handle) != handle:
        driver.stream_of(handle).wait(own.record())


def borrow(source: Any) -> tuple[Span, Layout, bool]:
    """The memory that `source` offers, where the elements are in it, and whether it is read-only.

    What is queued in the current stream from now on comes after what `source` has queued. TypeError
    for types of another byte order, ValueError for negative strides and for elements that do not
    lie at multiples of their size.
    """
    if simulated:
        raise RuntimeError("the CUDA simulator cannot reach a GPU's memory: use a copy on the host")
    where = device(_index(source))
    view = driver.imported(source, stream_on(where))
    layout = Layout(view.shape, view.strides or _contiguous(view.shape), np.dtype(view.dtype))
    _check(layout, view.ptr)
    memory = span(view.ptr, layout.length, layout.dtype, Borrowed(where, view))
    return memory, layout, bool(view.readonly)


def _index(source: Any) -> int:
    """The number of the GPU that `source` is on."""
    if hasattr(source, "__dlpack_device__"):
        return int(source.__dlpack_device__()[1])
    address = source.__cuda_array_interface__["data"][0]
    stream_on(device(here.chosen))  # the driver answers only where a device is current
    return driver.device_at(address) if address else here.chosen


def _contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    strides = [1]
    for extent in reversed(shape[1:]):
        strides.insert(0, strides[0] * max(extent, 1))
    return tuple(strides[: len(shape)])


def _check(layout: Layout, address: int) -> None:
    if not layout.dtype.isnative:
        raise TypeError(f"elements of type {layout.dtype.str} are not of this machine's byte order")
    if any(s < 0 for s in layout.strides):
        raise ValueError(
            "at least one stride is negative, and tensors with negative strides are not supported; "
            "make a contiguous copy first"
        )
    if address % layout.dtype.itemsize:
        raise ValueError(
            f"elements of {layout.dtype.itemsize} bytes at address {address:#x} are not aligned; "
            "make a copy first"
        )
