"""Whether a GPU can be used from here, and if not, the one thing to do about it.

The driver is asked through ctypes and packages are looked for on disk, so that the answer comes
quickly and nothing of NVIDIA's is imported for it.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from typing import Any

from ..kernels.cuda.driver.environment import FORKED, simulated

# The oldest driver interfaces, and the oldest GPU, that the toolkits work with.
CUDA12_DRIVER, CUDA13_DRIVER = 12000, 13000
CUDA13_CAPABILITY = (7, 5)
CAPABILITY_MAJOR, CAPABILITY_MINOR = 75, 76  # CU_DEVICE_ATTRIBUTE_...
COMPILER = ("nvrtc", "nvvm", "nvJitLink")

MACOS = "there is no CUDA for macOS: use a Linux or Windows machine"
NO_DRIVER = (
    "there is no NVIDIA driver on this machine: install it (https://www.nvidia.com/drivers; start "
    "a container with --gpus all), and then: pip install 'microgrest[cuda13]'"
)
# What CUDA's packages say when something is amiss that shows only when a kernel is made or run.
MESSAGES = (
    (("driver library cannot be found",), NO_DRIVER),
    (
        ("libnvvm", "libnvrtc", "libnvjitlink", "nvvmsupporterror", "no supported gpu compute"),
        "CUDA's compiler libraries are missing: pip install 'microgrest[{extra}]'",
    ),
    (
        ("unsupported_ptx_version", "unsupported toolchain"),
        "CUDA's packages are newer than the NVIDIA driver: update the driver, or pip install "
        "'microgrest[cuda12]'",
    ),
    (
        ("no_binary_for_gpu", "no kernel image"),
        "CUDA's packages do not know this GPU: pip install --upgrade 'microgrest[{extra}]'",
    ),
    (("out_of_memory", "out of memory"), "other programs hold the GPU's memory: see nvidia-smi"),
)


class Driver:
    """The driver's library: `status` of its start, number of GPUs, `version` of its interface."""

    def __init__(self, library: Any) -> None:
        global _started
        self._library = library
        self.status = int(library.cuInit(0))
        _started = _started or self.status == 0
        self.count = 0 if self.status else self._integer("cuDeviceGetCount")
        self.version = self._integer("cuDriverGetVersion")

    @property
    def release(self) -> str:
        """The newest CUDA that the driver supports, such as 13.0."""
        return f"{self.version // 1000}.{self.version % 1000 // 10}"

    @property
    def extra(self) -> str:
        """The extra of ours whose CUDA toolkit suits this driver and its first GPU."""
        new = self.version >= CUDA13_DRIVER
        return "cuda13" if new and self.capability(0) >= CUDA13_CAPABILITY else "cuda12"

    def capability(self, gpu: int) -> tuple[int, int]:
        """The compute capability of a GPU."""
        attributes = (CAPABILITY_MAJOR, CAPABILITY_MINOR)
        major, minor = (self._integer("cuDeviceGetAttribute", a, gpu) for a in attributes)
        return major, minor

    def name(self, gpu: int) -> str:
        """The name of a GPU."""
        import ctypes

        name = ctypes.create_string_buffer(256)
        failed = self._library.cuDeviceGetName(name, len(name), gpu)
        return "unknown" if failed else name.value.decode(errors="replace")

    def _integer(self, function: str, *arguments: int) -> int:
        """The integer that a function stores through its first argument; 0 if it fails."""
        import ctypes

        value = ctypes.c_int()
        failed = getattr(self._library, function)(ctypes.byref(value), *arguments)
        return 0 if failed else value.value


_usable = False  # found so, for good
_started = False  # the driver was, which a forked child cannot do again
_forked = False


def problem() -> str | None:
    """None where a GPU, or its simulator, can be used; else what is missing, and its remedy."""
    global _usable
    if _usable or simulated():
        return None
    reason = FORKED if _forked else _examine()
    _usable = reason is None
    return reason


def _examine() -> str | None:
    driver = find_driver()
    if driver is None:
        return MACOS if sys.platform == "darwin" else NO_DRIVER
    if driver.count == 0:
        return _no_gpu(driver.status)
    if driver.version < CUDA12_DRIVER:
        return f"the NVIDIA driver is too old, CUDA {driver.release}: update it to 525 or newer"
    return _packages(driver)


