"""The functions that are made of rows, one per public row; `rows.pyi` lists them.

Those with options of their own are in `arithmetic` and `special` instead.
"""

from __future__ import annotations

from ...dispatch.api import FUNCTIONS, IN_PLACE, PUBLIC
from .. import kernels
from . import arithmetic, special

_own = vars(arithmetic).keys() | vars(special).keys()
_made = {name: FUNCTIONS[name] for name in PUBLIC if name not in _own}
_made |= kernels.FUNCTIONS
# Those that overwrite their one operand are functions, too, and some others: exp_(x).
_UPDATES = ("xlogy", "clamp_min", "clamp_max", "gcd", "lcm")
_made |= {
    f"{name}_": IN_PLACE[row.name]
    for name, row in PUBLIC.items()
    if row.inplace and (len(row.args) == 1 or name in _UPDATES) and f"{name}_" not in _own
}
__all__ = [*_made]
globals().update(_made)
