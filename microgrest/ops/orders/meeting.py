"""Elements that meet others at flat positions: their products, and the best of them."""

from __future__ import annotations

from typing import Any

from ..folds.scan import recurrence
from ..places.indexing import gather, put
from ..pointwise.logic import eq, isnan, where
from ..row import Row


def _flat(g: Any) -> Any:
    return g.reshape((-1,))


def _best(g: Any, y: Any, x: Any, source: Any, index: Any, how: str) -> tuple[Any, Any, None]:
    """The gradient of an extremum, in equal parts to all that attain it."""
    own, theirs = eq(x, y), eq(source, gather(y, index))
    share = g / put(own * 1, theirs * 1, index, accumulate=True)
    return own * share, theirs * gather(share, index), None


extremum_at = Row(
    "extremum_at",
    "meet",
    ("x", "source", "index"),
    _best,
    "The largest or smallest of each element and of the sources of its position.",
    extra={"steers": ("how",)},
    backward_name="ScatterReduceBackward0",
    method=False,
)


def _product(
    g: Any, y: Any, x: Any, source: Any, index: Any, first: Any, last: Any, how: str
) -> tuple[Any, Any, None, None, None]:
    """Of each factor the product of the others, without a division, so in every order.

    Those before and those after it at its position; a scan begins anew where another one begins.
    """
    one = where(isnan(x), 1.0, where(isnan(x), x, 1.0))  # of the type of x
    beside = 1.0
    for start, reverse in ((first, False), (last, True)):
        a, b = where(start, 0.0, source), where(start, source, 0.0)
        beside = beside * where(start, 1.0, recurrence(a, b, dim=0, reverse=reverse))
    theirs = gather(g * x, index) * beside
    return g * product_at(one, source, index, first, last, how="prod"), theirs, None, None, None


product_at: Row = Row(
    "product_at",
    "meet",
    ("x", "source", "index", "first", "last"),
    _product,
    "Each element times the sources of its position, which are side by side; `first` and `last` "
    "say where another position begins, and ends.",
    backward_name="ScatterReduceBackward0",
    method=False,
)
