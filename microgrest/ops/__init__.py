"""The tables, one row per op. `row` tells what a row says, `trace` how its rule is traced."""

from __future__ import annotations

from . import (
    activation,
    contraction,
    convert,
    elementwise,
    indexing,
    logic,
    losses,
    meeting,
    movement,
    normalization,
    recurrent,
    reduction,
    rounding,
    scan,
    selection,
    softmax,
    sorting,
    special,
)
from .row import ROWS, Row
from .trace import Symbol

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
    "losses",
    "meeting",
    "movement",
    "normalization",
    "recurrent",
    "reduction",
    "rounding",
    "scan",
    "selection",
    "softmax",
    "sorting",
    "special",
]
