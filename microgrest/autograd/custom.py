"""What calls of a Function become in the graph.

One node stands for a call. If several outputs take gradients, each has a node of its own (`Port`)
that hands what arrives there on to the node of the call.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..dispatch.writes.graph import lead
from ..dispatch.writes.memory import filled
from ..dispatch.writes.target import check_writable
from ..graph.node import (
    Bundle,
    Kept,
    Node,
    Port,
    Rule,
    checked,
    numbers,
    watched,
    watchers,
)
from ..ops.pointwise.convert import clone
from ..recording import state as recording
from ..tensor import Tensor
from ..tensor.weak import WeakList

_new = object.__new__


def run(cls: Any, part: str, *args: Any) -> Any:
    """Call a method of a user's Function, by a name that a recorder can tell."""
    before, recording.function = recording.function, f"{cls.__name__}.{part}"
    try:
        return getattr(cls, part)(*args)
    finally:
        recording.function = before


def ids(values: Sequence[Any]) -> set[int]:
    """What tells whether a tensor itself is among `values`."""
    return set(map(id, values))


class Outputs:
    """What `forward` returned, on its way to the caller."""

    def __init__(self, rule: Custom, ctx: Any, args: Sequence[Any], outputs: Sequence[Any]) -> None:
        self.rule, self.ctx, self.args, self.outputs = rule, ctx, args, outputs
        self.given = ids(args)
        # The outputs that are inputs written to, the first of each.
        self.written: dict[int, Tensor] = {}
        for t in ctx._dirty:
            if id(t) in self.given:
                t._storage.touch()
                self.written[[y is t for y in outputs].index(True)] = t

    def unrecorded(self) -> tuple[Any, ...]:
        """All of them, outside of the graph."""
        return tuple([self._apart(i, y) for i, y in enumerate(self.outputs)])

    def recorded(self, edges: tuple[Any, ...]) -> tuple[Any, ...]:
        """Those that can have gradients as the results of one node with these `edges`."""
        call = Call(self.ctx, self.args, self.outputs)
        if not call.led:
            return self.unrecorded()
        for i, y in self.written.items():
            if i in call.led:
                check_writable(self.rule.name, y, self.args)
        results = tuple(
            [
                self._own(i, y) if i in call.led else self._apart(i, y)
                for i, y in enumerate(self.outputs)
            ]
        )
        node = self._node(call, edges)
        for i in call.led:
            self._lead(results, i, call.port(node, i))
        return results

    def _apart(self, i: int, y: Any) -> Any:
        """Output `i` outside of the graph."""
        if not isinstance(y, Tensor):
            return y
        if id(y) in self.given and i not in self.written:
            alias = y._same()
            base, path, _ = y._base or (y, (), True)
            alias._base = base, path, False
            return alias
        return y._same() if y._requires_grad else y

    def _own(self, i: int, y: Tensor) -> Tensor:
        """The tensor for output `i` in the graph: itself, unless it already is another's."""
        others = y._requires_grad or id(y) in self.given or (i and id(y) in ids(self.outputs[:i]))
        return y._same() if others and i not in self.written else y

    def _node(self, call: Call, edges: tuple[Any, ...]) -> Node:
        """The node of the call, which keeps what was saved."""
        like = call.likes[call.led[0]] if len(call.led) == 1 else (Bundle._shape, Bundle._kind)
        assert like is not None
        node = _made(self.rule, edges, like)
        node.extra = call
        self.ctx._node = weakref.ref(node)
        if self.ctx._saves:
            self._save(call, node)
        if watchers:
            watched(node)
        return node

    def _save(self, call: Call, node: Node) -> None:
        own = {
            id(y): i
            for i, y in enumerate(self.outputs)
            if i in call.led and (i in self.written or id(y) not in self.given)
        }
        tensors = self.ctx._saves
        call.places = [None if t is None else own.get(id(t), -1) for t in tensors]
        # An output itself would hold on to the node, which holds it.
        node.saved = tuple([t._same() if id(t) in own else t for t in tensors if t is not None])
        node.versions = tuple([t._storage.version for t in node.saved])

    def _lead(self, results: Sequence[Any], i: int, node: Node) -> None:
        """Lead the gradient of output `i` to `node`."""
        y, old = results[i], results[i]._node
        y._node, y._requires_grad = node, True
        if i in self.written:
            lead(y, old)
            return
        y._base = None  # of a tensor of forward's own
        for other in (*self.args, *results[:i], self.outputs[i]):
            if isinstance(other, Tensor) and other._storage is y._storage and other is not y:
                _guard(y, other, self.rule.name)
                return


