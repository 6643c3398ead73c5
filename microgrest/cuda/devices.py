"""Which GPUs there are, and which one a thread works on."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType, TracebackType
from typing import Any

from ..types.device import device as Device
from .detection import problem

_BACKEND = "microgrest.kernels.cuda.driver.device"


@lru_cache(maxsize=1)
def kernels() -> ModuleType:
    """The CUDA kernels. RuntimeError, with the remedy, where no GPU can be used."""
    reason = problem()
    if reason is not None:
        raise RuntimeError(reason)
    from ..kernels import cuda
    from ..kernels.cuda.driver import device as _backend  # noqa: F401 - it must load for them to work

    return cuda


@lru_cache(maxsize=1)
def backend() -> Any:
    """The module that opens GPUs. RuntimeError, with the remedy, where none can be used."""
    kernels()
    return sys.modules[_BACKEND]


def is_available() -> bool:
    """Whether tensors can be on a GPU; if not, `microgrest.cuda.problem()` says why."""
    return problem() is None


def is_initialized() -> bool:
    """Whether a GPU was used already."""
    loaded = sys.modules.get(_BACKEND)
    return loaded is not None and bool(loaded.in_use())


def init() -> None:
    """Begin to use the current GPU, as the first tensor on it would."""
    opened()


def device_count() -> int:
    """The number of GPUs; 0 where none can be used."""
    return int(backend().count()) if is_available() else 0


def current_device() -> int:
    """The number of the GPU that "cuda" means in this thread."""
    return int(backend().here.chosen)


def set_device(device: Any) -> None:
    """Let "cuda" mean `device` in this thread, an int, a string or a device; below 0 nothing."""
    index = index_of(device)
    if index >= 0:
        backend().here.chosen = backend().device(index).index


def index_of(device: Any) -> int:
    """The number of the GPU that `device` names; None and "cuda" name the current one.

    ValueError for a device that is no GPU.
    """
    if isinstance(device, int) and not isinstance(device, bool):
        return device
    named = Device("cuda" if device is None else device)
    if named.type != "cuda":
        raise ValueError(f"Expected a cuda device, but got: {named}")
    return current_device() if named.index is None else named.index


def opened(device: Any = None) -> Any:
    """The GPU that `device` names, ready for use. RuntimeError where there is none."""
    return backend().device(index_of(device))


class device:
    """In a `with` statement, "cuda" means `device`; None and numbers below 0 change nothing."""

    def __init__(self, device: Any) -> None:
        self.index = -1 if device is None else index_of(device)

    def __enter__(self) -> device:
        self._before = -1 if self.index < 0 else current_device()
        set_device(self.index)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        set_device(self._before)


@dataclass(frozen=True)
class DeviceProperties:
    """What a GPU is; `total_memory` is in bytes."""

    name: str
    major: int
    minor: int
    total_memory: int
    multi_processor_count: int
    warp_size: int
    max_threads_per_block: int


def get_device_properties(device: Any = None) -> DeviceProperties:
    """What the GPU is."""
    return DeviceProperties(**backend().driver.facts(opened(device).handle))


def get_device_name(device: Any = None) -> str:
    """The name of the GPU, such as "NVIDIA H200"."""
    return get_device_properties(device).name


def get_device_capability(device: Any = None) -> tuple[int, int]:
    """The compute capability of the GPU, such as (9, 0)."""
    major, minor = opened(device).capability
    return major, minor


def synchronize(device: Any = None) -> None:
    """Return when all work of the GPU is done, in every stream."""
    backend().enter(opened(device))
    backend().driver.wait_device()
