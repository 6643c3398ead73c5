"""The libraries that are compared, and where: the same program runs on each, given its module."""

from __future__ import annotations

import os
import platform
import sys
from datetime import datetime, timezone
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("numpy", "numba", "llvmlite", "torch", "jax", "pytensor", "numba-cuda")
PACKAGES += ("pytest-benchmark", "scipy", "lmfit")

# Measured are compiled kernels, from the first call on; `startup.environment` is a user's.
os.environ.setdefault("MICROGREST_FIRST_CALLS", "0")
sys.path.insert(0, str(ROOT))  # measured is this checkout, whether or not it is installed


def installed(peer: str) -> bool:
    """Whether the module `peer` is here; it is not imported."""
    return find_spec(peer) is not None


def load(peer: str) -> Any:
    """The module `peer`.

    microgrest starts its threading layer before PyTorch is imported: both bring an OpenMP runtime,
    and each is to read its own settings.
    """
    from microgrest.kernels.cpu import parallel

    parallel.layer()
    return import_module(peer)


@cache
def threads() -> int:
    """How many threads microgrest uses unless told otherwise, as it was at first."""
    from microgrest.kernels.cpu import parallel

    return int(parallel.get_num_threads())


def use_threads(n: int) -> None:
    """Let each peer that is imported use `n` threads; NumPy's loops and sums have one always."""
    from microgrest.kernels.cpu import parallel

    parallel.set_num_threads(n)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(n)


def facts() -> dict[str, Any]:
    """The machine and the versions, as every result file begins; it names no user and no path."""
    from llvmlite import binding

    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": {
            "platform": platform.platform(),
            "cpu": binding.get_host_cpu_name(),
            "cores": _cores(),
        },
        "versions": _versions(),
    }


def load_average() -> float | None:
    """Processes that wanted to run in the last minute, where the system tells."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _versions() -> dict[str, str]:
    import microgrest

    found = {"python": platform.python_version(), "microgrest": microgrest.__version__}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
