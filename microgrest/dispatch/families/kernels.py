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
from ..ready import Again, note, watching
from ..structured import again, of_kind, record, remember
from ..writes.memory import contiguous, converted, flat

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
    known: dict[Any, Again] = kept({})

    def whole(key: Any, inputs: tuple[Tensor, ...], options: dict[str, Any]) -> tuple[Tensor, ...]:
        results = call(row, inputs, options)
        found: Call = row.extra["call"](*inputs, **options)
        if found.inputs:
            return results
        made = [(y._shape, y._kind) for y in results]
        size = inputs[0].numel()
        plan = of_kind(row.extra["kind"], found.params, made, found.sizes, found.values, size=size)
        next_time = again(plan, len(inputs), row, options)
        remember(known, key, next_time)
        return _noted(next_time, inputs, results)

    def op(*inputs: Tensor, **options: Any) -> tuple[Tensor, ...]:
        facts: list[Any] = [*options.items()]
        for t in inputs:
            facts += t._kind, t._shape
        key = tuple(facts)
        found = known.get(key)
        if found is None:
            return whole(key, inputs, options)
        for t in inputs:
            if t._flat is None:
                return (
                    call(row, inputs, options)
                    if state.grad
                    else op(*map(contiguous, inputs), **options)
                )
        results = found(*inputs)
        return _noted(found, inputs, results if several else (results,))

    several = len(row.extra["returns"]) > 1
    return op


def _noted(
    known: Again, inputs: Sequence[Tensor], results: tuple[Tensor, ...]
) -> tuple[Tensor, ...]:
    """`results`, which come of `known` for contiguous inputs, told to whoever asks."""
    if watching.calls is not None and not any(t._flat is None for t in inputs):
        note(known, inputs, results if len(results) > 1 else results[0])
    return results


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
