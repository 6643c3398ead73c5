"""Copies of a tensor of which a view is written to, and views that are copied."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...dispatch.elementwise import call, fill
from ...ops.pointwise.convert import copy as copy_row
from ...tensor import Tensor
from ...tensor.methods import method
from ..naming import ends_as
from ..pointwise.arithmetic import clone
from ..views import shapes


def _written(input: Tensor, src: Tensor, view: Callable[[Tensor], Tensor]) -> Tensor:
    """A copy of `input` whose `view` is `src`; RuntimeError for a `src` of another shape."""
    result = clone(input)
    part = view(result)
    if part._shape != src._shape:
        raise RuntimeError(
            "expected src to have a size equal to the slice of self. src size = "
            f"{list(src._shape)}, slice size = {list(part._shape)}"
        )
    call(copy_row, (part, src), in_place=True)
    return result


@method
@ends_as("DiagonalScatterBackward0")
def diagonal_scatter(
    input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1
) -> Tensor:
    """A copy of `input` with `src` as a diagonal."""
    return _written(input, src, lambda x: shapes.diagonal(x, offset, dim1, dim2))


@method
@ends_as("SelectScatterBackward0")
def select_scatter(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """A copy of `input` with `src` at `index` of `dim`."""
    return _written(input, src, lambda x: shapes.select(x, dim, index))


@method
@ends_as("SliceScatterBackward0")
def slice_scatter(
    input: Tensor,
    src: Tensor,
    dim: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> Tensor:
    """A copy of `input` with `src` as the slice start:end:step of `dim`."""
    if step <= 0:
        raise RuntimeError(f"slice step must be positive, got {step}")
    before = (slice(None),) * input._dim(dim)
    return _written(input, src, lambda x: x[(*before, slice(start, end, step))])


@method
@ends_as("AsStridedScatterBackward0")
def as_strided_scatter(
    input: Tensor,
    src: Tensor,
    size: Sequence[int],
    stride: Sequence[int],
    storage_offset: int | None = None,
) -> Tensor:
    """A copy of `input` with `src` as that view of its storage."""
    return _written(input, src, lambda x: shapes.as_strided(x, size, stride, storage_offset))


@method
def narrow_copy(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """`narrow`, copied."""
    return clone(shapes.narrow(input, dim, start, length))


@method
def fill_diagonal_(input: Tensor, fill_value: Any, wrap: bool = False) -> Tensor:
    """Write a number to the diagonal of a matrix, or to that of a cube of any dimension.

    With `wrap` the diagonal of a tall matrix begins anew below its end, after one row.
    """
    shape = input._shape
    if len(shape) < 2:
        raise RuntimeError("dimensions must larger than 1: fill_diagonal_() needs a matrix")
    if len(shape) > 2 and len(set(shape)) > 1:
        raise RuntimeError(f"all dimensions of input must be of equal length, got {list(shape)}")
    if len(shape) > 2:
        diagonal = shapes.as_strided(input, shape[:1], (sum(input._strides),))
    else:
        diagonal = shapes.diagonal(input)
    fill("fill", diagonal, fill_value)
    rows, columns = shape[:2]
    if wrap and len(shape) == 2 and rows > columns + 1:
        fill_diagonal_(input[columns + 1 :], fill_value, wrap)
    return input
