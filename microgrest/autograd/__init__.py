"""Automatic differentiation: `backward`, `grad` and grad modes, over the graph and its engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .modes import enable_grad, inference_mode, no_grad, set_grad_enabled

if TYPE_CHECKING:
    from .functional import backward, grad


def __getattr__(name: str) -> Any:
    # These work on tensors, which import this package for its graph: so they come when asked for.
    if name in ("backward", "grad"):
        from . import functional

        return getattr(functional, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = ["backward", "enable_grad", "grad", "inference_mode", "no_grad", "set_grad_enabled"]
