"""LU decompositions with partial pivoting, a[order] = L U, of stacks of matrices (m, n).

`lu` holds L below the diagonal, whose own is ones, and U; `pivots`, int32 and counted from 1, are
the lines that were exchanged, as LAPACK has them; `order`, int64, the lines of `a` as they come to
lie; `info`, int32, the first pivot that is 0, counted from 1, or 0. `params` are the type of the
elements and whether lines are exchanged at all. `sizes` are how many there are, m and n.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...source.kind import Cost, Kind, fixed

_CPU = '''"""lu_factor"""

from numba import njit


@njit(error_model="numpy", fastmath={{"contract"}})
def kernel(a, lu, pivots, order, info, batch, m, n):
    for at in range(a.size):
        lu[at] = a[at]
    short = min(m, n)
    for q in range(batch):
        top = q * m * n
        info[q] = 0
        for i in range(m):
            order[q * m + i] = i
        for k in range(short):
            best = k
            for i in range(k + 1, {last}):
                if abs(lu[top + i * n + k]) > abs(lu[top + best * n + k]):
                    best = i
            pivots[q * short + k] = best + 1
            if best != k:
                i, j = q * m + k, q * m + best
                order[i], order[j] = order[j], order[i]
                for c in range(n):
                    i, j = top + k * n + c, top + best * n + c
                    lu[i], lu[j] = lu[j], lu[i]
            pivot = lu[top + k * n + k]
            if pivot == 0:
                info[q] = k + 1 if info[q] == 0 else info[q]
                continue
            for i in range(k + 1, m):
                line, first = top + i * n, top + k * n
                factor = lu[line + k] / pivot
                lu[line + k] = factor
                for c in range(k + 1, n):
                    lu[line + c] -= factor * lu[first + c]
'''


class Elimination(NamedTuple):
    """The type of the elements, and whether lines are exchanged."""

    dtype: str
    pivot: bool


def _cpu(params: Elimination, names: Any, threads: bool) -> str:
    return _CPU.format(last="m" if params.pivot else "k")


def _oracle(
    params: Elimination,
    a: Any, lu: Any, pivots: Any, order: Any, info: Any,
    batch: int, m: int, n: int,
) -> None:  # fmt: skip
    lu[:] = a
    info[:] = 0
    order[:] = np.tile(np.arange(m), batch)
    short = min(m, n)
    for q in range(batch):
        left = lu.reshape(batch, m, n)[q]
        lines = order.reshape(batch, m)[q]
        for k in range(short):
            best = k + int(np.argmax(np.abs(left[k:, k]))) if params.pivot else k
            pivots[q * short + k] = best + 1
            left[[k, best]] = left[[best, k]]
            lines[[k, best]] = lines[[best, k]]
            if left[k, k] == 0:
                info[q] = info[q] or k + 1
                continue
            left[k + 1 :, k] /= left[k, k]
            left[k + 1 :, k + 1 :] -= np.outer(left[k + 1 :, k], left[k, k + 1 :])


LU = Kind(
    name="lu_factor",
    operands=fixed(a="r", lu="w", pivots="w", order="w", info="w"),
    oracle=_oracle,
    exact=lambda params: False,
    cpu=_cpu,
    cost=lambda params, metas, sizes: Cost(
        sizes[0] * sizes[1] * sizes[2] * min(sizes[1:]), 2 * sizes[0] * sizes[1] * sizes[2]
    ),
)
