"""The functions that are made of rows, one per public row; `pointwise.pyi` lists them.

Those with options of their own are in `arithmetic` and `special` instead.
"""

from __future__ import annotations

from ...dispatch.api import FUNCTIONS, PUBLIC
from .. import kernels
from . import arithmetic, special

_own = vars(arithmetic).keys() | vars(special).keys()
_made = {name: FUNCTIONS[name] for name in PUBLIC if name not in _own}
_made |= kernels.FUNCTIONS
__all__ = [*_made]
globals().update(_made)
