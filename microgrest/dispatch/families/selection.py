"""Elements of a line by their ranks, on tensors, outside of any graph."""

from __future__ import annotations

import math
from typing import Any

from ...kernels.kinds.orders.select import SELECT
from ...kernels.kinds.orders.sort import FEW, SORT, Sort
from ...ops.places.movement import slice_
from ...ops.row import Row
from ...tensor import Tensor
from ...tensor.storage import kept, kind_of
from ...types.dtypes import int64
from ..structured import MOST_KNOWN, Known, family, of_kind
from ..writes.memory import copy, flat

# More than an eighth of a line is sorted, unless that is short, and so are long lines on a GPU.
PART, SHORT = 8, 64


def select(
    x: Tensor, dim: int, first: int, count: int, descending: bool = False
) -> tuple[Tensor, Tensor]:
    """The elements of ranks first, first + 1, ... along `dim`, and their indices there.

    In the order of `sort`; what is one of many is found, what is many of few sorted.
    """
    key = x._kind, x._shape, dim, first, count, descending
    known = _known.get(key)
    if known is not None:
        values, indices = known.run([flat(x)])
        return values, indices
    n, inner = (*x._shape, 1)[dim], math.prod(x._shape[dim + 1 :])
    params, sizes = Sort(x._kind.dtype.name, descending), (n, inner)
    few = x.is_cpu or n <= FEW
    some = count == 1 or (first + count) * PART <= n or (x.is_cpu and n <= SHORT)
    found = few and some
    along = (count if found else n,) * min(x.ndim, 1)
    shape = (*x._shape[:dim], *along, *x._shape[dim + 1 :])
    results = [(shape, x._kind), (shape, kind_of(int64, x.device))]
    if not found:
        values, indices = Known(of_kind(SORT, params, results, sizes)).run([flat(x)])
        if not x._shape or count == n:
            return values, indices
        part = {"dim": dim, "start": first, "stop": first + count, "step": 1}
        return copy(slice_(values, **part)), copy(slice_(indices, **part))
    if len(_known) >= MOST_KNOWN:
        _known.clear()
    _known[key] = known = Known(of_kind(SELECT, params, results, (*sizes, first, count)))
    values, indices = known.run([flat(x)])
    return values, indices


_known: dict[Any, Known] = kept({})


@family("chosen")
def chosen(row: Row, x: Tensor, value: Tensor, *, name: str = "") -> Tensor:
    """`value`, which op `name` found in `x`."""
    return copy(value)
