"""What a function holds: every object that its own code can name, with a path for people.

A function holds its closure, the globals that its code loads, its defaults, and the object that it
is bound to; through them the contents of lists, tuples and dicts, modules with all below them, and
optimizers with their groups and state; sets and NumPy arrays by their contents. Of other objects,
classes and Python modules only those attributes count, their own or inherited, that the code names,
`config.width`, or a method of the object that it calls, or the `forward` of a module that has it;
special methods count as called, since no name says where they are (`attributes`). A compiled step
that the code names is a part of it.

    a                                   a global or a free variable
    model.0.weight, model.training      parts of a module
    batches[0]['x'], config.width       parts of containers and objects
    optimizer.state[weight].exp_avg     what an optimizer remembers of the parameter "weight"

Hooks of modules and tensors hold as the function does. Functions that it names are followed to
tensors, modules, optimizers and what has them; their own plain values are no part of this, nor is
what other code reads.
"""

from __future__ import annotations

import functools
import inspect
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from types import FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple

import numpy as np

from ..nn.hooks import Hook
from ..nn.module import Module
from ..optim.optimizer import Optimizer
from ..tensor import Tensor
from .attributes import compiled_method, has_attributes, is_attribute, with_methods
from .names import (
    COUNT,
    PLAIN,
    Compiled,
    helpers_of,
    is_full,
    is_ours_or_standard,
    label,
    layers_of,
    names_of,
    parts,
)

# What is not looked into.
LEAVES = (Tensor, *PLAIN)
# What an optimizer hands to its rule as numbers at each step; the other options steer the rule.
_RATES = ("lr", "initial_lr", "max_lr", "min_lr", "base_lr")
# What an optimizer calls as it steps; and what it keeps, which is walked by itself or counts.
_RULE = ("step", "_numbers", "_update")
_KEPT = ("param_groups", "state", "defaults", "stepped")
# Where a module keeps its members and hooks.
TABLES = ("_parameters", "_buffers", "_modules", "_forward_hooks", "_forward_pre_hooks")
# What changes in place, and no setter counts it.
_CHANGING = (list, tuple, dict, set, frozenset, deque, np.ndarray)


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


