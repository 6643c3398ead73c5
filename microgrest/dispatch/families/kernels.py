"""Rows whose kernel is a kind, on tensors: what a row makes of its inputs is run, and recorded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...ops.kernel import Call
from ...ops.row import Row, register_type
from ...tensor import Tensor
from ...tensor.arrays import from_array
from ...tensor.storage import kind_of
from ...types.device import device
from ...types.dtypes import of_number
from ..common import common_device
from ..memory import converted, flat
from ..operands import promote
from ..structured import record


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


def _promoted(row: Row, inputs: Sequence[Any]) -> list[Tensor]:
    """Inputs as tensors of one type, which a register can have."""
    common = register_type(promote(row, inputs))
    where = common_device(row.name, inputs)
    tensors = [x if isinstance(x, Tensor) else _tensor(x, where) for x in inputs]
    return [x if x._kind.dtype is common else converted(x, common) for x in tensors]


def _tensor(number: Any, where: device) -> Tensor:
    d = of_number(number)
    return from_array(np.array(number, d.numpy), kind_of(d, where))
