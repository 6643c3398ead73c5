"""What comes of sorting and of places in what is sorted."""

from __future__ import annotations

from ...tensor import Tensor
from ...tensor.methods import method
from ..kernels import FUNCTIONS


@method
def argsort(
    input: Tensor, dim: int = -1, descending: bool = False, *, stable: bool = False
) -> Tensor:
    """The indices that sort along `dim`."""
    indices: Tensor = FUNCTIONS["sort"](input, dim, descending, stable=stable).indices
    return indices


@method
def msort(input: Tensor) -> Tensor:
    """Sorted along the first dimension."""
    values: Tensor = FUNCTIONS["sort"](input, 0).values
    return values


def bucketize(
    input: Tensor | float, boundaries: Tensor, *, out_int32: bool = False, right: bool = False
) -> Tensor:
    """The number of the bucket that each element is in; `boundaries` are in order, one dimension.

    An element that equals a boundary is in the bucket below, or, where `right`, above.
    """
    if isinstance(boundaries, Tensor) and boundaries.ndim != 1:
        raise RuntimeError(f"boundaries tensor must be 1 dimension, but got dim({boundaries.ndim})")
    places: Tensor = FUNCTIONS["searchsorted"](boundaries, input, out_int32=out_int32, right=right)
    return places
