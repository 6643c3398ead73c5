"""Products that contract a dimension. Their adjoints are products again."""

from __future__ import annotations

from typing import Any

from ..places.movement import permute
from ..pointwise.elementwise import mul
from ..row import Row


def _t(x: Any) -> Any:
    """The last two dimensions exchanged."""
    n = len(x.shape)
    return permute(x, dims=(*range(n - 2), n - 1, n - 2))


mm: Row = Row(
    "mm",
    "contraction",
    ("a", "b"),
    lambda g, y, a, b: (mm(g, _t(b)), mm(_t(a), g)),
    "Matrix product of (n, k) and (k, m).",
)

bmm: Row = Row(
    "bmm",
    "contraction",
    ("a", "b"),
    lambda g, y, a, b: (bmm(g, _t(b)), bmm(_t(a), g)),
    "Batched matrix product of (b, n, k) and (b, k, m).",
)

mv: Row = Row(
    "mv",
    "contraction",
    ("a", "b"),
    lambda g, y, a, b: (mul(g.reshape((a.shape[0], 1)), b), mv(_t(a), g)),
    "Matrix-vector product of (n, k) and (k,).",
)

dot = Row(
    "dot",
    "contraction",
    ("a", "b"),
    lambda g, y, a, b: (mul(g, b), mul(g, a)),
    "Inner product of two vectors of equal length.",
)
