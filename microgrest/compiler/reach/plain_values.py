"""Plain values, of which type and text say all, and what containers hold."""

from __future__ import annotations

from enum import Enum
from typing import Any

import numpy as np

from ...types.device import device
from ...types.dtypes import dtype

# What is known by its value: type and text say all about it.
PLAIN = (
    *(bool, int, float, complex, str, bytes, type(None), type(...), slice, range),
    *(np.generic, np.dtype, dtype, device, Enum),
)


def label(key: Any) -> str:
    """A key of a dict as text that says no more than which one it is: values of tensors change."""
    return repr(key) if isinstance(key, PLAIN) else f"{type(key).__name__} {id(key):#x}"


def parts(value: Any) -> list[tuple[str, Any]]:
    """The entries of a list, tuple or dict, with what is written to get at them; else none."""
    if isinstance(value, dict):
        return [(f"[{label(key)}]", inner) for key, inner in value.items()]
    if isinstance(value, (list, tuple)):
        return [(f"[{i}]", inner) for i, inner in enumerate(value)]
    return []