def _guard(y: Tensor, source: Tensor, name: str) -> None:
    """Forbid recorded writes to `y`, a view of `source`; after one to that `y` has no gradient."""
    base = source
    while base._base is not None:
        base = base._base[0]
    # Writes look at what the base requires; here that is what `y` does.
    guard = y._same()
    guard._node, guard._requires_grad, guard._base = y._node, True, (base, (), False)
    y._base = guard, ((), Lost(name, y._shape), {}), False
    if base._node is not None or not base._requires_grad:
        base._views = WeakList() if base._views is None else base._views
        base._views.add(y)


class Lost:
    """Stands for the movement row, and is the rule, of a view that autograd cannot follow."""

    def __init__(self, name: str, shape: tuple[int, ...]) -> None:
        self.name, self.shape = name, shape

    def __call__(self, base: Tensor) -> Tensor:
        """What has the place in the graph that the view has after a write to its base."""
        y = base._same()
        y._node, y._requires_grad = _made(self, (base._edge,), (self.shape, y._kind)), True
        y._node.extra = base._storage.written_at()
        return y

    def backward(self, node: Node, g: Any) -> Sequence[Any]:
        """RuntimeError."""
        raise RuntimeError(
            f"an output of {self.name} is a view of its input, or the input itself, which was then "
            f"modified by an inplace operation {node.extra}: the gradient of a custom Function "
            "cannot follow that; return a clone() from its forward"
        )

    differentiable = backward


# The node


def _made(rule: Rule, edges: tuple[Any, ...], like: tuple[tuple[int, ...], Any]) -> Node:
    """A new node for a value of this shape and kind."""
    node: Node = _new(Node)
    node.number = next(numbers)
    node.rule, node.edges = rule, edges
    node.saved = node.versions = ()
    node._shape, node._kind = like
    node.extra = node.hooks = None
    return node


class Call:
    """What a node knows of its call of a Function.

    `tensors` says which arguments were tensors, `likes` the shape and kind of each output (None if
    it is no tensor), `led` which outputs take gradients. `places` has for each saved value the
    number of the output that it is, -1 for another tensor, None for None.
    """

    __slots__ = ("ctx", "led", "likes", "places", "ports", "tensors")

    def __init__(self, ctx: Any, args: Sequence[Any], outputs: Sequence[Any]) -> None:
        self.ctx = ctx
        self.tensors = [isinstance(a, Tensor) for a in args]
        self.likes = [(y._shape, y._kind) if isinstance(y, Tensor) else None for y in outputs]
        plain = ids(ctx._plain)
        self.led = [
            i
            for i, like in enumerate(self.likes)
            if like and like[1].dtype.is_floating_point and id(outputs[i]) not in plain
        ]
        self.places: list[int | None] = []
        self.ports: dict[int, weakref.ref[Node]] = {}

    def port(self, node: Node, i: int) -> Node:
        """Where the gradient of output `i` goes: to the node, or to one that hands it on."""
        if len(self.led) == 1:
            return node
        known = self.ports.get(i)
        port = None if known is None else known()
        if port is None:
            like = self.likes[i]
            assert like is not None
            port = _made(Port(node.rule.name, i), (node,), like)
            self.ports[i] = weakref.ref(port)
        return port

    def saved(self, node: Node) -> tuple[Any, ...]:
        """What was saved, its outputs in the graph."""
        saved = iter(checked(node))
        return tuple(
            [None if place is None else self._led(node, place, saved) for place in self.places]
        )

    def _led(self, node: Node, place: int, saved: Iterator[Tensor]) -> Tensor:
        t = next(saved)
        if place != -1:
            t = t._same()
            t._node, t._requires_grad = self.port(node, place), True
        return t

    def gradients(self, g: Any) -> list[Any]:
        """A gradient per output, from what arrived at the node."""
        parts = {self.led[0]: g} if len(self.led) == 1 else g.parts
        return [parts[i] if i in parts else self._absent(like) for i, like in enumerate(self.likes)]

    def _absent(self, like: tuple[tuple[int, ...], Any] | None) -> Tensor | None:
        return filled(*like, 0) if like is not None and self.ctx._materialize else None

    def cotangents(self, node: Node, given: Any) -> list[Any]:
        """What backward returned, for each edge of the node; RuntimeError if it does not fit."""
        bars = list(given) if isinstance(given, tuple) else [given]
        n = len(self.tensors)
        if len(bars) != n and (len(bars) < n or any(c is not None for c in bars[n:])):
            raise RuntimeError(
                f"function {node.name()} returned an incorrect number of gradients (expected {n}, "
                f"got {len(bars)}): backward returns one for each argument of forward, None for "
                "what has no gradient"
            )
        for i, (c, tensor) in enumerate(zip(bars, self.tensors, strict=False), 1):
            if c is not None and not tensor:
                raise RuntimeError(
                    f"function {node.name()} returned a gradient different than None at position "
                    f"{i}, but the corresponding forward input was not a Variable"
                )
        owed = [c for c, tensor in zip(bars, self.tensors, strict=False) if tensor]
        pairs = enumerate(zip(node.edges, owed, strict=True))
        return [None if edge is None else _fitting(node, i, edge, c) for i, (edge, c) in pairs]


