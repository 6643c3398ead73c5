"""`method`: a function of a tensor that is also a method of Tensor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

from ..methods import Methods

F = TypeVar("F", bound=Callable[..., Any])


@overload
def method(function: F) -> F: ...
@overload
def method(*, name: str) -> Callable[[F], F]: ...
def method(function: Any = None, *, name: str = "") -> Any:
    """Attach `function` to Tensor under its own name or `name`; its first parameter is the tensor."""
    if function is None:
        return lambda f: _attach(f, name)
    return _attach(function, function.__name__)


def _attach(function: F, name: str) -> F:
    setattr(Methods, name, function)
    return function
