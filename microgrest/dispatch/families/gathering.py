"""Gather, scatter and join on tensors. Positions have been checked by whoever made them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ... import recording
from ...kernels.kinds.orders import move
from ...kernels.kinds.slices import ADD_SLICES, PUT_SLICES, SUM_SLICES, TAKE_SLICES
from ...kernels.source.kind import Kind as KernelKind
from ...kernels.source.program import LARGE
from ...ops.folds.reduction import any as some
from ...ops.places.indexing import put as PUT
from ...ops.places.movement import expand
from ...ops.pointwise.convert import copy as copy_row
from ...ops.pointwise.logic import logical_or, masked_fill
from ...ops.row import Row, register_type
from ...tensor import Tensor
from ...tensor.arrays import from_array
from ...tensor.storage import kind_of
from ..common import common_device
from ..forms import form_of
from ..ready import Launch
from ..structured import FORWARD, Plan, family, of_kind, planned, record
from ..writes import target
from ..writes.graph import lead
from ..writes.memory import add_at, converted, copy, filled, flat, meet_at, put as write_over
from .parts import cut, each


@planned("gather")
def gathered(row: Row, x: Tensor, index: Tensor) -> Plan:
    """The elements of `x` at flat positions `index`."""
    return of_kind(move.GATHER, x._kind.array_type, [(index._shape, x._kind)], size=x.numel())


@planned("take_slices")
def slices(row: Row, x: Tensor, index: Tensor, *, dim: int) -> Plan:
    """The slices `index` of `x` along `dim`."""
    before, n, after = x._shape[:dim], x._shape[dim], x._shape[dim + 1 :]
    shape = (*before, *index._shape, *after)
    if not math.prod(shape):
        return Plan(Launch(lambda *arrays: None), [(shape, x._kind)])
    sizes = n, math.prod(after)
    return of_kind(TAKE_SLICES, x._kind.array_type, [(shape, x._kind)], sizes, size=x.numel())


@planned("sum_slices")
def summed(row: Row, source: Tensor, index: Tensor, *, dim: int, extent: int) -> Plan | None:
    """Zeros with slices added, where the type is one that registers have."""
    before, after = source._shape[:dim], source._shape[dim + len(index._shape) :]
    if register_type(source.dtype) is not source.dtype or not math.prod(source._shape):
        return None
    result = (*before, extent, *after), source._kind
    sizes = extent, math.prod(after)
    return of_kind(SUM_SLICES, source._kind.array_type, [result], sizes, size=source.numel())


@family("sum_slices")
def sum_slices(row: Row, source: Tensor, index: Tensor, *, dim: int, extent: int) -> Tensor:
    """Zeros, `extent` slices along `dim`, with those of `source` added at their numbers."""
    before, after = source._shape[:dim], source._shape[dim + len(index._shape) :]
    shape, wide = (*before, extent, *after), register_type(source.dtype)
    if not source.numel():
        return filled(shape, source._kind, 0)
    y = Tensor._empty(shape, kind_of(wide, source._kind.device))
    operands = flat(converted(source, wide)), flat(index), y._flat
    y._kind.kernels.kinds.run(SUM_SLICES, y._kind.array_type, operands, (extent, math.prod(after)))
    return converted(y, source.dtype)


@planned("put_slices")
def putting(
    row: Row, x: Tensor, source: Tensor, index: Tensor, *, dim: int, accumulate: bool
) -> Plan | None:
    """A copy, and slices written or added to it."""
    n, shape, results = x.numel(), x._shape, [(x._shape, x._kind)]
    if register_type(x.dtype) is not x.dtype or len(shape) < 2 or not n:
        return None
    kernels, program = x._kind.kernels.elementwise, form_of(copy_row, (x, x)).program
    sizes = shape[dim], math.prod(shape[dim + 1 :])
    met = of_kind(_meeting(accumulate), x._kind.array_type, results, sizes, size=n)
    meet, tail = met.launch

    def launch(given: Any, theirs: Any, at: Any, out: Any) -> None:
        kernels.compiled(program, "vv0", 0, n)(out, given)
        meet(out, at, theirs, *tail)

    return Plan(Launch(launch), results)


def _meeting(accumulate: bool) -> KernelKind:
    return ADD_SLICES if accumulate else PUT_SLICES


@family("put_slices")
def slices_put(
    row: Row, x: Tensor, source: Tensor, index: Tensor, *, dim: int, accumulate: bool
) -> Tensor:
    """A copy of `x` with the slices of `source` written, or added, at their numbers."""
    y = copy(x)
    _write_slices(y, source, index, dim=dim, accumulate=accumulate)
    return y


@family("clear_slices")
def slices_cleared(row: Row, x: Tensor, index: Tensor, *, dim: int) -> Tensor:
    """A copy of `x` with zeros in slices."""
    own = x._shape or (1,)
    zeros = filled((*own[:dim], *index._shape, *own[dim + 1 :]), x._kind, 0)
    return slices_put(row, x, zeros, index, dim=dim, accumulate=False)


def put_slices(
    x: Tensor, source: Tensor, index: Tensor, row: Row, name: str, *, dim: int, accumulate: bool
) -> None:
    """`slices_put` in place, of a `source` that broadcasts."""
    _check_target(name, x, source, index)
    own = x._shape or (1,)
    source = expand(source, size=(*own[:dim], *index._shape, *own[dim + 1 :]))
    _in_place(x, source, index, row, _write_slices, dim=dim, accumulate=accumulate)


def _write_slices(y: Tensor, source: Tensor, index: Tensor, *, dim: int, accumulate: bool) -> None:
    """Write, or add, slices to `y`, which is contiguous; float16 is added in float32."""
    if y.ndim < 2:
        _write_at(y, source, index, accumulate=accumulate)
        return
    wide = converted(y, register_type(y.dtype)) if accumulate else y
    operands = wide._flat, flat(index), flat(converted(source, wide.dtype))
    sizes = y._shape[dim], math.prod(y._shape[dim + 1 :])
    y._kind.kernels.kinds.run(_meeting(accumulate), wide._kind.array_type, operands, sizes)
    if wide is not y:
        write_over(y, wide)


@family("scatter_add")
def scatter_add(row: Row, source: Tensor, index: Tensor, *, shape: tuple[int, ...]) -> Tensor:
    """Zeros of `shape` with the elements of `source` added at their positions."""
    y = filled(shape, source._kind, 0)
    add_at(y, flat(index), source)
    return y


@family("put")
def put_at(row: Row, x: Tensor, source: Tensor, index: Tensor, *, accumulate: bool) -> Tensor:
    """A copy of `x` with the elements of `source` written, or added, at their positions."""
    y = copy(x)
    _write_at(y, source, index, accumulate=accumulate)
    return y


def put(
    x: Tensor, value: Tensor, index: Tensor, accumulate: bool, row: Row = PUT, name: str = ""
) -> None:
    """`put_at` in place: `value`, which broadcasts, written to positions `index` of `x`.

    `name` is what users call it, `row` what is recorded.
    """
    _check_target(name or "index_put", x, value, index)
    source = expand(value, size=index._shape).reshape((-1,))
    _in_place(x, source, index, row, _write_at, accumulate=accumulate)


def _check_target(name: str, x: Tensor, value: Tensor, index: Tensor) -> None:
    common_device(name, (x, value, index))
    target.check_writable(name, x, (value,))
    target.check_apart(name, x, (value, index), whole=False)


def _in_place(
    x: Tensor, source: Tensor, index: Tensor, row: Row, write: Callable[..., None], **params: Any
) -> None:
    """Have `write` write to `x`, or a contiguous copy that it becomes, and record that as `row`."""
    old = x._same()
    old._node, old._requires_grad = x._node, x._requires_grad
    y = x if x._flat is not None else copy(x)
    write(y, source, index, **params)
    if y is not x:
        write_over(x, y)
    x._storage.touch()
    record(row, (old, source, index), params, x)
    if x._node is not old._node:
        lead(x, old._node)


def _write_at(y: Tensor, source: Tensor, index: Tensor, *, accumulate: bool) -> None:
    """Write, or add, the elements of `source` at positions of `y`, which is contiguous."""
    if accumulate:
        add_at(y, flat(index), source)
    else:
        operands = y._flat, flat(index), flat(source)
        y._kind.kernels.kinds.run(move.PUT, y._kind.array_type, operands)


_MEET = {"prod": move.SCATTER_MUL, "amax": move.SCATTER_MAX, "amin": move.SCATTER_MIN}


@family("meet")
def meet(row: Row, x: Tensor, source: Tensor, index: Tensor, *ends: Tensor, how: str) -> Tensor:
    """A copy of `x` whose elements have met those of `source` at their positions."""
    y = copy(x)
    meet_at(_MEET[how], y, flat(index), source)
    return y


@family("clear")
def clear(row: Row, x: Tensor, index: Tensor) -> Tensor:
    """A copy of `x` with zeros at positions `index`."""
    y = copy(x)
    zeros = filled(index._shape, x._kind, 0)
    y._kind.kernels.kinds.run(move.PUT, x._kind.array_type, (y._flat, flat(index), zeros._flat))
    return y


@family("take_along")
def take_along(row: Row, x: Tensor, index: Tensor, *, dim: int, name: str = "") -> Tensor:
    """The elements at `index` along `dim`; RuntimeError where one called `name` is out of range."""
    n = x._shape[dim] if x._shape else 1
    places = _along(x._shape, index, dim)
    if name and index.numel():
        outside, dims = logical_or(index < 0, index >= n), tuple(range(index.ndim))
        if recording.aside(lambda: some(outside, dim=dims, keepdim=False).item()):
            raise RuntimeError(f"{name} index out of range: it has to be in [0, {n})")
        places = masked_fill(places, outside, -1)  # which a step refuses when it runs
    return FORWARD["gather"](row, x, places)


@family("add_along")
def add_along(
    row: Row, source: Tensor, index: Tensor, *, dim: int, shape: tuple[int, ...]
) -> Tensor:
    """Zeros of `shape` with the elements of `source` added at `index` along `dim`."""
    return scatter_add(row, source, _along(shape, index, dim), shape=shape)


def _along(shape: tuple[int, ...], index: Tensor, dim: int) -> Tensor:
    """Flat places in a tensor of `shape`: `index` along `dim`, where it stands along the others."""
    places = index * math.prod(shape[dim + 1 :])
    own = np.zeros((1,) * index.ndim, np.int64)
    for d, n in enumerate(index._shape):
        if d != dim:
            step = math.prod(shape[d + 1 :])
            own = own + (np.arange(n) * step).reshape(-1, *(1,) * (index.ndim - d - 1))
    return places if own.size == 1 else places + from_array(own, index._kind)


# Of more tensors the call itself is what takes the time.
_SEVERAL = 16


@planned("cat")
def joined(row: Row, *tensors: Tensor, dim: int) -> Plan | None:
    """The tensors one after the other, where they are few and small."""
    shape, x = list(tensors[0]._shape), tensors[0]
    shape[dim] = sum(t._shape[dim] for t in tensors)
    joining = getattr(x._kind.kernels.memory, "joining", None)  # which the CPU has
    n = math.prod(shape)
    if joining is None or not n or n > LARGE or len(tensors) > _SEVERAL:
        return None
    return Plan(Launch(joining(math.prod(shape[:dim]))), [(tuple(shape), x._kind)])


@family("cat")
def cat(row: Row, *tensors: Tensor, dim: int) -> Tensor:
    """The tensors one after the other; all shapes but that of `dim` agree."""
    shape = list(tensors[0]._shape)
    lengths = [t._shape[dim] for t in tensors]
    shape[dim] = sum(lengths)
    y = Tensor._empty(shape, tensors[0]._kind)
    if not _joined(y, tensors, math.prod(shape[:dim])):
        for part, t in zip(cut(y, dim, lengths), tensors, strict=True):
            write_over(part, t)
    return y


@family("stack")
def stack(row: Row, *tensors: Tensor, dim: int) -> Tensor:
    """The tensors, all of one shape, along a new dimension."""
    shape = tensors[0]._shape
    y = Tensor._empty((*shape[:dim], len(tensors), *shape[dim:]), tensors[0]._kind)
    if not _joined(y, tensors, math.prod(shape[:dim])):
        for part, t in zip(each(y, dim), tensors, strict=True):
            write_over(part, t)
    return y


def _joined(y: Tensor, tensors: Sequence[Tensor], outer: int) -> bool:
    """Write many small tensors to `y` at once, where their device can; whether it was done.

    `y` is seen as (outer, rest), whose rows consist of those of the tensors.
    """
    join = getattr(y._kind.kernels.memory, "join", None)
    if join is None or recording.state.recorder or y.numel() > LARGE * len(tensors):
        return False
    if y.numel():
        join(y._flat, [flat(t) if t._flat is None else t._flat for t in tensors], outer)
    return True
