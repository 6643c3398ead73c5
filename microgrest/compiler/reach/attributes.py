"""Attributes of objects: which of them code reads, by itself or in methods, and which are data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, partialmethod
from types import (
    BuiltinFunctionType,
    FunctionType,
    MemberDescriptorType,
    ModuleType,
)
from typing import Any, NamedTuple

from ...optim.lr_scheduler import LRScheduler
from .loaded_names import COMPARES, Compiled, is_ours_or_standard, layers_of, names_of

# Special methods that a computation does not call: they make objects, end, show and copy them.
_ASIDE = frozenset(
    (
        *("__new__", "__init__", "__post_init__", "__init_subclass__", "__set_name__", "__del__"),
        *("__repr__", "__str__", "__format__", "__dir__", "__sizeof__", "__copy__", "__deepcopy__"),
        *("__reduce__", "__reduce_ex__", "__getstate__", "__setstate__", "__replace__"),
        *("__getnewargs__", "__getnewargs_ex__"),
    )
)
# Those that name all fields where they are generated, as for a dataclass.
_COMPARING = frozenset(("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__hash__"))
_GENERATING = ("__dataclass_fields__", "__attrs_attrs__")


class Code(NamedTuple):
    """What a class of a user's program has for a method, and the functions that it consists of."""

    cls: type
    name: str
    given: Any
    functions: tuple[FunctionType, ...]


def with_methods(cls: type, names: Iterable[str]) -> tuple[list[str], list[Code]]:
    """`names` of attributes, and those that methods of `cls` name in turn; and these methods.

    Of methods count those among the names, those that they name, and special methods, which
    operators and calls reach without a name; in all classes of a user's program that `cls` consists
    of, since one may call another by `super()`. Not those of schedulers, whose counts and rates run
    ahead of a compiled step.
    """
    found = dict.fromkeys(names)
    if issubclass(cls, LRScheduler):
        return list(found), []
    own = [c for c in cls.__mro__ if not is_ours_or_standard(c.__module__)]
    special = [name for c in own for name in _special_methods(c, COMPARES in found)]
    fresh, methods, seen = [*found, *special], [], set()
    while fresh:
        name = fresh.pop()
        met = [m for m in _methods(own, name) if name not in seen]
        seen.add(name)
        methods += met
        more = [
            attribute
            for method in met
            for attribute in names_of(tuple(f.__code__ for f in method.functions))[1]
            if attribute not in found
        ]
        found.update(dict.fromkeys(more))
        fresh += more
    if "__match_args__" in found:
        found.update(dict.fromkeys(getattr(cls, "__match_args__", ())))
    return list(found), methods


def _methods(classes: Iterable[type], name: str) -> Iterator[Code]:
    for cls in classes:
        functions = tuple(_functions(vars(cls).get(name)))
        if functions:
            yield Code(cls, name, vars(cls)[name], functions)


def _special_methods(cls: type, compares: bool) -> Iterator[str]:
    """The names of special methods that a class defines, and that code may call."""
    generated = not compares and any(mark in vars(cls) for mark in _GENERATING)
    aside = _ASIDE | _COMPARING if generated else _ASIDE
    for name, given in vars(cls).items():
        if name.startswith("__") and name not in aside and isinstance(given, FunctionType):
            yield name


def _functions(given: Any) -> Iterator[FunctionType]:
    """What a class has for a method: a function, a property, or something around functions."""
    if isinstance(given, property):
        given = given.fget
    elif isinstance(given, (cached_property, partialmethod)):
        given = given.func
    if _is_descriptor(given):
        given = type(given).__get__
    if hasattr(type(given), "__get__"):
        yield from (f for f in layers_of(given) if isinstance(f, FunctionType))


def _is_descriptor(given: Any) -> bool:
    """Whether a user's own code says what an attribute of a class is for its objects."""
    own = not isinstance(given, Compiled) and not is_ours_or_standard(type(given).__module__)
    return own and isinstance(getattr(type(given), "__get__", None), FunctionType)


def is_attribute(value: Any, name: str) -> bool:
    """Whether `value` has an attribute that is data of its own, or that its classes give it."""
    if isinstance(value, Compiled):
        return value.has_attribute(name)
    if name in getattr(value, "__dict__", ()):
        return not isinstance(value, type) or _is_data(vars(value)[name])
    cls = _giver(value, name)
    if cls is None or is_ours_or_standard(cls.__module__):
        return False
    given = vars(cls)[name]
    slot = isinstance(given, MemberDescriptorType) and hasattr(value, name)
    return slot or _is_data(given)


def data_of(value: Any, names: Iterable[str]) -> list[tuple[str, Any]]:
    """Which of `names` are attributes of `value` with data, and this data."""
    return [(name, getattr(value, name)) for name in names if is_attribute(value, name)]


def is_empty_slot(value: Any, name: str) -> bool:
    """Whether `value` has a place for an attribute, and nothing in it."""
    cls = None if isinstance(value, type) else _giver(value, name)
    slot = cls is not None and isinstance(vars(cls)[name], MemberDescriptorType)
    return slot and not hasattr(value, name)


def descriptor_of(value: Any, name: str) -> Any:
    """The object of a user's own kind that says what an attribute is; None if there is none."""
    cls = _giver(value, name)
    given = None if cls is None else vars(cls)[name]
    return given if _is_descriptor(given) else None


def own_names(value: Any) -> list[str]:
    """The attributes that `vars`, or what knows the fields of a class, finds of an object."""
    if isinstance(value, (type, ModuleType, LRScheduler)):
        return []
    fields = getattr(type(value), "__dataclass_fields__", ())
    return [*getattr(value, "__dict__", ()), *fields]


def tables_of(value: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The attributes of `value` itself and of its classes, with what is written to get at them."""
    if isinstance(getattr(value, "__dict__", None), Mapping):
        yield ".__dict__", vars(value)
    if isinstance(value, Compiled):
        yield ".fn.__dict__", getattr(value.uncompiled(), "__dict__", {})
    for cls in value.__mro__[1:] if isinstance(value, type) else type(value).__mro__:
        if not is_ours_or_standard(cls.__module__):
            yield f".{cls.__name__}.__dict__", vars(cls)


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
