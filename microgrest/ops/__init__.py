"""The tables, one row per op. `row` tells what a row says, `trace` how its rule is traced."""

from __future__ import annotations

from . import (
    activation,
    classes,
    contraction,
    convert,
    digits,
    elementwise,
    gamma,
    indexing,
    linalg,
    logic,
    losses,
    meeting,
    movement,
    normalization,
    reduction,
    rounding,
    scan,
    selection,
    softmax,
    sorting,
    special,
    windows,
)
from .row import ROWS, Row
from .trace import Symbol

__all__ = [
    "ROWS",
    "Row",
    "Symbol",
    "activation",
    "classes",
    "contraction",
    "convert",
    "digits",
    "elementwise",
    "gamma",
    "indexing",
    "linalg",
    "logic",
    "losses",
    "meeting",
    "movement",
    "normalization",
    "reduction",
    "rounding",
    "scan",
    "selection",
    "softmax",
    "sorting",
    "special",
    "windows",
]
