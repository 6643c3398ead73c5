"""Value: what formulas and rules are written over, a tensor or a symbol that stands for one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Value:
    """The base of tensors and symbols: Python's operators apply the rows that claim them.

    `_apply_row(row, args, params)` is what a row is handed to. `ops/__init__.py` gives the
    operators, once all rows are known; a subclass may have quicker ones.
    """

    __slots__ = ()

    _apply_row: Any
    # Many parts at once along a dimension, where the value has a quicker way than one by one.
    _each: Callable[..., Any] | None = None
    _cut: Callable[..., Any] | None = None
    reshape: Callable[..., Any]
