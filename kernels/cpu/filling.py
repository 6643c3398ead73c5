"""Setting all elements to one value, on the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def fill(array: Array, value: Any) -> None:
    """Set every element of `array` to `value`, a NumPy scalar of its type."""
    array.fill(value)


def repeat(array: Array, source: Array) -> None:
    """Set every element of `array` to the first of `source`."""
    array.fill(source[0])
