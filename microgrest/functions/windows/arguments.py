"""Numbers for each extent of an image, as users give them: one for all, or a tuple."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ...tensor import Tensor
from ...types.dtypes import dtype, float16, float32
from ..checked import of_tensors

Ints = int | Sequence[int]
Function = TypeVar("Function", bound=Callable[..., Any])


def numbered(function: Function, n: int) -> Function:
    """`function` under the name that it has for images of `n` extents."""
    first, _, rest = function.__name__.partition("_with")
    function.__name__ = f"{first}{n}d{_}{rest}"
    function.__qualname__ = function.__name__
    return of_tensors(function)


def tensor(name: str, what: str, value: Any) -> Tensor:
    """`value`; TypeError unless it is a tensor."""
    if not isinstance(value, Tensor):
        raise TypeError(f"{name}(): argument {what!r} must be Tensor, not {type(value).__name__}")
    return value


def listed(name: str, what: str, value: Any) -> tuple[int, ...]:
    """Integers that were given as one or as several; TypeError for others."""
    several = isinstance(value, Sequence) and not isinstance(value, str)
    found = tuple(value) if several else (value,)
    for item in found:
        if isinstance(item, bool) or not hasattr(item, "__index__"):
            wanted = f"must be tuple of ints, not {type(item).__name__}"
            raise TypeError(f"{name}(): argument {what!r} {wanted}")
    return tuple([item.__index__() for item in found])


def each(name: str, what: str, value: Any, n: int) -> tuple[int, ...]:
    """One integer for each of `n` extents; RuntimeError for another number of them."""
    found = listed(name, what, value)
    if len(found) == 1:
        return found * n
    if len(found) != n:
        words = {1: "int", 2: "two ints", 3: "three ints"}
        raise RuntimeError(
            f"{name}: {what} must either be a single int, or a tuple of {words[n]}, but got "
            f"{list(found)}"
        )
    return found


def registered(d: dtype) -> dtype:
    """The type to compute in: float16 is storage, and its arithmetic is float32."""
    return float32 if d is float16 else d


def by(extents: Sequence[int]) -> str:
    """Extents as messages have them."""
    return " x ".join(map(str, extents))
