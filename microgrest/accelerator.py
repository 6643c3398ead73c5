"""The accelerator of this machine, whichever it is, as `torch.accelerator` has it: here a GPU.

A device is a number, a string, a device, or None for the current one. All but the questions whether
there is one raise RuntimeError where there is none.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from types import ModuleType
from typing import Any, TypeVar, cast

from . import cpu, cuda
from .types.device import device as Device

F = TypeVar("F", bound=Callable[..., Any])


def is_available() -> bool:
    """Whether there is an accelerator that tensors can be on."""
    return cuda.is_available()


def device_count() -> int:
    """How many there are."""
    return cuda.device_count()


def current_accelerator(check_available: bool = False) -> Device | None:
    """The device type of the accelerator, None where there is none to use."""
    return Device("cuda") if is_available() else None


def get_device_module(device: Any = None) -> ModuleType:
    """`microgrest.cpu` or `microgrest.cuda`, by a device; None is the accelerator, or the CPU."""
    if device is None:
        return cuda if is_available() else cpu
    return {"cpu": cpu, "cuda": cuda}[Device(device).type]


def _there(function: F, name: str) -> F:
    """`function` of GPUs by its name here, which needs one."""

    @wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        if not is_available():
            raise RuntimeError(
                f"{name}(): Cannot access accelerator device when none is available. "
                f"{cuda.problem()}"
            )
        return function(*args, **kwargs)

    called.__name__ = called.__qualname__ = name
    return cast(F, called)


current_device_index = current_device_idx = _there(cuda.current_device, "current_device_index")
set_device_index = set_device_idx = _there(cuda.set_device, "set_device_index")
synchronize = _there(cuda.synchronize, "synchronize")
current_stream = _there(cuda.current_stream, "current_stream")
empty_cache = _there(cuda.empty_cache, "empty_cache")
memory_allocated = _there(cuda.memory_allocated, "memory_allocated")
max_memory_allocated = _there(cuda.max_memory_allocated, "max_memory_allocated")
memory_reserved = _there(cuda.memory_reserved, "memory_reserved")
max_memory_reserved = _there(cuda.max_memory_reserved, "max_memory_reserved")
memory_stats = _there(cuda.memory_stats, "memory_stats")
reset_peak_memory_stats = _there(cuda.reset_peak_memory_stats, "reset_peak_memory_stats")
get_memory_info = _there(cuda.mem_get_info, "get_memory_info")


class device_index(cuda.device):
    """In a `with` statement, the accelerator of this number is the current one; None changes
    nothing."""
