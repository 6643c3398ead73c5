"""Elements by their ranks along a dimension: the best, the k-th, the middle one, the commonest."""

from __future__ import annotations

from typing import Any

from ... import return_types
from ...creation import arange, full
from ...dispatch.families.selection import select
from ...dispatch.structured import apply, record
from ...ops.orders import selection as rows
from ...ops.row import Row
from ...tensor import Tensor
from ...tensor.methods import method
from ...types.dtypes import bool_, iinfo, int64
from ...types.integers import whole
from ..aliases import numpy_names
from ..indexing.items import getitem
from ..indexing.picking import gather
from ..joining.stacking import cat
from ..kernels import FUNCTIONS
from ..pointwise.arithmetic import where
from ..reductions.folds import argmax, max, sum, without
from ..reductions.scans import cummax
from ..remembered import remembered
from ..views.shapes import movedim, reshape


def _found(row: Row, x: Tensor, found: tuple[Tensor, Tensor], d: int, keepdim: bool = True) -> Any:
    """The named results of an op that found elements of `x` along d, and where.

    They are the result of `row`; without `keepdim` the one element along d is all there is.
    """
    keepdim = keepdim or not x._shape
    values, indices = found if keepdim else [without(t, d) for t in found]
    record(row, (x, indices), {"dim": d, "keepdim": keepdim}, values)
    return getattr(return_types, row.name.partition("_")[0])(values, indices)


def _along(name: str, x: Any, dim: int, *, bools: bool = False) -> int:
    """`dim` counted from the front; IndexError where `x` has no element along it."""
    if not isinstance(x, Tensor):
        raise TypeError(f"{name}(): argument 'input' must be Tensor, not {type(x).__name__}")
    d = x._dim(dim)
    if x._shape and not x._shape[d]:
        raise IndexError(f"{name}(): Expected reduction dim {d} to have non-zero size.")
    if x.dtype is bool_ and not bools:
        raise NotImplementedError(f"\"{name}\" is not implemented for 'bool' tensors")
    return d


@method
@remembered
@numpy_names
def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """(values, indices): the k largest elements along `dim`, or smallest, in order.

    NaN is largest. Of equal elements the first ones come first.
    """
    if not isinstance(input, Tensor):
        raise TypeError(f"topk(): argument 'input' must be Tensor, not {type(input).__name__}")
    d, k = input._dim(dim), whole(k, "k")
    if not 0 <= k <= (*input._shape, 1)[d]:
        raise RuntimeError(
            f"selected index k out of range: {k} of the {(*input._shape, 1)[d]} elements along "
            f"dimension {d} of {list(input._shape)}"
        )
    if input.dtype is bool_:
        raise RuntimeError("topk does not support bool dtypes; convert it with .to(uint8)")
    return return_types.topk(
        *select(input, d, 0, k if input._shape else 1, bool(largest), rows.topk)
    )


@method
@remembered
@numpy_names
def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    """(values, indices): the k-th smallest element along `dim`, counted from 1; NaN is largest."""
    d, k = _along("kthvalue", input, dim), whole(k, "k")
    if not 1 <= k <= (*input._shape, 1)[d]:
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {d}")
    return _found(rows.kthvalue, input, select(input.detach(), d, k - 1, 1), d, keepdim)


@method
@numpy_names
def median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The median of all elements; with `dim`, (values, indices) along it. NaN if there is one.

    Of an even number it is the lower one. Without `dim` equal elements share the gradient.
    """
    if dim is None:
        return _of_all(rows.median_all, input)
    d = _along("median", input, dim)
    return _found(rows.median, input, _middle(input.detach(), d), d, keepdim)


@method
@numpy_names
def nanmedian(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """`median` of the elements that are not NaN; NaN where all are."""
    if dim is None:
        return _of_all(rows.nanmedian_all, input)
    d = _along("nanmedian", input, dim)
    return _found(rows.nanmedian, input, _middle_known(input.detach(), d), d, keepdim)


def _of_all(row: Row, x: Tensor) -> Tensor:
    name = row.name.partition("_")[0]
    if isinstance(x, Tensor) and not x.numel() and x.dtype is not bool_:
        nothing = float("nan") if x.is_floating_point() else iinfo(x.dtype).min
        return apply(row, (x, full((), nothing, dtype=x.dtype, device=x.device)), {})
    _along(name, x, -1)
    find = _middle if row is rows.median_all else _middle_known
    values, _ = find(reshape(x.detach(), -1), 0)
    return apply(row, (x, reshape(values, ())), {})


def _middle(x: Tensor, d: int) -> tuple[Tensor, Tensor]:
    """The medians along d, which stays, and their indices: those of the first NaN if there is."""
    values, indices = select(x, d, ((*x._shape, 1)[d] - 1) // 2, 1)
    if not x.is_floating_point():
        return values, indices
    top, at = max(x, d, True)
    return where(top.isnan(), top, values), where(top.isnan(), at, indices)


def _middle_known(x: Tensor, d: int) -> tuple[Tensor, Tensor]:
    if not x.is_floating_point():
        return _middle(x, d)
    values, indices = FUNCTIONS["sort"](x, d, stable=True)
    known = sum(~x.isnan(), d, True)
    at = (known - 1).clamp_min(0) // 2
    return gather(values, d, at), gather(indices, d, at)


@method
@numpy_names
def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> Any:
    """(values, indices): the commonest element along `dim`, and where it is last.

    Of several that are as common the smallest; all NaN are one, and the largest.
    """
    d = _along("mode", input, dim, bools=True)
    if not input._shape:
        indices = full((), 0, dtype=int64, device=input.device)
        return _found(rows.mode, input, (input.detach().clone(), indices), d, keepdim)
    values, order = FUNCTIONS["sort"](movedim(input.detach(), d, -1), stable=True)
    best = argmax(_run_lengths(values), -1, True)
    found = movedim(gather(values, -1, best), -1, d), movedim(gather(order, -1, best), -1, d)
    return _found(rows.mode, input, found, d, keepdim)


def _run_lengths(lines: Tensor) -> Tensor:
    """For each element of lines in order how many equal ones stand before it."""
    n = lines._shape[-1]
    place = arange(n, device=lines.device)
    starts = where(unlike_before(lines), place, 0)
    lengths: Tensor = place - cummax(starts, -1).values
    return lengths


def unlike_before(lines: Tensor) -> Tensor:
    """Whether each element along the last dimension differs from the one before, the first does."""
    after, before = getitem(lines, (..., slice(1, None))), getitem(lines, (..., slice(None, -1)))
    unlike = after != before
    if lines.is_floating_point():
        unlike = unlike & ~(after.isnan() & before.isnan())
    first = full((*lines._shape[:-1], 1), True, device=lines.device)
    return cat([first, unlike], -1)
