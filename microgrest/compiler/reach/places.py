"""Found: an object that a function or its arguments hold, and where it stands."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from .loaded_names import parts


class Found(NamedTuple):
    """`value`, which stands in `holder` (a mapping, sequence or cell; None: nowhere) at `key`.

    `steady`: only what counts up `recording.world.version` puts another value there. `input`: a
    number that a compiled step reads anew each time, of which only matters whether it is zero.
    `exact`: nothing but this very object will do, whatever it holds.
    """

    path: str
    value: Any
    holder: Any = None
    key: Any = None
    steady: bool = False
    input: bool = False
    exact: bool = False


class Attributes:
    """A `holder` whose keys are the names of attributes of `owner`."""

    __slots__ = ("owner",)

    def __init__(self, owner: Any) -> None:
        self.owner = owner


def named(
    fn: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Iterator[tuple[str, Any]]:
    """The arguments by `fn`'s own names for them, those in lists, tuples and dicts one by one."""
    for name, value in zip(_parameters(fn, len(args)), args, strict=True):
        yield from leaves(name, value)
    for name, value in kwargs.items():
        yield from leaves(name, value)


def leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """What nested lists, tuples and dicts hold, in order, with paths."""
    for part, inner in parts(value):
        yield from leaves(path + part, inner)
    if not isinstance(value, (list, tuple, dict)):
        yield path, value


def _parameters(fn: Any, n: int) -> list[str]:
    """Names for `n` positional arguments."""
    try:
        signature = inspect.signature(fn)
    except (TypeError, ValueError):  # a callable without a signature
        return [f"argument {i}" for i in range(n)]
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [p.name for p in signature.parameters.values() if p.kind in kinds][:n]
    return names + [f"argument {i}" for i in range(len(names), n)]
