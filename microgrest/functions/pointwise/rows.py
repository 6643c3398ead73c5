"""The functions that are made of rows, one per public row; `pointwise.pyi` lists them.

Those with options of their own are in `functions.arithmetic` instead.
"""

from __future__ import annotations

from ...dispatch.api import FUNCTIONS, PUBLIC
from .. import kernels
from . import arithmetic

_made = {name: FUNCTIONS[name] for name in PUBLIC if not hasattr(arithmetic, name)}
_made |= kernels.FUNCTIONS
__all__ = [*_made]
globals().update(_made)
