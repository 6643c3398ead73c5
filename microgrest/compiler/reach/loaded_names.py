"""What code names: the functions that a callable consists of, and the names that these load."""

from __future__ import annotations

import dis
import functools
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import CellType, CodeType, FunctionType, MethodType
from typing import Any

from ...nn.modules.module import Module
from .plain_values import parts


class Compiled:
    """What stands for a function in other code: a compiled step, or one as a method."""

    __slots__ = ()

    def uncompiled(self) -> Callable[..., Any]:
        """The function that it stands for."""
        raise NotImplementedError

    def has_attribute(self, name: str) -> bool:
        """Whether a program has set this attribute, of the step or of its function."""
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
        if not is_ours_or_standard(value.__module__):
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
# What code does besides naming attributes is among them by these names. It has the constant "step",
# the key where an optimizer counts its steps;
COUNT = "['step']"
# it can do without an attribute, so that one comes to matter that is not there;
ASKS = "hasattr()"
# it has names of attributes as text, its own constants or what it is given;
BY_TEXT = "getattr()"
# it takes all attributes of an object; it compares objects.
WHOLE, COMPARES = "vars()", "=="
_ASKING = {"hasattr", "getattr", "getattr_static", "AttributeError", "Exception"}
_TEXTS = {"hasattr", "getattr", "getattr_static", "attrgetter", "methodcaller", "__getattribute__"}
_WHOLES = {"vars", "__dict__", "asdict", "astuple", "__dataclass_fields__", "getmembers"}


@functools.lru_cache(maxsize=256)
def names_of(codes: tuple[CodeType, ...]) -> tuple[list[str], list[str]]:
    """The globals and the attributes that code loads, that of functions inside it too.

    Among the attributes is what else the code does with them: COUNT, ASKS, BY_TEXT, ...
    """
    loaded: dict[str, dict[str, None]] = {"global": {}, "attribute": {}}
    stack = list(reversed(codes))
    while stack:
        code = stack.pop()
        marks = dict.fromkeys(_marks(code))
        for instruction in dis.get_instructions(code):
            if instruction.opname in _LOADS:
                loaded[_LOADS[instruction.opname]][instruction.argval] = None
        texts = _texts(code.co_consts)
        if BY_TEXT in marks or WHOLE in marks:
            marks.update(dict.fromkeys(part for text in texts for part in text.split(".")))
        if "step" in code.co_consts:
            marks[COUNT] = None
        loaded["attribute"].update(marks)
        stack += [inner for inner in code.co_consts if isinstance(inner, CodeType)]
    return list(loaded["global"]), list(loaded["attribute"])


def _marks(code: CodeType) -> Iterator[str]:
    """What code does with attributes besides naming them; a class pattern names them apart."""
    names = {*code.co_names, *code.co_freevars}
    if names & _ASKING:
        yield ASKS
    if names & _TEXTS:
        yield BY_TEXT
    if names & _WHOLES or {"dataclasses", "fields"} <= names:
        yield WHOLE
    before: Any = None
    for instruction in dis.get_instructions(code):
        if instruction.opname == "MATCH_CLASS":
            yield ASKS
            yield "__match_args__"
            yield from _texts((before.argval,) if isinstance(before.argval, tuple) else ())
        constant = before is not None and before.opname in ("LOAD_CONST", "LOAD_SMALL_INT")
        if instruction.opname == "COMPARE_OP" and not constant:
            yield COMPARES
        before = before if instruction.opname == "EXTENDED_ARG" else instruction


def _texts(constants: Iterable[Any]) -> Iterator[str]:
    """The texts among constants, those in tuples too."""
    for constant in constants:
        if isinstance(constant, str):
            yield constant
        elif isinstance(constant, (tuple, frozenset)):
            yield from _texts(constant)


def is_ours_or_standard(module: str | None) -> bool:
    """Whether a Python module is of this package or the standard library: no data of a program."""
    name = (module or "").partition(".")[0]
    return name == __name__.partition(".")[0] or name in sys.stdlib_module_names


def is_library(module: str | None) -> bool:
    """Whether attributes of a Python module, or of its classes, are no data of a program."""
    return is_ours_or_standard(module) or (module or "").startswith("numpy")


def is_full(cell: CellType) -> bool:
    """Whether a variable has a value yet."""
    try:
        cell.cell_contents  # noqa: B018 - reading it is the test
    except ValueError:
        return False
    return True
