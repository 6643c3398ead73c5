"""Small programs around autograd, each a function of the library: ours and PyTorch's agree.

A program returns what is to be compared: numbers, names, tensors, nests of them. What it raises is
compared by type, and what it warns of by category.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

PROGRAMS: dict[str, Callable[[Any], Any]] = {}


def program(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Enter a program by its name."""
    assert function.__name__ not in PROGRAMS
    PROGRAMS[function.__name__] = function
    return function


def plain(value: Any) -> Any:
    """`value` with tensors as (shape, dtype, whether it requires grad, numbers)."""
    if hasattr(value, "requires_grad") and hasattr(value, "detach"):
        numbers = [round(x, 5) + 0.0 for x in value.detach().double().reshape(-1).tolist()]
        dtype = str(value.dtype).rpartition(".")[2]
        return "tensor", list(value.shape), dtype, value.requires_grad, numbers
    if isinstance(value, dict):
        return {key: plain(v) for key, v in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value).__name__, [plain(v) for v in value]
    return value


def tried(call: Callable[[], Any]) -> Any:
    """What `call` returns, or the type of what it raises."""
    try:
        return call()
    except Exception as error:
        return f"{type(error).__name__}!"


def outcome(function: Callable[[Any], Any], library: Any) -> Any:
    """What a program comes to with a library."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = plain(tried(lambda: function(library)))
    # Those about names that are old come from within PyTorch, once a process.
    return found, sorted({w.category.__name__ for w in told} - {"DeprecationWarning"})
