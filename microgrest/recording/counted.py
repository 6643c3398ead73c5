"""Dicts that count their changes in `recording.world.version`, which the step compiler reads."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from .signals import world

Class = TypeVar("Class", bound=type)

_CHANGES = (
    "__setitem__",
    "__delitem__",
    "__ior__",
    "update",
    "setdefault",
    "pop",
    "popitem",
    "clear",
    "move_to_end",
)


def _counted(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def change(self: Any, *args: Any, **kwargs: Any) -> Any:
        world.version += 1
        return method(self, *args, **kwargs)

    return change


def counts_changes(cls: Class) -> Class:
    """Make every method of a subclass of dict that may change it count that."""
    for name in _CHANGES:
        if hasattr(cls, name):
            setattr(cls, name, _counted(getattr(cls, name)))
    return cls


@counts_changes
class Counted(dict[str, Any]):
    """A dict that counts its changes; it is copied, compared, printed and pickled as a dict is."""

    __slots__ = ()
