"""Counts of numbers, and of elements between edges."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ... import recording, return_types
from ...creation import linspace, ones_like, zeros
from ...dispatch.structured import apply
from ...ops.orders import selection as rows
from ...tensor import Tensor
from ...tensor.methods import method
from ...types.dtypes import FLOATING, INTEGER, float32, float64, int64
from ...types.integers import whole
from ..indexing.scattering import scatter_add
from ..kernels import FUNCTIONS
from ..pointwise.arithmetic import where
from ..reductions.folds import amax, amin, sum
from ..views.shapes import reshape


@method
def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each number from 0 on occurs in a vector of them, or the sum of its `weights`.

    As many as there are numbers, and at least `minlength`.
    """
    if whole(minlength, "minlength") < 0:
        raise RuntimeError(f"minlength should be >= 0, got {minlength}")
    if input.dtype.category != INTEGER:
        raise NotImplementedError(f'"bincount" is not implemented for {input.dtype!r} tensors')
    if input.ndim != 1:
        raise RuntimeError(
            "bincount only supports 1-d non-negative integral inputs, got "
            f"{input.dtype!r} of shape {list(input._shape)}"
        )
    recording.shapes("bincount")
    ends = [int(f(input).item()) for f in (amin, amax)] if input.numel() else [0, -1]
    if ends[0] < 0:
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    if weights is not None and weights._shape != input._shape:
        raise RuntimeError("weights should be 1-d and have the same length as input")
    n = ends[1] + 1 if ends[1] >= minlength else minlength
    if weights is None or not input.numel():
        return _counted(input.to(int64), ones_like(input, dtype=int64), n)
    heavy = weights.detach()
    heavy = heavy if heavy.dtype in (float32, float64) else heavy.to(float64)
    return _without_derivative("bincount", weights, _counted(input.to(int64), heavy, n))


def _counted(places: Tensor, heavy: Tensor, n: int) -> Tensor:
    """The sums of what goes to each of n places."""
    return scatter_add(zeros(n, dtype=heavy.dtype, device=heavy.device), 0, places, heavy)


def _without_derivative(name: str, x: Tensor, value: Tensor) -> Tensor:
    """`value`, computed of `x`, through which no gradient goes: it raises."""
    return apply(rows.refused, (x, value), {"name": name})


@method
def histc(input: Tensor, bins: int = 100, min: Any = 0, max: Any = 0) -> Tensor:
    """How many elements are in each of `bins` equal parts of [min, max]; others do not count.

    Where both are equal, they are the least and the largest element, and half a unit more to each
    side where these are equal, too.
    """
    bins = whole(bins, "bins")
    x = reshape(input.detach(), -1)
    _check_floating("histc", x, bins)
    low, high = _ends("histc", x, None if min == max else (min, max))
    inside = (x >= low) & (x <= high)
    at = ((x - low) / (high - low) * bins).clamp(0, bins - 1)
    return _counted(where(inside, at, 0.0).to(int64), inside.to(x.dtype), bins)


@method
def histogram(
    input: Tensor,
    bins: int | Tensor,
    *,
    range: Sequence[float] | None = None,
    weight: Tensor | None = None,
    density: bool = False,
) -> Any:
    """(hist, bin_edges): how many elements, or what `weight`, is between neighboring edges.

    `bins` are the edges, or how many equal parts `range` has, by default that of the elements. The
    last part has its upper edge, others only the lower one. A `density` has the integral 1.
    """
    x = reshape(input.detach(), -1)
    if isinstance(bins, Tensor):
        if bins.ndim != 1:
            raise RuntimeError(
                f"torch.histogram: bins tensor should have one dimension, got {bins.ndim}"
            )
        _check_floating("histogram", x, bins.numel() - 1)
        if bins.dtype is not x.dtype:
            raise RuntimeError(
                "torch.histogram: input tensor and bins tensors should have the same dtype, but "
                f"got input {x.dtype!r} and bins {bins.dtype!r}"
            )
        edges = bins.detach().clone()
    else:
        count = whole(bins, "bins")
        _check_floating("histogram", x, count)
        low, high = _ends("histogram", x, range)
        edges = _spaced(low, high, count, x)
    hist = _between_edges(x, edges, weight)
    if density:
        hist = hist / (sum(hist) * (edges[1:] - edges[:-1]))
    given = input if weight is None or not weight._requires_grad else weight
    return return_types.histogram(_without_derivative("histogram", given, hist), edges)


def _between_edges(x: Tensor, edges: Tensor, weight: Tensor | None) -> Tensor:
    heavy = ones_like(x) if weight is None else reshape(weight.detach(), -1)
    if heavy._shape != x._shape or heavy.dtype is not x.dtype:
        raise RuntimeError(
            "torch.histogram: if weight tensor is provided it should have the same shape and dtype "
            "as the input tensor"
        )
    n = edges.numel() - 1
    inside = (x >= edges[0]) & (x <= edges[n])
    at = (FUNCTIONS["searchsorted"](edges, x, right=True) - 1).clamp(0, n - 1)
    return _counted(at, where(inside, heavy, 0.0), n)


def _check_floating(name: str, x: Tensor, bins: int) -> None:
    if bins <= 0:
        raise RuntimeError(f"{name}(): bins must be > 0, but got {bins}")
    if x.dtype.category != FLOATING:
        raise NotImplementedError(f'"{name}" is not implemented for {x.dtype!r} tensors')


def _ends(name: str, x: Tensor, range: Sequence[Any] | None) -> tuple[Any, Any]:
    """Both ends of the range, numbers, or, for None, 0-d tensors of what is in `x`.

    Half a unit apart from where both are, and 0 and 1 where there is nothing.
    """
    if range is None and x.numel():
        low, high = amin(x), amax(x)
        if not recording.aside(lambda: (low.isfinite() & high.isfinite()).item()):
            raise RuntimeError(f"{name}(): range of [{low.item()}, {high.item()}] is not finite")
        alike = low == high
        return where(alike, low - 0.5, low), where(alike, high + 0.5, high)
    given = range or (0, 1)
    least, most = (v.item() if isinstance(v, Tensor) else v for v in given)
    if not (math.isfinite(least) and math.isfinite(most)):
        raise RuntimeError(f"{name}(): range of [{least}, {most}] is not finite")
    if least > most:
        raise RuntimeError(f"{name}(): max must be larger than min, got [{least}, {most}]")
    return (least - 0.5, most + 0.5) if least == most else (least, most)


def _spaced(low: Any, high: Any, count: int, x: Tensor) -> Tensor:
    """The edges of `count` equal parts."""
    if isinstance(low, Tensor):
        recording.leaves("histogram", "say its range")
        low, high = low.item(), high.item()
    return linspace(low, high, count + 1, dtype=x.dtype, device=x.device)
