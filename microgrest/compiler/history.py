"""The numbers that repeated steps returned: a NumPy array for each result of one element."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..tensor import Tensor

Array = np.ndarray[Any, Any]


def tensors_of(result: Any) -> list[Tensor]:
    """The tensors in a step's result, in order."""
    if isinstance(result, Tensor):
        return [result]
    inner = result.values() if isinstance(result, dict) else result
    return [t for r in inner for t in tensors_of(r)] if isinstance(result, _NESTS) else []


_NESTS = (tuple, list, dict)
# Rows that there is room for at first; of n steps not all may come to be run.
FIRST = 1 << 16


def row(result: Any) -> Array:
    """The numbers in a result, as a native step fills a row of its history: each tensor once."""
    found = {id(t): t for t in tensors_of(result) if t.numel() == 1}
    return np.array([[t.item() for t in found.values()]], np.float64)


class History:
    """Every `every`-th step's numbers, of at most `n` steps."""

    def __init__(self, n: int, every: int) -> None:
        self.n, self.every = n, every
        self.kept: Array | None = None
        self.result: Any = None

    def add(self, start: int, rows: Array, result: Any) -> None:
        """Take the rows of the steps from number `start` + 1 on; `result` is that of the last."""
        self.result = result
        numbers = [id(t) for t in tensors_of(result) if t.numel() == 1]
        if not numbers:
            raise ValueError("history keeps results of one element, and the step returns none")
        if self.kept is None:
            self.kept = np.empty((min(self.n // self.every, FIRST), len(numbers)))
        if self.kept.shape[1] != len(numbers):
            raise ValueError(
                f"history: the step returned {len(numbers)} numbers after steps that returned "
                f"{self.kept.shape[1]}"
            )
        unique = list(dict.fromkeys(numbers))
        first = -(start + 1) % self.every
        chosen = rows[first :: self.every]
        at = start // self.every
        if at + len(chosen) > len(self.kept):
            self.kept = np.resize(self.kept, (2 * (at + len(chosen)), len(numbers)))
        self.kept[at : at + len(chosen)] = chosen[:, [unique.index(name) for name in numbers]]

    def value(self, done: int) -> Any:
        """The result's form with arrays of one value a kept step for numbers, else None."""
        if self.kept is None:
            return np.empty(0)
        columns = iter(self.kept[: done // self.every].T)

        def column(t: Any) -> Any:
            if not (isinstance(t, Tensor) and t.numel() == 1):
                return None
            return next(columns).astype(t.dtype.numpy)

        return _mapped(column, self.result)


def _mapped(function: Callable[[Any], Any], value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _mapped(function, inner) for key, inner in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_mapped(function, inner) for inner in value))
    if isinstance(value, (tuple, list)):
        return type(value)([_mapped(function, inner) for inner in value])
    return function(value)
