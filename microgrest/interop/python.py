"""What Python asks of a tensor beside its values: text, rows, membership, copies, pickles."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..recording import leaves
from ..tensor import Tensor, wrap
from ..tensor.methods import method
from ..tensor.storage import Storage
from . import printing


@method(name="__format__")
def formatted(self: Tensor, spec: str) -> str:
    if self.ndim == 0:
        return format(self.item(), spec)
    return object.__format__(self, spec) if spec else str(self)


@method(name="__repr__")
def shown(self: Tensor) -> str:
    return printing.repr_of(self)


@method(name="__iter__")
def rows(self: Tensor) -> Iterator[Tensor]:
    if not self._shape:
        raise TypeError("iteration over a 0-d tensor")
    return iter(self.unbind(0))


@method(name="__contains__")
def contains(self: Tensor, value: Any) -> bool:
    if not isinstance(value, (Tensor, int, float, np.generic)):
        raise RuntimeError(
            "Tensor.__contains__ only supports Tensor or scalar, but you passed in a "
            f"{type(value)}."
        )
    return bool((self == value).any())


@method(name="__reversed__")
def reversed_(self: Tensor) -> Tensor:
    return self.flip(0) if self._shape else self


@method(name="__delitem__")
def undeletable(self: Tensor, index: Any) -> None:
    raise TypeError("Tensor does not support deleting items")


@method(name="__copy__")
def shallow_copy(self: Tensor) -> Any:
    t = self._as(type(self), self._requires_grad)
    t.__dict__.update(self.__dict__)
    return t


@method(name="__deepcopy__")
def deep_copy(self: Tensor, memo: dict[int, Any]) -> Any:
    if self._node is not None:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy "
            "protocol; use tensor.detach().clone()"
        )
    t = memory_copy(self, memo)._as(type(self), self._requires_grad)
    memo[id(self)] = t
    t.__dict__.update(copy.deepcopy(self.__dict__, memo))
    t._grad = copy.deepcopy(self._grad, memo)
    return t


def memory_copy(x: Tensor, memo: dict[int, Any]) -> Tensor:
    """A deep copy of `x` alone: its whole memory is copied, once for all tensors that share it."""
    array = x._storage.array
    if id(array) not in memo:
        memo[id(array)] = x._alias((array.size,), (1,), 0).clone()
    copied: Tensor = memo[id(array)]
    return copied._alias(x._shape, x._strides, x._offset)


@method(name="__reduce_ex__")
def _reduce(self: Tensor, protocol: Any) -> Any:
    leaves("pickle", "pickle the tensor outside of the step")
    self._storage.kind = self._kind
    geometry = self._shape, self._strides, self._offset
    return _rebuild, (type(self), self._storage, geometry, self._requires_grad, self.__dict__)


def _rebuild(
    cls: type, storage: Storage, geometry: Any, requires_grad: bool, attributes: dict[str, Any]
) -> Any:
    memory = wrap(storage.array, (storage.array.size,), (1,), storage.kind)
    memory._storage = storage
    t = memory._alias(*geometry)._as(cls, requires_grad)
    t.__dict__.update(attributes)
    return t
