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


class Placed:
    """A hook of a node or a leaf that is not one on its gradient; the class says when it runs."""

    __slots__ = ("function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self, *args: Any) -> Any:
        return self.function(*args)

    @property
    def __name__(self) -> str:
        return getattr(self.function, "__name__", type(self.function).__name__)


class Before(Placed):
    """`hook(grad_outputs)`, before the node runs."""


class Behind(Placed):
    """`hook(grad_inputs, grad_outputs)`, when the node has run."""


class Filled(Placed):
    """`hook(leaf)`, when the leaf has its gradient."""


def of(hooks: dict[int, Any], when: type[Placed]) -> list[Any]:
    """The hooks that run then."""
    return [hook for hook in tuple(hooks.values()) if type(hook) is when]


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

    _table(*_place(t))[KEEP] = keep_grad


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
    return add(*_place(t), hook)


def attach_filled(t: Any, hook: Callable[[Any], None]) -> RemovableHandle:
    """Call `hook(leaf)` each time that a backward pass has added to the gradient of this leaf."""
    if not t._requires_grad:
        raise RuntimeError(
            "cannot register a post accumulate grad hook on a tensor that doesn't require gradient"
        )
    if t._node is not None:
        raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
    return add(t, "_hooks", Filled(hook))


def add(owner: Any, name: str, hook: Callable[..., Any]) -> RemovableHandle:
    """Add a hook to those that `owner` has as its attribute `name`."""
    hooks = _table(owner, name)
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    if KEEP in hooks:
        hooks[KEEP] = hooks.pop(KEEP)
    world.tensors += 1
    return handle


def _place(t: Any) -> tuple[Any, str]:
    """Who has the hooks on the gradient of `t`, its node or itself as a leaf, and in what."""
    return (t, "_hooks") if t._node is None else (t._node, "hooks")


def _table(owner: Any, name: str) -> dict[int, Callable[..., Any]]:
    if getattr(owner, name) is None:
        setattr(owner, name, {})
    hooks: dict[int, Callable[..., Any]] = getattr(owner, name)
    return hooks


def gather(leaf: Any, g: Any, taken: set[int]) -> None:
    """`deliver` between the hooks of the leaf that run around it."""
    for hook in of(leaf._hooks, Before):
        (g,) = stand_ins((g,), hook((g,)), hook)
        taken.add(g._memory)
    deliver(leaf, g, taken)
    for hook in of(leaf._hooks, Filled):
        hook(leaf)
    for hook in of(leaf._hooks, Behind):
        hook((), (g,))


def stand_ins(given: Any, returned: Any, hook: Any) -> Any:
    """What a node's hook returned for a tuple of gradients; the errors are those of `stand_in`."""
    if returned is None:
        return given
    if not isinstance(returned, tuple):
        raise TypeError(
            f"expected tuple, but hook {hook.__name__!r} returned {type(returned).__name__!r}"
        )
    if len(returned) != len(given):
        raise RuntimeError(
            f"hook {hook.__name__!r} has returned an incorrect number of values (got "
            f"{len(returned)}, but expected {len(given)})"
        )
    pairs = zip(given, returned, strict=True)
    return tuple(
        [new if old is None or new is None else stand_in(old, new, hook) for old, new in pairs]
    )


def stand_in(g: Any, replaced: Any, hook: Any) -> Any:
    """What `hook` returned for `g`; TypeError or RuntimeError if it is of another shape or kind."""
    name = getattr(hook, "__name__", type(hook).__name__)
    if not isinstance(replaced, type(g)):
        raise TypeError(
            f"expected Variable, but hook {name!r} returned {type(replaced).__name__!r}"
        )
    if replaced._shape != g._shape:
        raise RuntimeError(
            f"hook {name!r} has changed the size of value, from {list(g._shape)} to "
            f"{list(replaced._shape)}"
        )
    if replaced._kind.device is not g._kind.device:
        raise RuntimeError(
            f"hook {name!r} has changed the device of value, from {g._kind.device} to "
            f"{replaced._kind.device}"
        )
    if replaced._kind is not g._kind:
        raise RuntimeError(
            f"hook {name!r} has changed the type of value, from {g._kind.dtype!r} to "
            f"{replaced._kind.dtype!r}"
        )
    return replaced


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
