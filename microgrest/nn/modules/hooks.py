"""Forward hooks: user functions that a Module calls around its `forward`."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

from ...graph.hooks import RemovableHandle
from ...recording.counted import counts_changes


class Hook(NamedTuple):
    """A registered function and how it wants to be called."""

    function: Callable[..., Any]
    with_kwargs: bool = False
    always_call: bool = False

    def before(self, module: Any, args: Any, kwargs: Any) -> tuple[Any, Any]:
        """The arguments for `forward`, as this pre-hook leaves them."""
        if not self.with_kwargs:
            changed = self.function(module, args)
            if changed is not None:
                args = changed if isinstance(changed, tuple) else (changed,)
            return args, kwargs
        changed = self.function(module, args, kwargs)
        if changed is None:
            return args, kwargs
        if not (isinstance(changed, tuple) and len(changed) == 2):
            raise RuntimeError(
                "forward pre-hook must return None or a tuple of (new_args, new_kwargs), "
                f"but got {changed}."
            )
        return changed

    def after(self, module: Any, args: Any, kwargs: Any, result: Any) -> Any:
        """The result of the call, as this hook leaves it."""
        extra = (kwargs,) if self.with_kwargs else ()
        changed = self.function(module, args, *extra, result)
        return result if changed is None else changed


@counts_changes
class Hooks(OrderedDict[int, Any]):
    """Hooks by number; Any, since what a handle removes from may hold any kind of hook."""


def register(hooks: Hooks, hook: Hook, prepend: bool) -> RemovableHandle:
    """Add `hook` as the last to be called, or as the first."""
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle


def call_with_hooks(module: Any, args: Any, kwargs: Any, before: Hooks, after: Hooks) -> Any:
    """`module.forward` between its hooks.

    When something raises, the `always_call` hooks that have not run yet still do (their `output`
    is None where forward did not return), and the exception goes on.
    """
    pending = OrderedDict(after)
    result = None
    try:
        for hook in tuple(before.values()):
            args, kwargs = hook.before(module, args, kwargs)
        result = module.forward(*args, **kwargs)
        while pending:
            _, hook = pending.popitem(last=False)
            result = hook.after(module, args, kwargs, result)
        return result
    except BaseException:
        for hook in pending.values():
            if hook.always_call:
                hook.after(module, args, kwargs, result)
        raise
