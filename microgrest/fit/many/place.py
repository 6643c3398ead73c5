"""Where many curves are fitted: on the CPU, or on a GPU."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ...cuda import devices
from ...kernels.cpu import parallel
from ...kernels.fits.fit import Fit
from ...tensor import Tensor
from ...types.device import device as Device

Array = Any
# Curves between two looks at Ctrl-C, and between two words to `progress`: of each thread, or of a
# GPU, where each is a thread.
CHUNK_OF_THREAD = 2048
CHUNK_OF_GPU = 65536


def chosen(device: Any, *given: Any) -> int | None:
    """The number of the GPU that `device` is, or that holds what was given; None for the CPU.

    RuntimeError where no GPU can be used, and for tensors of several if `device` does not choose.
    """
    if device is None:
        found = {part.device for part in given if isinstance(part, Tensor) and part.is_cuda}
        if len(found) > 1:
            names = ", ".join(sorted(map(str, found)))
            raise RuntimeError(f"fit_many: tensors are on {names}; device= says where to fit")
        if not found:
            return None
        (device,) = found
    where = Device(device)
    if where.type == "cpu":
        return None
    devices.kernels()  # or says what is missing
    index = devices.current_device() if where.index is None else where.index
    devices.backend().device(index)
    return index


def chunk_on(place: int | None) -> int:
    """How many curves are fitted at a time there."""
    return CHUNK_OF_THREAD * parallel.get_num_threads() if place is None else CHUNK_OF_GPU


def on_host(part: Any) -> Any:
    """A tensor as an array; all else as it is."""
    return part.detach().cpu().numpy() if isinstance(part, Tensor) else part


def runner(fits: Fit, index: int | None) -> Callable[..., None]:
    """What fits many curves there: called as `Fit.many`."""
    if index is None:
        return fits.many
    from ...kernels.fits import on_cuda

    return partial(on_cuda.many, fits, index=index)
