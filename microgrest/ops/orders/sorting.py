"""Rows that put elements in order, and that find places in what is in order."""

from __future__ import annotations

import math

from ...kernels.kinds.orders.searchsorted import SEARCHSORTED, Search
from ...kernels.kinds.orders.sort import SORT, Sort
from ...types.dtypes import bool_, int32, int64
from ..kernel import Call, Operand, Tensor, kernel
from ..places.indexing import add_along, take_along


@kernel(
    SORT,
    returns=("values", "indices"),
    short=True,
    vjp=lambda g, y, input, indices, dim, **options: (
        add_along(g, indices, dim=dim, shape=tuple(input.shape)),
        None,
    ),
)
def sort(
    input: Tensor, dim: int = -1, descending: bool = False, *, stable: bool | None = False
) -> Call:
    """(values, indices): the elements along `dim` in order, and where they were; NaN is largest.

    Equal elements stay in their order, `stable` or not. An element's gradient is its value's.
    """
    n, inner = (*input.shape, 1)[dim], math.prod(input.shape[dim + 1 :])
    if n >> 32:
        raise RuntimeError(f"sort(): {n} elements along a dimension are more than 2**32 - 1")
    results = (input.shape, input.dtype), (input.shape, int64)
    return Call(Sort(input.dtype.name, descending), results, (n, inner))


_NAME = "torch.searchsorted()"


@kernel(SEARCHSORTED, method=False, promote=True)
def searchsorted(
    sorted_sequence: Tensor,
    input: Operand,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Tensor | None = None,
) -> Call:
    """Where in `sorted_sequence`, along its last dimension, each element belongs; NaN at the end.

    That is before elements that are equal, or, `right` or with side="right", after them. A sequence
    of one dimension serves any input, or a number; others have a row for each of the input's.
    `sorter` are the indices that sort a sequence that is not sorted.
    """
    sequence = sorted_sequence
    _check_side(right, side)
    _check_shapes(tuple(sequence.shape), tuple(input.shape))
    if sorter is not None:
        _check_sorter(tuple(sequence.shape), sorter)
        dim = len(sequence.shape) - 1
        sequence = take_along(sequence, sorter, dim=dim, name=f"{_NAME}: sorter")
    if input.dtype is bool_:
        raise NotImplementedError("\"searchsorted\" is not implemented for 'bool' tensors")
    places = int32 if out_int32 else int64
    params = Search(input.dtype.name, places.name, right or side == "right")
    row = input.shape if len(sequence.shape) == 1 else input.shape[-1:]
    sizes = sequence.shape[-1], max(math.prod(row), 1)
    return Call(params, ((input.shape, places),), sizes, inputs=(input, sequence))


def _check_side(right: bool, side: str | None) -> None:
    if side not in (None, "left", "right"):
        raise RuntimeError(f"{_NAME}: side can only be 'left' or 'right' but got {side}")
    if right and side == "left":
        raise RuntimeError(
            f"{_NAME}: side and right can't be set to opposites, got side of left while right was "
            "True"
        )


def _check_shapes(sequence: tuple[int, ...], input: tuple[int, ...]) -> None:
    """RuntimeError unless there is one row, or one for each row of the input."""
    if not sequence:
        raise RuntimeError(f"{_NAME}: boundaries tensor should have positive dimension, but got 0")
    alike = len(sequence) == len(input) and sequence[:-1] == input[:-1]
    if len(sequence) > 1 and not alike:
        raise RuntimeError(
            f"{_NAME}: boundaries tensor should be 1 dimension or the first N-1 dimensions of "
            "boundaries tensor and input value tensor must match, but we got boundaries tensor "
            f"{list(sequence)} and input value tensor {list(input)}"
        )


def _check_sorter(shape: tuple[int, ...], sorter: Tensor) -> None:
    """RuntimeError unless there is an int64 for each element of a sequence of `shape`."""
    if tuple(sorter.shape) != shape:
        raise RuntimeError(
            f"{_NAME}: boundary and sorter must have the same size, but got boundary tensor "
            f"{list(shape)} and got sorter tensor {list(sorter.shape)}"
        )
    if sorter.dtype is not int64:
        raise RuntimeError(
            f"{_NAME}: sorter must be a tensor of long dtype but got dtype {sorter.dtype!r}"
        )
