"""Hooks: users' functions that an optimizer calls around its steps, and around its state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, TypeVar, cast

from ..graph.hooks import RemovableHandle
from ..nn.modules.base.hooks import Hook, Hooks, register

Step = TypeVar("Step", bound=Callable[..., Any])

# The hooks of all optimizers.
EVERYWHERE = Hooks()


class Hooked:
    """What an optimizer has hooks by: one table, in which each says when it runs."""

    _hooks: Hooks

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` before each step; `args` begin with the optimizer.

        It returns None, or (args, kwargs) that replace them.
        """
        return register(self._hooks, Hook(hook, when="step"), False)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` after each step."""
        return register(self._hooks, Hook(hook, when="stepped"), False)

    def register_state_dict_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call `hook(optimizer)` before `state_dict()`; with `prepend` before the other hooks."""
        return register(self._hooks, Hook(hook, when="save"), prepend)

    def register_state_dict_post_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` on what `state_dict()` made; it may return another."""
        return register(self._hooks, Hook(hook, when="saved"), prepend)

    def register_load_state_dict_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` on a copy, not deep, of what is about to be loaded.

        It may return another.
        """
        return register(self._hooks, Hook(hook, when="load"), prepend)

    def register_load_state_dict_post_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call `hook(optimizer)` when a state has been loaded."""
        return register(self._hooks, Hook(hook, when="loaded"), prepend)

    def _run_hooks(self, when: str, *state: Any) -> Any:
        """Run them; the state, if one is given, as the last of them that returned one left it."""
        for hook in list(functions(self._hooks, when)):
            changed = hook(self, *state)
            state = state if changed is None else (changed,)
        return state[0] if state else None


def functions(hooks: Hooks, when: str) -> Iterator[Callable[..., Any]]:
    """The functions of the hooks that run then."""
    return (hook.function for hook in hooks.values() if hook.when == when)


def hooked(step: Step) -> Step:
    """`step` between its hooks, of which those of a subclass's step run, and no others."""

    @wraps(step)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not (self._hooks or EVERYWHERE) or type(self).step is not call:
            return step(self, *args, **kwargs)
        given: Any = (self, *args)
        for hook in [*functions(EVERYWHERE, "step"), *functions(self._hooks, "step")]:
            changed = hook(self, given, kwargs)
            if changed is not None:
                given, kwargs = _both(changed, step)
        result = step(*given, **kwargs)
        for hook in [*functions(self._hooks, "stepped"), *functions(EVERYWHERE, "stepped")]:
            hook(self, given, kwargs)
        return result

    return cast(Step, call)


def _both(changed: Any, step: Callable[..., Any]) -> Any:
    if isinstance(changed, tuple) and len(changed) == 2:
        return changed
    raise RuntimeError(
        f"{step} must return None or a tuple of (new_args, new_kwargs), but got {changed}."
    )


def register_optimizer_step_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(optimizer, args, kwargs)` before the steps of all optimizers."""
    return register(EVERYWHERE, Hook(hook, when="step"), False)


def register_optimizer_step_post_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(optimizer, args, kwargs)` after the steps of all optimizers."""
    return register(EVERYWHERE, Hook(hook, when="stepped"), False)
