"""Hooks: user functions that a Module calls around its `forward`, and around its gradients."""

from __future__ import annotations

import warnings
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any, NamedTuple

from ....graph.hooks import RemovableHandle
from ....recording.counted import counts_changes
from .backward_hooks import Watch


class Hook(NamedTuple):
    """A registered function and how it wants to be called."""

    function: Callable[..., Any]
    with_kwargs: bool = False
    always_call: bool = False
    # In the table of the hooks of all modules: of which of a module's own tables it is a part.
    when: str = ""

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


# Where a module has its hooks.
TABLES = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


class Hooked:
    """What a module has hooks by."""

    _forward_hooks: Hooks
    _forward_pre_hooks: Hooks
    _backward_hooks: Hooks
    _backward_pre_hooks: Hooks

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args)` before `forward`; what it returns, if anything, replaces args.

        With `with_kwargs` it is `hook(module, args, kwargs)` and returns both or None.
        """
        return register(self._forward_pre_hooks, Hook(hook, with_kwargs), prepend)

    def register_forward_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Call `hook(module, args, output)` after `forward`; what it returns replaces the output.

        None leaves it as it is. With `with_kwargs` it is `hook(module, args, kwargs, output)`; with
        `always_call` it runs even if `forward` raises.
        """
        return register(self._forward_hooks, Hook(hook, with_kwargs, always_call), prepend)

    def register_full_backward_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, grad_output)` before the module's part of `backward`.

        `grad_output` is a tuple; one that the hook returns replaces it.
        """
        return register(self._backward_pre_hooks, Hook(hook), prepend)

    def register_full_backward_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, grad_input, grad_output)` after the module's part of `backward`.

        Both are tuples, None where no tensor was given by position; one that the hook returns
        replaces `grad_input`. Neither arguments nor results can be written to in place.
        """
        return register(self._backward_hooks, Hook(hook), prepend)

    def register_backward_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """NotImplementedError: what it hears of depends on the last operation of `forward`."""
        raise NotImplementedError(
            "register_backward_hook is not implemented: use register_full_backward_hook"
        )


# The hooks of all modules, in one table.
EVERYWHERE = Hooks()


def _all(module: Any, when: str) -> list[Hook]:
    """The hooks that run then: those of all modules, then the module's own."""
    every = [hook for hook in EVERYWHERE.values() if hook.when == when]
    return [*every, *vars(module)[when].values()]


def call_with_hooks(module: Any, args: Any, kwargs: Any) -> Any:
    """`module.forward` between its hooks.

    When something raises, the `always_call` hooks that have not run yet still do (their `output`
    is None where forward did not return), and the exception goes on. One that they raise is a
    warning then.
    """
    pending = deque(_all(module, "_forward_hooks"))
    before, after = _all(module, "_backward_pre_hooks"), _all(module, "_backward_hooks")
    watch = Watch(module, before, after) if before or after else None
    result = None
    try:
        for hook in _all(module, "_forward_pre_hooks"):
            args, kwargs = hook.before(module, args, kwargs)
        if watch is not None:
            args = watch.enter(args)
        result = module.forward(*args, **kwargs)
        while pending:
            result = pending.popleft().after(module, args, kwargs, result)
        return result if watch is None else watch.leave(result)
    except BaseException:
        for hook in pending:
            if hook.always_call:
                _call_still(hook, module, args, kwargs, result)
        raise


def _call_still(hook: Hook, module: Any, args: Any, kwargs: Any, result: Any) -> None:
    try:
        hook.after(module, args, kwargs, result)
    except Exception as error:
        warnings.warn(
            "module forward hook with ``always_call=True`` raised an exception that was silenced "
            f"as another error was raised in forward: {error}",
            stacklevel=2,
        )


def register_module_forward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, args)` before `forward` of every module; what it returns replaces args."""
    return register(EVERYWHERE, Hook(hook, when="_forward_pre_hooks"), False)


def register_module_forward_hook(
    hook: Callable[..., Any], *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Call `hook(module, args, output)` after `forward` of every module, as of one module's own."""
    return register(EVERYWHERE, Hook(hook, with_kwargs, always_call, "_forward_hooks"), False)


def register_module_full_backward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, grad_output)` before every module's part of `backward`."""
    return register(EVERYWHERE, Hook(hook, when="_backward_pre_hooks"), False)


def register_module_full_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, grad_input, grad_output)` after every module's part of `backward`."""
    return register(EVERYWHERE, Hook(hook, when="_backward_hooks"), False)
