"""Rows whose kernel is a kind, on tensors: what a row makes of its inputs is run, and recorded."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...graph.modes import state
from ...ops.kernel import Call
from ...ops.row import ROWS, Row, register_type
from ...tensor import Tensor, wrap
from ...tensor.arrays import from_array
from ...tensor.storage import kept, kind_of
from ...types.device import device
from ...types.dtypes import of_number
from ..common import common_device
from ..memory import converted, flat
from ..operands import promote
from ..structured import record

# Calls that a short path keeps, of so many shapes.
MOST_KNOWN = 4096
# The short paths of rows that have one.
SHORT: dict[str, Callable[..., Tensor]] = {}


def call(row: Row, inputs: Sequence[Any], options: dict[str, Any]) -> tuple[Tensor, ...]:
    """The results of `row`."""
    facts = row.extra
    given = _promoted(row, inputs) if facts["promote"] else inputs
    where = common_device(row.name, [*given, *options.values()])
    found: Call = facts["call"](*given, **options)
    results = tuple([Tensor._empty(shape, kind_of(d, where)) for shape, d in found.results])
    operands = [*map(flat, found.inputs or given), *[y._flat for y in results]]
    kinds = results[0]._kind.kernels.kinds
    kinds.run(facts["kind"], found.params, operands, found.sizes, found.values)
    record(row, (*given, *results[1:]), options, results[0])
    return results


def short(row: Row) -> Callable[..., Tensor]:
    """The function of a row of one dimension and one result: function(*inputs, dim=...).

    What a call of contiguous tensors of one kind and shape comes to is kept by these; others are
    looked at as all are.
    """
    known: dict[Any, Any] = kept({})
    kind = row.extra["kind"]

    def whole(inputs: tuple[Tensor, ...], dim: int) -> Tensor:
        options = {"dim": inputs[0]._dim(dim)}
        (y,) = call(row, inputs, options)
        if dim.__class__ is int:
            if len(known) >= MOST_KNOWN:
                known.clear()
            x, found = inputs[0], row.extra["call"](*inputs, **options)
            known[x._kind, x._shape, dim] = (
                found,
                math.prod(y._shape),
                y._shape,
                y._strides,
                options,
            )
        return y

    def op(*inputs: Tensor, dim: int) -> Tensor:
        x = inputs[0]
        own, shape = x._kind, x._shape
        facts = known.get((own, shape, dim)) if dim.__class__ is int else None
        if facts is None:
            return whole(inputs, dim)
        arrays = []
        for t in inputs:
            if t._flat is None or t._kind is not own or t._shape != shape:
                return whole(inputs, dim)
            arrays.append(t._flat)
        found, n, shape, strides, options = facts
        arrays.append(own.empty(n))
        own.kernels.kinds.run(kind, found.params, arrays, found.sizes)
        y = wrap(arrays[-1], shape, strides, own)
        if state.grad:
            record(row, inputs, options, y)
        return y

    return op


def _promoted(row: Row, inputs: Sequence[Any]) -> list[Tensor]:
    """Inputs as tensors of one type, which a register can have."""
    common = register_type(promote(row, inputs))
    where = common_device(row.name, inputs)
    tensors = [x if isinstance(x, Tensor) else _tensor(x, where) for x in inputs]
    return [x if x._kind.dtype is common else converted(x, common) for x in tensors]


def _tensor(number: Any, where: device) -> Tensor:
    d = of_number(number)
    return from_array(np.array(number, d.numpy), kind_of(d, where))


for _row in ROWS.values():
    if _row.kind == "kernel" and _row.extra["along"]:
        SHORT[_row.name] = short(_row)
