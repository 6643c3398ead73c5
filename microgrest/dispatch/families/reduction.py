"""Reductions on tensors: dimensions brought to (outer, n, inner), folded, and shaped."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ...graph.modes import state
from ...graph.node import Node, numbers, watched, watchers
from ...kernels.kinds.search import SEARCH, Search
from ...kernels.source.program import LARGE, Input, Instr, Output, Program, Reduce
from ...ops.folds.reduction import sum as SUM
from ...ops.row import Row, register_type
from ...ops.trace import Symbol
from ...tensor import Tensor, contiguous_strides, make, wrap
from ...tensor.storage import Kind, kept, kind_of
from ...types.dtypes import FLOATING, bool_, dtype, float64, int64, uint8
from ..common import identity
from ..launch import broadcast_strides
from ..ready import Again, Launch, note, watching
from ..structured import (
    Plan,
    again,
    apply,
    family,
    of_kind,
    planned,
    record,
    remember,
    run,
)
from ..writes.memory import contiguous, converted, copy, flat


def result_type(row: Row, d: dtype) -> dtype:
    """The dtype that `row` returns for elements of dtype `d`."""
    lane = row.extra["lane"]
    if lane == "bool":
        return uint8 if d is uint8 else bool_
    return int64 if lane == "sum" and d.category != FLOATING else d


def program_of(row: Row, stored: dtype, result: dtype) -> Program:
    """The Program that folds elements of type `stored`."""
    found: Program | None = row.forms.get((stored, result))
    if found is None:
        loaded = register_type(stored).name
        lane, total = _lanes(row, loaded)
        final = row.extra.get("final", "{acc}")
        vector = row.extra.get("vector", "")
        fold = Reduce(_initial(row, loaded), row.extra["step"], lane, total, final, vector)
        each = row.extra.get("each")
        body = (Instr(each, (("x", 0),), lane, lane),) if each else ()
        output = Output(len(body), result.name, fold)
        found = row.forms[stored, result] = Program(
            row.name, (Input("x", stored.name, loaded),), body, (output,)
        )
    return found


def _lanes(row: Row, loaded: str) -> tuple[str, str]:
    """The types to accumulate in: within a block, and across blocks."""
    lane = row.extra["lane"]
    if lane == "squares":  # those of a float32 overflow
        return "float64", "float64"
    if lane == "sum":
        return {"float32": ("float32", "float64"), "float64": ("float64", "float64")}.get(
            loaded, ("int64", "int64")
        )
    if lane == "bool":
        return "bool", "bool"
    return (loaded, loaded) if loaded != "bool" else ("uint8", "uint8")


def _initial(row: Row, loaded: str) -> str:
    """The first value of a fold; the identity of an extremum depends on the type."""
    return identity(row.extra["init"], "uint8" if loaded == "bool" else loaded)


@family("reduction")
def fold(row: Row, x: Tensor, *, dim: tuple[int, ...], keepdim: bool) -> Tensor:
    """Fold the dimensions `dim` (sorted, non-negative) of `x`."""
    small = once(x)
    if small is not x:
        y = _again(row, fold(row, small, dim=dim, keepdim=True), numel(x, dim) // numel(small, dim))
        return _seen(y, x, dim, keepdim)
    d = x._kind.dtype
    program = program_of(row, d, result_type(row, d))
    array, outer, n, inner = arranged(x, dim)
    if "empty" in row.extra and not n and outer * inner:
        raise IndexError(
            f"{row.name}(): Expected reduction dim {list(dim)} to have non-zero size, it has no "
            "elements"
        )
    y = Tensor._empty(reduced_shape(x, dim, keepdim), kind_of(result_type(row, d), x.device))
    x._kind.kernels.reduction.fold(program, array, y._flat, outer, n, inner)
    return y


@planned("reduction")
def plan(row: Row, x: Tensor, *, dim: tuple[int, ...], keepdim: bool) -> Plan | None:
    """The fold of dimensions that are neighbors, of a contiguous tensor."""
    if dim and dim[-1] - dim[0] != len(dim) - 1:
        return None
    d, kernels = x._kind.dtype, x._kind.kernels.reduction
    result = result_type(row, d)
    program = program_of(row, d, result)
    _, *extents = arranged(x, dim)
    ready = getattr(kernels, "ready", None)  # which the CPU has
    if ready is not None:
        launch = Launch(*ready(program, *extents))
    else:
        launch = Launch(lambda array, out: kernels.fold(program, array, out, *extents))
    return Plan(launch, [(reduced_shape(x, dim, keepdim), kind_of(result, x.device))])


def once(x: Tensor) -> Tensor:
    """`x` with a single element along dimensions that repeat it, as expand makes them."""
    if 0 not in x._strides or 0 in x._shape:
        return x
    shape = tuple([n if step else 1 for n, step in zip(x._shape, x._strides, strict=True)])
    return x if shape == x._shape else x._alias(shape, x._strides, x._offset)


def numel(x: Tensor, dim: tuple[int, ...]) -> int:
    """How many elements the dimensions `dim` of `x` have."""
    return math.prod([x._shape[d] for d in dim])


def _again(row: Row, y: Tensor, n: int) -> Tensor:
    """The fold of elements each met `n` times, of which `y` is the fold of each met once."""
    again = row.extra.get("again")
    if again is None or n == 1:
        return y
    if y._kind.dtype.category != FLOATING:
        found: Tensor = again(y, n)
        return found
    return converted(again(converted(y, float64), float(n)), y._kind.dtype)


def _seen(y: Tensor, x: Tensor, dim: tuple[int, ...], keepdim: bool) -> Tensor:
    """The result of reducing `x` made of `y`, that of reducing `once(x)` with keepdim."""
    shape = reduced_shape(x, dim, True)
    if y._shape != shape:
        y = copy(y._alias(shape, broadcast_strides(y._shape, y._strides, shape), y._offset))
    shape = reduced_shape(x, dim, keepdim)
    return y._alias(shape, contiguous_strides(shape), y._offset)


def reduced_shape(x: Tensor, dim: tuple[int, ...], keepdim: bool) -> tuple[int, ...]:
    """The shape of a reduction's result."""
    return tuple(1 if d in dim else n for d, n in enumerate(x._shape) if keepdim or d not in dim)


