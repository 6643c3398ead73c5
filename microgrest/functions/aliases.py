"""NumPy's names of parameters, which PyTorch takes beside its own."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

from .checked import check_flags, flags_of

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
