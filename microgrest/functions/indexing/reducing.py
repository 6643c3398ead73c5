"""What becomes of elements that meet others at flat positions: sums, products, means, extrema."""

from __future__ import annotations

import math

from ...creation import full, ones_like, zeros_like
from ...dispatch.structured import apply
from ...graph.modes import is_grad_enabled
from ...ops.orders.meeting import extremum_at, product_at
from ...ops.places import indexing as rows
from ...tensor import Tensor
from ...types.dtypes import FLOATING, bool_, iinfo
from ..kernels import FUNCTIONS
from ..views.shapes import reshape
from .items import getitem
from .writing import Write, written

REDUCTIONS = ("sum", "prod", "mean", "amax", "amin")


def reduced(x: Tensor, source: Tensor, places: Tensor, how: str, include_self: bool) -> Tensor:
    """`x` where each element that some of `places` name is reduced with their sources.

    The element itself takes part where `include_self`.
    """
    if how == "mean" and x.dtype is bool_:
        raise NotImplementedError("a mean of 'bool' tensors is not implemented")
    if not places.numel():
        return written(x, Write(rows.scatter_reduced, reshape(source, -1), reshape(places, -1)))
    source, places = reshape(source, -1), reshape(places, -1)
    start = x if include_self else _cleared(x, places, how)
    if how in ("sum", "mean"):
        total = written(start, Write(rows.scatter_reduced, source, places, True))
        return total if how == "sum" else _shared(total, places, include_self)
    if how == "prod":
        return _product(start, source, places)
    return apply(extremum_at, (start, source, places), {"how": how})


def _cleared(x: Tensor, places: Tensor, how: str) -> Tensor:
    """`x` with what changes nothing at `places`."""
    neutral = {"sum": 0, "mean": 0, "prod": 1}
    start = neutral[how] if how in neutral else _end(x, highest=how == "amin")
    value = full((), start, dtype=x.dtype, device=x.device)
    return written(x, Write(rows.put, value, places))


def _end(x: Tensor, *, highest: bool) -> float:
    """The largest or the smallest value of the type of `x`."""
    if x.dtype.category == FLOATING:
        return math.inf if highest else -math.inf
    if x.dtype is bool_:
        return highest
    return iinfo(x.dtype).max if highest else iinfo(x.dtype).min


def _shared(total: Tensor, places: Tensor, include_self: bool) -> Tensor:
    """Sums over how many elements there are in each."""
    plain = total.detach()
    counts = ones_like(plain) if include_self else zeros_like(plain)
    one = full((), 1, dtype=plain.dtype, device=plain.device)
    counts = written(counts, Write(rows.put, one, places, True)).clamp_min(1)
    if total.dtype.category == FLOATING:
        return total / counts
    return total.div(counts, rounding_mode="floor")


def _product(x: Tensor, source: Tensor, places: Tensor) -> Tensor:
    """Products. What will be differentiated is brought in order, positions side by side."""
    if not (is_grad_enabled() and (x._requires_grad or source._requires_grad)):
        return apply(product_at, (x, source, places, places, places), {"how": "prod"})
    places, order = FUNCTIONS["sort"](places, stable=True)
    another = getitem(places, slice(1, None)) != getitem(places, slice(None, -1))
    end = full((1,), True, device=places.device)
    first, last = (apply(rows.cat, m, {"dim": 0}) for m in ((end, another), (another, end)))
    operands = x, getitem(source, order), places, first, last
    return apply(product_at, operands, {"how": "prod"})
