"""Scans on tensors: the dimension brought into the middle of (outer, n, inner)."""

from __future__ import annotations

import math
from typing import Any

from ...kernels.kinds.scan import SCAN, Sweep
from ...kernels.source.axis.scans import Register, Result, Scan
from ...kernels.source.program import Input
from ...ops.row import Row, register_type
from ...tensor import Tensor
from ...tensor.storage import kind_of
from ...types.dtypes import FLOATING, dtype, int64
from ..common import common_device, identity
from ..structured import Plan, of_kind, planned
from ..writes.memory import flat


def result_type(row: Row, d: dtype) -> dtype:
    """The dtype that `row` returns for elements of dtype `d`."""
    return int64 if row.extra.get("lane") == "sum" and d.category != FLOATING else d


def sweep_of(row: Row, d: dtype, reverse: bool, columns: bool) -> Sweep:
    """The Scan of elements of dtype `d`, from the last one on if `reverse`, side by side or not."""
    found: Sweep | None = row.forms.get((d, reverse, columns))
    if found is None:
        found = row.forms[d, reverse, columns] = Sweep(program_of(row, d, reverse), columns)
    return found


def program_of(row: Row, d: dtype, reverse: bool) -> Scan:
    """The Scan of elements of dtype `d`, from the last one on if `reverse`."""
    found: Scan | None = row.forms.get((d, reverse))
    if found is None:
        loaded = register_type(d).name
        facts = row.extra
        found = row.forms[d, reverse] = Scan(
            row.name,
            tuple(Input(name, d.name, loaded) for name in row.args if name != "index"),
            tuple(_register(row, loaded, name) for name in facts["registers"]),
            tuple(_result(row, d, formula) for formula in facts["results"]),
            tuple(facts["terms"].items()),
            reverse,
            facts.get("exclusive", False),
        )
    return found


def _register(row: Row, loaded: str, name: str) -> Register:
    """A register for elements that load as `loaded`: extrema keep that type, others widen."""
    new, first, step = row.extra["registers"][name]
    lane = total = "uint8" if loaded == "bool" else loaded
    if new == "place" or (row.extra.get("lane") == "sum" and not loaded.startswith("float")):
        lane = total = "int64"
    elif row.kind == "scan":
        total = "float64"
    return Register(name, new, identity(first, lane), step, lane, total)


def _result(row: Row, d: dtype, formula: str) -> Result:
    """A result of the type of its first register; places are int64."""
    like = formula[1 : formula.index("}")]
    place = row.extra["registers"][like][0] == "place"
    return Result(formula, like, "int64" if place else result_type(row, d).name)


def _sizes(x: Tensor, dim: int) -> tuple[int, int, int]:
    """(outer, n, inner) for dimension `dim`."""
    shape = x._shape or (1,)
    return math.prod(shape[:dim]), shape[dim], math.prod(shape[dim + 1 :])


def _run(row: Row, inputs: Any, outputs: Any, dim: int, reverse: bool) -> None:
    """Scan dimension `dim` of `inputs`, all of one shape, which 0-d tensors have with n = 1."""
    kind, sizes = inputs[0]._kind, _sizes(inputs[0], dim)
    operands = [*map(flat, inputs), *[y._flat for y in outputs]]
    kind.kernels.kinds.run(SCAN, sweep_of(row, kind.dtype, reverse, sizes[2] != 1), operands, sizes)


@planned("scan")
def scan(row: Row, *inputs: Tensor, dim: int, reverse: bool) -> Plan:
    """`inputs`, all of one shape and device, scanned along `dim`, not negative."""
    common_device(row.name, inputs)
    x = inputs[0]
    sizes = _sizes(x, dim)
    sweep = sweep_of(row, x._kind.dtype, reverse, sizes[2] != 1)
    result = kind_of(result_type(row, x._kind.dtype), x._kind.device)
    return of_kind(SCAN, sweep, [(x._shape, result)], sizes, size=x.numel())


def running(row: Row, x: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """The best element so far along `dim`, not negative, and its index."""
    values = Tensor._empty(x._shape, x._kind)
    indices = Tensor._empty(x._shape, kind_of(int64, x._kind.device))
    _run(row, [x], [values, indices], dim, False)
    return values, indices
