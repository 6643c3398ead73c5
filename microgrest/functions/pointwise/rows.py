"""The elementwise functions, one per public row; `pointwise.pyi` lists them.

Those with options of their own are in `functions.arithmetic` instead.
"""

from __future__ import annotations

from ...dispatch.api import FUNCTIONS, PUBLIC
from . import arithmetic

__all__ = [name for name in PUBLIC if not hasattr(arithmetic, name)]
globals().update((name, FUNCTIONS[name]) for name in __all__)
