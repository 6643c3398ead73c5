"""GPUs, as `torch.cuda` has them: devices, streams, events, memory.

Where no GPU can be used, `problem()` says why; nothing of NVIDIA's is imported before it is needed.
"""

from __future__ import annotations

from contextlib import suppress
from types import ModuleType, SimpleNamespace, TracebackType
from typing import Any

from .device import device as Device


def problem() -> str | None:
    return None


def kernels() -> ModuleType:
    """The CUDA kernels. RuntimeError, with the remedy, where no GPU can be used."""
    reason = problem()
    if reason is not None:
        raise RuntimeError(reason)
    from .kernels import cuda

    return cuda


def current_device() -> int:
    return 0
