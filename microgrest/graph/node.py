"""The graph: one Node per recorded operation, edges to whatever its inputs came from."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from .arithmetic import served


class Rule(Protocol):
    """How the gradient goes through an operation. One object serves many nodes."""

    name: str

    def backward(self, node: Node, g: Any) -> Sequence[Any]:
        """A cotangent per edge from the cotangent of the result; None for none. Not recorded."""

    def differentiable(self, node: Node, g: Any) -> Sequence[Any]:
        """The same by recorded operations, for derivatives of derivatives."""


class Freed(tuple):  # type: ignore[type-arg]
    """What `saved` becomes once a backward pass has used it up."""


FREED = Freed()


class Kept(list[Any]):
    """Cotangents from a user's code, which may hold their memory, and that of `seen`, what it saw.

    `memory` names all of that.
    """

    __slots__ = ("memory",)

    def __init__(self, cotangents: Iterable[Any], seen: Iterable[Any]) -> None:
        super().__init__(cotangents)
        self.memory = {c._memory for c in (*self, *seen) if c is not None}


# next(numbers) for each new node.
numbers = itertools.count()


class Node:
    """A recorded operation.

    `edges` holds, per input, the Node it came from, or the leaf itself, or None where no gradient
    is wanted. Nodes and leaves both have `_shape` and `_kind`, those of the gradient they take.
    `number` grows from node to node, so that users have higher ones than what they use.
    `saved` are the tensors that the rule reads, `versions` their storages' versions at the time,
    `extra` whatever else the rule wants.
    """

    __slots__ = (
        "__weakref__",
        "_kind",
        "_shape",
        "edges",
        "extra",
        "hooks",
        "number",
        "rule",
        "saved",
        "versions",
    )

    number: int
    rule: Rule
    edges: tuple[Any, ...]
    saved: tuple[Any, ...]
    versions: tuple[int, ...]
    _shape: tuple[int, ...]
    _kind: Any
    extra: Any
    hooks: dict[int, Callable[[Any], Any]] | None

    def name(self) -> str:
        """The name PyTorch gives it: AddBackward0."""
        return self.rule.name

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """What the inputs came from, and which output: (Node, AccumulateGrad or None, number)."""
        edges = self.edges[0].edges if type(self.rule) is Port else self.edges
        return tuple(map(_next, edges))

    def __repr__(self) -> str:
        return f"<{self.name()} object at {id(self):#x}>"


class Port:
    """The rule of a node that stands for output `index` of a node that has several, its edge."""

    def __init__(self, name: str, index: int) -> None:
        self.name, self.index = name, index

    def backward(self, node: Node, g: Any) -> Sequence[Any]:
        """The gradient, as that of one output among others."""
        return (Bundle({self.index: g}),)

    differentiable = backward


class Bundle:
    """The gradients of several outputs of one node by their numbers: the value that it takes."""

    __slots__ = ("parts",)
    _shape: tuple[int, ...] = ()
    _kind: Any = "bundle"

    def __init__(self, parts: dict[int, Any]) -> None:
        self.parts = parts

    def joined(self, other: Bundle) -> Bundle:
        """The gradients of both; those of one output are added."""
        mine, theirs = self.parts, other.parts
        sums = {i: served.by.add(mine[i], theirs[i]) for i in mine.keys() & theirs.keys()}
        return Bundle({**mine, **theirs, **sums})


class AccumulateGrad:
    """What stands at the end of the graph: the leaf `variable`, which gathers the gradient."""

    def __init__(self, variable: Any) -> None:
        self.variable = variable

    next_functions: tuple[Any, ...] = ()

    def name(self) -> str:
        """PyTorch's name for it."""
        return "AccumulateGrad"

    def __repr__(self) -> str:
        return f"<AccumulateGrad object at {id(self):#x}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AccumulateGrad) and other.variable is self.variable

    def __hash__(self) -> int:
        return id(self.variable)


def _next(edge: Any) -> tuple[Any, int]:
    if type(edge) is not Node:
        return (None if edge is None else AccumulateGrad(edge)), 0
    return edge, edge.rule.index if type(edge.rule) is Port else 0


def checked(node: Node) -> tuple[Any, ...]:
    """The saved tensors, unless they are gone or were overwritten: RuntimeError."""
    saved = node.saved
    for t, version in zip(saved, node.versions):  # noqa: B905 - `strict` costs time here
        if t._storage.version != version:
            raise RuntimeError(_overwritten(node, t, version))
    if saved is FREED:
        raise RuntimeError(
            f"Trying to backward through the graph a second time (at {node.name()}, or directly "
            "access saved tensors after they have already been freed). Saved intermediate values "
            "of the graph are freed when you call .backward() or autograd.grad(). Specify "
            "retain_graph=True if you need to backward through the graph a second time or if you "
            "need to access saved tensors after calling backward."
        )
    return saved


def _overwritten(node: Node, t: Any, version: int) -> str:
    where = t._storage.written_at()
    return (
        "one of the variables needed for gradient computation has been modified by an inplace "
        f"operation: [{t._named()} {list(t.shape)}], saved by {node.name()}, is at version "
        f"{t._storage.version}; expected version {version} instead. It was last written {where}. "
        "Use an out-of-place operation there, or clone() before."
    )
