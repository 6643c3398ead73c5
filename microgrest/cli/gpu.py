"""Whether a CUDA device can be used from here, and if not, the one thing to do about it."""

from __future__ import annotations

import ctypes
import sys
from importlib.util import find_spec
from typing import Any

from .errors import InputError

CPU_INSTEAD = "or use --device cpu"
# The oldest driver interfaces, and the oldest GPU, that the toolkits work with.
CUDA12_DRIVER, CUDA13_DRIVER = 12000, 13000
CUDA13_CAPABILITY = (7, 5)
CAPABILITY_MAJOR, CAPABILITY_MINOR = 75, 76


def choose(wanted: str) -> str:
    """The device for `wanted`: cpu, cuda, or auto. InputError if cuda is wanted and not there."""
    reason = None if wanted == "cpu" else problem()
    if wanted == "cuda" and reason is not None:
        raise InputError(f"--device cuda: {reason}")
    return "cpu" if wanted == "cpu" or reason is not None else "cuda"


def problem() -> str | None:
    """None where device="cuda" works; else what is missing and its remedy, in one line."""
    if sys.platform == "darwin":
        return f"there is no CUDA for macOS; use a Linux or Windows machine, {CPU_INSTEAD}"
    driver = _driver()
    if driver is None:
        return (
            "there is no NVIDIA driver on this machine; install it "
            "(https://www.nvidia.com/drivers; a container needs --gpus all) and then: "
            f"pip install 'microgrest[cuda13]'; {CPU_INSTEAD}"
        )
    if driver.cuInit(0) or not _integer(driver.cuDeviceGetCount):
        return (
            "the NVIDIA driver sees no GPU; see what nvidia-smi says, and CUDA_VISIBLE_DEVICES; "
            f"{CPU_INSTEAD}"
        )
    version = _integer(driver.cuDriverGetVersion)
    if version < CUDA12_DRIVER:
        return f"the NVIDIA driver is too old; update it to 525 or newer, {CPU_INSTEAD}"
    if find_spec("numba_cuda") is None or find_spec("cuda") is None:
        return f"GPU support is not installed: pip install 'microgrest[{_extra(driver, version)}]'"
    return _library_problem()


def _driver() -> Any:
    """The driver's library, or None."""
    try:
        return ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return None


def _integer(function: Any, *arguments: int) -> int:
    """The integer that a driver function stores through its first argument; 0 if it fails."""
    value = ctypes.c_int()
    status = function(ctypes.byref(value), *arguments)
    return 0 if status else value.value


def _extra(driver: Any, version: int) -> str:
    """The extra of ours whose CUDA toolkit suits this driver and its first GPU."""
    attributes = (CAPABILITY_MAJOR, CAPABILITY_MINOR)
    capability = tuple(_integer(driver.cuDeviceGetAttribute, a, 0) for a in attributes)
    newest = version >= CUDA13_DRIVER and capability >= CUDA13_CAPABILITY
    return "cuda13" if newest else "cuda12"


def _library_problem() -> str | None:
    from microgrest import cuda

    return None if cuda.is_available() else cuda.problem()
