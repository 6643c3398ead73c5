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
from ..operands import promote
from ..structured import record
from ..writes.memory import converted, flat

# Calls that a short path keeps, of so many shapes.
MOST_KNOWN = 4096
# The short paths of rows that have one.
SHORT: dict[str, Callable[..., tuple[Tensor, ...]]] = {}


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


def short(row: Row) -> Callable[..., tuple[Tensor, ...]]:
    """The function of a `short` row: function(*inputs, **options).

    What a call comes to is kept by kinds, shapes and options.
    """
    known: dict[Any, Any] = kept({})
    kind = row.extra["kind"]

    def whole(key: Any, inputs: tuple[Tensor, ...], options: dict[str, Any]) -> tuple[Tensor, ...]:
        results = call(row, inputs, options)
        if len(known) >= MOST_KNOWN:
            known.clear()
        found = row.extra["call"](*inputs, **options)
        made = [
            (y._kind.empty, math.prod(y._shape), y._shape, y._strides, y._kind) for y in results
        ]
        if not found.inputs:
            known[key] = found.params, found.sizes, found.values, made
        return results

    def op(*inputs: Tensor, **options: Any) -> tuple[Tensor, ...]:
        key = tuple([(t._kind, t._shape) for t in inputs]), *options.values()
        facts = known.get(key)
        if facts is None:
            return whole(key, inputs, options)
        arrays = [flat(t) if t._flat is None else t._flat for t in inputs]
        params, sizes, values, made = facts
        where = inputs[0]._kind
        results = []
        for empty, n, shape, strides, own in made:
            array = empty(n)
            arrays.append(array)
            results.append(wrap(array, shape, strides, own))
        where.kernels.kinds.run(kind, params, arrays, sizes, values)
        if state.grad:
            record(row, (*inputs, *results[1:]), options, results[0])
        return tuple(results)

    def one(x: Tensor, **options: Any) -> tuple[Tensor, ...]:
        """The same of one input and one result, in two thirds of the time."""
        key = x._kind, x._shape, *options.values()
        facts = known.get(key)
        if facts is None or x._flat is None:
            return whole(key, (x,), options)
        params, sizes, values, ((empty, n, shape, strides, own),) = facts
        out = empty(n)
        own.kernels.kinds.run(kind, params, (x._flat, out), sizes, values)
        y = wrap(out, shape, strides, own)
        if x._requires_grad and state.grad:
            record(row, (x,), options, y)
        return (y,)

    return one if len(row.extra["inputs"]) == 1 and not row.extra["returns"] else op


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
    if _row.kind == "kernel" and _row.extra["short"]:
        SHORT[_row.name] = short(_row)
