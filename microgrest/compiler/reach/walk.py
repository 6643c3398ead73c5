"""What a function holds: every object that its own code can name, with a path for people.

A function holds its closure, the globals that its code loads, its defaults, and the object that it
is bound to; through them the contents of lists, tuples and dicts, modules with all below them, and
optimizers with their groups and state; sets and NumPy arrays by their contents. Of other objects,
classes, functions, tensors and Python modules only those attributes count, their own or inherited,
that the code names, `config.width`, in one way or another (`loaded_names`), or a method of the
object that it calls, or the `forward` of a module that has it; special methods count as called,
since no name says where they are (`attributes`). Code itself counts, and the class of an object
that has methods. A compiled step that the code names is a part of it.

    a                                   a global or a free variable
    model.0.weight, model.training      parts of a module
    batches[0]['x'], config.width       parts of containers and objects
    optimizer.state[weight].exp_avg     what an optimizer remembers of the parameter "weight"

Hooks of modules and tensors hold as the function does. Functions that it names are followed to
tensors, modules, optimizers and what has them; their own plain values are no part of this, nor is
what other code reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from ...graph.hooks import Placed
from ...nn.modules.base.hooks import EVERYWHERE, TABLES as HOOKS, Hook, Hooks
from ...nn.modules.module import Module
from ...optim.hooks import EVERYWHERE as EVERY_STEP
from ...optim.optimizer import Optimizer
from ...recording.counted import Counted
from ...tensor import Tensor
from .loaded_names import Compiled, is_ours_or_standard
from .objects import ObjectWalk
from .places import Found, named

# What an optimizer hands to its rule as numbers at each step; the other options steer the rule.
_RATES = ("lr", "initial_lr", "max_lr", "min_lr", "base_lr")
# What an optimizer calls as it steps; and what it keeps, which is walked by itself or counts.
_RULE = ("step", "_numbers", "_update")
_KEPT = ("param_groups", "state", "stepped", "_hooks")
# Where a module keeps its members and hooks.
TABLES = ("_parameters", "_buffers", "_modules", *HOOKS)
_EVERY_MODULE = {"hooks": EVERYWHERE}
_EVERY_OPTIMIZER = {"hooks": EVERY_STEP}
# What a module is saved by, and does not compute with.
_SAVING = ("_non_persistent", "_state_hooks")


def objects_reached(
    fn: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Iterator[Found]:
    """All that `fn` holds, then what the arguments do that are neither tensors nor plain."""
    yield from Walk.of(fn, args, kwargs).found


def tensors_reached(
    fn: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> dict[Tensor, str]:
    """The tensors that `fn` and its arguments hold, and their gradients, each with its name."""
    given = ((t, path) for path, t in named(fn, args, kwargs) if isinstance(t, Tensor))
    found = objects_reached(fn, args, kwargs)
    held = ((f.value, f.path) for f in found if isinstance(f.value, Tensor))
    names: dict[Tensor, str] = {}
    for t, path in chain(held, given):
        names.setdefault(t, path)
    for t, path in list(names.items()):
        if t._grad is not None:
            names.setdefault(t._grad, f"{path}.grad")
    return names


class Walk(ObjectWalk):
    """One walk. Optimizers are entered last, because modules name their parameters."""

    def __init__(self, fn: Callable[..., Any], texts: Iterable[str] = ()) -> None:
        super().__init__(fn, texts)
        self.optimizers: dict[int, tuple[str, Optimizer]] = {}
        self.names: dict[Tensor, str] = {}

    @classmethod
    def of(cls, fn: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Walk:
        """A walk that is done; anew where it has met more texts that name attributes."""
        texts: dict[str, None] = {}
        while True:
            walk = cls(fn, texts)
            walk.found = list(walk.all(args, kwargs))
            if walk.heard.keys() <= walk.texts.keys():
                return walk
            texts |= walk.heard

    def all(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Iterator[Found]:
        """What there is, as it is met."""
        own = chain(*map(self._layer, self.layers), self._given(args, kwargs))
        for found in chain(own, *map(self._helper, self.helpers)):
            yield found
            if isinstance(found.value, Tensor):
                self.names.setdefault(found.value, found.path)
                for hook in tuple(found.value._hooks.values() if found.value._hooks else ()):
                    yield from self._hook(hook.function if isinstance(hook, Placed) else hook)
        while self.optimizers:
            path, optimizer = self.optimizers.pop(next(iter(self.optimizers)))
            yield from self._optimizer(path, optimizer)

    def _inside(self, path: str, value: Any) -> Iterator[Found]:
        if isinstance(value, Module):
            self.entered.add(id(value))
            for below, module in value.named_modules(prefix=path):
                yield from self._module(below, module)
        elif isinstance(value, Optimizer):
            self.entered.add(id(value))
            self.optimizers[id(value)] = path, value
        else:
            yield from super()._inside(path, value)

    def _module(self, path: str, module: Module) -> Iterator[Found]:
        if id(EVERYWHERE) not in self.entered:
            self.entered.add(id(EVERYWHERE))
            yield from self._table("nn.Module", _EVERY_MODULE, "hooks")
        self.entered.add(id(module))
        own = vars(module)
        with self._methods(path, module, ("forward",), steady=True) as methods:
            yield from methods
            yield Found(f"{path}.__dict__", own, steady=True)
            for table in TABLES:
                yield from self._table(path, own, table)
            for name in sorted(own.keys() - {*TABLES, *_SAVING}):
                found = Found(f"{path}.{name}", own[name], own, name, steady=True)
                yield from self._own(found)
                if name in self.looked_for:  # a user's code may write around `setattr`, too
                    yield found._replace(steady=False)
            members = chain.from_iterable(own[table] for table in TABLES[:3])
            yield from self._attributes(path, module, {*own, *members})

    def _table(self, path: str, own: dict[str, Any], table: str) -> Iterator[Found]:
        """Members of a module, which are walked by themselves, or its hooks."""
        counts = isinstance(own[table], (Counted, Hooks))
        yield Found(f"{path}.{table}", own[table], own, table, steady=True)
        if not counts:
            yield Found(f"{path}.{table}", own[table])
        for name, member in own[table].items():
            found = Found(f"{path}.{name}", member, own[table], name, steady=counts)
            if isinstance(member, Tensor):
                yield from self._found(found)
                continue
            yield found
            if isinstance(member, Hook):
                yield from self._hook(member.function)

    def _own(self, found: Found) -> Iterator[Found]:
        """A plain attribute of a module; of its compiled steps only those that code names."""
        unnamed = isinstance(found.value, Compiled) and found.key not in self.attributes
        yield from (found,) if unnamed else self._found(found)

    def _optimizer(self, path: str, optimizer: Optimizer) -> Iterator[Found]:
        own, steered = vars(optimizer), type(optimizer).step is Optimizer.step
        ours = is_ours_or_standard(type(optimizer).__module__)
        with self._methods(path, optimizer, () if ours else _RULE) as methods:
            yield from methods
            yield from self._attributes(path, optimizer, _KEPT)
        yield from self._table("optim.Optimizer", _EVERY_OPTIMIZER, "hooks")
        yield from self._table(path, own, "_hooks")
        for name in ("param_groups", "state"):
            yield Found(f"{path}.{name}", own[name], own, name)
        for i, group in enumerate(optimizer.param_groups):
            place = f"{path}.param_groups[{i}]"
            yield Found(place, group, optimizer.param_groups, i, exact=True)
            yield from self._group(place, group, steered, optimizer._steering)
        for param, state in optimizer.state.items():
            name = self.names.get(param, "parameter").rpartition(".")[2]
            place = f"{path}.state[{name}]"
            yield Found(place, state, optimizer.state, param, exact=True)
            # A rule of ours asks for nothing there that it has not put there itself.
            yield Found(place, state, steady=ours and steered)
            yield from self._state(place, state, steered and not self.reads_counts)

    def _group(
        self, path: str, group: dict[str, Any], steered: bool, steering: Sequence[str]
    ) -> Iterator[Found]:
        steady = isinstance(group, Counted)
        yield Found(path, group, steady=steady)
        # Code that reads options by itself, or a rule that does, has them as plain numbers.
        steered = steered and not self.reads_options
        for name, value in group.items():
            found = Found(f"{path}[{name!r}]", value, group, name, steady)
            if name in steering or not (steered and _is_numeric(value)):
                yield from self._found(found)
            elif name not in _RATES:
                yield found._replace(input=True)

    def _state(self, path: str, state: dict[str, Any], steered: bool) -> Iterator[Found]:
        for key, value in state.items():
            if isinstance(value, Tensor):
                yield Found(f"{path}.{key}", value, state, key, exact=True)
            elif not steered:
                yield from self._found(Found(f"{path}.{key}", value, state, key))


def _is_numeric(value: Any) -> bool:
    """Whether an option is a number, or several, as betas are."""
    if isinstance(value, tuple):
        return all(map(_is_numeric, value))
    return isinstance(value, (int, float)) and not isinstance(value, bool)
