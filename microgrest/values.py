"""A tensor's values for Python and NumPy: numbers, lists, arrays, capsules, text, copies."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np

from . import printing
from .autograd.modes import state
from .device import CPU
from .methods import method
from .recording import leaves
from .tensor import Tensor


@method
def numpy(self: Tensor, *, force: bool = False) -> np.ndarray[Any, Any]:
    """A NumPy array over the memory; `force` detaches, and copies from a GPU if it must."""
    if self._requires_grad and state.grad and not force:
        raise RuntimeError(
            "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead."
        )
    if self._kind.device is not CPU and not force:
        raise TypeError(
            f"can't convert {self.device} device type tensor to numpy. Use Tensor.cpu() to "
            "copy the tensor to host memory first."
        )
    return self._numpy()


@method
def item(self: Tensor) -> Any:
    """The value of a tensor of one element as a Python number."""
    leaves("item()", "return the tensor, and call item() outside of the step")
    if self._flat is None or self._flat.size != 1:
        if self.numel() != 1:
            raise RuntimeError(
                f"a Tensor with {self.numel()} elements cannot be converted to Scalar"
            )
        return self._numpy().item()
    return self._flat.item() if self._kind.raw is self._kind.numpy else self._numpy().item()


@method
def tolist(self: Tensor) -> Any:
    """The values as nested lists of Python numbers; a number for a 0-d tensor."""
    leaves("tolist()", "return the tensor, and call tolist() outside of the step")
    return self._numpy().tolist()


@method(name="__bool__")
def as_bool(self: Tensor) -> bool:
    n = self.numel()
    if n != 1:
        what = "no values" if n == 0 else "more than one value"
        raise RuntimeError(f"Boolean value of Tensor with {what} is ambiguous")
    leaves("bool()", "choose by where(condition, a, b), or decide outside of the step")
    return bool(self.item())


def _number(self: Tensor) -> Any:
    if self.numel() != 1:
        raise ValueError(
            "only one element tensors can be converted to Python scalars, this one has "
            f"{self.numel()}"
        )
    return self.item()


@method(name="__float__")
def as_float(self: Tensor) -> float:
    return float(_number(self))


@method(name="__int__")
def as_int(self: Tensor) -> int:
    return int(_number(self))


@method(name="__index__")
def as_index(self: Tensor) -> int:
    if self._kind.dtype.is_floating_point or self.numel() != 1:
        raise TypeError("only integer tensors of a single element can be converted to an index")
    return int(self.item())


@method(name="__complex__")
def as_complex(self: Tensor) -> complex:
    return complex(_number(self))


@method(name="__format__")
def formatted(self: Tensor, spec: str) -> str:
    if self.ndim == 0:
        return format(self.item(), spec)
    return object.__format__(self, spec) if spec else str(self)


@method(name="__repr__")
def shown(self: Tensor) -> str:
    return printing.repr_of(self)


@method(name="__len__")
def length(self: Tensor) -> int:
    if not self._shape:
        raise TypeError("len() of a 0-d tensor")
    return self._shape[0]


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


@method(name="__array__")
def as_array(self: Tensor, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
    array: np.ndarray[Any, Any] = self.numpy()
    if copy is False and dtype is not None and array.dtype != dtype:
        raise ValueError(f"unable to avoid a copy from {array.dtype} to {dtype}")
    return array.astype(dtype or array.dtype, copy=bool(copy))


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
