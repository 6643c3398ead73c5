"""Elements of a line by their ranks, on tensors, outside of any graph."""

from __future__ import annotations

import math

from ...kernels.kinds.orders.select import SELECT
from ...kernels.kinds.orders.sort import FEW, SORT, Sort
from ...ops.places.movement import slice_
from ...ops.row import Row
from ...tensor import Tensor
from ...tensor.storage import kind_of
from ...types.dtypes import int64
from ..structured import family
from ..writes.memory import copy, flat

# More than an eighth of a line is sorted, and so are long lines on a GPU.
PART = 8


def select(
    x: Tensor, dim: int, first: int, count: int, descending: bool = False
) -> tuple[Tensor, Tensor]:
    """The elements of ranks first, first + 1, ... along `dim`, and their indices there.

    In the order of `sort`; what is one of many is found, what is many of few sorted.
    """
    n, inner = (*x._shape, 1)[dim], math.prod(x._shape[dim + 1 :])
    params, sizes = Sort(x._kind.dtype.name, descending), (n, inner)
    few = x.is_cpu or n <= FEW
    found = few and (count == 1 or (first + count) * PART <= n)
    along = (count if found else n,) * min(x.ndim, 1)
    shape = (*x._shape[:dim], *along, *x._shape[dim + 1 :])
    values, indices = Tensor._empty(shape, x._kind), Tensor._empty(shape, kind_of(int64, x.device))
    operands = flat(x), values._flat, indices._flat
    if found:
        x._kind.kernels.kinds.run(SELECT, params, operands, (*sizes, first, count))
        return values, indices
    x._kind.kernels.kinds.run(SORT, params, operands, sizes)
    if not x._shape or count == n:
        return values, indices
    part = {"dim": dim, "start": first, "stop": first + count, "step": 1}
    return copy(slice_(values, **part)), copy(slice_(indices, **part))


@family("chosen")
def chosen(row: Row, x: Tensor, value: Tensor, *, name: str = "") -> Tensor:
    """`value`, which op `name` found in `x`."""
    return copy(value)
