"""The arguments of a recording: what others must be like to take their place.

Tensors are rebindable: another tensor fits if a recording could not tell the two apart but by their
values, or their place in a storage if they slide (`effects.SlidingArguments`). Everything else fits
by type and value if it is plain, otherwise only itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from operator import attrgetter
from typing import Any
from weakref import ref

from ...tensor import Tensor
from ..reach import ASKS, PLAIN, data_of, leaves, named
from .facts import Facts, difference, features, gradient_of, plain

# The tensors of a call, by their places among its arguments.
Reminder = list[tuple[int, ref[Tensor]]]

_same = attrgetter("_kind", "_shape", "_requires_grad")


def facts(value: Any) -> Facts:
    """What must be the same of an argument."""
    if isinstance(value, Tensor):
        return features(value)
    return plain(value) if isinstance(value, PLAIN) else (("identity", id(value)),)


def _anywhere(facts: Facts) -> Facts:
    return tuple(fact for fact in facts if fact[0] != "offset")


def structure(value: Any) -> Any:
    """The nesting of lists, tuples and dicts, without what they hold."""
    if isinstance(value, dict):
        return dict, tuple((key, structure(inner)) for key, inner in value.items())
    if isinstance(value, (list, tuple)):
        return type(value), tuple(map(structure, value))
    return None


class Arguments:
    """What the arguments of one call were like, beside the tensors that its function holds."""

    def __init__(
        self, fn: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> None:
        self.nesting = structure((tuple(args), dict(kwargs)))
        self.keys = tuple(kwargs)
        self.flat = not any(isinstance(a, (list, tuple, dict)) for a in (*args, *kwargs.values()))
        self.count = len(args)
        self.names, values = [], []
        for name, value in named(fn, args, kwargs):
            self.names.append(name)
            values.append(value)
        self.known = [facts(value) for value in values]
        self.others = [(i, v) for i, v in enumerate(values) if not isinstance(v, Tensor)]
        self.tensors = [(i, *_row(v)) for i, v in enumerate(values) if isinstance(v, Tensor)]
        self.sliding: frozenset[int] = frozenset()
        self.marks: list[tuple[int, Facts]] = []
        self._named: Collection[str] = ()

    def mark(self, args: Sequence[Any], kwargs: Mapping[str, Any], named: Collection[str]) -> None:
        """Take in which attributes code names: those that tensors have are as they were."""
        self._named = named
        values = self.values(args, kwargs) or ()
        marks = [(row[0], self._mark(values[row[0]])) for row in self.tensors]
        if ASKS in named or any(facts for _, facts in marks):
            self.marks = marks
            for i, mark in marks:
                self.known[i] += mark

    def are_marked(self, values: Sequence[Any]) -> bool:
        """Whether tensors have the attributes that they had, as far as code names them."""
        return all(self._mark(values[i]) == mark for i, mark in self.marks)

    def _mark(self, t: Tensor) -> Facts:
        held = data_of(t, self._named)
        own = (("attributes", len(vars(t))),) if ASKS in self._named else ()
        return (*((name, plain(x) if isinstance(x, PLAIN) else id(x)) for name, x in held), *own)

    def slide(self, places: Collection[int]) -> None:
        """Let tensors at these places, contiguous ones, lie anywhere in their storages."""
        self.sliding = frozenset(places)
        self.tensors = [
            (*row[:4], None, *row[5:]) if row[0] in places else row for row in self.tensors
        ]
        for i in places:
            self.known[i] = _anywhere(self.known[i])

    def values(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Sequence[Any] | None:
        """The arguments one by one; None where they nest otherwise than the recorded ones."""
        if self.flat:
            if len(args) != self.count:
                return None
            if not (kwargs or self.keys):
                return args
            return (*args, *kwargs.values()) if tuple(kwargs) == self.keys else None
        if structure((tuple(args), dict(kwargs))) != self.nesting:
            return None
        return [value for _, value in leaves("", (tuple(args), dict(kwargs)))]

    def fit(self, values: Sequence[Any]) -> bool:
        """Whether each of `values` can take the place of the recorded one, memory aside."""
        for i, cls, same, strides, offset, grad, leaf, hooks in self.tensors:
            t = values[i]
            if t.__class__ is not cls or _same(t) != same:
                return False
            if (t._strides if t._flat is None else None) != strides:
                return False
            if offset not in (None, t._offset) or (t._node is None) is not leaf:
                return False
            if (None if t._grad is None else gradient_of(t)) != grad:
                return False
            if (tuple(t._hooks) if t._hooks else ()) != hooks:
                return False
        if self.marks and not self.are_marked(values):
            return False
        for i, value in self.others:
            if values[i] is not value and facts(values[i]) != facts(value):
                return False
        return True

    def differs(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        """The first thing in which the arguments do not fit, in words; "" if they do."""
        values = self.values(args, kwargs)
        if values is None:
            return "the arguments are other in number, name or nesting"
        for i, (name, old, value) in enumerate(zip(self.names, self.known, values, strict=True)):
            now = facts(value)
            if self.marks and isinstance(value, Tensor):
                now += self._mark(value)
            text = difference(name, old, _anywhere(now) if i in self.sliding else now)
            if text:
                return text
        return ""

    def reminder(self, values: Sequence[Any]) -> Reminder | None:
        """What `are` knows a call by; it keeps no tensor alive. None where it could not know."""
        if not self.flat or self.keys or self.marks:
            return None
        return [(row[0], ref(values[row[0]])) for row in self.tensors]

    def are(self, last: Reminder | None, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
        """Whether these are the very arguments of an earlier call that did fit."""
        if last is None or kwargs or len(args) != self.count:
            return False
        for i, t in last:
            if args[i] is not t():
                return False
        return not self.others or all(args[i] is value for i, value in self.others)

    def of(self, values: Sequence[Any]) -> list[Tensor]:
        """The tensors among the arguments, and their gradients."""
        tensors = [values[row[0]] for row in self.tensors]
        return tensors + [t._grad for t in tensors if t._grad is not None]

    def of_call(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Tensor]:
        """`of` the arguments of a call that nest as the recorded ones do."""
        return self.of(self.values(args, kwargs) or ())


def _row(t: Tensor) -> tuple[Any, ...]:
    """`features` as what they are read from, for a quick look."""
    strides = t._strides if t._flat is None else None
    flags = gradient_of(t), t._node is None, tuple(t._hooks or ())
    return t.__class__, _same(t), strides, t._offset, *flags
