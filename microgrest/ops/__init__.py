"""The tables, one row per op. `row` tells what a row says, `trace` how its rule is traced."""

from __future__ import annotations

from typing import Any

from . import (
    activation,
    contraction,
    convert,
    elementwise,
    indexing,
    logic,
    movement,
    reduction,
    rounding,
    scan,
    sorting,
    special,
)
from .row import ROWS, Row
from .trace import Symbol


def _operator(row: Row, swapped: bool) -> Any:
    if swapped:
        return lambda self, other: row(other, self)
    return lambda self, *other: row(self, *other)


# Rules are written with Python's operators: on symbols they apply the rows that claim them.
for _row in ROWS.values():
    if _row.operator:
        setattr(Symbol, f"__{_row.operator}__", _operator(_row, False))
        setattr(Symbol, f"__r{_row.operator}__", _operator(_row, True))
# What a tensor's reshape does, a view or a copy, is all one to a trace.
Symbol.reshape = lambda self, size: movement.view(self, size=size)  # type: ignore[attr-defined]

__all__ = [
    "ROWS",
    "Row",
    "Symbol",
    "activation",
    "contraction",
    "convert",
    "elementwise",
    "indexing",
    "logic",
    "movement",
    "reduction",
    "rounding",
    "scan",
    "sorting",
    "special",
]
