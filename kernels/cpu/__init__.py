"""The CPU target. `kernels.cuda` has the same modules with the same functions.

A module loads when it is first used: what writes and compiles kernels is slow to import, and a
program that only parses its command line need not wait for it.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

__all__ = ["elementwise", "filling", "kinds", "memory", "reduction"]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
