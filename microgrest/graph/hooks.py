"""Hooks on tensors, and how a leaf takes its gradient."""

from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import Callable
from typing import Any

from ..recording import world
from .arithmetic import served
from .modes import state

_numbers = itertools.count()
_delivery = threading.Lock()


class RemovableHandle:
    """What `register_hook` returns: `remove()` takes the hook off; also a context manager."""

    def __init__(self, hooks: dict[int, Callable[..., Any]]) -> None:
        self._hooks, self.id = hooks, next(_numbers)

    def remove(self) -> None:
        """Take the hook off; once is enough."""
        self._hooks.pop(self.id, None)
        world.tensors += 1

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


# The place of the hook that keeps a gradient, which always comes last.
KEEP = -1


def keep(t: Any) -> None:
    """Keep the gradient of a tensor that is no leaf in its `.grad`, too."""
    if not t._requires_grad:
        raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
    if t._node is None or keeps(t):
        return
    here = weakref.ref(t)

    def keep_grad(g: Any) -> None:
        alive = here()
        if alive is not None:
            held = alive._grad
            alive._grad = served.by.clone(g) if held is None else served.by.add(held, g)
            world.tensors += 1

    _of(t)[KEEP] = keep_grad


def keeps(t: Any) -> bool:
    """Whether `retain_grad` asked to keep the gradient of this tensor, which is no leaf."""
    return t._node is not None and KEEP in (t._node.hooks or ())


def keep_on(node: Any, t: Any) -> None:
    """An in-place write gave `t` another node: its gradient is kept there if it was at `node`."""
    if node is not None and node is not t._node and node.hooks and node.hooks.pop(KEEP, None):
        keep(t)


def attach(t: Any, hook: Callable[[Any], Any]) -> RemovableHandle:
    """Call `hook(gradient)` in each backward pass; it may return another gradient in its place."""
    if not t._requires_grad:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    hooks = _of(t)
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    if KEEP in hooks:
        hooks[KEEP] = hooks.pop(KEEP)
    world.tensors += 1
    return handle


def _of(t: Any) -> dict[int, Callable[..., Any]]:
    """The hooks on the gradient of `t`: of its node, or of itself as a leaf."""
    owner, name = (t, "_hooks") if t._node is None else (t._node, "hooks")
    if getattr(owner, name) is None:
        setattr(owner, name, {})
    hooks: dict[int, Callable[..., Any]] = getattr(owner, name)
    return hooks


def deliver(leaf: Any, g: Any, taken: set[int]) -> None:
    """Add `g` to the leaf's gradient. The first is kept as it is unless its memory is `taken`.

    Only with `create_graph`, when gradients are recorded, is the sum part of the graph.
    """
    if not leaf._requires_grad:
        return
    with _delivery:
        held, recorded = leaf._grad, state.grad
        if held is None:
            if g._requires_grad and recorded:
                g = served.by.clone(g)
            elif g._requires_grad or g._flat is None or id(g._storage) in taken:
                g = served.by.copy(g)
            if not g._requires_grad:
                g._base = None  # of whatever it was a view, now it is the gradient
            leaf._grad = g
            world.tensors += 1
            taken.add(id(g._storage))
        elif _repeats(held) or (recorded and (g._requires_grad or held._requires_grad)):
            leaf._grad = served.by.add(held, g)
            world.tensors += 1
        else:
            served.by.add_in_place(held, g)
            held._storage.version += 1


def _repeats(t: Any) -> bool:
    """Whether several elements share a place in memory, as those of an expanded tensor do."""
    pairs = zip(t._shape, t._strides, strict=True)
    return t._flat is None and any(n > 1 and not step for n, step in pairs)
