"""The state of CUDA on this machine: `is_available`, and what is missing if it is not."""

from __future__ import annotations

from importlib.util import find_spec

_NO_KERNELS = (
    "device='cuda' is not supported by this version of microgrest: its CUDA kernels compile but "
    "there is no launch layer yet. Use device='cpu'."
)


def problem() -> str:
    """One line that says why CUDA cannot be used, and what to do."""
    if find_spec("numba_cuda") is None:
        return (
            "CUDA support is not installed: pip install 'microgrest[cuda13]' (driver >= 580) or "
            "'microgrest[cuda12]' (driver >= 525), or use device='cpu'"
        )
    return _NO_KERNELS


def is_available() -> bool:
    """Whether tensors can be put on a CUDA device."""
    return False


def device_count() -> int:
    """The number of usable CUDA devices."""
    return 0
