"""How a walk goes through code, containers and objects; `walk` says what it finds."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import CodeType, FunctionType, MappingProxyType, MethodType, ModuleType
from typing import Any

import numpy as np

from ...tensor import Tensor
from .attributes import (
    Code,
    compiled_method,
    data_of,
    descriptor_of,
    is_attribute,
    is_empty_slot,
    own_names,
    tables_of,
    with_methods,
)
from .loaded_names import (
    ASKS,
    BY_TEXT,
    COUNT,
    WHOLE,
    Compiled,
    helpers_of,
    is_full,
    is_library,
    is_ours_or_standard,
    layers_of,
    names_of,
)
from .places import AttributesOf, Found, named
from .plain_values import PLAIN, label, parts
from .standard_library import (
    BUFFERS,
    ENVIRONMENT,
    MISSING,
    Missing,
    attribute_within,
    is_mapping,
    names_told,
    read_by_call,
    reads_environment,
)

# What changes in place, and no setter counts it.
_CHANGING = (list, tuple, dict, MappingProxyType, set, frozenset, deque, np.ndarray, *BUFFERS)


class ObjectWalk:
    """A walk through code, containers and objects, as `fn` holds them.

    Every object is entered once, or once for each set of attributes that is looked for. `found` is
    what it met, `named` the attributes that any code on its way names, `codes` that code.
    """

    def __init__(self, fn: Callable[..., Any], texts: Iterable[str] = ()) -> None:
        self.fn = fn
        self.found: list[Found] = []
        self.layers = list(layers_of(fn))
        self.helpers = helpers_of(self.layers)
        self.texts = dict.fromkeys(texts)  # that name attributes
        self.named: set[str] = set()
        self.codes: list[CodeType] = []
        self.reads_options = self.reads_counts = False
        self.attributes: list[str] = []
        self.looked_for: frozenset[str] = frozenset()
        # The attributes that the code names, and the methods of what is being walked through.
        self._name((*_names_in((*self.layers, *self.helpers)), *self.texts))
        self.entered: set[Any] = set()
        self.heard: dict[str, None] = {}

    @contextmanager
    def _naming(self, names: Iterable[str]) -> Iterator[None]:
        """Inside, other code is walked through, which names these attributes."""
        outer = self.attributes, self.looked_for
        self._name(names)
        try:
            yield
        finally:
            self.attributes, self.looked_for = outer

    def _name(self, names: Iterable[str]) -> None:
        """Let these be the attributes to look for; note what the code does with them."""
        self.attributes = list(dict.fromkeys(names))
        self.looked_for = frozenset(self.attributes)
        self.named |= self.looked_for
        # Whether it reads options of optimizers, or how many steps they took, by itself.
        self.reads_options |= "param_groups" in self.attributes
        self.reads_counts |= "state" in self.attributes and COUNT in self.attributes

    def _hear(self, value: Any) -> None:
        """Take in names of attributes that are no part of code."""
        if isinstance(value, str):
            if BY_TEXT in self.named and value.replace(".", "_").isidentifier():
                self.heard.update(dict.fromkeys(value.split(".")))
        else:
            self.heard.update(dict.fromkeys(names_told(value)))

    def _given(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Iterator[Found]:
        for path, value in named(self.fn, args, kwargs):
            if isinstance(value, Tensor):  # whose place another one may take
                for name, inner in data_of(value, self.attributes):
                    yield from self._found(Found(f"{path}.{name}", inner))
            elif isinstance(value, PLAIN):
                self._hear(value)
            else:
                yield from self._found(Found(path, value))

    def _layer(self, layer: Any, path: str = "self") -> Iterator[Found]:
        if isinstance(layer, functools.partial):
            for name in ("args", "keywords"):
                yield from self._found(Found(f"partial.{name}", getattr(layer, name)))
        elif isinstance(layer, FunctionType):
            yield from self._function(layer)
        else:
            yield from self._found(Found(path, layer))

    def _helper(self, layer: Any) -> Iterator[Found]:
        for found in self._layer(layer):
            if found.steady or not isinstance(found.value, (Missing, *PLAIN)):
                yield found

    def _function(self, fn: FunctionType) -> Iterator[Found]:
        entry = "function", id(fn)
        if entry in self.entered:
            return
        self.entered.add(entry)
        yield from self._code(fn)
        for name, cell in zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=True):
            if is_full(cell):
                yield from self._found(Found(name, cell.cell_contents, cell))
        for name in names_of((fn.__code__,))[0]:
            value = fn.__globals__.get(name, MISSING)  # a builtin, as a rule
            yield from self._found(Found(name, value, fn.__globals__, name))

    def _code(self, fn: FunctionType) -> Iterator[Found]:
        """The code and the defaults of a function, which may be replaced as any attribute is."""
        entry = "code", id(fn)
        if entry not in self.entered:
            self.entered.add(entry)
            self.codes.append(fn.__code__)
            path = f"{fn.__name__}.__code__"
            yield Found(path, fn.__code__, AttributesOf(fn), "__code__", exact=True)
            for key in ("__defaults__", "__kwdefaults__"):
                # That another tuple or dict stands there is seen where the code is looked at.
                yield from self._found(Found(f"{fn.__name__}.{key}", getattr(fn, key)))

    def _found(self, found: Found) -> Iterator[Found]:
        yield found
        path, value = found.path, found.value
        self._hear(value)
        # Another module's code may name other attributes of the same object.
        entry = id(value), self.looked_for
        if isinstance(value, (Missing, *PLAIN)) or not self.entered.isdisjoint((id(value), entry)):
            return
        self.entered.add(entry)
        if found.steady and isinstance(value, _CHANGING):
            yield Found(path, value)
        yield from self._inside(path, value)

    def _inside(self, path: str, value: Any) -> Iterator[Found]:
        """What an object that is no plain value holds."""
        if isinstance(value, _CHANGING):
            yield from self._entries(path, value)
            if not is_library(type(value).__module__):
                yield from self._object(path, value)
        elif isinstance(value, MethodType):
            yield from self._bound(path, value)
        elif reads_environment(value, self.attributes):
            yield from self._found(Found("os.environ", ENVIRONMENT))
        elif not isinstance(value, ModuleType) or not is_library(value.__name__):
            if isinstance(value, functools.partial):
                for name in ("func", "args", "keywords"):
                    yield from self._found(Found(f"{path}.{name}", getattr(value, name)))
            if isinstance(value, Compiled):
                yield from self._part(value, path)
            elif isinstance(value, FunctionType) and not is_ours_or_standard(value.__module__):
                yield from self._code(value)
            yield from self._object(path, value)

    def _bound(self, path: str, method: MethodType) -> Iterator[Found]:
        """The object that a method is bound to, as far as that names it, too."""
        own = any(method.__self__ is layer for layer in self.layers)
        with self._naming((*self.attributes, *_names_in(layers_of(method)))):
            yield from self._found(Found("self" if own else f"{path}.__self__", method.__self__))

    def _entries(self, path: str, value: Any) -> Iterator[Found]:
        """What a container holds; members of a set stand nowhere in it."""
        if isinstance(value, (set, frozenset)):
            for inner in value:
                yield from self._found(Found(f"{path}{{{label(inner)}}}", inner))
        elif value is not ENVIRONMENT and not isinstance(value, (np.ndarray, *BUFFERS)):
            keys = list(value) if is_mapping(value) else range(len(value))
            inside = parts(dict(value) if is_mapping(value) else list(value))
            for key, (part, inner) in zip(keys, inside, strict=True):
                yield from self._found(Found(path + part, inner, value, key))

    def _object(self, path: str, value: Any) -> Iterator[Found]:
        """What the code, and the methods that it calls, name of an object and of its class."""
        within, read = attribute_within(value), read_by_call(value)
        if within is not None:
            found = Found(f"{path}.{within}", getattr(value, within), AttributesOf(value), within)
            yield from self._found(found)
        if read is not None:
            part, mapping = read
            yield from self._found(Found(path + part, mapping[value], mapping, value))
        if isinstance(value, (type, ModuleType, Tensor, FunctionType, Compiled)):
            yield from self._attributes(path, value)
            return
        with self._methods(path, value) as methods:
            yield from methods
            if hasattr(value, "__dict__"):
                yield Found(f"{path}.__dict__", vars(value))
            yield from self._attributes(path, value)

    @contextmanager
    def _methods(
        self, path: str, value: Any, further: Iterable[str] = (), steady: bool = False
    ) -> Iterator[list[Found]]:
        """Inside, what methods of an object name is looked for, too; gives what these are."""
        cls = type(value)
        names, codes = with_methods(cls, (*self.attributes, *further))
        with self._naming(names):
            found = [f for code in codes for f in self._method(code)]
            if codes or steady:
                holder = AttributesOf(value)
                found.append(
                    Found(f"{path}.__class__", cls, holder, "__class__", steady, exact=True)
                )
            yield found

    def _method(self, code: Code) -> Iterator[Found]:
        """A method of a class, which may be replaced as well as its code."""
        entry = "method", code.cls, code.name
        if entry not in self.entered:
            self.entered.add(entry)
            path = f"{code.cls.__name__}.{code.name}"
            yield Found(path, code.given, vars(code.cls), code.name, exact=True)
            for function in code.functions:
                yield from self._code(function)
                yield from self._attributes(path, function)

    def _attributes(self, path: str, value: Any, others: Collection[str] = ()) -> Iterator[Found]:
        """Those attributes, of its own or inherited, that code names, but for some `others`."""
        holder, tables = AttributesOf(value), dict(tables_of(value))
        names = [name for name in self.attributes if any(name in t for t in tables.values())]
        for name in (*names, *(own_names(value) if WHOLE in self.attributes else ())):
            method = compiled_method(value, name)
            if method is not None:
                yield from self._part(method, path)
            elif name in others:
                continue
            elif is_attribute(value, name):
                yield from self._found(Found(f"{path}.{name}", getattr(value, name), holder, name))
            elif ASKS in self.attributes and is_empty_slot(value, name):
                yield Found(f"{path}.{name}", MISSING, holder, name)
            elif (descriptor := descriptor_of(value, name)) is not None:
                yield from self._found(Found(f"{path}.{name}", descriptor))
        if not self.looked_for.isdisjoint((WHOLE, ASKS)):
            for part, table in tables.items():
                yield Found(path + part, table)

    def _hook(self, hook: Any) -> Iterator[Found]:
        """What a hook of a user's program holds."""
        if not is_ours_or_standard(getattr(hook, "__module__", "") or ""):
            yield from self._part(hook)

    def _part(self, fn: Any, path: str = "self") -> Iterator[Found]:
        """What other code holds that is as good as the function's own; `path` is its object's."""
        entry = "part", id(fn)
        if entry not in self.entered:
            self.entered.add(entry)
            layers = list(layers_of(fn))
            with self._naming((*self.attributes, *_names_in(layers))):
                for layer in layers:
                    yield from self._layer(layer, path)


def _names_in(layers: Iterable[Any]) -> list[str]:
    """The attributes that the functions among layers name."""
    return names_of(tuple(f.__code__ for f in layers if isinstance(f, FunctionType)))[1]
