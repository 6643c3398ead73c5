"""Device objects: where a tensor's storage lives."""

from __future__ import annotations

from typing import Any, ClassVar

TYPES = ("cpu", "cuda")


class device:
    """`device("cpu")`, `device("cuda")`, `device("cuda:1")` or `device("cuda", 1)`.

    Equal devices are one object, so `is` compares them. In a `with` statement, tensors are made
    there if nothing else is said. RuntimeError for an unknown name.
    """

    __slots__ = ("index", "type")
    _known: ClassVar[dict[tuple[str, int | None], device]] = {}

    type: str
    index: int | None

    def __new__(cls, name: Any, index: int | None = None) -> device:
        if isinstance(name, cls):
            return name
        kind, number = _parse(name, index)
        self = cls._known.get((kind, number))
        if self is None:
            self = object.__new__(cls)
            self.type, self.index = kind, number
            self = cls._known.setdefault((kind, number), self)
        return self

    def __repr__(self) -> str:
        index = "" if self.index is None else f", index={self.index}"
        return f"device(type='{self.type}'{index})"

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __enter__(self) -> device:
        _outer.append(_default)
        set_default_device(self)
        return self

    def __exit__(self, *exception: object) -> None:
        set_default_device(_outer.pop())

    def __reduce__(self) -> tuple[Any, ...]:
        return device, (self.type, self.index)


def _parse(name: Any, index: int | None) -> tuple[str, int | None]:
    if isinstance(name, int):
        return "cuda", name
    if not isinstance(name, str):
        raise TypeError(f"device must be a string such as 'cpu' or 'cuda:0', not {name!r}")
    kind, colon, digits = name.partition(":")
    if kind not in TYPES or (colon and not digits.isdigit()):
        raise RuntimeError(f"Invalid device string: {name!r}; use one of cpu, cuda, cuda:N")
    if colon and index is not None:
        raise RuntimeError(
            f"type (string) must not include an index because index was passed: {name!r}"
        )
    return kind, int(digits) if colon else index


CPU = device("cpu")
_default = CPU
_outer: list[device] = []  # the defaults around the open `with` statements


def get_default_device() -> device:
    """Where tensors are made if nothing else is said: the CPU at first."""
    return _default


def set_default_device(where: Any) -> None:
    """Make tensors on `where` from now on, in every thread."""
    global _default
    _default = device(where)
