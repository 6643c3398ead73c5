"""Arguments by name: NumPy's names, which PyTorch takes beside its own, and flags."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np

F = TypeVar("F", bound=Callable[..., Any])

NAMES = {"axis": "dim", "keepdims": "keepdim"}


def numpy_names(function: F) -> F:
    """`function`, which takes `axis` for `dim` and `keepdims` for `keepdim`, too.

    Flags that are given by name are on or off: TypeError for None and the like.
    """

    flags = flags_of(function)

    @functools.wraps(function)
    def renamed(*args: Any, **kwargs: Any) -> Any:
        if kwargs:
            kwargs = {NAMES.get(name, name): value for name, value in kwargs.items()}
            check_flags(function.__name__, flags, kwargs)
        return function(*args, **kwargs)

    return cast(F, renamed)


def flags_of(function: Callable[..., Any]) -> frozenset[str]:
    """The names of the parameters that are on or off."""
    return frozenset(name for name, kind in function.__annotations__.items() if kind == "bool")


def check_flags(name: str, flags: frozenset[str], given: dict[str, Any]) -> None:
    """TypeError for a flag that is no bool, and no integer, which says as much."""
    for flag in flags.intersection(given):
        if not isinstance(given[flag], (bool, np.bool_, int)):
            raise TypeError(
                f"{name}(): argument {flag!r} must be bool, not {type(given[flag]).__name__}"
            )
