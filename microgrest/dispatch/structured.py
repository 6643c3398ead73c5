"""Rows that are not elementwise, on tensors: the graph side, the same for every family.

What a rule reads is found by running it on symbols, once per set of inputs that want gradients. In
a backward pass what was not saved takes part as a symbol that has a shape, and what depends on it
drops out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..graph.modes import state
from ..graph.node import Node, checked, numbers, watched, watchers
from ..ops.row import Row
from ..ops.trace import Symbol, free_inputs
from ..tensor import Tensor
from .common import common_device

FORWARD: dict[str, Callable[..., Tensor]] = {}
_new = object.__new__


def family(kind: str) -> Callable[[Callable[..., Tensor]], Callable[..., Tensor]]:
    """Declare a function(row, *tensors, **params) as the forward of the rows of one kind."""

    def declare(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        FORWARD[kind] = function
        return function

    return declare


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
        # The name of each input that is not saved, None where one is.
        self.stubs = [None if s in free else s.name for s in stubs]

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
        pairs = zip(self.stubs, args, strict=True)
        node.extra = params, [None if n is None else Symbol(n, like=a) for n, a in pairs]
        node._shape, node._kind, node.hooks = y._shape, y._kind, None
        y._node, y._requires_grad = node, True
        if watchers:
            watched(node)

    def backward(self, node: Node, g: Tensor) -> Sequence[Any]:
        """The rule run on tensors."""
        saved = iter(checked(node))
        params, stubs = node.extra
        y: Any = Symbol("y")
        if self.saves_y:
            y = next(saved)._same()
            y._node, y._requires_grad = node, True
        args = [next(saved) if stub is None else stub for stub in stubs]
        bars = self._bars(g, y, args, params)
        if any(isinstance(bar, Symbol) for bar in bars):
            raise RuntimeError(f"the rule of {self.row.name} reads what it did not save: {bars}")
        return bars

    differentiable = backward


def names(row: Row, args: Sequence[Any]) -> Sequence[str]:
    """A name per input; a row without any takes as many as it is given."""
    return row.args or [f"x{i}" for i in range(len(args))]


def apply(row: Row, args: Sequence[Tensor], params: dict[str, Any], name: str = "") -> Tensor:
    """Run a structured row on tensors of one device, and record it where a gradient is wanted.

    The node goes by `name`, if that is not the row's own.
    """
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
    edges = tuple([a._edge for a in args])
    key: Any = wanted
    if "steers" in row.extra:
        key = (wanted, *[params[name] for name in row.extra["steers"]])
    rule: Structured | None = row.forms.get(key)
    if rule is None:
        rule = row.forms[key] = Structured(row, args, wanted, params)
    rule.attach(result, edges, args, params)
    if name and result._node is not None:
        result._node._name = name
