"""Small programs around autograd, each a function of the library: ours and PyTorch's agree.

A program returns what is to be compared: numbers, names, tensors, nests of them. What it raises is
compared by type, and what it warns of by category.
"""

from __future__ import annotations

import math
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
        numbers = value.detach().double().reshape(-1).tolist()
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


def differences(ours: Any, theirs: Any, place: str = "") -> list[str]:
    """Where two outcomes differ, by more than rounding."""
    if isinstance(ours, float) and isinstance(theirs, float):
        same = math.isclose(ours, theirs, rel_tol=1e-5, abs_tol=1e-6)
        return [] if same or str(ours) == str(theirs) else [f"{place}: {ours} and {theirs}"]
    if type(ours) is not type(theirs) or not isinstance(ours, (dict, list, tuple)):
        return [] if ours == theirs else [f"{place}: {ours!r} and {theirs!r}"]
    if len(ours) != len(theirs) or (isinstance(ours, dict) and ours.keys() != theirs.keys()):
        return [f"{place}: {ours!r} and {theirs!r}"]
    places = ours if isinstance(ours, dict) else range(len(ours))
    return [d for i in places for d in differences(ours[i], theirs[i], f"{place}[{i!r}]")]
