"""The base of Tensor that methods are attached to from elsewhere; `methods.pyi` lists them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

from ..ops.value import Value

F = TypeVar("F")  # a function or a property


class Methods(Value):
    """Methods and operators made from the rows by `dispatch.api`, or declared by `method`."""

    __slots__ = ()


@overload
def method(function: F) -> F: ...
@overload
def method(*, name: str) -> Callable[[F], F]: ...
def method(function: Any = None, *, name: str = "") -> Any:
    """Attach `function`, whose first parameter is the tensor, to Tensor by its name or `name`."""
    if function is None:
        return lambda f: _attach(f, name)
    return _attach(function, function.__name__)


def _attach(function: F, name: str) -> F:
    setattr(Methods, name, function)
    return function
