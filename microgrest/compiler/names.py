"""What code names: the functions that a callable consists of, and the names that these load."""

from __future__ import annotations

import dis
import functools
import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from types import CellType, CodeType, FunctionType, MethodType
from typing import Any

import numpy as np

from ..device import device
from ..dtypes import dtype
from ..nn.module import Module

# What is known by its value: type and text say all about it.
PLAIN = (
    *(bool, int, float, complex, str, bytes, type(None), type(...), slice, range),
    *(np.generic, np.dtype, dtype, device, Enum),
)


def label(key: Any) -> str:
    """A key of a dict as text that says no more than which one it is: values of tensors change."""
    return repr(key) if isinstance(key, PLAIN) else f"{type(key).__name__} {id(key):#x}"


def parts(value: Any) -> list[tuple[str, Any]]:
    """The entries of a list, tuple or dict, with what is written to get at them; else none."""
    if isinstance(value, dict):
        return [(f"[{label(key)}]", inner) for key, inner in value.items()]
    if isinstance(value, (list, tuple)):
        return [(f"[{i}]", inner) for i, inner in enumerate(value)]
    return []


class Compiled:
    """What stands for a function in other code: a compiled step, or one as a method."""

    __slots__ = ()

    def uncompiled(self) -> Callable[..., Any]:
        """The function that it stands for."""
        raise NotImplementedError


def layers_of(fn: Any) -> Iterator[Any]:
    """The functions that `fn` consists of, the objects that they are bound to, and partials."""
    while fn is not None:
        if isinstance(fn, Compiled):
            fn = fn.uncompiled()
        elif isinstance(fn, MethodType):
            yield fn.__self__
            fn = fn.__func__
        else:
            yield fn
            fn = _inside(fn)


def _inside(fn: Any) -> Any:
    """What `fn` calls that is a layer of it, None if nothing."""
    if isinstance(fn, functools.partial):
        return fn.func
    if isinstance(fn, FunctionType) or hasattr(fn, "__wrapped__"):
        return getattr(fn, "__wrapped__", None)
    fn = getattr(type(fn), "forward" if isinstance(fn, Module) else "__call__", None)
    return fn if isinstance(fn, (FunctionType, Compiled)) else None


def is_lazy(fn: Any) -> bool:
    """Whether a call of `fn` runs none of its code yet: a generator, a coroutine, or both."""
    lazy = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
    outermost = next((f for f in layers_of(fn) if isinstance(f, FunctionType)), None)
    return outermost is not None and bool(outermost.__code__.co_flags & lazy)


def helpers_of(layers: Sequence[Any]) -> list[Any]:
    """The layers of the functions that functions among `layers` name, and of those in turn."""
    found = {id(layer): layer for layer in layers}
    fresh = list(layers)
    while fresh:
        layer = fresh.pop(0)
        named = _functions(_named(layer), set()) if isinstance(layer, FunctionType) else ()
        more = [inner for function in named for inner in layers_of(function)]
        fresh += [inner for inner in more if id(inner) not in found]
        found.update((id(inner), inner) for inner in more)
    return list(found.values())[len(layers) :]


def _named(fn: FunctionType) -> list[Any]:
    """The values of the variables and globals that a function names."""
    cells = [cell.cell_contents for cell in fn.__closure__ or () if is_full(cell)]
    return cells + [fn.__globals__.get(name) for name in names_of((fn.__code__,))[0]]


def _functions(value: Any, entered: set[int]) -> Iterator[Any]:
    """`value` if it is a function of a user's program, or those in a list, tuple or dict."""
    if id(value) in entered:
        return
    entered.add(id(value))
    if isinstance(value, FunctionType):
        if not is_ours_or_standard(value.__module__ or ""):
            yield value
    elif isinstance(value, (MethodType, functools.partial, Compiled)):
        yield value
    for _, inner in parts(value):
        yield from _functions(inner, entered)


_LOADS = {
    "LOAD_GLOBAL": "global",
    "LOAD_NAME": "global",
    "LOAD_ATTR": "attribute",
    "LOAD_METHOD": "attribute",
    "LOAD_SUPER_ATTR": "attribute",
}
# A key that code has as a constant is here by this name: where an optimizer counts its steps.
COUNT = "['step']"


@functools.lru_cache(maxsize=256)
def names_of(codes: tuple[CodeType, ...]) -> tuple[list[str], list[str]]:
    """The globals and the attributes that code loads, that of functions inside it too.

    Among the attributes is `COUNT` where it has that key.
    """
    loaded: dict[str, dict[str, None]] = {"global": {}, "attribute": {}}
    stack = list(reversed(codes))
    while stack:
        code = stack.pop()
        for instruction in dis.get_instructions(code):
            if instruction.opname in _LOADS:
                loaded[_LOADS[instruction.opname]][instruction.argval] = None
        if "step" in code.co_consts:
            loaded["attribute"][COUNT] = None
        stack += [inner for inner in code.co_consts if isinstance(inner, CodeType)]
    return list(loaded["global"]), list(loaded["attribute"])


def is_ours_or_standard(module: str) -> bool:
    """Whether a Python module is of this package or the standard library: no data of a program."""
    name = module.partition(".")[0]
    return name == __name__.partition(".")[0] or name in sys.stdlib_module_names


def is_full(cell: CellType) -> bool:
    """Whether a variable has a value yet."""
    try:
        cell.cell_contents  # noqa: B018 - reading it is the test
    except ValueError:
        return False
    return True
