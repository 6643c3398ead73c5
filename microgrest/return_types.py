"""What ops of two results return, by PyTorch's names and in its printed form."""

from __future__ import annotations

from collections import namedtuple
from typing import TYPE_CHECKING, Any, NamedTuple

from .ops.row import ROWS, Row

if TYPE_CHECKING:
    from .tensor import Tensor


def _text(result: Any) -> str:
    fields = ",\n".join(f"{name}={value!r}" for name, value in result._asdict().items())
    return f"microgrest.return_types.{type(result).__name__}(\n{fields})"


class max(NamedTuple):
    """The largest elements along a dimension, and where they are."""

    values: Tensor
    indices: Tensor

    def __repr__(self) -> str:
        return _text(self)


class min(NamedTuple):
    """The smallest elements along a dimension, and where they are."""

    values: Tensor
    indices: Tensor

    def __repr__(self) -> str:
        return _text(self)


class cummax(NamedTuple):
    """The largest elements so far along a dimension, and where they are."""

    values: Tensor
    indices: Tensor

    def __repr__(self) -> str:
        return _text(self)


class cummin(NamedTuple):
    """The smallest elements so far along a dimension, and where they are."""

    values: Tensor
    indices: Tensor

    def __repr__(self) -> str:
        return _text(self)


class aminmax(NamedTuple):
    """The smallest and the largest elements."""

    min: Tensor
    max: Tensor

    def __repr__(self) -> str:
        return _text(self)


def _named(row: Row) -> type:
    """The type of what a row of several results returns."""
    fields = namedtuple(row.name, row.extra["returns"])  # type: ignore[misc]
    facts = {"__slots__": (), "__doc__": row.doc, "__module__": __name__, "__repr__": _text}
    return type(row.name, (fields,), facts)


globals().update((row.name, _named(row)) for row in ROWS.values() if row.extra.get("returns"))
