"""Elements written to places along a dimension that an index of the same shape says."""

from __future__ import annotations

from typing import Any

from ...ops.places import indexing as rows
from ...tensor import Tensor
from ..naming import ends_as
from ..reductions.folds import positions
from ..views.shapes import reshape
from .items import getitem
from .picking import check_bounds, index_beside
from .reducing import REDUCTIONS, reduced
from .writing import Write, check_tensors, number, same_type, writing


def _places(name: str, x: Tensor, dim: int, index: Any, source: Tensor | None = None) -> Tensor:
    """Flat places in `x` of what `index` says along `dim`; checks shapes, types and bounds."""
    d = x._dim(dim)
    if source is not None:
        same_type(name, x, source)
    places = index_beside(name, x, index)
    if not places.numel():
        return reshape(places, -1)
    shape, own = places._shape or (1,), x._shape or (1,)
    given = own if source is None else source._shape or (1,)
    if not len(shape) == len(own) == len(given):
        raise RuntimeError(
            f"{name}(): Index tensor must have the same number of dimensions as self tensor and "
            f"src tensor, got {list(places._shape)}, {list(x._shape)} and {list(given)}"
        )
    beyond = any(k != d and n > m for k, (n, m) in enumerate(zip(shape, own, strict=True)))
    if beyond or (source is not None and any(n > m for n, m in zip(shape, given, strict=True))):
        raise RuntimeError(
            f"{name}(): Expected index {list(shape)} to be no larger than self {list(own)} apart "
            f"from dimension {d} and to be no larger than src {list(given)}"
        )
    text = f"index {{}} is out of bounds for dimension {d} with size {own[d]}"
    check_bounds(places, own[d], text, RuntimeError)
    if x._shape and places._shape:
        return positions(x, places, d)
    return positions(reshape(x, own), reshape(places, shape), d)


def _part(source: Tensor, places: Tensor) -> Tensor:
    """The elements of `source` that `places` are for."""
    if not places.numel() or not source._shape or source._shape == places._shape:
        return reshape(source, -1)[:0] if not places.numel() else source
    return getitem(source, tuple(slice(n) for n in places._shape))


@writing
def scatter(
    input: Tensor,
    dim: int,
    index: Tensor,
    src: Tensor | float | None = None,
    *,
    value: float | None = None,
    reduce: str | None = None,
) -> Write | Tensor:
    """`input` with out[index[i][j]][j] = src[i][j] for dim 0, and likewise for others.

    `src` is a tensor of the same type, no smaller than `index`, or a number. With `reduce`, "add"
    or "multiply", that is added to what is there, or multiplied with it.
    """
    check_tensors("scatter", index=index)
    given = value if src is None else src
    if given is None:
        raise TypeError("scatter() missing a required argument: 'src'")
    if reduce not in (None, "add", "multiply"):
        raise RuntimeError(f"reduce argument must be either add or multiply, got {reduce}")
    if isinstance(given, Tensor):
        places = _places("scatter", input, dim, index, given)
        row, source = rows.scatter, _part(given, places)
    else:
        places = _places("scatter", input, dim, index)
        row, source = rows.scatter_value, number(input, given)
    if reduce == "multiply":
        return reduced(input, source.expand(places._shape), places, "prod", True)
    return Write(row, source, places, reduce == "add")


@writing
def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Write:
    """`input` with src[i][j] added at out[index[i][j]][j] for dim 0, and likewise for others."""
    check_tensors("scatter_add", index=index, src=src)
    places = _places("scatter_add", input, dim, index, src)
    return Write(rows.scatter_sum, _part(src, places), places, True)


@writing
@ends_as("ScatterReduceBackward0")
def scatter_reduce(
    input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """`input` with each out[index[i][j]][j] reduced with all src[i][j] that are meant for it.

    `reduce` is "sum", "prod", "mean", "amax" or "amin". Equal extrema share the gradient.
    """
    check_tensors("scatter_reduce", index=index, src=src)
    if reduce not in REDUCTIONS:
        raise RuntimeError(
            f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}"
        )
    places = _places("scatter_reduce", input, dim, index, src)
    return reduced(input, _part(src, places), places, reduce, include_self)
