"""Rows that are not elementwise, on tensors: the graph side, the same for every family.

What a rule reads is found by running it on symbols, once per set of inputs that want gradients. In
a backward pass what was not saved takes part as a symbol that has a shape, and what depends on it
drops out.

A family whose calls are one launch each says so by a Plan, which is made of what the operands are,
and not of where they lie or what they hold. A call like one before it, of contiguous operands, is
its launch again (`Known`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ..graph.arithmetic import served
from ..graph.modes import state
from ..graph.node import Node, checked, numbers, watched, watchers
from ..kernels.source.kind import Kind as KernelKind
from ..ops.row import Row
from ..ops.trace import Symbol, free_inputs
from ..tensor import Tensor, contiguous_strides, wrap
from ..tensor.storage import Kind, kept
from .common import common_device

FORWARD: dict[str, Callable[..., Tensor]] = {}
PLANS: dict[str, Callable[..., Plan | None]] = {}
_new = object.__new__
# Calls that are kept, of so many shapes.
MOST_KNOWN = 4096


def family(kind: str) -> Callable[[Callable[..., Tensor]], Callable[..., Tensor]]:
    """Declare a function(row, *tensors, **params) as the forward of the rows of one kind."""

    def declare(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        FORWARD[kind] = function
        return function

    return declare


class Plan(NamedTuple):
    """A call of one launch: `launch`, given the operands' arrays and those of results, which it
    fills, and the results' shapes and kinds."""

    launch: Callable[[list[Any]], Any]
    results: Sequence[tuple[tuple[int, ...], Kind]]


def planned(kind: str) -> Callable[[Callable[..., Plan | None]], Callable[..., Plan | None]]:
    """Declare a function(row, *tensors, **params) as the Plan of calls of the rows of one kind.

    It may look at kinds, shapes and parameters, and is asked where all operands are contiguous.
    Where it returns None, and where they are not, the family's function computes; by default that
    runs the Plan on contiguous copies.
    """

    def declare(plan: Callable[..., Plan | None]) -> Callable[..., Plan | None]:
        PLANS[kind] = plan
        FORWARD.setdefault(kind, computed)
        return plan

    def computed(row: Row, *args: Tensor, **params: Any) -> Tensor:
        found = PLANS[kind](row, *args, **params)
        assert found is not None
        whole = [a if a._flat is not None else served.by.copy(a) for a in args]
        return Known(found).run([a._flat for a in whole])[0]

    return declare


def of_kind(
    kind: KernelKind,
    params: Any,
    results: Sequence[tuple[tuple[int, ...], Kind]],
    sizes: tuple[int, ...] = (),
    values: tuple[Any, ...] = (),
) -> Plan:
    """The Plan of a call of a kernel kind on flat operands."""
    kinds = results[0][1].kernels.kinds
    return Plan(lambda arrays: kinds.run(kind, params, arrays, sizes, values), results)


class Known:
    """A Plan with all that it takes to run it at once."""

    __slots__ = ("launch", "made")

    def __init__(self, plan: Plan) -> None:
        self.launch = plan.launch
        self.made = [
            (kind.empty, math.prod(shape), shape, contiguous_strides(shape), kind)
            for shape, kind in plan.results
        ]

    def run(self, arrays: list[Any]) -> list[Tensor]:
        """The results for operands that lie in `arrays`, which get those of the results, too."""
        results = []
        for empty, n, shape, strides, kind in self.made:
            array = empty(n)
            arrays.append(array)
            results.append(wrap(array, shape, strides, kind))
        self.launch(arrays)
        return results


