"""Scans as users call them: sums, products and extrema of the elements so far."""

from __future__ import annotations

from typing import Any

from ... import return_types
from ...dispatch.families.scan import running
from ...dispatch.structured import apply, record
from ...graph.modes import is_grad_enabled
from ...ops.folds import scan as rows
from ...ops.row import Row
from ...tensor import Tensor
from ...tensor.methods import method
from ...types.dtypes import FLOATING, as_dtype, bool_
from ..aliases import numpy_names
from ..remembered import remembered
from .folds import positions


def _dim(name: str, input: Tensor, dim: int) -> int:
    """`dim` counted from the front; TypeError unless `input` is a tensor."""
    if not isinstance(input, Tensor):
        raise TypeError(f"{name}(): argument 'input' must be Tensor, not {type(input).__name__}")
    return input._dim(dim)


def _accumulated(row: Row, input: Tensor, dim: int, dtype: Any) -> Tensor:
    """The scan `row` of `input` converted to `dtype`; integers take 64 bits on the way."""
    d = _dim(row.name, input, dim)
    if dtype is None:
        return apply(row, (input,), {"dim": d, "reverse": False})
    wanted = as_dtype(dtype)
    if wanted is bool_:
        raise RuntimeError(f"\"{row.name}\" is not implemented for 'bool'")
    result = apply(row, (input.to(wanted),), {"dim": d, "reverse": False})
    return result if wanted.category == FLOATING else result.to(wanted)


@method
@remembered
@numpy_names
def cumsum(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """The sum of the elements up to each along `dim`; integers and bools sum to int64."""
    return _accumulated(rows.cumsum, input, dim, dtype)


@method
@remembered
@numpy_names
def cumprod(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """The product of the elements up to each along `dim`; integers and bools give int64."""
    return _accumulated(rows.cumprod, input, dim, dtype)


@method
@remembered
@numpy_names
def logcumsumexp(input: Tensor, dim: int) -> Tensor:
    """The logarithm of the sum of exponentials of the elements up to each along `dim`."""
    d = _dim("logcumsumexp", input, dim)
    rows.logcumsumexp.check_floating(input.dtype)
    return apply(rows.logcumsumexp, (input,), {"dim": d, "reverse": False})


def _extremum(row: Row, x: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    d = _dim(row.name, x, dim)
    values, indices = running(row, x, d)
    if x._requires_grad and is_grad_enabled():
        record(row, (x, positions(x, indices, d)), {}, values)
    return values, indices


@method
@remembered
@numpy_names
def cummax(input: Tensor, dim: int) -> Any:
    """(values, indices): the largest element up to each along `dim`, and where it was last met.

    From the first NaN on, values are NaN. An element's gradient is the sum of its values'.
    """
    return return_types.cummax(*_extremum(rows.cummax, input, dim))


@method
@remembered
@numpy_names
def cummin(input: Tensor, dim: int) -> Any:
    """(values, indices): the smallest element up to each along `dim`, and where it was last met.

    From the first NaN on, values are NaN. An element's gradient is the sum of its values'.
    """
    return return_types.cummin(*_extremum(rows.cummin, input, dim))
