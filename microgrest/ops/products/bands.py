"""Banded matrices: weighted sums of neighbours along an axis, which pooling and resampling are."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


class Bands:
    """A matrix whose row i has weights[i, 0], ..., weights[i, count[i] - 1] from column low[i] on.

    It has `extent` columns, and elsewhere zeros, which multiply nothing: not even NaN. The columns
    of a row never begin before those of the row above. Compared by identity.
    """

    def __init__(self, extent: int, low: Array, count: Array, weights: Array) -> None:
        self.extent = extent
        self.low, self.count = np.asarray(low, np.int64), np.asarray(count, np.int64)
        self.weights = np.asarray(weights, np.float64)

    @property
    def rows(self) -> int:
        """How many elements come of it."""
        return len(self.low)

    @cached_property
    def transposed(self) -> Bands:
        """The matrix with rows and columns exchanged."""
        width = np.arange(self.weights.shape[1])
        row, term = np.nonzero(width < self.count[:, None])
        column = self.low[row] + term
        low = np.full(self.extent, self.rows)
        np.minimum.at(low, column, row)
        count = np.zeros(self.extent, np.int64)
        np.maximum.at(count, column, row - low[column] + 1)
        weights = np.zeros((self.extent, max(count.max(initial=0), 1)))
        weights[column, row - low[column]] = self.weights[row, term]
        turned = Bands(self.rows, np.where(count, low, 0), count, weights)
        turned.__dict__["transposed"] = self
        return turned
