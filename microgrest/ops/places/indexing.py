"""Gathering and scattering by positions, and joining. Gather and scatter are each other's adjoints.

Positions are int64 places in the row-major order of the first operand; they carry no gradient.
"""

from __future__ import annotations

from typing import Any

from ..row import Row
from .movement import cut, each


def _flat(g: Any) -> Any:
    return g.reshape((-1,))


gather = Row(
    "gather_flat",
    "gather",
    ("x", "index"),
    lambda g, y, x, index: (scatter_add(_flat(g), _flat(index), shape=tuple(x.shape)), None),
    "The elements of the first input at positions `index`, in the shape of `index`.",
    backward_name="IndexBackward0",
    method=False,
)

scatter_add: Row = Row(
    "scatter_add_flat",
    "scatter_add",
    ("source", "index"),
    lambda g, y, source, index, shape: (gather(g, index), None),
    "Zeros of `shape` with each element of the flat source added at its position.",
    method=False,
)

put = Row(
    "put_flat",
    "put",
    ("x", "source", "index"),
    lambda g, y, x, source, index, accumulate: (
        g if accumulate else clear(g, index),
        _flat(gather(g, index)),
        None,
    ),
    "The first input with the flat source written, or added, at positions `index`.",
    extra={"steers": ("accumulate",)},
    backward_name="IndexPutBackward0",
    method=False,
)


def called(row: Row, name: str, backward_name: str) -> Row:
    """`row` as users know it by another name."""
    given = row.kind, row.args, row.vjp, row.doc
    return Row(name, *given, extra=row.extra, backward_name=backward_name, method=False)


take_slices = Row(
    "take_slices",
    "take_slices",
    ("x", "index"),
    lambda g, y, x, index, dim: (sum_slices(g, index, dim=dim, extent=x.shape[dim]), None),
    "The slices along a dimension whose numbers are in `index`, whose shape takes its place.",
    backward_name="IndexBackward0",
    method=False,
)

sum_slices: Row = Row(
    "sum_slices",
    "sum_slices",
    ("source", "index"),
    lambda g, y, source, index, dim, extent: (take_slices(g, index, dim=dim), None),
    "Zeros, `extent` slices, with each slice of the source added to the one of its number.",
    method=False,
)

put_slices = Row(
    "put_slices",
    "put_slices",
    ("x", "source", "index"),
    lambda g, y, x, source, index, dim, accumulate: (
        g if accumulate else clear_slices(g, index, dim=dim),
        take_slices(g if x.shape else g.reshape((1,)), index, dim=dim),
        None,
    ),
    "The first input with slices of the source written, or added, to those of their numbers.",
    extra={"steers": ("accumulate",)},
    backward_name="IndexPutBackward0",
    method=False,
)

clear_slices: Row = Row(
    "clear_slices",
    "clear_slices",
    ("x", "index"),
    lambda g, y, x, index, dim: (clear_slices(g, index, dim=dim), None),
    "A copy with zeros in the slices of numbers `index`.",
    method=False,
)

take = called(gather, "take_flat", "TakeBackward0")
index_select = called(take_slices, "index_select_slices", "IndexSelectBackward0")
embedding = called(take_slices, "embedding_slices", "EmbeddingBackward0")
masked_select = called(gather, "masked_select_flat", "MaskedSelectBackward0")
gather_along = called(gather, "gather_along", "GatherBackward0")
put_ = called(put, "put_places", "PutBackward0")
scatter = called(put, "scatter_source", "ScatterBackward0")
scatter_value = called(put, "scatter_value", "ScatterBackward1")
scatter_sum = called(put, "scatter_sum", "ScatterAddBackward0")
scatter_reduced = called(put, "scatter_reduced", "ScatterReduceBackward0")
index_add = called(put, "index_add_flat", "IndexAddBackward0")
index_copy = called(put, "index_copy_flat", "IndexCopyBackward0")
index_fill = called(put, "index_fill_flat", "IndexFillBackward0")
SLICES = {
    row: called(put_slices, row.name.replace("flat", "slices"), row.backward_name)
    for row in (index_add, index_copy, index_fill)
}


clear: Row = Row(
    "clear_flat",
    "clear",
    ("x", "index"),
    lambda g, y, x, index: (clear(g, index), None),
    "A copy with zeros at positions `index`.",
    method=False,
)

take_along = Row(
    "take_along",
    "take_along",
    ("x", "index"),
    lambda g, y, x, index, dim, name="": (
        add_along(g, index, dim=dim, shape=tuple(x.shape)),
        None,
    ),
    "The elements at indices `index` along a dimension, at their own along the others.",
    backward_name="GatherBackward0",
    method=False,
)

add_along: Row = Row(
    "add_along",
    "add_along",
    ("source", "index"),
    lambda g, y, source, index, dim, shape: (take_along(g, index, dim=dim), None),
    "Zeros of `shape` with each element of the source added where `take_along` finds it.",
    method=False,
)


cat = Row(
    "cat",
    "cat",
    (),
    lambda g, y, *tensors, dim: cut(g, dim, [x.shape[dim] for x in tensors]),
    "Tensors one after the other along a dimension.",
    method=False,
)

stack = Row(
    "stack",
    "stack",
    (),
    lambda g, y, *tensors, dim: each(g, dim, len(tensors)),
    "Tensors of one shape along a new dimension.",
    method=False,
)
