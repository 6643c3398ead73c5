"""Whether what steps leave is finite, looked at often and so without further memory."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from ...tensor import Tensor

Array = np.ndarray[Any, Any]


def is_finite(values: Array) -> bool:
    """Whether floating values hold neither NaN nor infinity.

    A sum does unless all its terms are finite, or it overflows; it needs no memory.
    """
    if values.size == 1:
        return math.isfinite(values.item())
    if values.dtype.kind != "f":
        return True
    wide = np.float32 if values.dtype == np.float16 else None
    with np.errstate(all="ignore"):
        return bool(np.isfinite(np.add.reduce(values, axis=None, dtype=wide))) or bool(
            np.isfinite(values).all()
        )


def all_finite(tensors: Iterable[Tensor]) -> bool:
    """`is_finite` of every floating tensor."""
    return all(is_finite(t._numpy()) for t in tensors if t._kind.dtype.is_floating_point)


def finite_rows(values: Array) -> Array:
    """For each row of floating values whether all of it is finite."""
    rows = values.reshape(len(values), -1)
    wide = np.float32 if rows.dtype == np.float16 else None
    with np.errstate(all="ignore"):
        fine: Array = np.isfinite(np.add.reduce(rows, axis=1, dtype=wide))
    doubtful = np.flatnonzero(~fine)
    fine[doubtful] = np.isfinite(rows[doubtful]).all(axis=1)
    return fine
