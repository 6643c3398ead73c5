"""Names of nodes: the last step of a composite goes by the composite's name, as PyTorch has it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

from ..tensor import Tensor

F = TypeVar("F", bound=Callable[..., Any])


def ends_as(name: str) -> Callable[[F], F]:
    """Name the nodes that a function makes for what it returns, one tensor or several."""

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:
            before = [getattr(a, "_node", None) for a in args]
            result = function(*args, **kwargs)
            for y in (result,) if isinstance(result, Tensor) else result:
                if y._node not in before:
                    rename(y, name)
            return result

        return cast(F, called)

    return decorate


def rename(y: Tensor, name: str) -> Tensor:
    """`y`, which was just made, whose node goes by this name from now on."""
    if y._node is not None:
        y._node._name = name
    return y
