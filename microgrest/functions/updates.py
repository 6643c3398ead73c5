"""In-place forms of functions that compute in memory of their own, and of Python's functions."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from ..dispatch.elementwise import call
from ..ops.pointwise.convert import copy as copy_row
from ..recording import leaves
from ..tensor import Tensor
from ..tensor.methods import method
from ..types.dtypes import bool_
from .matrices import products
from .pointwise import special
from .pointwise.arithmetic import clone
from .pointwise.filling import copy_
from .reductions import scans


def _in_own_type(scan: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """`scan`, of integers in their own type, unless a `dtype` is said."""

    @wraps(scan)
    def scanned(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
        if input.dtype is bool_:
            raise NotImplementedError(f"\"{scan.__name__}_\" is not implemented for 'bool' tensors")
        return scan(input, dim, dtype=dtype or input.dtype)

    return scanned


def update(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The in-place form of `function`, whose result has the shape and dtype of its first tensor."""
    name = f"{function.__name__}_"

    def updated(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        # What the rule reads of the tensor must outlive the write.
        before = clone(self) if self._requires_grad else self
        result = function(before, *args, **kwargs)
        if result._shape != self._shape or result.dtype is not self.dtype:
            raise RuntimeError(
                f"Bad in-place call of {name}: input tensor of size {list(self._shape)} and dtype "
                f"{self.dtype!r}, output tensor of size {list(result._shape)} and dtype "
                f"{result.dtype!r} should match"
            )
        return call(copy_row, (self, result), in_place=True)

    updated.__name__ = updated.__qualname__ = name
    updated.__doc__ = f"In-place form of {function.__name__}."
    return method(updated)


cumsum_ = update(_in_own_type(scans.cumsum))
cumprod_ = update(_in_own_type(scans.cumprod))
addmm_ = update(products.addmm)
addmv_ = update(products.addmv)
addr_ = update(products.addr)
baddbmm_ = update(products.baddbmm)
addbmm_ = update(products.addbmm)
mvlgamma_ = update(special.mvlgamma)


@method
def apply_(self: Tensor, callable: Callable[[Any], Any]) -> Tensor:
    """Overwrite each element with what a Python function makes of it; on the CPU, and slow."""
    return _mapped("apply_", self, (self,), callable)


@method
def map_(self: Tensor, other: Tensor, callable: Callable[[Any, Any], Any]) -> Tensor:
    """Overwrite each element with a Python function of it and of that of `other`; slow."""
    return _mapped("map_", self, (self, other), callable)


def _mapped(
    name: str, x: Tensor, given: tuple[Tensor, ...], function: Callable[..., Any]
) -> Tensor:
    leaves(f"{name}()", "use ops of tensors in the step")
    if any(a._requires_grad for a in given):
        raise RuntimeError(
            f"Can't call {name}() on Variable that requires grad. Use var.detach().{name}() "
            "instead."
        )
    arrays = np.broadcast_arrays(*(a._numpy() for a in given))
    found = [function(*items) for items in zip(*(a.ravel().tolist() for a in arrays), strict=True)]
    result = np.array(found, x.dtype.numpy).reshape(x._shape)
    return copy_(x, x.new_tensor(result))
