"""What a function holds: every object that its own code can name, with a path for people.

A function holds its closure, the globals that its code loads, its defaults, and the object that it
is bound to; through them the contents of lists, tuples and dicts, modules with all below them, and
optimizers with their groups and state; sets and NumPy arrays by their contents. Of other objects,
classes and Python modules only those attributes count, their own or inherited, that the code names,
`config.width`, or a method of the object that it calls, or the `forward` of a module that has it.

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
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from types import FunctionType, MemberDescriptorType, MethodType, ModuleType
from typing import Any, NamedTuple

import numpy as np

from ..nn.hooks import Hook
from ..nn.module import Module
from ..optim.optimizer import Optimizer
from ..tensor import Tensor
from .names import (
    PLAIN,
    helpers_of,
    is_full,
    is_ours_or_standard,
    label,
    layers_of,
    names_of,
    parts,
    with_methods,
)

# What is not looked into.
LEAVES = (Tensor, *PLAIN)
# What an optimizer hands to its rule as numbers at each step; the other options steer the rule.
_RATES = ("lr", "initial_lr", "max_lr", "min_lr", "base_lr")
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
        functions = [f for f in (*self.layers, *self.helpers) if isinstance(f, FunctionType)]
        codes = [f.__code__ for f in functions]
        # The attributes that the code names, and the methods of what is being walked through.
        self.attributes = names_of(tuple(codes))[1]
        self.reads_options = "param_groups" in self.attributes
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

    def _given(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Iterator[Found]:
        for path, value in named(self.fn, args, kwargs):
            if not isinstance(value, LEAVES):
                yield from self._found(Found(path, value))

    def _layer(self, layer: Any) -> Iterator[Found]:
        if isinstance(layer, functools.partial):
            yield from self._found(Found("partial.args", layer.args))
            yield from self._found(Found("partial.keywords", layer.keywords))
        elif isinstance(layer, FunctionType):
            yield from self._function(layer)
        else:
            yield from self._found(Found("self", layer))

    def _helper(self, layer: Any) -> Iterator[Found]:
        for found in self._layer(layer):
            if found.steady or not isinstance(found.value, PLAIN):
                yield found

    def _function(self, fn: FunctionType) -> Iterator[Found]:
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
        elif _has_attributes(value):
            yield from self._object(path, value)

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
        outer = self.attributes
        if not isinstance(value, (type, ModuleType)):
            self.attributes = with_methods(type(value), tuple(outer))
            self.reads_options |= "param_groups" in self.attributes
            if hasattr(value, "__dict__"):
                yield Found(f"{path}.__dict__", vars(value))
        yield from self._attributes(path, value)
        self.attributes = outer

    def _attributes(self, path: str, value: Any) -> Iterator[Found]:
        """Those attributes, of its own or inherited, that code names."""
        holder = Attributes(value)
        for name in self.attributes:
            if _is_attribute(value, name):
                yield from self._found(Found(f"{path}.{name}", getattr(value, name), holder, name))

    def _hook(self, hook: Any) -> Iterator[Found]:
        """What a hook of a user's program holds, as if it were a layer of the function."""
        entry = "hook", id(hook)
        if entry in self.entered or is_ours_or_standard(getattr(hook, "__module__", "") or ""):
            return
        self.entered.add(entry)
        layers, outer = list(layers_of(hook)), self.attributes
        codes = tuple(f.__code__ for f in layers if isinstance(f, FunctionType))
        self.attributes = list(dict.fromkeys((*outer, *names_of(codes)[1])))
        for layer in layers:
            yield from self._layer(layer)
        self.attributes = outer

    def _module(self, path: str, module: Module) -> Iterator[Found]:
        self.entered.add(id(module))
        own, outer = vars(module), self.attributes
        self.attributes = with_methods(type(module), (*outer, "forward"))
        yield Found(f"{path}.__dict__", own, steady=True)
        for table in TABLES:
            yield Found(f"{path}.{table}", own[table], own, table, steady=True)
            for name, member in own[table].items():
                yield Found(f"{path}.{name}", member, own[table], name, steady=True)
                if isinstance(member, Hook):
                    yield from self._hook(member.function)
        for name in own:
            if name not in TABLES:
                yield from self._found(Found(f"{path}.{name}", own[name], own, name, steady=True))
        yield from self._inherited(path, module)
        self.attributes = outer

    def _inherited(self, path: str, module: Module) -> Iterator[Found]:
        """What classes of a user's program give a module, as far as code names it."""
        own, holder = vars(module), Attributes(module)
        for name in self.attributes:
            hidden = name in own or any(name in own[table] for table in TABLES[:3])
            if not hidden and _is_attribute(module, name):
                found = Found(f"{path}.{name}", getattr(module, name), holder, name)
                yield from self._found(found)

    def _optimizer(self, path: str, optimizer: Optimizer) -> Iterator[Found]:
        own, steered = vars(optimizer), type(optimizer).step is Optimizer.step
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
            yield from self._state(place, state, steered)

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


def _has_attributes(value: Any) -> bool:
    """Whether attributes of `value` may be data of a user's program."""
    if isinstance(value, ModuleType) and is_ours_or_standard(value.__name__):
        return False
    known = (FunctionType, MethodType, functools.partial, Module, Optimizer)
    return not isinstance(value, known)


def _is_attribute(value: Any, name: str) -> bool:
    """Whether `value` has an attribute that is data of its own, or that its classes give it."""
    if name in getattr(value, "__dict__", ()):
        return not isinstance(value, (type, ModuleType)) or _is_data(vars(value)[name])
    for cls in (value if isinstance(value, type) else type(value)).__mro__:
        if name in vars(cls):
            given = vars(cls)[name]
            slot = isinstance(given, MemberDescriptorType) and hasattr(value, name)
            return not is_ours_or_standard(cls.__module__) and (slot or _is_data(given))
    return False


def _is_data(value: Any) -> bool:
    """Whether a class or a Python module holds `value` as data rather than as code."""
    return isinstance(value, (Module, Optimizer, *_CHANGING, *LEAVES))


def _is_numeric(value: Any) -> bool:
    """Whether an option is a number, or several, as betas are."""
    if isinstance(value, tuple):
        return all(map(_is_numeric, value))
    return isinstance(value, (int, float)) and not isinstance(value, bool)
