"""The numbers that replicas returned: an array of (replicas, steps) for each."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


class History:
    """Every `every`-th step's numbers, of one repetition."""

    def __init__(self, n: int, every: int) -> None:
        self.n, self.every = n, every
        self.done = 0
        self.blocks: list[Array] = []

    def add(self, ran: Array, rows: Array) -> None:
        """Take (replicas, steps, numbers) of those that ran."""
        chosen = rows[:, -(self.done + 1) % self.every :: self.every]
        block = np.full((self.n, *chosen.shape[1:]), np.nan)
        block[ran] = chosen
        self.blocks.append(block)
        self.done += rows.shape[1]

    def columns(self, scalars: int) -> list[Array]:
        """An array for each number."""
        empty = np.empty((self.n, 0, scalars))
        whole = np.concatenate([empty, *self.blocks], axis=1)
        return [np.ascontiguousarray(whole[:, :, k]) for k in range(scalars)]
