"""The graph: one Node per recorded operation, edges to whatever its inputs came from."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from . import hooks as hooked
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

    def opened(self, node: Node) -> tuple[Any, ...]:
        """RuntimeError."""
        raise RuntimeError(
            f"Trying to backward through the graph a second time (at {node.name()}, or directly "
            "access saved tensors after they have already been freed). Saved intermediate values "
            "of the graph are freed when you call .backward() or autograd.grad(). Specify "
            "retain_graph=True if you need to backward through the graph a second time or if you "
            "need to access saved tensors after calling backward."
        )


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
# What is told of each new node that is whole. Who makes one looks whether there is anything.
watchers: list[Callable[[Node], None]] = []


def watched(node: Node) -> None:
    """Tell of a new node."""
    for tell in tuple(watchers):
        tell(node)


class Node:
    """A recorded operation.

    `edges` holds, per input, the Node it came from, or the leaf itself, or None where no gradient
    is wanted. Nodes and leaves both have `_shape` and `_kind`, those of the gradient they take.
    `number` grows from node to node, so that users have higher ones than what they use.
    `saved` are the tensors that the rule reads, `versions` their storages' versions at the time,
    `extra` whatever else the rule wants.

    A node that users get to see becomes one of a subclass that has the operation's name (`shown`);
    until then all are of one class, which Python's attribute caches are quicker with.
    """

    __slots__ = (
        "__weakref__",
        "_kind",
        "_metadata",
        "_name",
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
    _metadata: dict[str, Any]
    _name: str
    extra: Any
    hooks: dict[int, Callable[..., Any]] | None

    def name(self) -> str:
        """The name PyTorch gives it: AddBackward0."""
        name = _name_of(self)
        return f"torch::autograd::{name}" if name in _QUALIFIED else name

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """What the inputs came from, and which output: (Node, AccumulateGrad or None, number)."""
        return tuple([_next(self.edges[i]) for i in self._inputs()])

    @property
    def metadata(self) -> dict[str, Any]:
        """A dict for whatever is to be kept with the node."""
        if not hasattr(self, "_metadata"):
            self._metadata = {}
        return self._metadata

    def register_prehook(self, fn: Callable[[Any], Any]) -> hooked.RemovableHandle:
        """Call `fn(grad_outputs)` before the node runs; a tuple that it returns replaces them."""
        return hooked.add(self, "hooks", hooked.Before(fn))

    def register_hook(self, fn: Callable[[Any, Any], Any]) -> hooked.RemovableHandle:
        """Call `fn(grad_inputs, grad_outputs)` when the node has run; a tuple that it returns
        replaces `grad_inputs`."""
        return hooked.add(self, "hooks", hooked.Behind(fn))

    def _sequence_nr(self) -> int:
        """The number of the node: later ones have higher numbers."""
        return self.number

    def _inputs(self) -> Sequence[int]:
        """Which edges users see, in that order: as the rule has it, or all of them."""
        chosen: Sequence[int] | None = getattr(self.rule, "inputs", None)
        return range(len(self.edges)) if chosen is None else chosen

    def _parted(self, g: Any) -> tuple[Any, ...]:
        """A gradient for each output of the operation, from the one that the node takes."""
        return (g,)

    def _joined(self, parts: Sequence[Any]) -> Any:
        """The gradient that the node takes, from one for each output."""
        return parts[0]

    def __repr__(self) -> str:
        return f"<{_name_of(self)} object at {id(self):#x}>"


def _name_of(node: Node) -> str:
    """The name of the operation, or of the composite that it is the last step of."""
    return getattr(node, "_name", "") or node.rule.name


# The classes of PyTorch's that it names by their C++ namespace, too.
_QUALIFIED = {"AccumulateGrad", "CopySlices", "CopyBackwards"}
_classes: dict[tuple[str, type[Node]], type[Node]] = {}
# The classes of all nodes, which tell them from leaves; isinstance is slow to say no.
NODES: set[type[Any]] = {Node}


def shown(node: Node | None) -> Node | None:
    """The node that users see for one of a tensor, of a class that has its name."""
    if node is None:
        return None
    if type(node.rule) is Port:  # of one output among others
        node = node.edges[0]
    if node.__class__ is Node:
        node.__class__ = _class_of(_name_of(node), getattr(node.rule, "seen_as", Node))
    return node


def _class_of(name: str, base: type[Node]) -> type[Node]:
    """The class of the nodes of this name: one object for each."""
    found = _classes.get((name, base))
    if found is None:
        found = _classes.setdefault((name, base), type(name, (base,), {"__slots__": ()}))
        NODES.add(found)
    return found


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


class AccumulateGrad(Node):
    """What stands at the end of the graph: the leaf `variable`, which gathers the gradient."""

    __slots__ = ("variable",)

    def __init__(self, variable: Any) -> None:
        self.variable, self.edges, self.number = variable, (), 0
        self._name = "AccumulateGrad"

    def _inputs(self) -> Sequence[int]:
        return ()

    def register_prehook(self, fn: Callable[[Any], Any]) -> hooked.RemovableHandle:
        """Call `fn(grad_outputs)` before the leaf takes its gradient, which it may replace."""
        return hooked.add(self.variable, "_hooks", hooked.Before(fn))

    def register_hook(self, fn: Callable[[Any, Any], Any]) -> hooked.RemovableHandle:
        """Call `fn((), grad_outputs)` when the leaf has taken its gradient."""
        return hooked.add(self.variable, "_hooks", hooked.Behind(fn))


# One for each leaf, while somebody holds it: it holds the leaf, so the key stays the leaf's.
_ends: weakref.WeakValueDictionary[int, AccumulateGrad] = weakref.WeakValueDictionary()


def end(leaf: Any) -> AccumulateGrad:
    """What stands for a leaf at the end of the graph."""
    found = _ends.get(id(leaf))
    if found is None:
        found = _ends[id(leaf)] = AccumulateGrad(leaf)
    return found


def _next(edge: Any) -> tuple[Any, int]:
    if not isinstance(edge, Node):
        return (None if edge is None else end(edge)), 0
    return shown(edge), edge.rule.index if type(edge.rule) is Port else 0


def checked(node: Node) -> tuple[Any, ...]:
    """The saved tensors, unless they are gone or were overwritten: RuntimeError."""
    saved = node.saved
    if saved.__class__ is not tuple:
        return saved.opened(node)  # type: ignore[attr-defined, no-any-return]
    for t, version in zip(saved, node.versions):  # noqa: B905 - `strict` costs time here
        if t._storage.version != version:
            raise RuntimeError(_overwritten(node, t, version))
    return saved


def _overwritten(node: Node, t: Any, version: int) -> str:
    where = t._storage.written_at()
    return (
        "one of the variables needed for gradient computation has been modified by an inplace "
        f"operation: [{t._named()} {list(t.shape)}], saved by {node.name()}, is at version "
        f"{t._storage.version}; expected version {version} instead. It was last written {where}. "
        "Use an out-of-place operation there, or clone() before."
    )
