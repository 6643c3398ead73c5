"""What objects of the standard library hold, where no name of an attribute says so.

options["width"]        of a ChainMap over dicts, a UserDict, a MappingProxyType
mode.get()              of a ContextVar
model()                 of a weak reference
os.environ["WIDTH"]     and os.getenv("WIDTH")
"""

from __future__ import annotations

import os
from array import array
from collections import ChainMap, UserDict, UserList, UserString
from collections.abc import Collection, Iterator
from contextvars import ContextVar
from dataclasses import asdict, astuple, fields
from inspect import getmembers
from operator import attrgetter, methodcaller
from types import MappingProxyType, ModuleType
from typing import Any
from weakref import ref

from .loaded_names import WHOLE

# The environment of the process as it is kept: reading it by `os.environ` would decode it.
ENVIRONMENT: Any = getattr(os.environ, "_data", None)
# Bytes that count by their contents.
BUFFERS = (bytearray, array)
_WHOLE_OBJECTS = (vars, asdict, astuple, fields, getmembers)
_HOLDING = {ChainMap: "maps", UserDict: "data", UserList: "data", UserString: "data"}


class Missing:
    """What stands where there is nothing."""

    def __repr__(self) -> str:
        return "missing"


MISSING = Missing()


class Context:
    """Context variables by what they are set to; setting an item sets the variable."""

    def __getitem__(self, variable: ContextVar[Any]) -> Any:
        try:
            return variable.get()
        except LookupError:
            return MISSING

    def __setitem__(self, variable: ContextVar[Any], value: Any) -> None:
        variable.set(value)


class Referents:
    """Weak references by what they refer to, None if that is gone."""

    def __getitem__(self, reference: ref[Any]) -> Any:
        return reference()


CONTEXT, REFERENTS = Context(), Referents()


def attribute_within(value: Any) -> str | None:
    """The attribute in which an object of the standard library keeps what it holds."""
    return next((name for kind, name in _HOLDING.items() if isinstance(value, kind)), None)


def read_by_call(value: Any) -> tuple[str, Any] | None:
    """What calling a method of an object gives: how that is written, and a mapping that has it."""
    if isinstance(value, ContextVar):
        return ".get()", CONTEXT
    return ("()", REFERENTS) if isinstance(value, ref) else None


def reads_environment(value: Any, names: Collection[str]) -> bool:
    """Whether code that has `value`, and names such attributes, may read the environment."""
    if isinstance(value, ModuleType):
        return value is os and not {"environ", "getenv"}.isdisjoint(names)
    return value is os.environ or value is os.getenv


def is_mapping(value: Any) -> bool:
    """Whether it is a dict, or shows one."""
    return isinstance(value, (dict, MappingProxyType))


def names_told(value: Any) -> Iterator[str]:
    """The attributes that an `attrgetter` or a `methodcaller` names; or that it asks for all."""
    if isinstance(value, (attrgetter, methodcaller)):
        for text in value.__reduce__()[1]:
            yield from text.split(".") if isinstance(text, str) else ()
    elif any(value is function for function in _WHOLE_OBJECTS):
        yield WHOLE
