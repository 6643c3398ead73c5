"""What a Python function computes, as a key: its code, and what its names stand for now.

A model that is read once is compiled for good. So a look at the key at each call tells whether a
global or a closure has changed since. Lambdas of one line, made anew in a loop, have one key.
"""

from __future__ import annotations

import builtins
from collections.abc import Hashable, Iterator
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

# Whose attributes stay as they are.
_STEADY = ("builtins", "numpy", "math", "scipy", "microgrest")


class _Unknown(Exception):
    """Something that may change without being another object."""


def fingerprint(f: Any) -> Hashable | None:
    """A key for what `f` computes; None if what it depends on cannot be told."""
    try:
        return tuple(_function(f, ()))
    except _Unknown:
        return None


def _function(f: Any, outer: tuple[Any, ...]) -> Iterator[Hashable]:
    if hasattr(f, "traced"):
        yield f.traced
        return
    f = getattr(f, "py_func", f)
    if not isinstance(f, FunctionType):
        raise _Unknown
    yield f.__code__
    if f in outer:
        return
    outer = (*outer, f)
    yield from _values((*(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).items()), outer)
    for cell in f.__closure__ or ():
        try:
            yield from _value(cell.cell_contents, outer)
        except ValueError:
            raise _Unknown from None
    for name in _names(f.__code__):
        if name in f.__globals__:
            yield from _value(f.__globals__[name], outer)
        elif not hasattr(builtins, name):
            yield name


def _names(code: CodeType) -> Iterator[str]:
    """Names that may be global, attributes among them."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _values(values: tuple[Any, ...], outer: tuple[Any, ...]) -> Iterator[Hashable]:
    yield len(values)
    for value in values:
        yield from _value(value, outer)


def _value(value: Any, outer: tuple[Any, ...]) -> Iterator[Hashable]:
    """A value as part of a key."""
    if isinstance(value, (bool, int, str, bytes, type(None))):
        yield type(value).__name__, value
    elif isinstance(value, (float, complex, np.generic)):
        yield type(value).__name__, repr(value)  # tells -0.0 from 0.0, and nan is itself
    elif isinstance(value, tuple):
        yield from _values(value, outer)
    elif isinstance(value, ModuleType):
        if value.__name__.partition(".")[0] not in _STEADY:
            raise _Unknown
        yield value
    elif isinstance(value, (np.ufunc, BuiltinFunctionType)) or _steady(value):
        yield value
    else:
        yield from _function(value, outer)


def _steady(value: Any) -> bool:
    """Whether it is a function or a class of a library that nobody changes."""
    known = isinstance(value, (FunctionType, type))
    return known and (value.__module__ or "").partition(".")[0] in _STEADY
