"""Rows: what a call looks at to see that nothing has changed, as little as it can be.

A row is an object and the place where it stood. Looking answers True, all is in its place; False,
something is certainly different; or None: there is another object, which may be as good.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from operator import is_
from types import CellType
from typing import Any
from zlib import crc32

import numpy as np

from ..tensor import Tensor
from .arguments import plain
from .names import PLAIN
from .reach import Attributes, Found

Array = np.ndarray[Any, Any]

# Of NumPy arrays up to this size, in bytes, a copy is kept, of larger ones a checksum.
COPIED = 1 << 16


class Rows:
    """Places in mappings, sequences, objects and cells, and what else containers are known by."""

    def __init__(self, found: Iterable[Found]) -> None:
        self.entries: list[tuple[Any, Any, Any]] = []
        self.attributes: list[tuple[Any, str, Any]] = []
        self.cells: list[tuple[CellType, Any]] = []
        self.sizes: list[tuple[Any, int]] = []
        self.orders: list[tuple[Any, list[Any]]] = []
        self.sets: list[tuple[Any, Any]] = []
        self.arrays: list[tuple[Array, bytes | int]] = []
        self.inputs: list[tuple[Any, Any, Any]] = []
        for each in found:
            self._add(each)

    def _add(self, found: Found) -> None:
        value, holder = found.value, found.holder
        if found.input:
            self.inputs.append((holder, found.key, zeros(value)))
            return
        if isinstance(holder, CellType):
            self.cells.append((holder, value))
        elif isinstance(holder, Attributes):
            self.attributes.append((holder.owner, found.key, value))
        elif holder is not None and not isinstance(holder, tuple):
            self.entries.append((holder, found.key, value))
        if not found.exact:
            self._add_contents(found.path, value)

    def _add_contents(self, path: str, value: Any) -> None:
        if isinstance(value, (list, deque)):
            self.sizes.append((value, len(value)))
        elif isinstance(value, set):
            self.sets.append((value, value.copy()))
        elif isinstance(value, np.ndarray):
            self.arrays.append((value, contents(value)))
        elif isinstance(value, dict):
            # Of attributes the order says nothing, of a dict of layers it may say everything.
            if path.endswith(".__dict__"):
                self.sizes.append((value, len(value)))
            else:
                self.orders.append((value, [*value]))

    def forget(self, arrays: Collection[int]) -> None:
        """Look no more at the contents of NumPy arrays with these ids."""
        self.arrays = [row for row in self.arrays if id(row[0]) not in arrays]

    def same(self) -> bool | None:
        """Look at every row."""
        for container, size in self.sizes:
            if len(container) != size:
                return None
        for table, order in self.orders:
            if len(table) != len(order) or not all(map(is_, table, order)):
                return None
        same = self._places_same()
        if same and (self.sets or self.arrays):
            same = self._contents_same()
        return same and (not self.inputs or self._inputs_same())

    def _places_same(self) -> bool | None:
        try:
            for holder, key, value in self.entries:
                if holder[key] is not value and not _as_good(holder[key], value):
                    return False if isinstance(value, PLAIN) else None
            for holder, name, value in self.attributes:
                now = getattr(holder, name)
                if now is not value and not _as_good(now, value):
                    return False if isinstance(value, PLAIN) else None
            for cell, value in self.cells:
                if cell.cell_contents is not value and not _as_good(cell.cell_contents, value):
                    return False if isinstance(value, PLAIN) else None
        except (LookupError, ValueError, AttributeError):  # a name that is gone, an empty cell
            return None
        return True

    def _contents_same(self) -> bool | None:
        if any(found != members for found, members in self.sets):
            return None
        return all(contents(array) == known for array, known in self.arrays)

    def _inputs_same(self) -> bool:
        return all(zeros(group.get(name)) == zero for group, name, zero in self.inputs)


def zeros(value: Any) -> Any:
    """Which of one or several numbers are zero: rules leave out terms that are."""
    if isinstance(value, tuple):
        return tuple(map(zeros, value))
    return value == 0 if isinstance(value, (int, float)) else type(value)


def contents(array: Array) -> bytes | int:
    """What tells whether a NumPy array still holds what it did."""
    data = array.tobytes()
    return data if len(data) <= COPIED else crc32(data)


def _as_good(new: Any, old: Any) -> bool:
    """Whether `new` is the plain value `old`."""
    return isinstance(old, PLAIN) and plain(new) == plain(old)


class Watched:
    """Tensors: their storages, which say all about their geometry, and what autograd knows."""

    def __init__(self, tensors: Iterable[Tensor]) -> None:
        # Together what is looked at in one way: leaves without hooks, which nearly all are, by
        # whether they want gradients and whether they have none; then all others.
        self.data: list[tuple[Tensor, Any]] = []
        self.fresh: list[tuple[Tensor, Any]] = []
        self.grown: list[tuple[Tensor, Any]] = []
        self.others: list[tuple[Tensor, Any, Any]] = []
        self.grads: list[tuple[Tensor, Any]] = []
        for t in tensors:
            self._add(t)

    def _add(self, t: Tensor) -> None:
        if t._node is not None or t._hooks or (t._grad is not None and not t._requires_grad):
            self.others.append((t, t._storage, _flags(t)))
        elif not t._requires_grad:
            self.data.append((t, t._storage))
        else:
            (self.fresh if t._grad is None else self.grown).append((t, t._storage))

    def same(self) -> bool | None:
        """Look at every tensor."""
        for t, storage in self.data:
            if t._storage is not storage or t._requires_grad or t._grad is not None:
                return None
        for t, storage in self.fresh:
            if t._grad is not None:
                return False
            if t._storage is not storage or not t._requires_grad or t._node is not None or t._hooks:
                return None
        for t, storage in self.grown:
            grad = t._grad
            if grad is None:
                return False
            if grad._flat is None or grad._offset:
                return None
            if t._storage is not storage or not t._requires_grad or t._node is not None or t._hooks:
                return None
        for t, storage, flags in self.others:
            if t._storage is not storage or _flags(t) != flags:
                return None
        for t, grad in self.grads:
            if t._grad is not grad:
                return None
        return True


def _flags(t: Tensor) -> tuple[Any, ...]:
    return t._requires_grad, t._grad is None, t._node is None, tuple(t._hooks or ())
