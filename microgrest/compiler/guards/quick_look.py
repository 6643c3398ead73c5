"""The quick look: what a call looks at to see that nothing has changed, as little as can be.

A row is an object and the place where it stood. Looking answers True, all is in its place; False,
something is certainly different; or None: there is another object, which may be as good.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from operator import is_
from types import CellType, FunctionType
from typing import Any

import numpy as np

from ...tensor import Tensor
from ..reach import BUFFERS, ENVIRONMENT, MISSING, PLAIN, AttributesOf, Found, is_mapping
from .facts import contents, form, is_looked_into, is_table, plain, zeros


class SeenPlaces:
    """Places in mappings, sequences, objects and cells, and what else containers are known by."""

    def __init__(self, found: Iterable[Found]) -> None:
        self.entries: list[tuple[Any, Any, Any]] = []
        self.attributes: list[tuple[Any, str, Any]] = []
        self.missing: list[tuple[Any, str]] = []
        self.absent: list[tuple[dict[Any, Any], Any]] = []
        self.functions: list[tuple[FunctionType, Any, Any, Any]] = []
        self.cells: list[tuple[CellType, Any]] = []
        self.sizes: list[tuple[Any, int]] = []
        self.orders: list[tuple[Any, list[Any]]] = []
        self.sets: list[tuple[Any, Any]] = []
        self.arrays: list[tuple[Any, Any, bytes | int | None]] = []
        self.inputs: list[tuple[Any, Any, Any]] = []
        for each in found:
            self._add(each)
        others = self.attributes, self.missing, self.sets, self.arrays, self.inputs
        self.simple = not any(others)

    def _add(self, found: Found) -> None:
        value, holder = found.value, found.holder
        if found.input:
            self.inputs.append((holder, found.key, zeros(value)))
            return
        if value is MISSING:
            if isinstance(holder, AttributesOf):
                self.missing.append((holder.owner, found.key))
            elif isinstance(holder, dict):
                self.absent.append((holder, found.key))
            else:
                self.entries.append((holder, found.key, value))
        elif isinstance(holder, CellType):
            self.cells.append((holder, value))
        elif isinstance(holder, AttributesOf) and found.key == "__code__":
            f = holder.owner
            self.functions.append((f, value, f.__defaults__, f.__kwdefaults__))
        elif isinstance(holder, AttributesOf):
            self.attributes.append((holder.owner, found.key, value))
        elif holder is not None and not isinstance(holder, tuple):
            self.entries.append((holder, found.key, value))
        if is_looked_into(found):
            self._add_contents(found)

    def _add_contents(self, found: Found) -> None:
        value = found.value
        if is_table(found) or isinstance(value, (list, deque)):
            self.sizes.append((value, len(value)))
        elif isinstance(value, set) or value is ENVIRONMENT:
            self.sets.append((value, _members(value)))
        elif isinstance(value, (np.ndarray, *BUFFERS)):
            self.arrays.append((value, form(value), contents(value)))
        elif is_mapping(value):
            self.orders.append((value, [*value]))

    def forget(self, arrays: Collection[int]) -> None:
        """Look no more at the contents of NumPy arrays with these ids, only at their form."""
        self.arrays = [(a, f, None if id(a) in arrays else held) for a, f, held in self.arrays]

    def same(self) -> bool | None:
        """Look at every row. A plain value that is another one settles it."""
        try:
            # First how many there are: looking for what is gone would put it into a defaultdict.
            for container, size in self.sizes:
                if len(container) != size:
                    return None
            for table, order in self.orders:
                if len(table) != len(order) or not all(map(is_, table, order)):
                    return None
            for holder, key, value in self.entries:
                if holder[key] is not value and not _as_good(holder[key], value):
                    return False if isinstance(value, PLAIN) else None
            for cell, value in self.cells:
                if cell.cell_contents is not value and not _as_good(cell.cell_contents, value):
                    return False if isinstance(value, PLAIN) else None
            for f, code, defaults, named in self.functions:
                if f.__code__ is not code:
                    return None
                if f.__defaults__ is not defaults or f.__kwdefaults__ is not named:
                    return None
            for table, name in self.absent:
                if name in table:
                    return None
            return True if self.simple else self._others_same()
        except (LookupError, ValueError, AttributeError):  # a name that is gone, an empty cell
            return None

    def _others_same(self) -> bool | None:
        """Look at what there is more seldom."""
        for holder, name, value in self.attributes:
            now = getattr(holder, name)
            if now is not value and not _as_good(now, value):
                return False if isinstance(value, PLAIN) else None
        same = self._contents_same() if self.sets or self.arrays or self.missing else True
        return same and (not self.inputs or self._inputs_same())

    def _contents_same(self) -> bool | None:
        if any(hasattr(holder, name) for holder, name in self.missing):
            return None
        if any(_members(found) != members for found, members in self.sets):
            return None
        for array, known, held in self.arrays:
            if form(array) != known or (held is not None and contents(array) != held):
                return False
        return True

    def _inputs_same(self) -> bool:
        return all(zeros(group.get(name)) == zero for group, name, zero in self.inputs)


def _members(value: Any) -> Any:
    """Which objects a set has: 1 and 1.0 are equal. The environment holds text alone."""
    return value.copy() if value is ENVIRONMENT else {*map(id, value)}


def _as_good(new: Any, old: Any) -> bool:
    """Whether `new` is the plain value `old`."""
    return isinstance(old, PLAIN) and plain(new) == plain(old)


class SeenTensors:
    """Tensors: their storages, which say all about their geometry, and what autograd knows."""

    def __init__(self, tensors: Iterable[Tensor]) -> None:
        # Together what is looked at in one way: leaves without hooks, which nearly all are, by
        # whether they want gradients and whether they have none; then all others.
        self.data: list[tuple[Tensor, Any, Any]] = []
        self.fresh: list[tuple[Tensor, Any, Any]] = []
        self.grown: list[tuple[Tensor, Any, Any]] = []
        self.others: list[tuple[Tensor, Any, Any]] = []
        self.grads: list[tuple[Tensor, Any, Any]] = []
        for t in tensors:
            self._add(t)

    def _add(self, t: Tensor) -> None:
        if t._node is not None or t._hooks or (t._grad is not None and not t._requires_grad):
            self.others.append((t, t._storage, _flags(t)))
        elif not t._requires_grad:
            self.data.append((t, t._storage, t._strides))
        else:
            table = self.fresh if t._grad is None else self.grown
            table.append((t, t._storage, t._strides))

    def hold(self, owners: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Look from now on at these gradients of tensors, too, which must not be replaced."""
        self.grads = [(t, grad, grad._storage) for t, grad in owners]

    def same(self) -> bool | None:
        """Look at every tensor."""
        for t, storage, strides in self.data:
            if t._storage is not storage or t._strides is not strides:
                return None
            if t._requires_grad or t._grad is not None:
                return None
        for t, storage, strides in self.fresh:
            if t._grad is not None:
                return False
            if t._storage is not storage or t._strides is not strides:
                return None
            if not t._requires_grad or t._node is not None or t._hooks:
                return None
        for t, storage, strides in self.grown:
            grad = t._grad
            if grad is None:
                return False
            if grad._flat is None or grad._offset or grad._shape != t._shape:
                return None
            if t._storage is not storage or t._strides is not strides:
                return None
            if not t._requires_grad or t._node is not None or t._hooks:
                return None
        for t, storage, flags in self.others:
            if t._storage is not storage or _flags(t) != flags:
                return None
        for t, held, storage in self.grads:
            if held._storage is not storage or t._grad is not held:
                return None
        return True


def _flags(t: Tensor) -> tuple[Any, ...]:
    """What may change of a tensor besides its memory."""
    grad = t._grad
    place = None if grad is None else (grad._offset, grad._shape, grad._strides)
    graph = t._requires_grad, t._node is None, tuple(t._hooks or ())
    return t.__class__, t._shape, t._strides, t._offset, *graph, place
