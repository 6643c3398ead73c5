"""Hooks on tensors, and how a leaf takes its gradient."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Any

from ..methods import method

_numbers = itertools.count()
_delivery = threading.Lock()


class RemovableHandle:
    """What `register_hook` returns: `remove()` takes the hook off; also a context manager."""

    def __init__(self, hooks: dict[int, Callable[..., Any]]) -> None:
        self._hooks, self.id = hooks, next(_numbers)

    def remove(self) -> None:
        """Take the hook off; once is enough."""
        self._hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


class _NodeHooks(dict[int, Callable[..., Any]]):
    """Hooks of a node, which the engine iterates as functions."""

    def __iter__(self) -> Any:
        return iter(list(self.values()))


@method(name="register_hook")
def attach(t: Any, hook: Callable[[Any], Any]) -> RemovableHandle:
    """Call `hook(gradient)` with this tensor's gradient in each backward pass; it may return another."""
    if not t._requires_grad:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    owner, name, kind = (t, "_hooks", dict) if t._node is None else (t._node, "hooks", _NodeHooks)
    if getattr(owner, name) is None:
        setattr(owner, name, kind())
    hooks = getattr(owner, name)
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    return handle


@method(name="_deliver")
def deliver(leaf: Any, g: Any, taken: set[int]) -> None:
    """Add `g` to the leaf's gradient. The first one is kept as it is unless its memory is `taken`."""
    if leaf._hooks:
        g = leaf._hooked(g)
        taken.add(g._memory)
    with _delivery:
        held = leaf._grad
        if held is None:
            if (g._flat is None or id(g._storage) in taken) and not g._requires_grad:
                g = g.detach().clone()
            leaf._grad = g
            taken.add(id(g._storage))
        elif g._requires_grad or held._requires_grad:
            leaf._grad = held + g
        else:
            held._add_in_place(g)
