"""Triangles of matrices: the elements on one side of a diagonal, 0 on the other.

    out[i, j] = x[i, j] if j - i <= diagonal (`lower`), or j - i >= diagonal, else 0

`sizes` are the rows, the columns, and which diagonal, above the main one.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...source.kind import Kind, Run, fixed

_CPU = '''"""triangle"""

from numba import njit


@njit(error_model="numpy")
def kernel(x, out, rows, columns, diagonal):
    size = max(rows * columns, 1)
    for at in range(x.size):
        away = at % columns - at % size // columns
        out[at] = x[at] if away {compare} diagonal else x.dtype.type(0)
'''


class Half(NamedTuple):
    """The type of the elements, and the side that is kept."""

    dtype: str
    lower: bool


def _oracle(params: Half, x: Any, out: Any, rows: int, columns: int, diagonal: int) -> None:
    keep = (np.tril if params.lower else np.triu)(np.ones((rows, columns), bool), diagonal)
    out[:] = np.where(keep, x.reshape(-1, rows, columns), 0).ravel() if x.size else x


def _needs(params: Half, metas: Any, sizes: Any, k: int, at: Any) -> tuple[Run | None, ...]:
    return (Run(at),)


TRIANGLE = Kind(
    name="triangle",
    operands=fixed(x="r", out="w"),
    oracle=_oracle,
    cpu=lambda params, names, threads: _CPU.format(compare="<=" if params.lower else ">="),
    needs=_needs,
)
