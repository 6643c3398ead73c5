"""Values written to memory and read from it, outside any graph: copies, fills, conversions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

from ..dtypes import INTEGER, dtype, finfo, iinfo
from ..methods import method
from ..ops.convert import copy as copy_row
from ..ops.row import Row, register_type
from ..storage import Kind
from ..tensor import Tensor, make
from .common import run
from .elementwise import Form, flat_layout, flat_of, form_of


def form_into(row: Row, args: Sequence[Any], x: Tensor) -> Form:
    """The Form whose result is stored as the type of `x`; RuntimeError where it cannot be."""
    form = form_of(row, args)
    target = x._kind.dtype
    if form.result is target:
        return form
    if form.result.category > target.category and row is not copy_row:
        raise RuntimeError(
            f"result type {form.result!r} can't be cast to the desired output type {target!r} in "
            f"{row.name}_()"
        )
    key = (form, target)
    found: Form | None = row.forms.get(key)
    if found is None:
        found = row.forms[key] = Form(row, form.stored, form.loaded, target)
    return found


def write(row: Row, x: Tensor, args: Sequence[Any], form: Form | None = None) -> None:
    """Compute into `x`. Operands that overlap it in another order are copied first."""
    form = form or form_into(row, args, x)
    args = [_apart(a, x) if isinstance(a, Tensor) else a for a in args]
    layout = flat_layout(args, x)
    if not layout:
        run(form.program, x._shape, args, [x])
        return
    n = x._flat.size
    if n:
        # Stored over an input: the compiler need not ask whether the two overlap.
        own = next(
            (str(i) for i, a in enumerate(args) if isinstance(a, Tensor) and same_memory(a, x)), "v"
        )
        flats = [flat_of(a) if isinstance(a, Tensor) else a for a in args] + (
            [x._flat] if own == "v" else []
        )
        x._kind.kernels.elementwise.compiled(form.program, layout + own, 0, n)(*flats)


def same_memory(a: Tensor, x: Tensor) -> bool:
    """Whether two tensors are the same elements in the same order and type."""
    return (
        a._storage.array is x._storage.array
        and a._offset == x._offset
        and a._shape == x._shape
        and a._strides == x._strides
    )


def _apart(a: Tensor, x: Tensor) -> Tensor:
    if a._storage.array is not x._storage.array or same_memory(a, x):
        return a
    return copy(a)


def put(target: Tensor, value: Tensor) -> None:
    """Write `value`, broadcast, into `target`; not recorded, and no version is counted."""
    write(copy_row, target, (target, value))


def add_at(y: Tensor, places: Any, source: Tensor) -> None:
    """Add the elements of `source` to a contiguous `y` at flat positions, float16 in float32."""
    if register_type(y.dtype) is not y.dtype:
        wide = y.to(register_type(y.dtype))
        add_at(wide, places, source.to(wide.dtype))
        put(y, wide)
    else:
        y._kind.kernels.indexing.scatter_add(y._flat, places, flat(source))


@method(name="_copy")
def copy(x: Tensor) -> Tensor:
    """A contiguous copy, outside the graph."""
    y = make(x._kind.empty(math.prod(x._shape)), x._shape, x._kind)
    if x._flat is None and not any(x._strides):
        x._kind.kernels.memory.repeat(y._flat, flat_of(x))
    else:
        put(y, x)
    return y


def flat(x: Tensor) -> Any:
    """The elements of `x` as a flat array of the device, in row-major order."""
    return x._flat if x._flat is not None else copy(x)._flat


def filled(shape: Any, kind: Kind, value: Any) -> Tensor:
    """A new tensor full of one number."""
    y = Tensor._empty(shape, kind)
    check_range(kind.dtype, value, value)
    kind.fill(y._flat, value)
    return y


def check_range(d: dtype, low: Any, high: Any) -> None:
    """RuntimeError where `d` cannot hold the numbers from low to high; bools hold any.

    Unsigned types take negative numbers too, counted down from their end, as PyTorch does.
    """
    least, most = _limits(d)
    if least <= low and high <= most:
        return
    # Infinity and NaN are values of floating-point types like any other.
    if d.category == INTEGER or any(most < abs(x) < math.inf for x in (low, high)):
        raise RuntimeError(
            f"value cannot be converted to type {d.name} without overflow: "
            f"{low if low == high else (low, high)}"
        )


@cache
def _limits(d: dtype) -> tuple[float, float]:
    """The least and the largest number that `d` can be made of."""
    if d.category == INTEGER:
        return -iinfo(d).max - d.is_signed, iinfo(d).max
    most = finfo(d).max if d.is_floating_point else math.inf
    return -most, most
