"""Variable: the name that tensors in a graph had once."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor


class _Tensors(type):
    """A class whose instances are all tensors."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, Tensor)


class Variable(metaclass=_Tensors):
    """Old programs' way to a leaf: `Variable(tensor, requires_grad=True)` is a tensor."""

    def __new__(cls, data: Tensor, requires_grad: bool = False) -> Any:
        if not isinstance(data, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(data).__name__}")
        return data.detach().requires_grad_(requires_grad)
