"""Distinct elements, or distinct slices, where each went, and how many there were."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import recording
from ...creation import arange, as_tensor, full
from ...dispatch.structured import apply
from ...ops.orders import selection as rows
from ...tensor import Tensor
from ...tensor.arrays import from_numpy
from ...tensor.methods import method
from ...types.dtypes import bool_, int64, promote_types
from ..indexing.items import getitem
from ..indexing.picking import index_select, nonzero, take
from ..indexing.scattering import scatter
from ..joining.stacking import cat
from ..kernels import FUNCTIONS
from ..reductions.folds import any as some
from ..reductions.scans import cumsum
from ..views.shapes import movedim, reshape


@method
def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The distinct elements in order, or slices along `dim`; each NaN is one of its own.

    With them, where asked for, the place among them of each element, and how often each occurs.
    """
    return _distinct("_unique2", input, return_inverse, return_counts, dim, ordered=False)


@method
def unique_consecutive(
    input: Tensor,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The elements that differ from the one before, or slices along `dim`.

    With them, where asked for, the place among them of each element, and the length of each run.
    """
    return _distinct("unique_consecutive", input, return_inverse, return_counts, dim, ordered=True)


def _distinct(
    name: str, x: Tensor, inverse: bool, counts: bool, dim: int | None, *, ordered: bool
) -> Any:
    recording.shapes(name.strip("_2"))
    d, lines = _lines(x, dim)
    order = arange(len(lines), device=x.device) if ordered else _order(lines)
    lines = index_select(lines, 0, order)
    new = _new(lines)
    starts = nonzero(new, as_tuple=True)[0]
    whole = reshape(x.detach(), -1) if dim is None else x.detach()
    values = index_select(whole, d, index_select(order, 0, starts))
    found = [apply(rows.refused, (x, values), {"name": name})]
    if inverse:
        numbers = cumsum(new, 0) - 1
        placed = scatter(arange(len(lines), device=x.device), 0, order, numbers)
        found.append(placed if dim is not None else reshape(placed, x._shape))
    if counts:
        end = full((1,), len(lines), dtype=int64, device=x.device)
        ends = cat([getitem(starts, slice(1, None)), end]) if len(starts) else starts
        found.append(ends - starts)
    return tuple(found) if len(found) > 1 else found[0]


def _lines(x: Tensor, dim: int | None) -> tuple[int, Tensor]:
    """`dim` from the front, 0 for None, and the elements as a vector, or its slices as rows."""
    if dim is None:
        return 0, reshape(x.detach(), -1)
    if not x._shape:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    d = x._dim(dim)
    n = x._shape[d]
    if not x.numel() and (n or x._shape.count(0) > 1):
        raise RuntimeError(
            "There are 0 sized dimensions, and they aren't selected, so unique cannot be applied "
            f"along dimension {d} of {list(x._shape)}"
        )
    return d, reshape(movedim(x.detach(), d, 0), (n, -1 if n else 0))


def _order(lines: Tensor) -> Tensor:
    """Indices that put elements, or rows, in order; equal ones stay in theirs."""
    if lines.ndim == 1:
        order: Tensor = FUNCTIONS["sort"](lines, stable=True).indices
        return order
    keys = lines.cpu()._numpy().T[::-1]
    places = np.lexsort(keys) if len(keys) else np.arange(len(lines))
    return from_numpy(places.astype(np.int64)).to(lines.device)


def _new(lines: Tensor) -> Tensor:
    """Whether each element, or row, is unlike the one before; the first one is."""
    unlike = getitem(lines, slice(1, None)) != getitem(lines, slice(None, -1))
    unlike = some(unlike, 1) if lines.ndim > 1 else unlike
    first = full((min(len(lines), 1),), True, device=lines.device)
    return cat([first, unlike])


def isin(
    elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False
) -> Tensor:
    """For each of `elements` whether it is among `test_elements`, or is not, where `invert`.

    Either may be a number. `assume_unique` changes nothing.
    """
    if not isinstance(elements, Tensor) and not isinstance(test_elements, Tensor):
        raise TypeError("isin(): elements or test_elements must be a Tensor")
    given = elements, test_elements
    here = next(v.device for v in given if isinstance(v, Tensor))
    x, known = (v.detach() if isinstance(v, Tensor) else as_tensor(v, device=here) for v in given)
    if x.dtype is bool_ or known.dtype is bool_:
        raise RuntimeError("Unsupported input type encountered for isin(): bool")
    common = promote_types(x.dtype, known.dtype)
    x, known = x.to(common), FUNCTIONS["sort"](reshape(known.to(common), -1)).values
    if not known.numel():
        return full(x._shape, invert, device=x.device)
    places = FUNCTIONS["searchsorted"](known, x).clamp_max(known.numel() - 1)
    found: Tensor = take(known, places) == x
    return found ^ invert
