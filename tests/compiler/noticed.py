"""Things that a recording rests on, each with a change that eager execution notices.

`CASES` has functions by name; each makes, anew, a step, what changes, and the step's arguments. The
modules `noticed_...` fill it.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import microgrest as mg

Case = tuple[Callable[..., Any], Callable[[], Any], tuple[Any, ...]]
CASES: dict[str, Callable[[], Case]] = {}
X = mg.arange(3.0) + 1


def case(make: Callable[[], Any]) -> Callable[[], Case]:
    """Enter a maker of a step and a change, and of arguments, if there are any."""

    def whole() -> Case:
        fn, change, *args = make()
        return fn, change, tuple(args)

    CASES[make.__name__] = whole
    return whole


def put(owner: Any, **values: Any) -> Callable[[], Any]:
    """A change that sets attributes."""
    return lambda: [setattr(owner, name, value) for name, value in values.items()]


def item(table: Any, key: Any, value: Any) -> Callable[[], Any]:
    """A change that sets an item."""
    return lambda: table.__setitem__(key, value)


def space(**values: Any) -> types.SimpleNamespace:
    """An object with attributes."""
    return types.SimpleNamespace(**values)


def two(n: int = 1, wanted: bool = False) -> list[Any]:
    """Two tensors of their own memory."""
    return [mg.ones(n, requires_grad=wanted), mg.ones(n, requires_grad=wanted)]
