"""Calls of recurrent layers: every cell, packed, projected, and backwards in time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from microgrest.kernels.kinds.recurrence.recurrence import (
    RECURRENCE,
    RECURRENCE_BACK,
    Recurrence,
)
from microgrest.kernels.source.kind import Kind

RANDOM = np.random.default_rng(5)
STEPS, BATCH, HIDDEN = 3, 2, 4
# Mode, type, packed, projected, backwards in time.
LAYERS = (
    ("LSTM", "float32", False, False, 0),
    ("LSTM", "float64", True, True, 1),
    ("GRU", "float32", False, False, 1),
    ("GRU", "float64", True, False, 0),
    ("RNN_TANH", "float64", False, False, 0),
    ("RNN_RELU", "float64", True, False, 1),
)


def of_recurrences() -> Iterator[tuple[Kind, Recurrence, tuple[Any, ...], tuple[int, ...]]]:
    """Kind, params, operands and sizes."""
    for mode, dtype, packed, projected, reverse in LAYERS:
        p = Recurrence(mode, dtype, packed, projected)
        starts = np.array([0, 2, 4, 5]) if packed else np.arange(STEPS + 1) * BATCH
        shown = 3 if projected else HIDDEN
        counts = _counts(p, int(starts[-1]), shown)
        for kind in (RECURRENCE, RECURRENCE_BACK):
            operands = tuple(
                starts if o.name == "starts" else RANDOM.standard_normal(counts[o.name])
                for o in kind.operands(p)
            )
            made = tuple(x if x.dtype.kind == "i" else x.astype(dtype) for x in operands)
            yield kind, p, made, (STEPS, BATCH, HIDDEN, shown, reverse)


def _counts(p: Recurrence, rows: int, shown: int) -> dict[str, int]:
    """How many elements operands have."""
    gates = p.cell.gates * HIDDEN
    found = {"weight": gates * shown, "bias": gates, "project": shown * HIDDEN}
    found |= dict.fromkeys(("gates", "dgates", "dstate"), rows * gates)
    found |= dict.fromkeys(("y", "dy", "before", "dshown"), rows * shown)
    found |= dict.fromkeys(("h0", "h", "dh_n", "dh"), BATCH * shown)
    found |= dict.fromkeys(("c0", "c", "dc_n", "dc"), BATCH * HIDDEN)
    found |= dict.fromkeys(("c_before", "m"), rows * HIDDEN)
    return found | {"kept": rows * p.cell.kept * HIDDEN}
