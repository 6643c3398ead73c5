"""Hooks around what a Module saves and loads, and state of it that is no tensor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ....graph.hooks import RemovableHandle
from .hooks import Hook, Hooks, register

# The name of a module's extra state.
EXTRA = "_extra_state"


class Saved:
    """What a module's saved state is changed by."""

    _state_hooks: Hooks

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, prefix, keep_vars)` before the module is saved."""
        return register(self._state_hooks, Hook(hook, when="save"), False)

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, state_dict, prefix, local_metadata)` when the module is saved.

        It changes `state_dict` in place, and returns None.
        """
        return register(self._state_hooks, Hook(hook, when="saved"), False)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call a hook before the module is loaded.

        `hook(module, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys,
        error_msgs)` may change `state_dict`, a copy whose names begin with `prefix`, and the lists.
        """
        return register(self._state_hooks, Hook(hook, when="load"), False)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, incompatible_keys)` when the module and those below are loaded.

        It may change the lists `missing_keys` and `unexpected_keys`, and returns None.
        """
        return register(self._state_hooks, Hook(hook, when="loaded"), False)

    def get_extra_state(self) -> Any:
        """What else is saved, by the name `_extra_state`; a module that has some defines it."""
        raise RuntimeError(
            "Reached a code path in Module.get_extra_state() that should never be called."
        )

    def set_extra_state(self, state: Any) -> None:
        """Take over what `get_extra_state` gave; a module that has some defines it."""
        raise RuntimeError(
            "Reached a code path in Module.set_extra_state() that should never be called."
        )

    def _has_extra_state(self, method: str) -> bool:
        return getattr(type(self), method) is not getattr(Saved, method)


def run(module: Any, when: str, *args: Any) -> list[Any]:
    """What the hooks of `module` return that run then."""
    hooks = [hook for hook in module._state_hooks.values() if hook.when == when]
    return [hook.function(module, *args) for hook in hooks]
