"""Automatic differentiation: `backward`, `grad`, `Function` and grad modes, over the graph."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..graph.modes import enable_grad, inference_mode, no_grad, set_grad_enabled

if TYPE_CHECKING:
    from . import function
    from .function import Function
    from .functional import backward, grad

_HOMES = {"backward": "functional", "grad": "functional", "Function": "function"}


def __getattr__(name: str) -> Any:
    # These work on tensors, which import this package for its graph: so they come when asked for.
    if name == "function":
        return import_module(f"{__name__}.function")
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "Function",
    "backward",
    "enable_grad",
    "function",
    "grad",
    "inference_mode",
    "no_grad",
    "set_grad_enabled",
]
