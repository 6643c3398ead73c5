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


def _several(name: str, fields: tuple[str, ...], doc: str) -> Any:
    """The type `name` of what is returned as `fields`."""
    facts = {"__slots__": (), "__doc__": doc, "__module__": __name__, "__repr__": _text}
    return type(name, (namedtuple(name, fields),), facts)


def _named(row: Row) -> Any:
    """The type of what a row of several results returns."""
    return _several(row.name, row.extra["returns"], row.doc)


_FOUND = "values", "indices"
topk = _several("topk", _FOUND, "The largest or smallest elements, and where they are.")
kthvalue = _several("kthvalue", _FOUND, "The k-th smallest elements, and where they are.")
median = _several("median", _FOUND, "The medians along a dimension, and where they are.")
nanmedian = _several("nanmedian", _FOUND, "The medians of what is not NaN, and where they are.")
mode = _several("mode", _FOUND, "The commonest elements, and where they are last.")
histogram = _several("histogram", ("hist", "bin_edges"), "Counts, and the edges between them.")
globals().update((row.name, _named(row)) for row in ROWS.values() if row.extra.get("returns"))
