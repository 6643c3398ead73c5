"""Rows that are not elementwise, on tensors: the graph side, the same for every family.

What a rule reads is found by running it on symbols, once per set of inputs that want gradients. In
a backward pass what was not saved takes part as a symbol that has a shape, and what depends on it
drops out.

A family whose calls are one launch each says so by a Plan, which is made of what the operands are,
and not of where they lie or what they hold. A call like one before it, of contiguous operands, is
its launch again (`Known`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ..graph.arithmetic import served
from ..graph.modes import state
from ..graph.node import Node, checked
from ..kernels.source.kind import Kind as KernelKind
from ..kernels.source.program import LARGE
from ..ops.row import Row
from ..ops.trace import Symbol, free_inputs
from ..tensor import Tensor
from ..tensor.storage import Kind, kept
from .common import common_device
from .ready import Again, Launch, note, ready, saving, watching

FORWARD: dict[str, Callable[..., Tensor]] = {}
PLANS: dict[str, Callable[..., Plan | None]] = {}
# Calls that are kept, of so many shapes.
MOST_KNOWN = 4096


def family(kind: str) -> Callable[[Callable[..., Tensor]], Callable[..., Tensor]]:
    """Declare a function(row, *tensors, **params) as the forward of the rows of one kind."""

    def declare(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        FORWARD[kind] = function
        return function

    return declare


class Plan(NamedTuple):
    """A call of one launch: what fills the results, and their shapes and kinds."""

    launch: Launch
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
        return run(found, whole)[0]

    return declare


def of_kind(
    kind: KernelKind,
    params: Any,
    results: Sequence[tuple[tuple[int, ...], Kind]],
    sizes: tuple[int, ...] = (),
    values: tuple[Any, ...] = (),
    *,
    size: int = LARGE,
) -> Plan:
    """The Plan of a call of a kernel kind on flat operands, the first of `size` elements."""
    kinds = results[0][1].kernels.kinds
    shorter = getattr(kinds, "ready", None)  # which the CPU has
    if shorter is not None:
        return Plan(Launch(*shorter(kind, params, sizes, values, size)), results)
    return Plan(Launch(lambda *arrays: kinds.run(kind, params, arrays, sizes, values)), results)


def run(plan: Plan, operands: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The results of a Plan for contiguous operands."""
    results = tuple([Tensor._empty(shape, kind) for shape, kind in plan.results])
    function, tail = plan.launch
    function(*[t._flat for t in (*operands, *results)], *tail)
    return results


def again(
    plan: Plan, operands: int, row: Row | None, params: dict[str, Any], name: str = ""
) -> Again:
    """The function of contiguous operands that runs a Plan, and records it as a call of `row`."""
    if row is None or row.vjp is None or not plan.results[0][1].dtype.is_floating_point:
        return ready(plan.launch, operands, plan.results)

    def rule(wanted: int, tensors: Sequence[Tensor]) -> tuple[Any, Any]:
        which = tuple([bool(wanted >> i & 1) for i in range(len(tensors))])
        found = structured(row, tensors, which, params)
        return found.save, found.extra(tensors, params)

    return ready(plan.launch, operands, plan.results, rule, name)


_Y: Any = Symbol("y")  # a result that no rule reads


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
        self.stubs, self.partly = stubs, not all(wanted)
        # Nodes show the inputs that may have a gradient.
        self.inputs = [i for i, a in enumerate(args) if a._kind.dtype.is_floating_point]
        together = row.extra.get("together")
        self.together = together(tuple(wanted)) if together else None
        self.save = saving(self, wanted, self.saved, self.saves_y)

    def _bars(self, g: Any, y: Any, args: Sequence[Any], params: dict[str, Any]) -> list[Any]:
        assert self.row.vjp is not None
        bars = self.row.vjp(g, y, *args, **params)
        return [bar if wanted else None for bar, wanted in zip(bars, self.wanted, strict=True)]

    def extra(self, args: Sequence[Tensor], params: dict[str, Any]) -> Any:
        """What a node has beside tensors: parameters, and what stands for inputs not saved."""
        saved, pairs = self.saved, enumerate(zip(self.stubs, args, strict=True))
        return params, [None if i in saved else Symbol(s.name, like=a) for i, (s, a) in pairs]

    def backward(self, node: Node, g: Tensor) -> Sequence[Any]:
        """All cotangents at once, where the row says how, or the rule."""
        if self.together is None:
            return self.differentiable(node, g)
        cotangents: Sequence[Any] = self.together(g, *checked(node))
        return cotangents

    def differentiable(self, node: Node, g: Tensor) -> Sequence[Any]:
        """The rule run on tensors."""
        saved: Sequence[Any] = checked(node)
        params, stubs = node.extra
        args, y = stubs.copy(), _Y
        if self.saves_y:
            y = saved[0]._same()
            y._node, y._requires_grad = node, True
            saved = saved[1:]
        for i, t in zip(self.saved, saved):  # noqa: B905 - `strict` costs time here
            args[i] = t
        bars = self.row.vjp(g, y, *args, **params)  # type: ignore[misc]
        if self.partly:
            bars = [b if wanted else None for b, wanted in zip(bars, self.wanted, strict=True)]
        for bar in bars:
            if bar.__class__ is Symbol:
                raise RuntimeError(
                    f"the rule of {self.row.name} reads what it did not save: {bars}"
                )
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
    facts: list[Any] = [row, name, *params.values()]
    for a in args:
        if a._flat is None:
            return _computed(row, args, params, name)
        facts += a._kind, a._shape
    key = tuple(facts)
    known = _known.get(key)
    if known is None:
        return _unknown(row, args, params, name, key)
    result: Tensor = known(*args)
    if watching.calls is not None:
        note(known, args, result)
    return result


_known: dict[Any, Again] = kept({})


def _unknown(
    row: Row, args: Sequence[Tensor], params: dict[str, Any], name: str, key: Any
) -> Tensor:
    """`apply` of what is no call like one before; the next one will be."""
    result = _computed(row, args, params, name)
    found = PLANS[row.kind](row, *args, **params)
    if found is None:
        return result
    known = again(found, len(args), row, params, name)
    remember(_known, key, known)
    note(known, args, result)
    return result


def remember(known: dict[Any, Any], key: Any, call: Any) -> None:
    """Keep a call in a table, which begins anew where it is full."""
    if len(known) >= MOST_KNOWN:
        known.clear()
    known[key] = call


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
    rule = structured(row, args, wanted, params)
    rule.save(result, rule.extra(args, params), name, *args)


def structured(
    row: Row, args: Sequence[Tensor], wanted: tuple[bool, ...], params: dict[str, Any]
) -> Structured:
    """The Rule of `row` for the inputs that want gradients."""
    key: Any = wanted
    if "steers" in row.extra:
        key = (wanted, *[params[name] for name in row.extra["steers"]])
    rule: Structured | None = row.forms.get(key)
    if rule is None:
        rule = row.forms[key] = Structured(row, args, wanted, params)
    return rule
