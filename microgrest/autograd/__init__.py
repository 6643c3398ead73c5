"""Automatic differentiation: `backward`, `grad`, `Function` and grad modes, over the graph."""

from __future__ import annotations

from ..graph.modes import enable_grad, inference_mode, no_grad, set_grad_enabled
from . import function
from .function import Function
from .functional import backward, grad

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
