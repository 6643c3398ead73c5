"""Values written to memory and read from it, outside any graph: copies, fills, conversions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ...kernels.kinds.orders.move import SCATTER_ADD
from ...kernels.source.kind import Kind as KernelKind
from ...ops.pointwise.convert import copy as copy_row, to as convert_rows
from ...ops.row import Row, register_type
from ...tensor import Tensor, make
from ...tensor.methods import method
from ...tensor.storage import Kind, kind_of
from ...types.dtypes import dtype
from ..common import check_range
from ..forms import form_of, stored_as
from ..launch import flat_layout, flat_of, launch, same_memory


def write(row: Row, x: Tensor, args: Sequence[Any]) -> None:
    """Compute into `x`, and nothing else: neither checked nor recorded, and no version counted."""
    form, ready = stored_as(form_of(row, args), x._kind.dtype), apart(args, x)
    launch(form.program, flat_layout(ready, x), ready, x)


def apart(args: Sequence[Any], x: Tensor) -> list[Any]:
    """`args`, those copied that overlap `x` in another order."""
    return [
        copy(a)
        if isinstance(a, Tensor) and a._storage.array is x._storage.array and not same_memory(a, x)
        else a
        for a in args
    ]


def put(target: Tensor, value: Tensor) -> None:
    """Write `value`, broadcast, into `target`; not recorded, and no version is counted."""
    write(copy_row, target, (target, value))


def add_at(y: Tensor, places: Any, source: Tensor) -> None:
    """Add the elements of `source` to a contiguous `y` at flat positions, float16 in float32."""
    meet_at(SCATTER_ADD, y, places, source)


def meet_at(kind: KernelKind, y: Tensor, places: Any, source: Tensor) -> None:
    """Have the elements of `source` meet those of a contiguous `y` at flat positions, as `kind`
    says; float16 in float32."""
    if register_type(y.dtype) is not y.dtype:
        wide = converted(y, register_type(y.dtype))
        meet_at(kind, wide, places, converted(source, wide.dtype))
        put(y, wide)
    else:
        operands = y._flat, places, flat(source)
        y._kind.kernels.kinds.run(kind, y._kind.array_type, operands)


@method(name="_copy")
def copy(x: Tensor) -> Tensor:
    """A contiguous copy, outside the graph."""
    y = make(x._kind.empty(math.prod(x._shape)), x._shape, x._kind)
    if x._flat is None and not any(x._strides):
        x._kind.kernels.filling.repeat(y._flat, flat_of(x))
    else:
        put(y, x)
    return y


def converted(x: Tensor, d: dtype) -> Tensor:
    """`x` as another dtype, contiguous where it is not as it is, outside the graph."""
    if x._kind.dtype is d:
        return x
    y = Tensor._empty(x._shape, kind_of(d, x._kind.device))
    write(convert_rows[d], y, (x,))
    return y


def contiguous(x: Tensor) -> Tensor:
    """`x`, or a contiguous copy, outside the graph."""
    return x if x._flat is not None else copy(x)


def flat(x: Tensor) -> Any:
    """The elements of `x` as a flat array of the device, in row-major order."""
    return x._flat if x._flat is not None else copy(x)._flat


def filled(shape: Any, kind: Kind, value: Any) -> Tensor:
    """A new tensor full of one number."""
    y = Tensor._empty(shape, kind)
    check_range(kind.dtype, value, value)
    kind.fill(y._flat, value)
    return y
