"""Parameter: a tensor that a Module counts as its own, and that an optimizer changes."""

from __future__ import annotations

from typing import Any

from ..creation import empty
from ..interop.printing import parameter_repr
from ..interop.python import memory_copy
from ..tensor import Tensor


class Parameter(Tensor):
    """A leaf tensor that registers itself when it is assigned as a Module's attribute.

    It shares the storage of `data` (any shape, default: empty) and requires grad unless told
    otherwise. RuntimeError if it shall require grad and is not of a floating type.
    """

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True) -> Parameter:
        source = empty(0) if data is None else data
        parameter: Parameter = source._as(cls, requires_grad)
        return parameter

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        """A copy without the gradient and without attributes, as PyTorch makes it."""
        t: Parameter = memory_copy(self, memo)._as(type(self), self._requires_grad)
        memo[id(self)] = t
        return t

    def __repr__(self) -> str:
        return parameter_repr(self)