def walk(fn: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Iterator[Found]:
    """All that `fn` holds, then what the arguments do that are neither tensors nor plain."""
    yield from _Walk(fn).all(args, kwargs)


def reached(
    fn: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> dict[Tensor, str]:
    """The tensors that `fn` and its arguments hold, and their gradients, each with its name."""
    given = ((t, path) for path, t in named(fn, args, kwargs) if isinstance(t, Tensor))
    held = ((f.value, f.path) for f in walk(fn, args, kwargs) if isinstance(f.value, Tensor))
    names: dict[Tensor, str] = {}
    for t, path in chain(held, given):
        names.setdefault(t, path)
    for t, path in list(names.items()):
        if t._grad is not None:
            names.setdefault(t._grad, f"{path}.grad")
    return names


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


class _Walk:
    """One walk. Optimizers are entered last, because modules name their parameters.

    Every object is entered once, or once for each set of attributes that is looked for.
    """

    def __init__(self, fn: Callable[..., Any]) -> None:
        self.fn = fn
        self.layers = list(layers_of(fn))
        self.helpers = helpers_of(self.layers)
        # The attributes that the code names, and the methods of what is being walked through.
        self.attributes = _names_in((*self.layers, *self.helpers))
        self.reads_options = self.reads_counts = False
        self._note_reading()
        self.entered: set[Any] = set()
        self.optimizers: dict[int, tuple[str, Optimizer]] = {}
        self.names: dict[Tensor, str] = {}

    def all(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Iterator[Found]:
        own = chain(*map(self._layer, self.layers), self._given(args, kwargs))
        for found in chain(own, *map(self._helper, self.helpers)):
            yield found
            if isinstance(found.value, Tensor):
                self.names.setdefault(found.value, found.path)
                for hook in tuple(found.value._hooks.values() if found.value._hooks else ()):
                    yield from self._hook(hook)
        while self.optimizers:
            path, optimizer = self.optimizers.pop(next(iter(self.optimizers)))
            yield from self._optimizer(path, optimizer)

    @contextmanager
    def _naming(self, names: Iterable[str]) -> Iterator[None]:
        """Inside, other code is walked through, which names these attributes."""
        outer, self.attributes = self.attributes, list(dict.fromkeys(names))
        self._note_reading()
        try:
            yield
        finally:
            self.attributes = outer

    def _note_reading(self) -> None:
        """Whether the code reads options of optimizers, or how many steps they took, by itself."""
        self.reads_options |= "param_groups" in self.attributes
        self.reads_counts |= "state" in self.attributes and COUNT in self.attributes

    def _given(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Iterator[Found]:
        for path, value in named(self.fn, args, kwargs):
            if not isinstance(value, LEAVES):
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
            if found.steady or not isinstance(found.value, PLAIN):
                yield found

    def _function(self, fn: FunctionType) -> Iterator[Found]:
        entry = "function", id(fn)
        if entry in self.entered:
            return
        self.entered.add(entry)
        for name, cell in zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=True):
            if is_full(cell):
                yield from self._found(Found(name, cell.cell_contents, cell))
        for name in names_of((fn.__code__,))[0]:
            if name in fn.__globals__:
                yield from self._found(Found(name, fn.__globals__[name], fn.__globals__, name))
        for key in ("__defaults__", "__kwdefaults__"):
            found = Found(f"{fn.__name__}.{key}", getattr(fn, key), Attributes(fn), key)
            yield from self._found(found)

    def _found(self, found: Found) -> Iterator[Found]:
        yield found
        path, value = found.path, found.value
        if isinstance(value, LEAVES) or id(value) in self.entered:
            return
        if isinstance(value, (Module, Optimizer)):
            self.entered.add(id(value))
        else:
            # Another module's code may name other attributes of the same object.
            entry = id(value), frozenset(self.attributes)
            if entry in self.entered:
                return
            self.entered.add(entry)
        if found.steady and isinstance(value, _CHANGING):
            yield Found(path, value)
        if isinstance(value, Module):
            for below, module in value.named_modules(prefix=path):
                yield from self._module(below, module)
        elif isinstance(value, Optimizer):
            self.optimizers[id(value)] = path, value
        elif isinstance(value, _CHANGING):
            yield from self._entries(path, value)
        elif isinstance(value, Compiled):
            yield from self._part(value, path)
        elif isinstance(value, MethodType):
            yield from self._bound(path, value)
        elif isinstance(value, functools.partial):
            for name in ("func", "args", "keywords"):
                yield from self._found(Found(f"{path}.{name}", getattr(value, name)))
        elif has_attributes(value):
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
        elif not isinstance(value, np.ndarray):
            keys = list(value) if isinstance(value, dict) else range(len(value))
            inside = parts(list(value) if isinstance(value, deque) else value)
            for key, (part, inner) in zip(keys, inside, strict=True):
                yield from self._found(Found(path + part, inner, value, key))

    def _object(self, path: str, value: Any) -> Iterator[Found]:
        """What the code, and the methods that it calls, name of an object and of its class."""
        if isinstance(value, (type, ModuleType)):
            yield from self._attributes(path, value)
            return
        with self._naming(with_methods(type(value), self.attributes)):
            if hasattr(value, "__dict__"):
                yield Found(f"{path}.__dict__", vars(value))
            yield from self._attributes(path, value)

    def _attributes(self, path: str, value: Any, others: Collection[str] = ()) -> Iterator[Found]:
        """Those attributes, of its own or inherited, that code names, but for some `others`."""
        holder = Attributes(value)
        for name in self.attributes:
            method = compiled_method(value, name)
            if method is not None:
                yield from self._part(method, path)
            elif name not in others and is_attribute(value, name):
                yield from self._found(Found(f"{path}.{name}", getattr(value, name), holder, name))

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

    def _module(self, path: str, module: Module) -> Iterator[Found]:
        self.entered.add(id(module))
        own = vars(module)
        with self._naming(with_methods(type(module), (*self.attributes, "forward"))):
            yield Found(f"{path}.__dict__", own, steady=True)
            for table in TABLES:
                yield from self._table(path, own, table)
            for name in own:
                if name not in TABLES:
                    yield from self._own(Found(f"{path}.{name}", own[name], own, name, steady=True))
            members = chain.from_iterable(own[table] for table in TABLES[:3])
            yield from self._attributes(path, module, {*own, *members})

    def _table(self, path: str, own: dict[str, Any], table: str) -> Iterator[Found]:
        """Members of a module, which are walked by themselves, or its hooks."""
        yield Found(f"{path}.{table}", own[table], own, table, steady=True)
        for name, member in own[table].items():
            yield Found(f"{path}.{name}", member, own[table], name, steady=True)
            if isinstance(member, Hook):
                yield from self._hook(member.function)

    def _own(self, found: Found) -> Iterator[Found]:
        """A plain attribute of a module; of its compiled steps only those that code names."""
        unnamed = isinstance(found.value, Compiled) and found.key not in self.attributes
        yield from (found,) if unnamed else self._found(found)

    def _optimizer(self, path: str, optimizer: Optimizer) -> Iterator[Found]:
        own, steered = vars(optimizer), type(optimizer).step is Optimizer.step
        if not is_ours_or_standard(type(optimizer).__module__):
            with self._naming(with_methods(type(optimizer), (*self.attributes, *_RULE))):
                yield from self._attributes(path, optimizer, _KEPT)
        for name in ("param_groups", "state"):
            yield Found(f"{path}.{name}", own[name], own, name)
        for i, group in enumerate(optimizer.param_groups):
            place = f"{path}.param_groups[{i}]"
            yield Found(place, group, optimizer.param_groups, i, exact=True)
            yield from self._group(place, group, steered)
        for param, state in optimizer.state.items():
            name = self.names.get(param, "parameter").rpartition(".")[2]
            place = f"{path}.state[{name}]"
            yield Found(place, state, optimizer.state, param, exact=True)
            yield Found(place, state, steady=True)
            yield from self._state(place, state, steered and not self.reads_counts)

    def _group(self, path: str, group: dict[str, Any], steered: bool) -> Iterator[Found]:
        yield Found(path, group, steady=True)
        # Code that reads options by itself, or a rule that does, has them as plain numbers.
        steered = steered and not self.reads_options
        for name, value in group.items():
            found = Found(f"{path}[{name!r}]", value, group, name, steady=True)
            if not (steered and _is_numeric(value)):
                yield from self._found(found)
            elif name not in _RATES:
                yield found._replace(input=True)

    def _state(self, path: str, state: dict[str, Any], steered: bool) -> Iterator[Found]:
        for key, value in state.items():
            if isinstance(value, Tensor):
                yield Found(f"{path}.{key}", value, state, key, exact=True)
            elif not steered:
                yield from self._found(Found(f"{path}.{key}", value, state, key))


def _parameters(fn: Any, n: int) -> list[str]:
    """Names for `n` positional arguments."""
    try:
        signature = inspect.signature(fn)
    except (TypeError, ValueError):  # a callable without a signature
        return [f"argument {i}" for i in range(n)]
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [p.name for p in signature.parameters.values() if p.kind in kinds][:n]
    return names + [f"argument {i}" for i in range(len(names), n)]


def _names_in(layers: Iterable[Any]) -> list[str]:
    """The attributes that the functions among layers name."""
    return names_of(tuple(f.__code__ for f in layers if isinstance(f, FunctionType)))[1]


def _is_numeric(value: Any) -> bool:
    """Whether an option is a number, or several, as betas are."""
    if isinstance(value, tuple):
        return all(map(_is_numeric, value))
    return isinstance(value, (int, float)) and not isinstance(value, bool)
