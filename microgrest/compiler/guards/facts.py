"""Facts: what is written down of an object, and must be the same for a recording to serve."""

from __future__ import annotations

from collections import deque
from typing import Any
from zlib import crc32

import numpy as np

from ...nn.modules.base.hooks import Hooks
from ...recording.counted import Counted
from ...tensor import Tensor
from ..reach import BUFFERS, ENVIRONMENT, MISSING, PLAIN, Found, is_mapping, label

# What is different, in words, and what it is for one of two things: a recording compares these.
Facts = tuple[tuple[str, Any], ...]
# Of NumPy arrays up to this size, in bytes, a copy is kept, of larger ones a checksum.
COPIED = 1 << 16


def plain(value: Any) -> Facts:
    """What is known of a plain value: text tells NaN from NaN and 0.0 from -0.0."""
    return ("type", type(value).__name__), ("value", repr(value))


def features(t: Tensor) -> Facts:
    """What a recording rests on in a tensor, besides values and place."""
    return (
        ("class", type(t).__name__),
        ("dtype", t.dtype.name),
        ("device", str(t.device)),
        ("shape", t._shape),
        ("strides", "contiguous" if t._flat is not None else t._strides),
        ("offset", t._offset),
        ("requires_grad", t._requires_grad),
        ("grad", gradient_of(t)),
        ("graph", "a leaf" if t._node is None else "the result of an operation"),
        ("hooks", tuple(t._hooks or ())),
    )


def gradient_of(t: Tensor) -> str | None:
    """Whether there is a gradient, and its geometry if it is part of another tensor."""
    grad = t._grad
    if grad is None:
        return None
    if grad._flat is not None and not grad._offset and grad._shape == t._shape:
        return "a tensor"
    of = "" if grad._shape == t._shape else f" of {grad._shape}"
    return f"a tensor{of} at {grad._offset} by {grad._strides}"


def difference(name: str, old: Facts, new: Facts) -> str:
    """The first thing in which `name` differs, in words; "" where there is none."""
    before = dict(old)
    for what, now in new:
        if what not in before or before[what] != now:
            if what == "identity" or what not in before:
                return f"{name} is another object"
            return f"{name}: {what} was {before[what]}, is {now}"
    return "" if len(old) == len(new) else f"{name} is another object"


def facts_of(found: Found) -> Facts:
    """What must be the same of something that a function holds."""
    value = found.value
    if found.input:
        return (("zero", zeros(value)),)
    if value is MISSING:
        return (("type", value),)
    if isinstance(value, PLAIN):
        return plain(value)
    if isinstance(value, Tensor):
        return ("identity", id(value)), *features(value)[1:]  # its class is not looked at
    if found.exact:
        return (("identity", id(value)),)
    inside = _inside(found) if is_looked_into(found) else ()
    if is_table(found):
        return inside
    kind = ("type", type(value).__name__)
    if isinstance(value, deque):
        return kind, ("maxlen", value.maxlen), *inside
    by_value = is_mapping(value) or isinstance(value, (list, tuple, set, frozenset))
    return (kind, *inside) if by_value else (("identity", id(value)), kind, *inside)


def _inside(found: Found) -> Facts:
    """What must be the same inside of it."""
    value = found.value
    if is_table(found) and not found.steady:
        return (("attributes", len(value)),)
    if value is ENVIRONMENT:
        return (("contents", hash(tuple(value.items()))),)
    if isinstance(value, (set, frozenset)):
        return (("members", sorted(map(label, value))),)
    if isinstance(value, (np.ndarray, *BUFFERS)):
        data = contents(value)
        known = crc32(data) if isinstance(data, bytes) else data
        return ("form", form(value)), ("contents", f"{known:#x}")
    if isinstance(value, (list, tuple, deque)):
        return (("length", len(value)),)
    if not is_mapping(value):
        return ()
    keys = map(label, value)
    return (("keys", tuple(sorted(keys) if is_table(found) else keys)),)


def is_looked_into(found: Found) -> bool:
    """Whether it matters what a container or an array holds, besides which one it is.

    A container in a place that counts changes is met by itself, too, if it may change in place.
    """
    counts = isinstance(found.value, (Counted, Hooks)) or is_table(found)
    return not found.exact and (counts or not found.steady)


def is_table(found: Found) -> bool:
    """Whether these are the attributes of an object: of these the order says nothing."""
    return found.path.endswith(".__dict__")


def zeros(value: Any) -> Any:
    """Which of one or several numbers are zero: rules leave out terms that are."""
    if isinstance(value, tuple):
        return tuple(map(zeros, value))
    return value == 0 if isinstance(value, (int, float)) else type(value)


def contents(array: Any) -> bytes | int:
    """What tells whether a NumPy array, or another buffer, still holds what it did."""
    data = bytes(array) if isinstance(array, bytearray) else array.tobytes()
    return data if len(data) <= COPIED else crc32(data)


def form(array: Any) -> tuple[Any, ...]:
    """What an array is besides its contents; one that has been resized lies elsewhere."""
    return (array.shape, array.strides, array.dtype) if isinstance(array, np.ndarray) else ()
