"""Triangular systems: x of a x = b, for stacks of matrices a (n, n) and b (n, columns).

`sizes` are how many there are, n, and columns. Of a only the triangle is read, and no diagonal
where that is `unit`, all ones. A zero on the diagonal is divided by.

    for i in order: x[i] = (b[i] - sum over solved j of a[i, j] * x[j]) / a[i, i]
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...source.kind import Cost, Kind, fixed

_CPU = '''"""solve_triangular"""

from numba import njit


@njit(error_model="numpy", fastmath={{"contract", "reassoc", "nsz"}})
def kernel(a, b, x, batch, n, columns):
    for q in range(batch):
        top, start = q * n * n, q * n * columns
        for step in range(n):
            i = {line}
            here = start + i * columns
            for c in range(columns):
                x[here + c] = b[here + c]
            for j in range({solved}):
                factor = a[top + i * n + j]
                there = start + j * columns
                for c in range(columns):
                    x[here + c] -= factor * x[there + c]
            {divide}
'''
_DIVIDE = """pivot = a[top + i * n + i]
            for c in range(columns):
                x[here + c] /= pivot"""


class System(NamedTuple):
    """The type of the elements, the triangle that is read, and whether its diagonal is ones."""

    dtype: str
    upper: bool
    unit: bool


def _cpu(params: System, names: Any, threads: bool) -> str:
    return _CPU.format(
        line="n - 1 - step" if params.upper else "step",
        solved="i + 1, n" if params.upper else "i",
        divide="pass" if params.unit else _DIVIDE,
    )


def _oracle(params: System, a: Any, b: Any, x: Any, batch: int, n: int, columns: int) -> None:
    left = a.reshape(batch, n, n)
    found = b.reshape(batch, n, columns).copy()
    for step in range(n):
        i = n - 1 - step if params.upper else step
        solved = slice(i + 1, n) if params.upper else slice(0, i)
        found[:, i] -= np.einsum("qj,qjc->qc", left[:, i, solved], found[:, solved])
        if not params.unit:
            found[:, i] /= left[:, i, i, None]
    x[:] = found.ravel()


SOLVE_TRIANGULAR = Kind(
    name="solve_triangular",
    operands=fixed(a="r", b="r", x="w"),
    oracle=_oracle,
    exact=lambda params: False,
    cpu=_cpu,
    cost=lambda params, metas, sizes: Cost(
        sizes[0] * sizes[1] ** 2 * sizes[2], 2 * sizes[0] * sizes[1] ** 2 * sizes[2]
    ),
)
