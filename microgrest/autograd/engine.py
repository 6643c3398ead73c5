"""The engine: gradients from roots to leaves, over opaque values.

An edge is a Node or a leaf; both say what gradient they take by `_shape` and `_kind`. A value has the same
two, adds with `+`, and offers `_sum_to(shape)`, `_as_kind(kind)`, `_add_in_place(value)` and `_memory`, which
names its memory. A leaf takes its gradient by `_deliver(value, taken)`; in memory that is not in `taken` it
may keep the value itself. Every node runs once, when all of its users have; nothing recurses.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Any

from . import modes
from .graph import FREED, Node


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
    order = _users_last([edge for edge, _ in roots if type(edge) is Node])
    sums = _Sums(in_place=not create_graph)
    for edge, g in roots:
        sums.add(edge, g)
        sums.taken.add(g._memory)
    before = modes.state.grad
    modes.state.grad = create_graph
    try:
        if wanted is None:
            _propagate(order, sums, retain_graph, create_graph)
            for leaf, g in sums.values.items():
                leaf._deliver(g, sums.taken)
            return []
        caught = dict.fromkeys(wanted)
        useful = _leading_to(order, wanted)
        _propagate(order, sums, retain_graph, create_graph, useful, caught)
        return [_arrived(edge, sums, caught) for edge in wanted]
    finally:
        modes.state.grad = before


def _propagate(
    order: dict[Node, int],
    sums: _Sums,
    retain_graph: bool,
    create_graph: bool,
    useful: set[Node] | None = None,
    caught: dict[Any, Any] | None = None,
) -> None:
    """Run the nodes; `order` counts the users that each still waits for.

    Nodes that are not `useful` are passed over; what arrives at keys of `caught` is entered there.
    """
    values, own = sums.values, sums.own
    ready = [node for node, users in order.items() if not users][::-1]
    while ready:
        node = ready.pop()
        g = values.pop(node, None)
        own.discard(node)
        if g is not None and node.hooks:
            g = run_hooks(node.hooks, g)
            sums.taken.add(g._memory)
        if useful is not None:
            if node in caught:  # type: ignore[operator]
                caught[node] = g  # type: ignore[index]
            if node not in useful:
                continue
        rule = node.rule
        if g is None:
            cotangents: Iterable[Any] = repeat(None)
        else:
            cotangents = rule.differentiable(node, g) if create_graph else rule.backward(node, g)
            if not retain_graph and node.saved:
                node.saved = FREED
        for edge, c in zip(node.edges, cotangents):
            if edge is None:
                continue
            if c is not None:
                if edge in values or c._shape != edge._shape or c._kind is not edge._kind:
                    sums.add(edge, c)
                else:
                    values[edge] = c
            if edge.__class__ is Node:
                left = order[edge] = order[edge] - 1
                if not left:
                    ready.append(edge)


class _Sums:
    """The gradients on their way: one value per edge, summed in place once the sum is our own."""

    __slots__ = ("in_place", "own", "taken", "values")

    def __init__(self, in_place: bool) -> None:
        self.values: dict[Any, Any] = {}
        self.own: set[Any] = set()
        # Memory of gradients that others hold: what came in, and what hooks have seen.
        self.taken: set[int] = set()
        self.in_place = in_place

    def add(self, edge: Any, c: Any) -> None:
        """Add `c` to what has arrived at `edge`, in the shape and kind that the edge takes."""
        if c._shape != edge._shape:
            c = c._sum_to(edge._shape)
        if c._kind is not edge._kind:
            c = c._as_kind(edge._kind)
        held = self.values.get(edge)
        if held is None:
            self.values[edge] = c
        elif edge in self.own:
            held._add_in_place(c)
        else:
            self.values[edge] = held + c
            if self.in_place:
                self.own.add(edge)


def _users_last(roots: Iterable[Node]) -> dict[Node, int]:
    """Every node that the roots reach, with the number of its users among them."""
    users = dict.fromkeys(roots, 0)
    stack = list(users)
    while stack:
        for edge in stack.pop().edges:
            if type(edge) is Node:
                count = users.get(edge)
                if count is None:
                    users[edge] = 1
                    stack.append(edge)
                else:
                    users[edge] = count + 1
    return users


def _leading_to(order: dict[Node, int], wanted: Iterable[Any]) -> set[Node]:
    """The nodes beyond which something wanted lies; the others need not run."""
    users: dict[Any, list[Node]] = {}
    for node in order:
        for edge in node.edges:
            if edge is not None:
                users.setdefault(edge, []).append(node)
    useful: set[Node] = set()
    stack = [node for edge in wanted for node in users.get(edge, ())]
    while stack:
        node = stack.pop()
        if node not in useful:
            useful.add(node)
            stack.extend(users.get(node, ()))
    return useful


def run_hooks(hooks: Iterable[Any], g: Any) -> Any:
    """A gradient after its hooks, each of which may replace it."""
    for hook in tuple(hooks):
        replaced = hook(g)
        g = g if replaced is None else replaced
    return g


def _arrived(edge: Any, sums: _Sums, caught: dict[Any, Any]) -> Any:
    if type(edge) is Node:
        return caught.get(edge)
    g = sums.values.get(edge)
    return g if g is None else edge._hooked(g)
