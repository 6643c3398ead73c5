"""The numbers that repeated steps returned: a NumPy array for each result of one element."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...tensor import Tensor
from ..effects import Results

Array = np.ndarray[Any, Any]
# Rows that there is room for at first; of n steps not all may come to be run.
FIRST = 1 << 16


def tensors_of(result: Any) -> list[Tensor]:
    """The tensors in a step's result, in order, each once."""
    return [result] if isinstance(result, Tensor) else Results(result).leaves


def row(result: Any) -> Array:
    """The numbers in a result, as a native step fills a row of its history."""
    return np.array([[t.item() for t in tensors_of(result) if t.numel() == 1]], np.float64)


class History:
    """Every `every`-th step's numbers, of at most `n` steps."""

    def __init__(self, n: int, every: int) -> None:
        self.n, self.every = n, every
        self.kept: Array | None = None
        self.result: Any = None

    def add(self, start: int, rows: Array, result: Any) -> None:
        """Take the rows of the steps from number `start` + 1 on; `result` is that of the last."""
        self.result = result
        numbers = sum(t.numel() == 1 for t in tensors_of(result))
        if not numbers:
            raise ValueError("history keeps results of one element, and the step returns none")
        if self.kept is None:
            self.kept = np.empty((min(self.n // self.every, FIRST), numbers))
        if self.kept.shape[1] != numbers:
            raise ValueError(
                f"history: the step returned {numbers} numbers after steps that returned "
                f"{self.kept.shape[1]}"
            )
        chosen = rows[-(start + 1) % self.every :: self.every]
        at = start // self.every
        if at + len(chosen) > len(self.kept):
            self.kept = np.resize(self.kept, (2 * (at + len(chosen)), numbers))
        self.kept[at : at + len(chosen)] = chosen

    def value(self, done: int) -> Any:
        """The result's form with arrays of one value a kept step for numbers, else None."""
        if self.kept is None:
            return np.empty(0)
        form = Results(self.result, others=False)
        columns = iter(self.kept[: done // self.every].T)
        kept: Any = [
            next(columns).astype(t.dtype.numpy) if t.numel() == 1 else None for t in form.leaves
        ]
        return form.build(kept)


class Streamed:
    """Every `every`-th step's numbers, handed on as they come."""

    def __init__(self, sink: Any) -> None:
        self.sink, self.every = sink, sink.every

    def add(self, start: int, rows: Array, result: Any) -> None:
        """Hand on the rows of the steps from number `start` + 1 on, with these numbers."""
        if not rows.shape[1]:
            raise ValueError("history keeps results of one element, and the step returns none")
        first = -(start + 1) % self.every
        steps = np.arange(start + 1 + first, start + 1 + len(rows), self.every)
        if len(steps):
            self.sink.add(steps, rows[first :: self.every])
