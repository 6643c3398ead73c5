"""Quantiles: elements of fractional ranks."""

from __future__ import annotations

from typing import Any

from ... import recording
from ...creation import tensor
from ...tensor import Tensor
from ...tensor.methods import method
from ...types.dtypes import float32, float64, int64
from ..aliases import numpy_names
from ..indexing.items import getitem
from ..indexing.picking import gather
from ..kernels import FUNCTIONS
from ..pointwise.arithmetic import where
from ..reductions.folds import all as every, sum
from ..views.shapes import expand, movedim, reshape, squeeze

_INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


@method
@numpy_names
def quantile(
    input: Tensor,
    q: Any,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
) -> Tensor:
    """The elements of ranks q (n - 1) along `dim`, or of all, where q is in [0, 1].

    q is a number, or a vector, whose dimension comes first in the result. Between two ranks both
    elements have their share ("linear"), or half ("midpoint"), or one is taken ("lower", "higher",
    "nearest"). NaN where there is one.
    """
    return _quantile("quantile", input, q, dim, keepdim, interpolation)


@method
@numpy_names
def nanquantile(
    input: Tensor,
    q: Any,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
) -> Tensor:
    """`quantile` of the elements that are not NaN; NaN where all are."""
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation)


def _quantile(
    name: str, x: Tensor, q: Any, dim: int | None, keepdim: bool, interpolation: str
) -> Tensor:
    _check(name, x, q, interpolation)
    points = q if isinstance(q, Tensor) else tensor(float(q), dtype=x.dtype, device=x.device)
    d = 0 if dim is None else x._dim(dim)
    lines = reshape(x, -1) if dim is None or not x._shape else movedim(x, d, -1)
    values = FUNCTIONS["sort"](lines, stable=True).values
    ranks = _ranks(name, values, reshape(points, -1))
    found = movedim(_between(values, ranks, interpolation), -1, 0)
    if keepdim:
        kept = [1] * x.ndim if dim is None else [*x._shape[:d], 1, *x._shape[d + 1 :]]
        found = reshape(found, (points.numel(), *(kept if x._shape else ())))
    return found if points._shape else squeeze(found, 0)


def _check(name: str, x: Any, q: Any, interpolation: str) -> None:
    """TypeError or RuntimeError for what no quantile is of."""
    if not isinstance(x, Tensor) or not isinstance(q, (Tensor, int, float)) or isinstance(q, bool):
        wrong = q if isinstance(x, Tensor) else x
        raise TypeError(f"{name}() takes a Tensor and a number or Tensor, not {wrong!r}")
    if not x.numel():
        raise RuntimeError(f"{name}() input tensor must be non-empty")
    if x.dtype not in (float32, float64):
        raise RuntimeError(f"{name}() input tensor must be either float or double dtype")
    if interpolation not in _INTERPOLATIONS:
        raise RuntimeError(
            f"{name}() interpolation must be one of linear, lower, higher, midpoint or nearest, "
            f"but got {interpolation}"
        )
    if not isinstance(q, Tensor):
        if not 0 <= q <= 1:
            raise RuntimeError(f"{name}() q must be in the range [0, 1] but got {q}")
        return
    if q.ndim > 1:
        raise RuntimeError(f"{name}() q must be a scalar or 1D tensor")
    if q.dtype is not x.dtype:
        raise RuntimeError(f"{name}() q tensor must be same dtype as the input tensor")
    inside = recording.aside(lambda: every((q.detach() >= 0) & (q.detach() <= 1)).item())
    if not inside:
        raise RuntimeError(f"{name}() q values must be in the range [0, 1]")


def _ranks(name: str, values: Tensor, points: Tensor) -> Tensor:
    """The ranks along the last dimension of ordered `values`: that of a NaN if there is one."""
    n = values._shape[-1]
    if name == "quantile":
        broken = getitem(values.detach(), (..., slice(-1, None))).isnan()
        return where(broken, float(n - 1), points * (n - 1))
    known = sum(~values.detach().isnan(), -1, True)
    return (points * (known - 1)).clamp_min(0.0)


def _between(values: Tensor, ranks: Tensor, interpolation: str) -> Tensor:
    """The elements of ordered `values` at `ranks`."""
    values = expand(values, (*ranks._shape[:-1], values._shape[-1]))
    whole = {"lower": "floor", "higher": "ceil", "nearest": "round"}.get(interpolation)
    if whole:
        return gather(values, -1, getattr(ranks.detach(), whole)().to(int64))
    below = ranks.detach().floor()
    share = ranks - below if interpolation == "linear" else below * 0 + 0.5
    low = gather(values, -1, below.to(int64))
    return low.lerp(gather(values, -1, ranks.detach().ceil().to(int64)), share)
