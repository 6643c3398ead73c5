"""Calls that select, rank, scatter and count, each on a library, with operands of given shapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]
FLOATS = ("float64", "float32")
NUMBERS = (*FLOATS, "int64", "int32", "int16", "int8", "uint8")
ALL = (*NUMBERS, "bool")


class Case(NamedTuple):
    """A function of tensors of `shapes`, as a call on a library.

    `dtypes` are those that are compared with PyTorch; of others both raise. `tied`: elements repeat
    and some are NaN, in a second run of the values. `eager`: a compiled step refuses it.
    """

    name: str
    op: Callable[..., Any]
    shapes: tuple[tuple[int, ...], ...] = ((3, 4),)
    dtypes: tuple[str, ...] = ALL
    gradient: bool = True
    tied: bool = True
    eager: bool = False

    def __str__(self) -> str:
        return self.name

    def operands(self, dtype: str = "float64", seed: int = 0) -> list[Array]:
        """Operands whose elements all differ, where the type has as many."""
        rng = np.random.default_rng(seed)
        found = []
        for shape in self.shapes:
            n = int(np.prod(shape))
            values = rng.permutation(n) - n // 3 + (rng.random() if dtype in FLOATS else 0)
            scale = 0.25 if dtype in FLOATS else 1
            found.append((values * scale).reshape(shape).astype(dtype))
        return found

    def repeated(self, dtype: str, seed: int = 1) -> list[Array]:
        """Operands whose elements repeat, zeros among them, and NaN in the first of floats."""
        rng = np.random.default_rng(seed)
        found = [rng.integers(0, 3, shape).astype(dtype) for shape in self.shapes]
        if dtype in FLOATS and found[0].size > 5:
            found[0].reshape(-1)[[1, 5]] = np.nan
        return found


def several(found: Any) -> list[Any]:
    """One result or several."""
    return list(found) if isinstance(found, (tuple, list)) else [found]


def ints(t: Any, *values: Any) -> Any:
    """An index."""
    return t.tensor(*values, dtype=t.int64)


ALONG = [[2, 0, 1, 2], [0, 0, 2, 2]]
APART = [[2, 0, 1, 2], [0, 1, 2, 1]]
ROWS = [2, 0, 2, 1, 2]


def scattered(how: str, include: bool) -> Case:
    return Case(
        f"scatter_reduce {how} {include}",
        lambda t, x, y: x.scatter_reduce(0, ints(t, ALONG), y, how, include_self=include),
        ((3, 4), (2, 4)),
        NUMBERS,
    )


def of_slices(how: str, include: bool) -> Case:
    return Case(
        f"index_reduce {how} {include}",
        lambda t, x, y: x.index_reduce(1, ints(t, ROWS), y, how, include_self=include),
        ((2, 3), (2, 5)),
        NUMBERS,
    )


WRITES = [
    Case("scatter", lambda t, x, y: x.scatter(0, ints(t, APART), y), ((3, 4), (2, 4))),
    Case(
        "scatter of a part",
        lambda t, x, y: x.scatter(0, ints(t, APART), y),
        ((3, 4), (3, 5)),
        gradient=False,
    ),
    Case("scatter of a number", lambda t, x: x.scatter(1, ints(t, [[3], [0]]), 1)),
    Case("scatter value", lambda t, x: t.scatter(x, -1, ints(t, [[3], [0]]), value=0)),
    Case(
        "scatter add",
        lambda t, x, y: x.scatter(1, ints(t, [[1, 1]]), y, reduce="add"),
        ((3, 4), (1, 2)),
        NUMBERS,
        gradient=False,
    ),
    Case(
        "scatter multiply",
        lambda t, x, y: x.scatter(1, ints(t, [[1, 1]]), y, reduce="multiply"),
        ((3, 4), (1, 2)),
        NUMBERS,
        gradient=False,
    ),
    Case("scatter_add", lambda t, x, y: x.scatter_add(0, ints(t, ALONG), y), ((3, 4), (2, 4))),
    Case(
        "scatter_add of a vector",
        lambda t, x, y: t.scatter_add(x, 0, ints(t, ROWS), y),
        ((4,), (5,)),
    ),
    Case("scatter_add of one", lambda t, x, y: x.scatter_add(0, ints(t, [0, 0]), y), ((), (2,))),
    Case(
        "scatter_add of none",
        lambda t, x, y: x.scatter_add(0, ints(t, []).reshape(0, 4), y),
        ((3, 4), (0, 4)),
    ),
    *[scattered(how, i) for how in ("sum", "prod", "mean", "amax", "amin") for i in (True, False)],
    *[of_slices(how, i) for how in ("prod", "mean", "amax", "amin") for i in (True, False)],
    Case("index_add", lambda t, x, y: x.index_add(1, ints(t, ROWS), y), ((2, 3), (2, 5))),
    Case(
        "index_add scaled",
        lambda t, x, y: t.index_add(x, 0, ints(t, ROWS), y, alpha=2),
        ((3, 2), (5, 2)),
        NUMBERS,
    ),
    Case("index_add of one", lambda t, x, y: x.index_add(0, ints(t, [0]), y), ((), ())),
    Case("index_copy", lambda t, x, y: x.index_copy(1, ints(t, [2, 0]), y), ((2, 3), (2, 2))),
    Case("index_fill", lambda t, x: x.index_fill(1, ints(t, [-1, 0]), 1)),
    Case("index_fill of a tensor", lambda t, x, y: x.index_fill(0, ints(t, [1]), y), ((3, 4), ())),
    Case(
        "index_put",
        lambda t, x, y: x.index_put((ints(t, [2, 0]), ints(t, [1, -1])), y),
        ((3, 4), (2,)),
    ),
    Case(
        "index_put adding",
        lambda t, x, y: t.index_put(x, (ints(t, [2, 2, 0]),), y, accumulate=True),
        ((3, 4), (3, 4)),
    ),
    Case("put", lambda t, x, y: x.put(ints(t, [[3, -1]]), y), ((3, 4), (2,))),
    Case("put adding", lambda t, x, y: x.put(ints(t, [3, 3]), y, True), ((3, 4), (1, 2))),
    Case(
        "masked_scatter",
        lambda t, x, y: x.masked_scatter(ints(t, [1, 0, 0, 1]).bool(), y),
        ((3, 4), (2, 4)),
    ),
    Case("index_select", lambda t, x: x.index_select(1, ints(t, [3, 0, 3]))),
    Case("gather", lambda t, x: x.gather(0, ints(t, ALONG))),
    Case("take", lambda t, x: x.take(ints(t, [[3, -1], [3, 0]]))),
    Case("take_along_dim", lambda t, x: t.take_along_dim(x, ints(t, [[3], [0], [2]]), 1)),
]
IN_PLACE = [c for c in WRITES if len(c.shapes) == 2 or "number" in c.name or "fill" in c.name]
CASES = [*WRITES]
