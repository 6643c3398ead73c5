"""Hooks on what nodes save: a user's functions pack each tensor, and unpack it when it is read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from . import anomaly, modes
from .node import Node, numbers, watchers

Pack = Callable[[Any], Any]


class _State(threading.local):
    """The hooks of this thread, the innermost last, and why there may be none, if that is so."""

    def __init__(self) -> None:
        self.hooks: list[tuple[Pack, Pack]] = []
        self.forbidden: str | None = None


state = _State()
_counting = threading.Lock()
_active = 0


def push(pack: Pack, unpack: Pack) -> None:
    """From here on, pack what this thread's nodes save. RuntimeError where that is disabled."""
    global _active
    if state.forbidden is not None:
        raise RuntimeError(state.forbidden)
    state.hooks.append((pack, unpack))
    with _counting:
        _active += 1
        if _active == 1:
            watchers.append(_pack)


def pop() -> None:
    """End what the last `push` began."""
    global _active
    state.hooks.pop()
    with _counting:
        _active -= 1
        if _active == 0:
            watchers.remove(_pack)


def looked_at() -> bool:
    """Whether what this thread computes is looked at: hooks on what is saved, or anomaly mode."""
    return bool(state.hooks) or anomaly.mode.on


def _pack(node: Node) -> None:
    """Pack what a new node has saved."""
    if state.hooks and node.saved:
        pack, unpack = state.hooks[-1]
        node.saved = Packed([Item(t, pack, unpack) for t in node.saved])


class Item:
    """A saved tensor, packed, with its place in the graph."""

    __slots__ = ("edge", "kind", "packed", "shape", "type", "unpack")

    def __init__(self, t: Any, pack: Pack, unpack: Pack) -> None:
        self.edge, self.shape, self.kind, self.type = t._edge, t._shape, t._kind, type(t)
        self.unpack = unpack
        given, version = t._same(), t._storage.version
        with modes.no_grad():
            self.packed = pack(given)
        if given._storage.version != version:
            raise RuntimeError(
                "A saved tensor pack hook is modifying its input in place: that is the memory of "
                "the tensor itself; pack a clone() of it"
            )

    def opened(self) -> Any:
        """The tensor, as the hook unpacks it, in the place that it had in the graph."""
        with modes.no_grad():
            t = self.unpack(self.packed)
        if not hasattr(t, "_storage"):
            raise TypeError(
                "Output of saved tensor unpack_hook expected to be a Tensor but got result of "
                f"type {type(t).__name__}"
            )
        if t._shape != self.shape or t._kind is not self.kind:
            raise RuntimeError(
                f"a saved tensor unpack hook returned a tensor of shape {list(t._shape)}, "
                f"{t._kind.dtype!r} on {t._kind.device}; what was packed had the shape "
                f"{list(self.shape)}, {self.kind.dtype!r} on {self.kind.device}"
            )
        t = t._same()
        if self.edge is not None:
            t._node, t._requires_grad = _leading(self), True
        return t


def _leading(item: Item) -> Node:
    """A node that hands a gradient on to where the packed tensor was in the graph."""
    node: Node = object.__new__(Node)
    node.number, node.rule, node.edges = next(numbers), PASSED, (item.edge,)
    node.saved = node.versions = ()
    node._shape, node._kind = item.shape, item.kind
    node.extra = node.hooks = None
    return node


class Passed:
    """The rule of what is another tensor's stand-in."""

    name = "AliasBackward0"

    def backward(self, node: Node, g: Any) -> Sequence[Any]:
        """The gradient itself."""
        return (g,)

    differentiable = backward


PASSED = Passed()


class Packed(tuple):  # type: ignore[type-arg]
    """What `saved` is while it is packed: an Item each."""

    def opened(self, node: Node) -> tuple[Any, ...]:
        """The tensors, of the versions that they have now."""
        tensors = tuple([item.opened() for item in self])
        node.versions = tuple([t._storage.version for t in tensors])
        return tensors