def _fitting(node: Node, i: int, edge: Any, c: Any) -> Any:
    """`c`, if it can be the gradient that goes to `edge`."""
    if c is None:
        return None
    if not isinstance(c, Tensor):
        raise RuntimeError(
            f"function {node.name()}: expected Variable or None (got {type(c).__name__})"
        )
    wrong = f"Function {node.name()} returned an invalid gradient at index {i} - "
    if c._shape != edge._shape and not _sums_to(edge._shape, c._shape):
        raise RuntimeError(
            f"{wrong}got {list(c._shape)} but expected shape compatible with {list(edge._shape)}"
        )
    if c._kind.device is not edge._kind.device:
        raise RuntimeError(f"{wrong}expected device {edge._kind.device} but got {c._kind.device}")
    return c


def _sums_to(shape: tuple[int, ...], larger: tuple[int, ...]) -> bool:
    """Whether `larger` is what broadcasting can make of `shape`."""
    missing = len(larger) - len(shape)
    return missing >= 0 and all(m in (1, n) for m, n in zip(shape, larger[missing:], strict=True))


class FunctionNode(Node):
    """The node of a call of a Function. What its ctx has is had from it, too."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        call = None if name.startswith("_") else getattr(self, "extra", None)
        if call is None or not hasattr(call.ctx, name):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(call.ctx, name)

    def _parted(self, g: Any) -> tuple[Any, ...]:
        call: Call = self.extra
        parts = {call.led[0]: g} if len(call.led) == 1 else g.parts
        return tuple([parts.get(i) for i in range(len(call.likes))])

    def _joined(self, parts: Sequence[Any]) -> Any:
        call: Call = self.extra
        if len(call.led) == 1:
            return parts[call.led[0]]
        return Bundle({i: parts[i] for i in call.led if parts[i] is not None})


class Custom:
    """The Rule of a Function: its `backward`."""

    seen_as = FunctionNode

    def __init__(self, cls: Any) -> None:
        self.cls, self.name = cls, f"{cls.__name__}Backward"

    def backward(self, node: Node, g: Any) -> Sequence[Any]:
        """What the user's code returns, outside of the graph."""
        return self._run(node, g, lambda c: c._same() if c._requires_grad else c)

    def differentiable(self, node: Node, g: Any) -> Sequence[Any]:
        """What the user's code returns, recorded."""
        # A leaf as it is would become the gradient of another, and be written to as such.
        return self._run(node, g, lambda c: c if c._node or not c._requires_grad else clone(c))

    def _run(self, node: Node, g: Any, apart: Callable[[Tensor], Tensor]) -> Kept:
        call: Call = node.extra
        grads = call.gradients(g)
        found = call.cotangents(node, run(self.cls, "backward", call.ctx, *grads))
        return Kept([c if c is None else apart(c) for c in found], grads)


def once(c: Any, of: Node, edges: tuple[Any, ...]) -> Any:
    """A gradient that depends on `edges`, by what is not known."""
    if not isinstance(c, Tensor) or not c._kind.dtype.is_floating_point:
        return c
    y = c._same()
    y._node, y._requires_grad = _made(Once(of.name()), edges, (y._shape, y._kind)), True
    return y


class Once:
    """The Rule of a gradient from code that is differentiable once."""

    name = "Error"

    def __init__(self, function: str) -> None:
        self.function = function

    def backward(self, node: Node, g: Any) -> Sequence[Any]:
        """RuntimeError."""
        raise RuntimeError(
            f"trying to differentiate {self.function} twice, a function that was marked with "
            "@once_differentiable: write its backward by differentiable ops on its saved tensors"
        )

    differentiable = backward
