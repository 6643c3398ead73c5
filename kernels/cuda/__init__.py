"""The CUDA target: the modules of `kernels.cpu`, with the same functions.

Of NVIDIA's packages nothing is imported before a GPU is used. With NUMBA_ENABLE_CUDASIM=1 in the
environment, Numba's simulator takes the GPU's place, for tests on machines that have none.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

__all__ = ["elementwise", "filling", "kinds", "memory", "reduction"]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
