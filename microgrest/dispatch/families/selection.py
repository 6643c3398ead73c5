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
from ..ready import Again, note
from ..structured import again, family, of_kind, record, remember, run
from ..writes.memory import contiguous, copy

# More than an eighth of a line is sorted, unless that is short, and so are long lines on a GPU.
PART, SHORT = 8, 64


def select(
    x: Tensor, dim: int, first: int, count: int, descending: bool = False, row: Row | None = None
) -> tuple[Tensor, Tensor]:
    """The elements of ranks first, first + 1, ... along `dim`, and their indices there.

    In the order of `sort`; what is one of many is found, what is many of few sorted. The elements
    are recorded as the result of `row`, if that is given.
    """
    key = x._kind, x._shape, dim, first, count, descending, row
    known = _known.get(key)
    if known is not None and x._flat is not None:
        values, indices = note(known, (x,), known(x))
        return values, indices
    n, inner = (*x._shape, 1)[dim], math.prod(x._shape[dim + 1 :])
    params, sizes = Sort(x._kind.dtype.name, descending), (n, inner)
    whole = {"dim": dim, "keepdim": True}
    few = x.is_cpu or n <= FEW
    some = count == 1 or (first + count) * PART <= n or (x.is_cpu and n <= SHORT)
    found = few and some
    along = (count if found else n,) * min(x.ndim, 1)
    shape = (*x._shape[:dim], *along, *x._shape[dim + 1 :])
    results = [(shape, x._kind), (shape, kind_of(int64, x.device))]
    if not found:
        values, indices = run(of_kind(SORT, params, results, sizes), [contiguous(x)])
        if x._shape and count != n:
            part = {"dim": dim, "start": first, "stop": first + count, "step": 1}
            values, indices = copy(slice_(values, **part)), copy(slice_(indices, **part))
    else:
        plan = of_kind(SELECT, params, results, (*sizes, first, count), size=x.numel())
        known = again(plan, 1, row, whole)
        remember(_known, key, known)
        if x._flat is not None:
            values, indices = note(known, (x,), known(x))
            return values, indices
        values, indices = run(plan, [contiguous(x)])
    if row is not None:
        record(row, (x, indices), whole, values)
    return values, indices


_known: dict[Any, Again] = kept({})


@family("chosen")
def chosen(row: Row, x: Tensor, value: Tensor, *, name: str = "") -> Tensor:
    """`value`, which op `name` found in `x`."""
    return copy(value)
