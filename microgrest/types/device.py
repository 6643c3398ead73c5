"""Device objects: where a tensor's storage lives."""

from __future__ import annotations

import re
import threading
from typing import Any, ClassVar

TYPES = ("cpu", "cuda")
_INDEX = re.compile("0|[1-9][0-9]{0,3}")


class device:
    """`device("cpu")`, `device("cuda")`, `device("cuda:1")` or `device("cuda", 1)`.

    Equal devices are one object, so `is` compares them. In a `with` statement, this thread's
    tensors are made there if nothing else is said. RuntimeError for an unknown name.
    """

    __slots__ = ("index", "type")
    _known: ClassVar[dict[tuple[str, int | None], device]] = {}

    type: str
    index: int | None

    def __new__(cls, type: Any, index: int | None = None) -> device:
        if isinstance(type, cls) and index is None:
            return type
        key = _parse(type, index)
        self = cls._known.get(key)
        if self is None:
            self = object.__new__(cls)
            for name, value in zip(("type", "index"), key, strict=True):
                object.__setattr__(self, name, value)
            self = cls._known.setdefault(key, self)
        return self

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"attribute {name!r} of a device is not writable: devices are shared")

    def __repr__(self) -> str:
        index = "" if self.index is None else f", index={self.index}"
        return f"device(type='{self.type}'{index})"

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __enter__(self) -> device:
        _inside.devices.append(self)
        return self

    def __exit__(self, *exception: object) -> None:
        _inside.devices.pop()

    def __reduce__(self) -> tuple[Any, ...]:
        return device, (self.type, self.index)


def _parse(name: Any, index: Any) -> tuple[str, int | None]:
    """The type and index that a user means by `name`, a string or a number, and `index`."""
    if _is_int(name) and index is None:
        name, index = "cuda", name
    if not isinstance(name, str):
        raise TypeError(f"device must be a string such as 'cpu' or 'cuda:0', not {name!r}")
    if index is not None and not _is_int(index):
        raise TypeError(f"device(): argument 'index' must be int, not {index!r}")
    if index is not None and index < 0:
        raise RuntimeError(f"Device index must not be negative, got {index}")
    kind, colon, digits = name.partition(":")
    if kind not in TYPES or (colon and not _INDEX.fullmatch(digits)):
        raise RuntimeError(f"Invalid device string: {name!r}; use one of cpu, cuda, cuda:N")
    if colon and index is not None:
        raise RuntimeError(
            f"type (string) must not include an index because index was passed: {name!r}"
        )
    return kind, int(digits) if colon else index


def _is_int(x: Any) -> bool:
    return isinstance(x, int) and not isinstance(x, bool)


class _Inside(threading.local):
    """The devices of the `with` statements that this thread is in."""

    def __init__(self) -> None:
        self.devices: list[device] = []


CPU = device("cpu")
_inside = _Inside()
_default: device | None = None


def chosen_device() -> device | None:
    """Where tensors are made if nothing else is said; None if nobody ever said."""
    inside = _inside.devices
    return inside[-1] if inside else _default


def get_default_device() -> device:
    """Where tensors are made if nothing else is said: the CPU at first."""
    return chosen_device() or CPU


def set_default_device(where: Any) -> None:
    """Make tensors on `where` from now on, in every thread; None is where they were at first."""
    global _default
    _default = None if where is None else device(where)
