"""The memory of GPUs: how much is in use, held and free."""

from __future__ import annotations

from typing import Any

from .devices import backend, is_available, is_initialized, opened


def empty_cache() -> None:
    """Give memory that is held but not in use back to the driver, on every GPU in use."""
    if is_initialized():
        for where in backend().in_use():
            backend().enter(where)
            _pool(where.index).trim()


def memory_allocated(device: Any = None) -> int:
    """Bytes in use by tensors."""
    return _count(device, "used")


def max_memory_allocated(device: Any = None) -> int:
    """The most bytes in use at once, since the start or `reset_peak_memory_stats`."""
    return _count(device, "peak")


def memory_reserved(device: Any = None) -> int:
    """Bytes held: those in use, and those kept for reuse."""
    return _count(device, "reserved")


def max_memory_reserved(device: Any = None) -> int:
    """The most bytes held at once, since the start or `reset_peak_memory_stats`."""
    return _count(device, "peak_reserved")


def _count(device: Any, name: str) -> int:
    """A count of bytes: 0 where there is no GPU, as programs ask that run on either device."""
    return int(getattr(_pool(device), name)) if is_available() else 0


def reset_peak_memory_stats(device: Any = None) -> None:
    """Count peaks anew, from what is in use and held now."""
    _pool(device).forget_peaks()


def memory_stats(device: Any = None) -> dict[str, int]:
    """All of the counts above, under PyTorch's names."""
    return {
        "allocated_bytes.all.current": memory_allocated(device),
        "allocated_bytes.all.peak": max_memory_allocated(device),
        "reserved_bytes.all.current": memory_reserved(device),
        "reserved_bytes.all.peak": max_memory_reserved(device),
    }


def mem_get_info(device: Any = None) -> tuple[int, int]:
    """Free and total bytes of the GPU, as the driver has it, whoever uses the rest."""
    backend().enter(opened(device))
    free, total = backend().driver.memory_info()
    return free, total


def set_per_process_memory_fraction(fraction: float, device: Any = None) -> None:
    """Hold at most this share, 0 to 1, of the GPU's memory; more is an OutOfMemoryError."""
    if not 0 <= fraction <= 1:
        raise ValueError(f"Invalid fraction value: {fraction}. Allowed range: 0~1")
    _pool(device).limit = int(fraction * mem_get_info(device)[1])


def _pool(device: Any) -> Any:
    where = opened(device)
    from ..kernels.cuda.memory import pool_of

    return pool_of(where)
