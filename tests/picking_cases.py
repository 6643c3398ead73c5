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

    `dtypes` are compared with PyTorch, as are derivatives of so many `orders`. `tied`: elements
    repeat, and some are NaN, in a second run of the values. `eager`: a compiled step refuses it.
    """

    name: str
    op: Callable[..., Any]
    shapes: tuple[tuple[int, ...], ...] = ((3, 4),)
    dtypes: tuple[str, ...] = ALL
    orders: int = 2
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
        orders=0,
    ),
    Case("scatter of a number", lambda t, x: x.scatter(1, ints(t, [[3], [0]]), 1)),
    Case("scatter value", lambda t, x: t.scatter(x, -1, ints(t, [[3], [0]]), value=0)),
    Case(
        "scatter add",
        lambda t, x, y: x.scatter(1, ints(t, [[1, 1]]), y, reduce="add"),
        ((3, 4), (1, 2)),
        NUMBERS,
        orders=0,
    ),
    Case(
        "scatter multiply",
        lambda t, x, y: x.scatter(1, ints(t, [[1, 1]]), y, reduce="multiply"),
        ((3, 4), (1, 2)),
        NUMBERS,
        orders=0,
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
    Case(
        "index_fill of a tensor twice",
        lambda t, x, y: x.index_fill(1, ints(t, [0, 2, 0]), y),
        ((3, 4), ()),
    ),
    Case("select_scatter", lambda t, x, y: t.select_scatter(x, y, 1, -2), ((3, 4), (3,))),
    Case("slice_scatter", lambda t, x, y: x.slice_scatter(y, 1, 1, 9, 2), ((3, 4), (3, 2))),
    Case("diagonal_scatter", lambda t, x, y: x.diagonal_scatter(y, 1), ((3, 4), (3,))),
    Case(
        "addmm",
        lambda t, x, y, z: x.addmm(y, z, beta=2, alpha=3),
        ((2, 2), (2, 3), (3, 2)),
        NUMBERS,
    ),
    Case(
        "addmv cut off",
        lambda t, x, y, z: x.addmv(y, z, beta=2.5, alpha=1.5),
        ((2,), (2, 3), (3,)),
        NUMBERS,
    ),
    Case("addr", lambda t, x, y, z: x.addr(y, z, beta=2), ((2, 3), (2,), (3,)), NUMBERS),
    Case(
        "baddbmm cut off",
        lambda t, x, y, z: x.baddbmm(y, z, beta=0.5),
        ((2, 2, 2), (2, 2, 3), (2, 3, 2)),
        NUMBERS,
    ),
    Case(
        "addbmm",
        lambda t, x, y, z: x.addbmm(y, z, alpha=2),
        ((2, 2), (3, 2, 3), (3, 3, 2)),
        NUMBERS,
    ),
    Case("index_select", lambda t, x: x.index_select(1, ints(t, [3, 0, 3]))),
    Case("gather", lambda t, x: x.gather(0, ints(t, ALONG))),
    Case("take", lambda t, x: x.take(ints(t, [[3, -1], [3, 0]]))),
    Case("take_along_dim", lambda t, x: t.take_along_dim(x, ints(t, [[3], [0], [2]]), 1)),
]

RANKS = [
    Case("topk", lambda t, x: t.topk(x, 2), dtypes=NUMBERS, tied=False),
    Case("topk of columns", lambda t, x: x.topk(3, 0, largest=False), dtypes=NUMBERS, tied=False),
    Case("topk of all", lambda t, x: x.topk(4, -1), dtypes=NUMBERS, tied=False),
    Case("topk of many", lambda t, x: x.topk(5), ((2, 300),), FLOATS, tied=False),
    Case("topk of none", lambda t, x: x.topk(0, 1)),
    Case("topk ties", lambda t, x: x.topk(3, 0).values, ((9, 2),), NUMBERS),
    Case("topk of one", lambda t, x: x.topk(1), ((),), NUMBERS),
    Case("kthvalue", lambda t, x: t.kthvalue(x, 3), dtypes=NUMBERS, tied=False),
    Case("kthvalue 0", lambda t, x: x.kthvalue(2, 0, True), dtypes=NUMBERS, tied=False),
    Case("kthvalue ties", lambda t, x: x.kthvalue(5, 0).values, ((9, 2),), NUMBERS),
    Case("kthvalue of many", lambda t, x: x.kthvalue(150), ((2, 300),), FLOATS, tied=False),
    Case("median", lambda t, x: x.median(), dtypes=NUMBERS),
    Case("median of one", lambda t, x: (x.median(), *x.median(0)), ((),), NUMBERS),
    Case("median 1", lambda t, x: t.median(x, 1), dtypes=NUMBERS, tied=False),
    Case("median 0", lambda t, x: x.median(0, True), ((5, 2, 3),), NUMBERS, tied=False),
    Case("median ties", lambda t, x: x.median(1).values, ((2, 9),), NUMBERS),
    Case("nanmedian", lambda t, x: x.nanmedian(), dtypes=NUMBERS),
    Case("nanmedian 1", lambda t, x: t.nanmedian(x, 1, keepdim=True), dtypes=NUMBERS, tied=False),
    Case("nanmedian ties", lambda t, x: x.nanmedian(0).values, ((9, 2),), NUMBERS),
    Case("mode", lambda t, x: t.mode(x)),
    Case("mode 0", lambda t, x: x.mode(0, True), ((7, 2),)),
    Case("mode of one", lambda t, x: x.mode(), ((),)),
    *[
        Case(
            f"quantile {how}",
            lambda t, x, how=how: x.quantile(
                t.tensor([0.1, 0.5, 1.0], dtype=x.dtype), dim=1, interpolation=how
            ),
            ((2, 7),),
        )
        for how in ("linear", "lower", "higher", "midpoint", "nearest")
    ],
    Case("quantile of all", lambda t, x: t.quantile(x, 0.3, keepdim=True)),
    Case(
        "quantile by q",
        lambda t, x, q: x.quantile((q * 0 + 0.4) + q / 99, 0),
        ((5, 2), (2,)),
        FLOATS,
    ),
    Case("nanquantile", lambda t, x: x.nanquantile(0.3)),
    Case("nanquantile 0", lambda t, x: x.nanquantile(t.tensor([0.2, 1.0], dtype=x.dtype), 0, True)),
]
COUNTS = [
    Case("isin", lambda t, x, y: t.isin(x, y), ((3, 4), (5,)), NUMBERS, 0),
    Case("isin inverted", lambda t, x: t.isin(x, 2, invert=True), ((3, 4),), NUMBERS, 0),
    Case("unique", lambda t, x: t.unique(x, True, True, True), orders=0, eager=True),
    Case("unique alone", lambda t, x: x.unique(), ((9,),), orders=0, eager=True),
    Case(
        "unique rows",
        lambda t, x: t.unique(x % 2, return_inverse=True, return_counts=True, dim=0),
        ((7, 2),),
        NUMBERS,
        orders=0,
        tied=False,
        eager=True,
    ),
    Case(
        "unique columns",
        lambda t, x: (x > 0).unique(dim=-1, return_counts=True),
        ((2, 7),),
        orders=0,
        eager=True,
    ),
    Case(
        "unique_consecutive",
        lambda t, x: t.unique_consecutive(x, return_inverse=True, return_counts=True),
        ((3, 5),),
        orders=0,
        eager=True,
    ),
    Case(
        "unique_consecutive rows",
        lambda t, x: (x > 0).unique_consecutive(True, dim=0),
        ((7, 1),),
        orders=0,
        eager=True,
    ),
    Case(
        "bincount",
        lambda t, x: x.abs().bincount(minlength=6),
        ((4,),),
        ("int64", "int32", "uint8", "bool", "float32"),
        orders=0,
        eager=True,
    ),
    Case(
        "bincount weighted",
        lambda t, x: t.bincount(ints(t, [2, 0, 2]), x),
        ((3,),),
        orders=0,
        eager=True,
    ),
    Case("histc", lambda t, x: t.histc(x, 4, -1, 2), ((30,),), orders=0),
    Case("histc of all", lambda t, x: x.histc(7), ((5, 6),), orders=0),
    Case(
        "histogram",
        lambda t, x: t.histogram(x, 4, range=(-1.0, 2.0)),
        ((30,),),
        orders=0,
    ),
    Case("histogram of all", lambda t, x: x.histogram(5), ((5, 6),), orders=0, eager=True),
    Case(
        "histogram between edges",
        lambda t, x, w: t.histogram(
            x, t.tensor([-1.0, 0, 0.5, 3], dtype=x.dtype), weight=w, density=True
        ),
        ((5, 6), (5, 6)),
        orders=0,
    ),
]
POINTS = [0.0, 1.0, 2.5, 4.0]
SUMS = [
    Case("diff", lambda t, x: t.diff(x)),
    Case("diff twice", lambda t, x: x.diff(2, 0)),
    Case("diff too often", lambda t, x: x.diff(9)),
    Case("diff of no order", lambda t, x: x.diff(0)),
    Case(
        "diff between",
        lambda t, x, y: x.diff(prepend=y, append=y[:, :1]),
        ((3, 4), (3, 2)),
    ),
    Case("gradient", lambda t, x: t.gradient(x), dtypes=NUMBERS),
    Case("gradient spaced", lambda t, x: t.gradient(x, spacing=[2.0, 0.5], edge_order=2)),
    Case(
        "gradient at points",
        lambda t, x: t.gradient(x, spacing=(t.tensor(POINTS, dtype=t.float64),), dim=1),
        dtypes=("float64",),
    ),
    Case(
        "gradient at points to order 2",
        lambda t, x: t.gradient(
            x, spacing=(t.tensor(POINTS, dtype=t.float64),), dim=1, edge_order=2
        ),
        dtypes=("float64",),
    ),
    Case("gradient of two", lambda t, x: t.gradient(x, dim=0), ((2, 3),), NUMBERS),
    Case("trapezoid", lambda t, x: t.trapezoid(x)),
    Case("trapezoid dx", lambda t, x: t.trapezoid(x, dx=0.5, dim=0)),
    Case("trapezoid x", lambda t, x, y: t.trapezoid(x, y), ((3, 4), (4,)), FLOATS),
    Case("trapezoid of none", lambda t, x: t.trapezoid(x), ((2, 0),), FLOATS, 0),
    Case("cumulative_trapezoid", lambda t, x: t.cumulative_trapezoid(x, dim=0)),
    Case(
        "cumulative_trapezoid x",
        lambda t, x, y: t.cumulative_trapezoid(x, y),
        ((3, 4), (3, 4)),
        FLOATS,
    ),
    Case("cov", lambda t, x: t.cov(x), dtypes=NUMBERS),
    Case("cov of a vector", lambda t, x: x.cov(correction=0), ((5,),), NUMBERS),
    Case(
        "cov weighted",
        lambda t, x, w: x.cov(fweights=ints(t, [1, 2, 1, 3]), aweights=w.abs()),
        ((3, 4), (4,)),
        FLOATS,
    ),
    Case("corrcoef", lambda t, x: t.corrcoef(x + x**2 / 9), dtypes=FLOATS, orders=0),
    *[
        Case(
            f"cdist {p}",
            lambda t, x, y, p=p: t.cdist(x, y, p),
            ((3, 4), (2, 4)),
            FLOATS,
            p < 9,  # PyTorch's gradient of the largest is that of the last one,
            p < 9,  # and leaves NaN out
        )
        for p in (0, 0.5, 1, 2, 3, float("inf"))
    ],
    Case("cdist of stacks", lambda t, x, y: t.cdist(x, y), ((2, 1, 3, 2), (4, 5, 2)), FLOATS, 1),
    Case("cdist of many", lambda t, x, y: t.cdist(x / 9, y / 9), ((30, 3), (4, 3)), FLOATS),
    Case("cdist of no columns", lambda t, x, y: t.cdist(x, y), ((3, 0), (2, 0)), FLOATS, 1),
]


def summed(equation: str, *shapes: tuple[int, ...]) -> Case:
    return Case(
        f"einsum {equation}", lambda t, *x: t.einsum(equation, *x), shapes, NUMBERS, tied=False
    )


EINSUMS = [
    summed("ij,jk->ik", (2, 3), (3, 4)),
    summed("ij,jk", (2, 3), (3, 4)),
    summed("bij,bjk->bik", (2, 2, 3), (2, 3, 2)),
    summed("bij, jk -> kib", (2, 2, 3), (3, 2)),
    summed("ii", (3, 3)),
    summed("ii->i", (3, 3)),
    summed("iij,j->ij", (2, 2, 3), (3,)),
    summed("ij->ji", (2, 3)),
    summed("ij->", (2, 3)),
    summed("ij->j", (2, 3)),
    summed("i,j->ij", (2,), (3,)),
    summed("i,i->i", (3,), (3,)),
    summed("i,i", (3,), (3,)),
    summed("...ij,...jk->...ik", (2, 1, 2, 3), (3, 3, 2)),
    summed("...,i...->i...", (3,), (2, 3)),
    summed("i...->...", (2, 3)),
    summed("...ii->...i", (2, 3, 3)),
    summed("ij,jk,kl->il", (2, 3), (3, 4), (4, 2)),
    summed("ij,kj,k,i->", (2, 3), (4, 3), (4,), (2,)),
    summed("ij,jk->ik", (2, 1), (3, 4))._replace(dtypes=(*FLOATS, "int64")),
    summed("ij,ij->ij", (2, 1), (1, 3)),
    summed("bA,bB->AB", (3, 2), (3, 2)),
    summed("ij,jk->ik", (2, 0), (0, 3)),
    summed("ij,jk->ik", (0, 2), (2, 3)),
    summed(",i->i", (), (3,)),
    summed("", ()),
    Case(
        "einsum of lists",
        lambda t, x, y: t.einsum(x, [0, ..., 1], y, [1, 2], [..., 2, 0]),
        ((2, 2, 3), (3, 2)),
        FLOATS,
    ),
]
CASES = [*WRITES, *RANKS, *COUNTS, *SUMS, *EINSUMS]
