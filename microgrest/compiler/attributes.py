"""Attributes of objects: which of them code reads, by itself or in methods, and which are data."""

from __future__ import annotations

from collections import UserDict, UserList
from collections.abc import Iterable, Iterator
from functools import cached_property, partial, partialmethod
from types import (
    BuiltinFunctionType,
    CodeType,
    FunctionType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
)
from typing import Any

from ..nn.module import Module
from ..optim.lr_scheduler import LRScheduler
from ..optim.optimizer import Optimizer
from .names import Compiled, is_ours_or_standard, layers_of, names_of

# Special methods that a computation does not call: they make objects, end, show and copy them.
_ASIDE = frozenset(
    (
        *("__new__", "__init__", "__post_init__", "__init_subclass__", "__set_name__", "__del__"),
        *("__repr__", "__str__", "__format__", "__dir__", "__sizeof__", "__copy__", "__deepcopy__"),
        *("__reduce__", "__reduce_ex__", "__getstate__", "__setstate__", "__replace__"),
    )
)
# Those that name all fields where they are generated, as for a dataclass.
_COMPARING = frozenset(("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__hash__"))
_GENERATING = ("__dataclass_fields__", "__attrs_attrs__")


def with_methods(cls: type, names: Iterable[str]) -> list[str]:
    """`names` of attributes, and those that methods of `cls` name in turn.

    Of methods count those among the names, those that they name, and special methods, which
    operators and calls reach without a name; in all classes of a user's program that `cls` consists
    of, since one may call another by `super()`. Not those of schedulers, whose counts and rates run
    ahead of a compiled step.
    """
    found = dict.fromkeys(names)
    if issubclass(cls, LRScheduler):
        return list(found)
    if issubclass(cls, (UserDict, UserList)):
        found["data"] = None
    own = [c for c in cls.__mro__ if not is_ours_or_standard(c.__module__)]
    fresh = [*found, *(name for c in own for name in _special_methods(c))]
    while fresh:
        name = fresh.pop()
        codes = tuple(code for c in own for code in _codes(vars(c).get(name)))
        more = [name for name in names_of(codes)[1] if name not in found]
        found.update(dict.fromkeys(more))
        fresh += more
    return list(found)


def _special_methods(cls: type) -> Iterator[str]:
    """The names of special methods that a class defines, and that code may call."""
    generated = any(mark in vars(cls) for mark in _GENERATING)
    aside = _ASIDE | _COMPARING if generated else _ASIDE
    for name, given in vars(cls).items():
        if name.startswith("__") and name not in aside and isinstance(given, FunctionType):
            yield name


def _codes(given: Any) -> Iterator[CodeType]:
    """The code of what a class has for a method: a function, a property, or something around."""
    if isinstance(given, property):
        given = given.fget
    elif isinstance(given, (cached_property, partialmethod)):
        given = given.func
    if hasattr(type(given), "__get__"):
        yield from (f.__code__ for f in layers_of(given) if isinstance(f, FunctionType))


def has_attributes(value: Any) -> bool:
    """Whether attributes of `value` may be data of a user's program."""
    if isinstance(value, ModuleType) and is_ours_or_standard(value.__name__):
        return False
    known = (FunctionType, MethodType, partial, Module, Optimizer, Compiled)
    return not isinstance(value, known)


def is_attribute(value: Any, name: str) -> bool:
    """Whether `value` has an attribute that is data of its own, or that its classes give it."""
    if name in getattr(value, "__dict__", ()):
        return not isinstance(value, (type, ModuleType)) or _is_data(vars(value)[name])
    cls = _giver(value, name)
    if cls is None or is_ours_or_standard(cls.__module__):
        return False
    given = vars(cls)[name]
    slot = isinstance(given, MemberDescriptorType) and hasattr(value, name)
    return slot or _is_data(given)


def compiled_method(value: Any, name: str) -> Compiled | None:
    """The compiled step that the class of `value` has as its method `name`, if it is one."""
    if name in getattr(value, "__dict__", ()) and not isinstance(value, type):
        return None
    cls = _giver(value, name)
    given = None if cls is None else vars(cls)[name]
    return given if isinstance(given, Compiled) else None


def _giver(value: Any, name: str) -> type | None:
    """The class that has the attribute, of a class or of an object's class."""
    classes = (value if isinstance(value, type) else type(value)).__mro__
    return next((cls for cls in classes if name in vars(cls)), None)


def _is_data(value: Any) -> bool:
    """Whether a class or a Python module holds `value` as data rather than as code."""
    if isinstance(value, ModuleType):
        return not is_ours_or_standard(value.__name__)
    if isinstance(value, type):
        return not is_ours_or_standard(value.__module__)
    code = hasattr(type(value), "__get__") or isinstance(value, BuiltinFunctionType)
    return not code or isinstance(value, Compiled)
