"""Matrix products as plain numbers: what is multiplied, and where in memory it lies."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

Strides = tuple[int, ...] | None
# A flat array, and offset, shape and strides in elements; without strides it is the whole of the
# array, row-major. Three dimensions are a batch of matrices, two a matrix, one a vector. A plain
# tuple, because making a named one takes longer than viewing it as a NumPy array.
Matrix = tuple[Any, int, tuple[int, ...], Strides]
Seen = tuple[int, tuple[int, ...], Strides]  # without the array


class Place(NamedTuple):
    """Where an operand lies, in elements: from `at`, by `batch`, by `line`, and by `step`.

    Lines are the rows of a, the columns of b and the rows of the result; a step goes to the next
    term of the sums, and in the result to the next column.
    """

    at: int
    batch: int
    line: int
    step: int


class Problem(NamedTuple):
    """`batch` products of (m, k) and (k, n) matrices.

    All of their terms are `total`: the last product has fewer than k where they end before.
    """

    batch: int
    m: int
    n: int
    k: int
    total: int
    a: Place
    b: Place
    out: Place

    @property
    def transposed(self) -> Problem:
        """The same with rows and columns exchanged: out.T = b.T a.T."""
        at, batch, line, step = self.out
        out = Place(at, batch, step, line)
        return Problem(self.batch, self.n, self.m, self.k, self.total, self.b, self.a, out)

    @property
    def numbers(self) -> tuple[int, ...]:
        """All of it in a row, as kernels take it."""
        return (*self[:5], *self.a, *self.b, *self.out)


def problem(a: Seen, b: Seen, out: Seen) -> Problem:
    """The product of `a` and `b`, whose shapes fit.

    A vector `a` is one row, a vector `b` one column; `out` lacks the dimensions that they lack.
    """
    (batch, m, k), (a_batch, a_row, a_step) = _stack(a, 0)
    (_, _, n), (b_batch, b_step, b_column) = _stack(b, 1)
    steps = list(strides_of(out))
    out_column = steps.pop() if len(b[1]) > 1 else 0
    out_row = steps.pop() if len(a[1]) > 1 else 0
    out_batch = steps.pop() if steps else 0
    return Problem(
        batch,
        m,
        n,
        k,
        batch * k,
        Place(a[0], a_batch, a_row, a_step),
        Place(b[0], b_batch, b_column, b_step),
        Place(out[0], out_batch, out_row, out_column),
    )


def _stack(x: Seen, missing: int) -> tuple[list[int], list[int]]:
    """Shape and strides of `x` in three dimensions; a vector gets dimension `missing` of two."""
    shape, strides = list(x[1]), list(strides_of(x))
    if len(shape) == 1:
        shape.insert(missing, 1)
        strides.insert(missing, 0)
    fill = 3 - len(shape)
    return [1] * fill + shape, [0] * fill + strides


def strides_of(x: Seen) -> tuple[int, ...]:
    """The strides of an operand, in elements."""
    _, shape, strides = x
    if strides is not None:
        return strides
    return tuple([math.prod(shape[d + 1 :]) for d in range(len(shape))])
