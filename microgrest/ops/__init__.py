"""The tables, one row per op. `row` tells what a row says, `trace` how its rule is traced."""

from __future__ import annotations

from .folds import classes, normalization, reduction, scan, softmax
from .orders import meeting, selection, sorting
from .places import indexing, movement
from .pointwise import (
    activation,
    convert,
    digits,
    elementwise,
    gamma,
    logic,
    losses,
    recurrent,
    rounding,
    special,
)
from .products import contraction, linalg, linear, windows
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
    "linear",
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
    "windows",
]
