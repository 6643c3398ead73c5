"""Rows of elements that were chosen by rank: their gradient goes to where they were."""

from __future__ import annotations

from typing import Any

from ..folds.reduction import evenly
from ..places.indexing import add_along
from ..row import Row


def along(name: str, backward_name: str) -> Row:
    """Elements that were found along a dimension, at `index`, which is gone unless `keepdim`."""

    def rule(
        g: Any, y: Any, x: Any, index: Any, dim: int, keepdim: bool = True
    ) -> tuple[Any, None]:
        if not keepdim:
            shape = (*x.shape[:dim], 1, *x.shape[dim + 1 :])
            g, index = g.reshape(shape), index.reshape(shape)
        return add_along(g, index, dim=dim, shape=tuple(x.shape)), None

    doc = "The elements at indices `index` along a dimension, as `take_along`."
    args = "x", "index"
    return Row(name, "take_along", args, rule, doc, backward_name=backward_name, method=False)


topk = along("topk_along", "TopkBackward0")
kthvalue = along("kthvalue_along", "KthvalueBackward0")
median = along("median_along", "MedianBackward1")
nanmedian = along("nanmedian_along", "NanmedianBackward1")
mode = along("mode_along", "ModeBackward0")
max_along = along("max_along", "MaxBackward0")
min_along = along("min_along", "MinBackward0")


def _chosen(name: str, backward_name: str) -> Row:
    """An element that was found among all; equal ones share its gradient."""

    def rule(g: Any, y: Any, x: Any, value: Any) -> tuple[Any, None]:
        return (*evenly(g, y, x, tuple(range(len(x.shape))), False), None)

    doc = "The second input, an element of the first."
    return Row(name, "chosen", ("x", "value"), rule, doc, backward_name=backward_name, method=False)


median_all = _chosen("median_all", "MedianBackward0")
nanmedian_all = _chosen("nanmedian_all", "NanmedianBackward0")


def _refused(g: Any, y: Any, x: Any, value: Any, name: str) -> tuple[Any, None]:
    if not getattr(g, "symbolic", False):
        raise NotImplementedError(f"the derivative for '{name}' is not implemented.")
    return g, None


refused = Row(
    "refused",
    "chosen",
    ("x", "value"),
    _refused,
    "The second input, which has no derivative by the first.",
    backward_name="NotImplemented",
    method=False,
)
