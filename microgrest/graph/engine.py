"""The engine: gradients from roots to leaves, over opaque values.

An edge is a Node or a leaf; both say what gradient they take by `_shape` and `_kind`. A value has
the same two, and `_memory`, which names its memory. What is done to values is `arithmetic`.

Nodes are numbered as they are made, so a node's users have higher numbers than the node. Run from
the highest down, every node meets its finished gradient once, in an order that repeats.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any

from . import anomaly, modes
from .arithmetic import served
from .hooks import Before, Behind, Placed, deliver, gather, of, stand_in, stand_ins
from .node import FREED, NODES, Bundle, Kept, Node

_number = attrgetter("number")


class _Running(threading.local):
    """The pass of this thread: the nodes that it may run, and whether leaves gather gradients."""

    task: tuple[Sequence[Node], bool] = (), False


running = _Running()


def run(
    roots: Sequence[tuple[Any, Any]],
    *,
    retain_graph: bool,
    create_graph: bool,
    wanted: Sequence[Any] | None = None,
) -> list[Any]:
    """Send each root's gradient, (edge, gradient), back through the graph.

    Without `wanted`, leaves gather what arrives at them. With it, a sequence of edges, nothing is
    gathered: the gradients that arrive at those edges are returned, None where none does.
    """
    nodes = _reached(edge for edge, _ in roots)
    sums = Sums(in_place=not create_graph)
    before, outer = modes.state.grad, running.task
    modes.state.grad, running.task = create_graph, (nodes, wanted is None)
    try:
        for edge, g in roots:
            sums.add(edge, g)
            sums.taken.add(g._memory)
        if wanted is None:
            _propagate(nodes, sums, retain_graph, create_graph)
            _deliver(sums)
            return []
        asked = frozenset(wanted)
        useful = _leading_to(nodes, asked)
        caught: dict[Any, Any] = {}
        nodes = [node for node in nodes if node in useful]
        running.task = nodes, False
        for edge in sums.values.keys() - useful - asked:
            _arrived(edge, sums, caught)  # a root's hooks see its gradient, wanted or not
        _propagate(nodes, sums, retain_graph, create_graph, useful | asked, caught)
        found = {edge: _arrived(edge, sums, caught) for edge in dict.fromkeys(wanted)}
        return [found[edge] for edge in wanted]
    finally:
        modes.state.grad, running.task = before, outer


class Sums:
    """The gradients on their way: one value per edge, added up in place once the sum is our own."""

    __slots__ = ("in_place", "own", "taken", "values")

    def __init__(self, in_place: bool) -> None:
        self.values: dict[Any, Any] = {}
        self.own: set[Any] = set()
        # Memory of gradients that others hold: what came in, what hooks and Functions have seen.
        self.taken: set[int] = set()
        self.in_place = in_place

    def add(self, edge: Any, c: Any) -> None:
        """Add `c` to what has arrived at `edge`, in the shape and kind that the edge takes."""
        if c._shape != edge._shape:
            c = served.by.sum_to(c, edge._shape)
        if c._kind is not edge._kind:
            c = served.by.as_kind(c, edge._kind)
        held = self.values.get(edge)
        if held is None:
            self.values[edge] = c
        elif held.__class__ is Bundle:
            self.values[edge] = held.joined(c)
        elif edge in self.own:
            served.by.add_in_place(held, c)
        elif self.in_place:
            self.values[edge] = served.by.plus(held, c)
            self.own.add(edge)
        else:
            self.values[edge] = served.by.add(held, c)

    def hooked(self, hooks: dict[int, Any], g: Any) -> Any:
        """A gradient after its hooks, each of which may replace it, and may have kept it."""
        for hook in tuple(hooks.values()):
            if isinstance(hook, Placed):
                continue
            replaced = hook(g)
            if replaced is not None:
                g = stand_in(g, replaced, hook)
        self.seen((g,))
        return g

    def seen(self, gradients: Iterable[Any]) -> None:
        """Note that somebody may have kept these gradients."""
        self.taken.update(
            g._memory for g in gradients if g is not None and g.__class__ is not Bundle
        )

    def before(self, node: Node, g: Any) -> Any:
        """The gradient of a node that is about to run, after the hooks that see it then."""
        for hook in of(node.hooks or {}, Before):
            parts = node._parted(g)
            self.seen(parts)
            g = node._joined(stand_ins(parts, hook(parts), hook))
            self.seen(node._parted(g))
        return g

    def behind(self, node: Node, cotangents: Sequence[Any], g: Any) -> Sequence[Any]:
        """What a node has computed of `g`, after the hooks that see it then."""
        hooks = of(node.hooks or {}, Behind)
        if not hooks:
            return cotangents
        found, inputs = list(cotangents), node._inputs()
        for hook in hooks:
            given = tuple([found[i] for i in inputs])
            kept = stand_ins(given, hook(given, node._parted(g)), hook)
            self.seen((*given, *kept, *node._parted(g)))
            for i, c in zip(inputs, kept, strict=True):
                found[i] = c
        return found


def _propagate(
    nodes: Iterable[Node],
    sums: Sums,
    retain_graph: bool,
    create_graph: bool,
    useful: set[Any] | None = None,
    caught: dict[Any, Any] | None = None,
) -> None:
    """Run the nodes in order, only `useful` ones if given; `caught` notes gradients."""
    values = sums.values
    compute = anomaly.compute if anomaly.mode.on else None
    for node in nodes:
        g = values.pop(node, None)
        if g is None:
            continue
        hooks = node.hooks
        if hooks:
            g = sums.hooked(hooks, g)
        if caught is not None:
            caught[node] = g
        if hooks:
            g = sums.before(node, g)
        rule = node.rule
        if compute is not None:
            cotangents = compute(node, g, create_graph)
        else:
            cotangents = rule.differentiable(node, g) if create_graph else rule.backward(node, g)
        if hooks:
            cotangents = sums.behind(node, cotangents, g)
        if not retain_graph and node.saved:
            node.saved = FREED
        if cotangents.__class__ is Kept:
            sums.taken |= cotangents.memory
        for edge, c in zip(node.edges, cotangents):  # noqa: B905 - `strict` costs time here
            if edge is None or c is None or (useful is not None and edge not in useful):
                continue
            if edge in values or c._shape != edge._shape or c._kind is not edge._kind:
                sums.add(edge, c)
            else:
                values[edge] = c


def _reached(roots: Iterable[Any]) -> list[Node]:
    """Every node that the roots reach, users before what they use."""
    stack = [edge for edge in roots if edge.__class__ in NODES]
    seen = set(stack)
    while stack:
        for edge in stack.pop().edges:
            if edge.__class__ in NODES and edge not in seen:
                seen.add(edge)
                stack.append(edge)
    return sorted(seen, key=_number, reverse=True)


def _leading_to(nodes: Sequence[Node], wanted: frozenset[Any]) -> set[Any]:
    """The nodes beyond which something wanted lies; the others need not run."""
    useful: set[Any] = set()
    for node in reversed(nodes):
        for edge in node.edges:
            if edge in wanted or edge in useful:
                useful.add(node)
                break
    return useful


def _arrived(edge: Any, sums: Sums, caught: dict[Any, Any]) -> Any:
    if edge in caught:
        return caught[edge]
    g = sums.values.get(edge)
    hooks = edge.hooks if edge.__class__ in NODES else edge._hooks
    return sums.hooked(hooks, g) if hooks and g is not None else g


def _deliver(sums: Sums) -> None:
    """Give every leaf its gradient."""
    for leaf, g in sums.values.items():
        if leaf._hooks:
            gather(leaf, sums.hooked(leaf._hooks, g), sums.taken)
        else:
            deliver(leaf, g, sums.taken)
