"""The handles that registering a hook returns, by PyTorch's name for their module."""

from __future__ import annotations

from ..graph.hooks import RemovableHandle

__all__ = ["RemovableHandle"]