def _no_gpu(status: int) -> str:
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    if hidden is not None:
        return f"the NVIDIA driver sees no GPU: unset CUDA_VISIBLE_DEVICES, which is {hidden!r}"
    return f"the NVIDIA driver sees no GPU (cuInit returned {status}): see what nvidia-smi says"


def _packages(driver: Driver) -> str | None:
    """What is wrong with the installed packages, for this driver."""
    install = f"pip install 'microgrest[{driver.extra}]'"
    if find_spec("numba_cuda") is None:
        return f"GPU support is not installed: {install}"
    toolkit = toolkit_version()
    missing = None if toolkit else "cuda-bindings"
    missing = missing or _missing_library()
    if missing is not None:
        return f"{missing} is missing (numba-cuda without an extra brings no compiler): {install}"
    if not _redirected():
        return (
            "Numba's built-in CUDA target is in use, not numba-cuda, whose .pth file was not read: "
            f"in a virtual environment of its own, {install}"
        )
    return _too_new(driver, int(toolkit.partition(".")[0]), install)


def _too_new(driver: Driver, toolkit: int, install: str) -> str | None:
    """What keeps CUDA `toolkit` from working with this driver and its first GPU."""
    if toolkit < 13:
        return None
    if driver.version < CUDA13_DRIVER:
        return (
            f"the packages of CUDA {toolkit} are installed, and the NVIDIA driver supports CUDA "
            f"{driver.release}: {install}, or update the driver to 580 or newer"
        )
    if driver.capability(0) < CUDA13_CAPABILITY:
        found = "{}.{}".format(*driver.capability(0))
        return (
            f"{driver.name(0)} has compute capability {found}, and CUDA {toolkit}, which is "
            f"installed, begins at 7.5: {install}"
        )
    return None


def find_driver() -> Driver | None:
    """The NVIDIA driver, started; None where there is none."""
    if sys.platform == "darwin":
        return None
    import ctypes

    try:
        return Driver(ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"))
    except OSError:
        return None


def toolkit_version() -> str:
    """The version of CUDA's Python packages, which is that of the toolkit; "" without them."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("cuda-bindings")
    except PackageNotFoundError:
        return ""


def _missing_library() -> str | None:
    """The first of the compiler's libraries that is nowhere to be found."""
    from cuda.pathfinder import DynamicLibNotFoundError, load_nvidia_dynamic_lib

    for name in COMPILER:
        try:
            load_nvidia_dynamic_lib(name)
        except DynamicLibNotFoundError:
            return name
    return None


def _redirected() -> bool:
    """Whether `numba.cuda` is, or will be when it is imported, numba-cuda."""
    loaded = sys.modules.get("numba.cuda")
    if loaded is not None:
        return getattr(loaded, "implementation", "") == "NVIDIA"
    return "_numba_cuda_redirector" in sys.modules


def explain(error: BaseException) -> str:
    """What to do about an error from making or running a kernel, in one line."""
    text = f"{type(error).__name__}: {error}"
    driver = find_driver()
    for signs, remedy in MESSAGES:
        if any(sign in text.lower() for sign in signs):
            return remedy.format(extra=driver.extra if driver else "cuda13")
    return f"a kernel fails: {text.splitlines()[0]}"


def survey() -> dict[str, Any]:
    """What is here: GPUs, driver, toolkit, and which extra of ours belongs to them."""
    if simulated():
        return {"devices": ["Numba's CUDA simulator"]}
    driver, toolkit = None if _forked else find_driver(), toolkit_version()
    return {
        "devices": _described(driver) if driver else [],
        "driver": f"for CUDA {driver.release} and older" if driver else "none",
        "toolkit": f"cuda-bindings {toolkit}" if toolkit else "none",
        "extra": f"cuda{toolkit.partition('.')[0]}" if toolkit else "none",
        "extra that suits": driver.extra if driver and driver.count else "none",
    }


def _described(driver: Driver) -> list[str]:
    return [
        "{}, compute capability {}.{}".format(driver.name(gpu), *driver.capability(gpu))
        for gpu in range(driver.count)
    ]


def _after_fork() -> None:
    global _forked, _usable
    _forked, _usable = _forked or _started, False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
