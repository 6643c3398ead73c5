"""Tensors that are counted: ranges, the identity, the places of triangles."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..dispatch.common import check_range
from ..tensor import Tensor
from ..tensor.arrays import from_array
from ..tensor.storage import Kind
from ..types import dtypes
from ..types.dtypes import get_default_dtype, int64
from ..types.integers import count, whole
from .options import finish, kind_from
from .spacing import spaced


def _numeric(name: str, kind: Kind) -> Kind:
    """`kind`, unless it is of bools, which no counting makes."""
    if kind.dtype is dtypes.bool_:
        raise NotImplementedError(f"\"{name}\" is not implemented for 'bool' tensors")
    return kind


def arange(
    start: Any = None, end: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """start (or 0), start + step, ... below `end`.

    The type is int64 for ints, the default dtype if one of them is a float.

    RuntimeError for a step of 0 or of the wrong sign, and for bounds that are not finite.
    """
    if end is None:
        start, end = None, start
    if end is None:
        raise TypeError("arange() missing 1 required positional argument: 'end'")
    given = (0 if start is None else start, end, step)
    start, end, step = (v.item() if isinstance(v, (Tensor, np.generic)) else v for v in given)
    for name, v in zip(("start", "end", "step"), (start, end, step), strict=True):
        if not isinstance(v, (int, float)):
            raise TypeError(f"arange(): argument {name!r} must be Number, not {type(v).__name__}")
    floating = any(isinstance(v, float) for v in (start, end, step))
    kind = _numeric("arange", kind_from(dtype, device, get_default_dtype() if floating else int64))
    if not all(map(math.isfinite, (start, end, step))):
        raise RuntimeError(f"unsupported range: {start} -> {end} by {step}")
    if kind.dtype is int64:  # narrower integers take the count of the floats, as in PyTorch
        if step and not int(step):
            raise ValueError(f"step must be nonzero, and {step} is 0 as an integer")
        start, end, step = int(start), int(end), int(step)
    if not (kind.dtype.is_floating_point or any(isinstance(v, float) for v in (start, end, step))):
        check_range(int64, min(start, end, step), max(start, end, step))
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start < 0) is not (step < 0) and end != start:
        raise RuntimeError(
            f"upper bound and lower bound inconsistent with step sign: arange({start}, {end}, "
            f"{step})"
        )
    exact = isinstance(end - start, int) and isinstance(step, int)
    n = count([-(-(end - start) // step) if exact else math.ceil((end - start) / step)])
    if kind.dtype.is_floating_point:
        values = start + step * np.arange(n, dtype=np.float64)
    else:
        values = int(start) + int(step) * np.arange(n, dtype=np.int64)
    return finish(from_array(values, kind), requires_grad)


def _steps(steps: int) -> int:
    """A number of values; RuntimeError for a negative one, and where no memory could hold them."""
    if whole(steps, "steps") < 0:
        raise RuntimeError(f"number of steps must be non-negative, got {steps}")
    return count([whole(steps, "steps")])


def linspace(
    start: Any,
    end: Any,
    steps: int,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """`steps` equally spaced values from start to end, both included, with PyTorch's rounding.

    Of an integer dtype the ends are whole numbers, too.
    """
    for name, value in (("start", start), ("end", end)):
        if isinstance(value, Tensor) and value._shape:
            raise RuntimeError(
                "linspace only supports 0-dimensional start and end tensors, but got "
                f"{name} with {value.ndim} dimension(s)."
            )
    kind = _numeric("linspace", kind_from(dtype, device, get_default_dtype()))
    if not kind.dtype.is_floating_point:
        # Numbers beyond an integer dtype wrap around before they are spaced.
        start, end = np.array([int(start), int(end)]).astype(kind.dtype.numpy).tolist()
    numbers = spaced(float(start), float(end), _steps(steps), kind.dtype)
    return finish(from_array(numbers, kind), requires_grad)


def logspace(
    start: float,
    end: float,
    steps: int,
    base: float = 10.0,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """`steps` values from base**start to base**end, equally spaced in the exponent."""
    kind, steps = _numeric("logspace", kind_from(dtype, device, get_default_dtype())), _steps(steps)
    if not kind.dtype.is_floating_point and steps != 1:
        start, end = int(start), int(end)
    exponents = spaced(float(start), float(end), steps, dtypes.float64)
    return finish(from_array(np.power(float(base), exponents), kind), requires_grad)


def eye(
    n: int,
    m: int | None = None,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Ones on the diagonal of n rows and m columns (n if left out), zeros elsewhere."""
    n = whole(n, "n")
    m = n if m is None else whole(m, "m")
    if n < 0 or m < 0:
        raise RuntimeError(
            f"eye(): rows and columns must be greater or equal to 0, got {n} and {m}"
        )
    kind = kind_from(dtype, device, get_default_dtype())
    t = from_array(np.eye(n, m), kind) if count((n, m)) else Tensor._empty((n, m), kind)
    return finish(t, requires_grad)


def tril_indices(
    row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None
) -> Tensor:
    """The (2, k) indices of the lower triangle of a row by col matrix."""
    return _places(np.tril_indices, row, col, offset, kind_from(dtype, device, int64))


def triu_indices(
    row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None
) -> Tensor:
    """The (2, k) indices of the upper triangle of a row by col matrix."""
    return _places(np.triu_indices, row, col, offset, kind_from(dtype, device, int64))


def _places(triangle: Callable[..., Any], row: int, col: int, offset: int, kind: Kind) -> Tensor:
    """NumPy's indices of a triangle; RuntimeError for negative numbers of rows or columns."""
    row, col, offset = whole(row, "row"), whole(col, "col"), whole(offset, "offset")
    if row < 0 or col < 0:
        raise RuntimeError(f"row and col must be non-negative, got {row} and {col}")
    if not count((row, col)):
        return Tensor._empty((2, 0), kind)
    return from_array(np.stack(triangle(row, min(max(offset, -row), col), col)), kind)
