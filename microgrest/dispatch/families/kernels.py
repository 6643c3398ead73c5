"""Rows whose kernel is a kind, on tensors: what a row makes of its inputs is run, and recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...graph.modes import state
from ...ops.kernel import Call
from ...ops.row import ROWS, Row, register_type
from ...tensor import Tensor
from ...tensor.arrays import from_array
from ...tensor.storage import kept, kind_of
from ...types.device import device
from ...types.dtypes import of_number
from ..common import common_device
from ..operands import promote
from ..structured import MOST_KNOWN, Known, of_kind, record
from ..writes.memory import converted, flat

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
    known: dict[Any, Known] = kept({})

    def whole(key: Any, inputs: tuple[Tensor, ...], options: dict[str, Any]) -> tuple[Tensor, ...]:
        results = call(row, inputs, options)
        found: Call = row.extra["call"](*inputs, **options)
        if not found.inputs:
            if len(known) >= MOST_KNOWN:
                known.clear()
            made = [(y._shape, y._kind) for y in results]
            plan = of_kind(row.extra["kind"], found.params, made, found.sizes, found.values)
            known[key] = Known(plan)
        return results

    def op(*inputs: Tensor, **options: Any) -> tuple[Tensor, ...]:
        facts: list[Any] = [*options.items()]
        arrays, wanted = [], False
        for t in inputs:
            facts += t._kind, t._shape
            arrays.append(flat(t) if t._flat is None else t._flat)
            wanted = wanted or t._requires_grad
        key = tuple(facts)
        ready = known.get(key)
        if ready is None:
            return whole(key, inputs, options)
        results = ready.run(arrays)
        if wanted and state.grad:
            record(row, (*inputs, *results[1:]), options, results[0])
        return tuple(results)

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
    if _row.kind == "kernel" and _row.extra["short"]:
        SHORT[_row.name] = short(_row)