class Structured:
    """The Rule of a row for one set of inputs that want gradients."""

    def __init__(
        self, row: Row, args: Sequence[Tensor], wanted: Sequence[bool], params: dict[str, Any]
    ) -> None:
        self.row, self.name, self.wanted = row, row.backward_name, wanted
        y, g = Symbol("y"), Symbol("g")
        stubs = [Symbol(name, like=a) for name, a in zip(names(row, args), args, strict=True)]
        free = free_inputs(self._bars(g, y, stubs, params))
        self.saves_y = y in free
        self.saved = [i for i, s in enumerate(stubs) if s in free]
        # Nodes show the inputs that may have a gradient.
        self.inputs = [i for i, a in enumerate(args) if a._kind.dtype.is_floating_point]
        # Which inputs are not saved, and the names of all.
        self.unsaved = [i for i, s in enumerate(stubs) if s not in free]
        self.names = [s.name for s in stubs]
        together = row.extra.get("together")
        self.together = together(tuple(wanted)) if together else None

    def _bars(self, g: Any, y: Any, args: Sequence[Any], params: dict[str, Any]) -> list[Any]:
        assert self.row.vjp is not None
        bars = self.row.vjp(g, y, *args, **params)
        return [bar if wanted else None for bar, wanted in zip(bars, self.wanted, strict=True)]

    def attach(
        self, y: Tensor, edges: tuple[Any, ...], args: Sequence[Tensor], params: dict[str, Any]
    ) -> None:
        """Make `y` the result of a recorded operation on `args`."""
        node = _new(Node)
        node.number = next(numbers)
        node.rule, node.edges = self, edges
        node.saved = node.versions = ()
        if self.saved or self.saves_y:
            saved = tuple([args[i] for i in self.saved])
            node.saved = saved = (y._same(), *saved) if self.saves_y else saved
            node.versions = tuple([t._storage.version for t in saved])
        node.extra = params, [(args[i]._shape, args[i]._kind) for i in self.unsaved]
        node._shape, node._kind, node.hooks = y._shape, y._kind, None
        y._node, y._requires_grad = node, True
        if watchers:
            watched(node)

    def backward(self, node: Node, g: Tensor) -> Sequence[Any]:
        """All cotangents at once, where the row says how, or the rule."""
        if self.together is None:
            return self.differentiable(node, g)
        cotangents: Sequence[Any] = self.together(g, *checked(node))
        return cotangents

    def differentiable(self, node: Node, g: Tensor) -> Sequence[Any]:
        """The rule run on tensors."""
        saved = iter(checked(node))
        params, unsaved = node.extra
        y: Any = Symbol("y")
        if self.saves_y:
            y = next(saved)._same()
            y._node, y._requires_grad = node, True
        args: list[Any] = [None] * len(self.names)
        for i, (shape, kind) in zip(self.unsaved, unsaved, strict=True):
            args[i] = stub = Symbol(self.names[i])
            stub._shape, stub._kind = shape, kind
        for i in self.saved:
            args[i] = next(saved)
        bars = self._bars(g, y, args, params)
        if any(isinstance(bar, Symbol) for bar in bars):
            raise RuntimeError(f"the rule of {self.row.name} reads what it did not save: {bars}")
        return bars


def names(row: Row, args: Sequence[Any]) -> Sequence[str]:
    """A name per input; a row without any takes as many as it is given."""
    return row.args or [f"x{i}" for i in range(len(args))]


def apply(row: Row, args: Sequence[Tensor], params: dict[str, Any], name: str = "") -> Tensor:
    """Run a structured row on tensors of one device, and record it where a gradient is wanted.

    The node goes by `name`, if that is not the row's own.
    """
    if row.kind not in PLANS:
        return _computed(row, args, params, name)
    facts, arrays, wanted = [row, *params.values()], [], False
    for a in args:
        if a._flat is None:
            return _computed(row, args, params, name)
        facts += a._kind, a._shape
        arrays.append(a._flat)
        wanted = wanted or a._requires_grad
    key = tuple(facts)
    known = _known.get(key)
    if known is None:
        return _unknown(row, args, params, name, key)
    (result,) = known.run(arrays)
    if wanted and state.grad:
        record(row, args, params, result, name)
    return result


_known: dict[Any, Known] = kept({})


def _unknown(
    row: Row, args: Sequence[Tensor], params: dict[str, Any], name: str, key: Any
) -> Tensor:
    """`apply` of what is no call like one before; the next one will be."""
    result = _computed(row, args, params, name)
    found = PLANS[row.kind](row, *args, **params)
    if found is not None:
        if len(_known) >= MOST_KNOWN:
            _known.clear()
        _known[key] = Known(found)
    return result


def _computed(row: Row, args: Sequence[Tensor], params: dict[str, Any], name: str) -> Tensor:
    """`apply` by the function of the row's family."""
    if len(args) > 1:
        kind = args[0]._kind
        for a in args:
            if a._kind is not kind and a._kind.device is not kind.device:
                common_device(row.name, args)
    result = FORWARD[row.kind](row, *args, **params)
    record(row, args, params, result, name)
    return result


def record(
    row: Row, args: Sequence[Tensor], params: dict[str, Any], result: Tensor, name: str = ""
) -> None:
    """Make `result` the output of `row` in the graph, where some of `args` want gradients."""
    wanted = tuple([a._requires_grad for a in args])
    if True not in wanted or not state.grad or row.vjp is None:
        return
    if not result._kind.dtype.is_floating_point:
        return
    edges = tuple([(a._node or a) if a._requires_grad else None for a in args])
    key: Any = wanted
    if "steers" in row.extra:
        key = (wanted, *[params[name] for name in row.extra["steers"]])
    rule: Structured | None = row.forms.get(key)
    if rule is None:
        rule = row.forms[key] = Structured(row, args, wanted, params)
    rule.attach(result, edges, args, params)
    if name and result._node is not None:
        result._node._name = name