def arranged(x: Tensor, dim: tuple[int, ...]) -> tuple[Any, int, int, int]:
    """`x` as a flat array (outer, n, inner) whose middle axis holds `dim`, and those extents.

    Neighboring dimensions of a contiguous tensor are there already; others are copied to the end.
    """
    shape = x._shape
    n = math.prod(shape[d] for d in dim)
    if x._flat is not None and (not dim or dim[-1] - dim[0] == len(dim) - 1):
        first, last = (dim[0], dim[-1] + 1) if dim else (len(shape), len(shape))
        return x._flat, math.prod(shape[:first]), n, math.prod(shape[last:])
    order = [d for d in range(len(shape)) if d not in dim] + list(dim)
    moved = x._alias([shape[d] for d in order], tuple(x._strides[d] for d in order), x._offset)
    return flat(moved), math.prod(shape[d] for d in order[: len(shape) - len(dim)]), n, 1


def search(
    row: Row, x: Tensor, dim: int | None, keepdim: bool, found: Row | None = None
) -> tuple[Tensor, Tensor]:
    """The best element along `dim` (of all for None), and the index of the first such element.

    The values are recorded as the result of `found`, if that is given.
    """
    key = row, x._kind, x._shape, dim, keepdim, found
    known = _searches.get(key)
    if known is not None and x._flat is not None:
        values, indices = note(known, (x,), known(x))
        return values, indices
    dims = tuple(range(x.ndim)) if dim is None or not x.ndim else (dim,)
    n = numel(x, dims)
    if not n:
        what = "to have non-zero size" if dim is not None else "to be specified for numel() == 0"
        where = "" if dim is None else f" {dim}"
        raise IndexError(f"{row.name}(): Expected reduction dim{where} {what}.")
    small = once(x)
    if small is not x:
        values, indices = search(row, small, dim, True)
        if dim is None:
            indices = _places_in(x._shape, small._shape, indices)
        values, indices = _seen(values, x, dims, keepdim), _seen(indices, x, dims, keepdim)
        if found is not None:
            record(found, (x, indices), _along(x, dims, keepdim), values)
        return values, indices
    loaded = contiguous(converted(x, register_type(x._kind.dtype)))
    _, _, n, inner = arranged(loaded, dims)
    shape = reduced_shape(x, dims, keepdim)
    results = [(shape, loaded._kind), (shape, kind_of(int64, x.device))]
    better = _better(row, loaded.dtype.name, inner != 1)
    how = of_kind(SEARCH, better, results, (n, inner), size=x.numel())
    if loaded is x:
        known = again(how, 1, found, _along(x, dims, keepdim))
        remember(_searches, key, known)
        values, indices = note(known, (x,), known(x))
        return values, indices
    values, indices = run(how, [loaded])
    values = converted(values, x._kind.dtype)
    if found is not None:
        record(found, (x, indices), _along(x, dims, keepdim), values)
    return values, indices


