"""Settings of the whole library: threads, determinism, precision of products, the default type."""

from __future__ import annotations

import warnings
from typing import Any

from ..creation import TensorType, named
from ..types.device import set_default_device
from ..types.dtypes import set_default_dtype

_PRECISIONS = ("highest", "high", "medium")
_deterministic = False
_precision = "highest"


def get_num_threads() -> int:
    """Threads that one kernel may use: 1 where parallel kernels cannot run."""
    from ..kernels.cpu import parallel

    return parallel.get_num_threads()


def set_num_threads(n: int) -> None:
    """Let kernels use up to `n` threads; results do not depend on it.

    RuntimeError unless `n` is a positive int.
    """
    from ..kernels.cpu import parallel

    if not isinstance(n, int) or isinstance(n, bool):
        raise RuntimeError(f"set_num_threads expects an int, but got {type(n).__name__}")
    parallel.set_num_threads(n)


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Note what is wished; every kernel here gives the same bits in every run, on each device."""
    global _deterministic
    if not isinstance(mode, bool):
        kind = type(mode).__name__
        raise TypeError(
            f"use_deterministic_algorithms(): argument 'mode' (position 1) must be bool, not {kind}"
        )
    _deterministic = mode


def are_deterministic_algorithms_enabled() -> bool:
    """What was wished by `use_deterministic_algorithms`."""
    return _deterministic


def set_float32_matmul_precision(precision: str) -> None:
    """Note how exact products of float32 have to be: "highest", as they are, "high" or "medium"."""
    global _precision
    if precision not in _PRECISIONS:
        warnings.warn(
            f"{precision} is not one of 'highest', 'high', or 'medium'; the call has no effect.",
            UserWarning,
            stacklevel=2,
        )
        return
    _precision = precision


def get_float32_matmul_precision() -> str:
    """What `set_float32_matmul_precision` said last."""
    return _precision


def set_flush_denormal(mode: bool) -> bool:
    """Whether tiny numbers can be taken as 0, as asked: they cannot, so only `mode` False is True.

    Kernels keep subnormal numbers.
    """
    return not mode


def set_default_tensor_type(t: Any) -> None:
    """Make the dtype and the device of a legacy type, or of its name, those of new tensors."""
    found = named(t) if isinstance(t, str) else t
    if not isinstance(found, TensorType):
        raise TypeError(f"invalid type object: {t!r}; set_default_dtype() takes a dtype")
    set_default_dtype(found.dtype)
    set_default_device(None if found.device.type == "cpu" else found.device)
