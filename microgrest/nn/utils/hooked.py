"""Rules by which a hook computes a module's weight: found by their class and the weight's name."""

from __future__ import annotations

from typing import Any

from ..modules.module import Module


def find(module: Module, rule: Any, name: str) -> dict[int, Any]:
    """The module's rules of that class for that weight, by their place among the hooks."""
    hooks = {place: hook.function for place, hook in module._forward_pre_hooks.items()}
    return {k: f for k, f in hooks.items() if isinstance(f, rule) and f.name == name}


def forget(module: Module, rule: Any, name: str, what: str) -> Any:
    """The rule, taken off; ValueError if there is none."""
    found = find(module, rule, name)
    if not found:
        raise ValueError(f"{what} of '{name}' not found in {module}")
    place, function = found.popitem()
    del module._forward_pre_hooks[place]
    return function