_searches: dict[Any, Again] = kept({})


def _along(x: Tensor, dims: tuple[int, ...], keepdim: bool) -> dict[str, Any]:
    """The parameters of the row whose result is found along one of the dimensions."""
    return {"dim": dims[0] if dims else 0, "keepdim": bool(keepdim) or not x._shape}


def _better(row: Row, loaded: str, columns: bool) -> Search:
    """What a search of elements of type `loaded` goes by."""
    found: Search | None = row.forms.get((loaded, columns))
    if found is None:
        better, vector = row.extra["better"], row.extra["vector"]
        found = row.forms[loaded, columns] = Search(row.name, better, loaded, columns, vector)
    return found


def _places_in(shape: tuple[int, ...], own: tuple[int, ...], index: Tensor) -> Tensor:
    """Flat places in a tensor of `shape` of those `index` in one with 1 for some extents."""
    place = index * 0
    for d, n in enumerate(own):
        along = (index // math.prod(own[d + 1 :])) % n
        place = place + along * math.prod(shape[d + 1 :])
    return place


# The short path: all elements of a contiguous tensor to one.


class Evenly:
    """The Rule of a sum or mean of all elements: every one gets the same, without memory."""

    def __init__(self, row: Row) -> None:
        self.row, self.name = row, row.backward_name

    def backward(self, node: Node, g: Tensor) -> Sequence[Any]:
        """The gradient, over n for a mean, seen at every element."""
        shape = node.edges[0]._shape
        if self.row is not SUM:
            g = g / float(math.prod(shape))
        return (spread(g, shape),)

    def differentiable(self, node: Node, g: Tensor) -> Sequence[Any]:
        """The row's own rule, recorded."""
        x = Symbol("x", like=node.edges[0])
        assert self.row.vjp is not None
        return self.row.vjp(g, None, x, dim=tuple(range(x.ndim)), keepdim=False)


def spread(g: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The one element of `g` seen at every place of `shape`."""
    n = math.prod(shape)
    t = wrap(g._flat[:n] if n < 2 else None, shape, (0,) * len(shape), g._kind)
    t._storage, t._offset = g._storage, g._offset
    return t


def folding(row: Row) -> Callable[[Tensor], Tensor]:
    """The function of a sum or mean of all elements; what does not fit takes the general path."""
    entries: dict[Kind, tuple[Callable[[int], Any], Any, Kind]] = kept({})
    rule = Evenly(row)

    def slow(x: Tensor) -> Tensor:
        kind = x._kind
        if kind not in entries and x._flat is not None:
            result = kind_of(result_type(row, kind.dtype), kind.device)
            program = program_of(row, kind.dtype, result.dtype)
            at = partial(kind.kernels.elementwise.compiled, program, "vr", 0)
            entries[kind] = at, at(0), result
            return op(x)
        return apply(row, (x,), {"dim": tuple(range(x.ndim)), "keepdim": False})

    def op(x: Tensor) -> Tensor:
        flat = x._flat
        found = entries.get(x._kind)
        if flat is None or found is None:
            return slow(x)
        at, kernel, kind = found
        out = kind.empty(1)
        (kernel if flat.size < LARGE else at(flat.size))(flat, out)
        t = make(out, SCALAR, kind)
        if x._requires_grad and state.grad:
            node = _new(Node)
            node.number = next(numbers)
            node.rule = rule
            node.edges = (x._node or x,)
            node.saved = node.versions = node.extra = ()
            node._shape, node._kind, node.hooks = SCALAR, kind, None
            t._node, t._requires_grad = node, True
            if watchers:
                watched(node)
        return t if watching.calls is None else note(op, (x,), t)

    return op


_new = object.__new__
SCALAR: tuple[int, ...] = ()
