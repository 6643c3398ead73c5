"""A tensor's values for Python and NumPy: numbers, lists, arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..graph.modes import state
from ..recording import leaves
from ..types.device import CPU
from .methods import method
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


@method(name="__len__")
def length(self: Tensor) -> int:
    if not self._shape:
        raise TypeError("len() of a 0-d tensor")
    return self._shape[0]


@method(name="__array__")
def as_array(self: Tensor, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
    array: np.ndarray[Any, Any] = self.numpy()
    if copy is False and dtype is not None and array.dtype != dtype:
        raise ValueError(f"unable to avoid a copy from {array.dtype} to {dtype}")
    return array.astype(dtype or array.dtype, copy=bool(copy))
