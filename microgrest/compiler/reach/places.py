"""Found: an object that a function or its arguments hold, and where it stands."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import CellType
from typing import Any, NamedTuple

from .plain_values import parts

GONE = object()


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

    def now(self) -> Any:
        """What stands in this place now; GONE where it is no more."""
        holder, key = self.holder, self.key
        try:
            if isinstance(holder, CellType):
                return holder.cell_contents
            return getattr(holder.owner, key) if isinstance(holder, AttributesOf) else holder[key]
        except (LookupError, ValueError, AttributeError):
            return GONE

    def put(self, value: Any) -> None:
        """Let `value` stand in this place."""
        holder, key = self.holder, self.key
        if isinstance(holder, CellType):
            holder.cell_contents = value
        elif isinstance(holder, AttributesOf):
            setattr(holder.owner, key, value)
        else:
            holder[key] = value


class AttributesOf:
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
