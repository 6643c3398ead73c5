"""The elementwise functions, one per public row; `pointwise.pyi` lists them."""

from __future__ import annotations

from .dispatch.api import FUNCTIONS
from .ops.row import ROWS

# Functions with options of their own are in `functions.arithmetic`.
globals().update(
    {name: f for name, f in FUNCTIONS.items() if name not in ROWS or not ROWS[name].extra.get("internal")}
)
