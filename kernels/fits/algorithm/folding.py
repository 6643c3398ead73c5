"""`take_in` written out for a number of parameters, which folds a block in fewer passes.

A pass reflects by one column and takes the products that the next one needs, in registers.
"""

from __future__ import annotations

from ...source.codegen import FOLD_FLAGS, njit
from ...source.writer import indent
from .driver import PLACES

# Beyond, sums find no registers.
MOST = 7
TYPES = "(float64[:,::1], float64[::1], int64)"


def text(n: int) -> str:
    """The module whose `kernel(t, flat, size)` folds a block of a model of n parameters."""
    lines = ["rows = np.uint64(size)", *_pass(0, n)]
    for j in range(n + 1):
        lines += [*_reflection(j, n), *(_pass(j + 1, n) if j < n else [])]
    head = f'"""fold: {n} parameters"""\n\nimport numpy as np\nfrom numba import njit\n\n\n'
    decorator = njit(FOLD_FLAGS, counted=False)
    return head + "\n".join([decorator, "def kernel(t, flat, size):", *indent(lines)]) + "\n"


def _pass(j: int, n: int) -> list[str]:
    """Reflect columns j to n by the one before, and take their products with column j."""
    lines = []
    for k in range(j, n + 1):
        lines.append(f"c{k} = flat[{k * PLACES} + i]")
        if j:
            lines += [f"c{k} += d{k} * h", f"flat[{k * PLACES} + i] = c{k}"]
        lines.append(f"s{k} += c{j} * c{k}")
    above = [f"h = flat[{(j - 1) * PLACES} + i]"] if j else []
    starts = [f"s{k} = 0.0" for k in range(j, n + 1)]
    return [*starts, "for i in range(rows):", *indent([*above, *lines])]


def _reflection(j: int, n: int) -> list[str]:
    """The reflection that brings column j of the block to 0, of the triangle."""
    lines = [
        f"diagonal = t[{j}, {j}]",
        f"norm = np.sqrt(diagonal * diagonal + s{j})",
        "norm = -norm if diagonal > 0.0 else norm",
        "u = diagonal - norm",
    ]
    for k in range(j + 1, n + 1):
        lines += [f"d{k} = (s{k} + u * t[{k}, {j}]) / (u * norm)", f"t[{k}, {j}] += d{k} * u"]
    starts = [f"d{k} = 0.0" for k in range(j + 1, n + 1)]
    return [*starts, f"if s{j} != 0.0:", *indent([*lines, f"t[{j}, {j}] = norm"])]
