"""Rows of elements that were chosen by rank: their gradient goes to where they were."""

from __future__ import annotations

from typing import Any

from ..folds.reduction import evenly
from ..places.indexing import called, gather
from ..row import Row

topk = called(gather, "topk_flat", "TopkBackward0")
kthvalue = called(gather, "kthvalue_flat", "KthvalueBackward0")
median = called(gather, "median_flat", "MedianBackward1")
nanmedian = called(gather, "nanmedian_flat", "NanmedianBackward1")
mode = called(gather, "mode_flat", "ModeBackward0")


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
