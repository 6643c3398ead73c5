"""The NVIDIA driver, through cuda.core and cuda.bindings. `simulator` has the same functions.

Only this module and `compile` know NVIDIA's packages. Addresses are integers, streams and events
objects of cuda.core; every function works on the thread's current device, see `device.enter`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from cuda import core
from cuda.bindings import driver as cu
from cuda.core.utils import StridedMemoryView

from .compile import compiled

Array = np.ndarray[Any, Any]
launch = core.launch
OUT_OF_MEMORY = cu.CUresult.CUDA_ERROR_OUT_OF_MEMORY


def check(result: tuple[Any, ...]) -> Any:
    """The value of a driver call; RuntimeError with CUDA's own words if it failed."""
    status, *values = result
    if status != cu.CUresult.CUDA_SUCCESS:
        _, name = cu.cuGetErrorName(status)
        _, text = cu.cuGetErrorString(status)
        raise RuntimeError(f"CUDA error: {(text or b'').decode()} ({(name or b'').decode()})")
    return values[0] if values else None


def count() -> int:
    """The number of GPUs."""
    check(cu.cuInit(0))
    return int(check(cu.cuDeviceGetCount()))


def open_device(index: int) -> Any:
    """The device of cuda.core; `set_current()` makes it the thread's."""
    return core.Device(index)


def default_stream(device: Any) -> Any:
    """The stream of a device that all threads share.

    With CUDA_PYTHON_CUDA_PER_THREAD_DEFAULT_STREAM, `device.default_stream` is one for each thread,
    all under one handle; the pool, which goes by handles, would mix up their memory.
    """
    return core.LEGACY_DEFAULT_STREAM


def current() -> Any:
    """What the driver calls this thread's current device; 0 if there is none."""
    return check(cu.cuCtxGetCurrent())


def restore(context: Any) -> None:
    """Make that the current device again which `current` told."""
    check(cu.cuCtxSetCurrent(context))


def load(source: Any, label: str, capability: tuple[int, int]) -> Any:
    """The kernel of `source`, compiled or from the cache, ready for `launch`."""
    made = compiled(source, capability, label)
    return core.ObjectCode.from_cubin(made.cubin).get_kernel(made.entry)


@lru_cache(maxsize=4096)
def config(blocks: int, threads: int) -> Any:
    """The launch configuration of a one-dimensional grid."""
    return core.LaunchConfig(grid=blocks, block=threads)


def unsigned(values: tuple[int, ...]) -> tuple[int, ...]:
    """The arguments for a parameter that is a tuple of uint64; negative numbers wrap around."""
    return values


def aligned(spans: list[Any]) -> bool:
    """Whether all spans start at multiples of 16 bytes."""
    return not any(s.ptr & 15 for s in spans)


def allocate(nbytes: int) -> int | None:
    """The address of fresh device memory, or None where there is not enough."""
    status, address = cu.cuMemAlloc(nbytes)
    if status == OUT_OF_MEMORY:
        return None
    return int(check((status, address)))


def release(address: int) -> None:
    """Free what `allocate` returned, after all work on it is done."""
    check(cu.cuMemFree(address))


def memory_info() -> tuple[int, int]:
    """Free and total bytes of the current device."""
    status, free, total = cu.cuMemGetInfo()
    check((status,))
    return int(free), int(total)


def copy_from_host(address: int, array: Array, stream: Any) -> None:
    """Copy a contiguous array to the device, in stream order.

    The array has to live and stay unchanged until the stream has come so far: what the driver
    copies to a buffer of its own first, and what not, is up to it.
    """
    check(cu.cuMemcpyHtoDAsync(address, _address(array), array.nbytes, int(stream.handle)))


def copy_to_host(array: Array, address: int, stream: Any) -> None:
    """Copy to a contiguous array, in stream order; into pinned memory this returns at once."""
    check(cu.cuMemcpyDtoHAsync(_address(array), address, array.nbytes, int(stream.handle)))


def copy_on_device(target: int, source: int, nbytes: int, stream: Any) -> None:
    """Copy between any two places in device memory, on one GPU or two, in stream order."""
    check(cu.cuMemcpyAsync(target, source, nbytes, int(stream.handle)))


def allocate_pinned(nbytes: int) -> int:
    """The address of page-locked host memory, which every device can read."""
    portable = 1  # CU_MEMHOSTALLOC_PORTABLE
    return int(check(cu.cuMemHostAlloc(nbytes, portable)))


def release_pinned(address: int) -> None:
    """Free what `allocate_pinned` returned.

    At the end of the process and in a forked one the driver refuses, and nothing is left to do.
    """
    cu.cuMemFreeHost(address)


def new_stream(device: Any, priority: int) -> Any:
    """A stream that does not wait for the default one; lower numbers go first."""
    status, _, lowest = cu.cuCtxGetStreamPriorityRange()
    check((status,))
    options = core.StreamOptions(nonblocking=True, priority=max(priority, int(lowest)) or None)
    return device.create_stream(options=options)


def stream_of(handle: int) -> Any:
    """Somebody else's stream, by its CUstream handle."""
    return core.Stream.from_handle(handle)


def wait(stream: Any) -> None:
    """Return when all work of `stream` is done; RuntimeError if some of it failed."""
    check(cu.cuStreamSynchronize(int(stream.handle)))


def wait_device() -> None:
    """Return when all work of the current device is done."""
    check(cu.cuCtxSynchronize())


def is_done(stream: Any) -> bool:
    """Whether all work of `stream` is done."""
    result = cu.cuStreamQuery(int(stream.handle))
    if result[0] == cu.CUresult.CUDA_ERROR_NOT_READY:
        return False
    check(result)
    return True


def new_event(device: Any, timing: bool, blocking: bool) -> Any:
    """A mark in a stream that `Stream.record` sets; `timing` lets two of them be subtracted."""
    options = core.EventOptions(timing_enabled=timing, blocking_sync=blocking)
    return device.create_event(options=options)


def device_at(address: int) -> int:
    """The number of the GPU whose memory is at `address`."""
    ordinal = cu.CUpointer_attribute.CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL
    return int(check(cu.cuPointerGetAttribute(ordinal, address)))


def exported(
    address: int, nbytes: int, owner: Any, shape: Any, strides: Any, dtype: np.dtype[Any]
) -> Any:
    """Memory for others to take by DLPack; what they take keeps `owner` alive."""
    buffer = core.Buffer.from_handle(address, nbytes, owner=owner)
    return StridedMemoryView.from_buffer(buffer, shape, strides=strides, dtype=dtype)


def imported(source: Any, stream: Any) -> Any:
    """A view of memory that `source` offers, safe to use in `stream`; it keeps `source` alive."""
    return StridedMemoryView.from_any_interface(source, stream_ptr=int(stream.handle))


def facts(device: Any) -> dict[str, Any]:
    """What `get_device_properties` tells of a device."""
    found = device.properties
    return {
        "name": device.name,
        "major": device.compute_capability[0],
        "minor": device.compute_capability[1],
        "total_memory": int(check(cu.cuDeviceTotalMem(device.device_id))),
        "multi_processor_count": found.multiprocessor_count,
        "warp_size": found.warp_size,
        "max_threads_per_block": found.max_threads_per_block,
    }


def _address(array: Array) -> int:
    return int(array.__array_interface__["data"][0])
