"""What a step returns: tensors in nested tuples, lists, dicts and dataclasses, among other values.

A recording makes a Leaf of each tensor that was returned, and a function that puts the tensors of
another call in their places. Values that are no tensors are returned as they were.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import partial
from operator import itemgetter
from typing import Any, NamedTuple

from ...kernels.steps.trace import OUTPUT, Place
from ...tensor import Tensor, row_major, wrap
from ...tensor.storage import Kind
from ..record import Recorder
from .tensors_before import Known, TensorsBefore

Build = Callable[[Sequence[Any]], Any]  # of tensors, as a rule


class Leaf(NamedTuple):
    """Where a call has a tensor from: `known`, or a view of that; or it is made.

    Then it is made over the memory of `buffer`, or over `array`, the same in every call.
    """

    known: Known | None
    same: bool
    buffer: int | None
    array: Any
    kind: Kind
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int

    def is_whole(self, size: int) -> bool:
        """Whether it is all of an array of `size` elements, in order."""
        shape = self.shape
        return not self.offset and size == math.prod(shape) and row_major(shape, self.strides)

    def over(self, array: Any) -> Tensor:
        """A new tensor over `array`."""
        if self.is_whole(array.size):
            return wrap(array, self.shape, self.strides, self.kind)
        return self.view(wrap(array, (array.size,), (1,), self.kind))

    def view(self, t: Tensor) -> Tensor:
        """A new tensor over the storage of `t`."""
        slid = t._offset if self.known is not None and self.known.slides else 0
        return t._alias(self.shape, self.strides, self.offset + slid)


class Results:
    """A result with other tensors, those that `fresh` gives for its own.

    `value` is for the caller; it has the `leaves`, in order, each once. `build` puts the tensors of
    another call in their places. What is no tensor stays as it is, or becomes None.
    """

    def __init__(
        self, value: Any, fresh: Callable[[Tensor], Tensor] = lambda t: t, *, others: bool = True
    ) -> None:
        self.others = others
        self.leaves: list[Tensor] = []
        self._places: dict[int, int] = {}
        self.build = self._builder(value, fresh)
        self.value = self.build(self.leaves)

    def _builder(self, value: Any, fresh: Callable[[Tensor], Tensor]) -> Build:
        if isinstance(value, Tensor):
            return itemgetter(self._leaf(fresh(value)))
        if type(value) in (tuple, list):
            return _sequence(type(value), [self._builder(v, fresh) for v in value])
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return _sequence(
                partial(_remade, type(value)), [self._builder(v, fresh) for v in value]
            )
        if type(value) is dict:
            return _mapping({key: self._builder(v, fresh) for key, v in value.items()})
        if isinstance(value, dict) or (is_dataclass(value) and not isinstance(value, type)):
            return self._object(value, fresh)
        return lambda leaves: value if self.others else None

    def _object(self, value: Any, fresh: Callable[[Tensor], Tensor]) -> Build:
        """A new object of the same class each time, whatever its class does when it is made."""
        entries = dict(value) if isinstance(value, dict) else {}
        names = [field.name for field in fields(value)] if is_dataclass(value) else []
        names += [name for name in getattr(value, "__dict__", ()) if name not in names]
        attributes = {name: getattr(value, name) for name in names if hasattr(value, name)}
        empty = copy.copy(value)
        _set(empty, dict.fromkeys(entries), dict.fromkeys(attributes))
        parts = {key: self._builder(v, fresh) for key, v in entries.items()}
        others = {name: self._builder(v, fresh) for name, v in attributes.items()}

        def build(leaves: Sequence[Tensor]) -> Any:
            new = copy.copy(empty)
            made = {key: part(leaves) for key, part in parts.items()}
            _set(new, made, {name: part(leaves) for name, part in others.items()})
            return new

        return build

    def _leaf(self, t: Tensor) -> int:
        at = self._places.setdefault(id(t), len(self.leaves))
        if at == len(self.leaves):
            self.leaves.append(t)
        return at

    def scalars(self, recorder: Recorder) -> list[Place]:
        """The results of one element."""
        return [
            Place(index, start + t._offset, 1)
            for t in self.leaves
            if t.numel() == 1
            for index, start in [recorder.memory.locate(t._storage.array)]
        ]


def leaf_of(t: Tensor, before: TensorsBefore, recorder: Recorder) -> Leaf:
    """Where later calls have `t` from."""
    geometry = (t._kind, t._shape, t._strides, t._offset)
    array = t._storage.array
    if t in before.known:
        return Leaf(before.known[t], True, None, None, *geometry)
    for known in before.known.values():
        if known.storage is t._storage:
            return Leaf(known, False, None, None, *geometry)
    if not array.size or not recorder.memory.region_of(array).made:
        return Leaf(None, False, None, array, *geometry)
    index, _ = recorder.memory.locate(array)
    recorder.memory.buffers[index].role = OUTPUT
    return Leaf(None, False, index, None, *geometry)


def _sequence(make: Callable[[Any], Any], parts: Sequence[Build]) -> Build:
    return lambda leaves: make([part(leaves) for part in parts])


def _set(target: Any, entries: Mapping[Any, Any], attributes: Mapping[str, Any]) -> None:
    """Set entries of a dict and attributes, of frozen objects too."""
    for key, value in entries.items():
        dict.__setitem__(target, key, value)
    for name, value in attributes.items():
        object.__setattr__(target, name, value)


def _remade(cls: Any, parts: Sequence[Any]) -> Any:
    return cls(*parts)


def _mapping(parts: dict[Any, Build]) -> Build:
    return lambda leaves: {key: part(leaves) for key, part in parts.items()}


def detached(value: Any) -> Any:
    """The result of a call, its tensors taken out of the graph."""
    return Results(value, _without_graph()).value


def _without_graph() -> Callable[[Tensor], Tensor]:
    """A function that gives for each tensor one outside of the graph, the same each time."""
    found: dict[int, tuple[Tensor, Tensor]] = {}

    def detached(t: Tensor) -> Tensor:
        if t._node is None:
            return t
        return found.setdefault(id(t), (t, t._same()))[1]

    return detached
