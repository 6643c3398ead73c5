"""Positions computed where they are used: by NumPy on the CPU, by our own ops on a GPU.

An `Index` is the NumPy array of an index tensor of the CPU, or the tensor itself on a GPU, and in a
step that is being recorded. Both add, multiply, compare and reshape alike, so one text serves both,
and nothing is copied from a GPU but the extremes that say whether all is in range.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import recording
from ..dispatch.conversion import convert
from ..dispatch.writes.memory import copy
from ..ops.folds.reduction import amax, amin
from ..tensor import Tensor
from ..tensor.arrays import from_array, from_numpy
from ..tensor.storage import kind_of
from ..types.device import CPU, device
from ..types.dtypes import int64

Index = Any


def index_of(t: Tensor, where: device) -> Index:
    """The values of an integer tensor on device `where`, as int64.

    RuntimeError for a tensor on a GPU where the other one is not.
    """
    check_within_reach(t, where)
    wide = convert(t.detach(), int64, where)
    return wide._numpy() if _by_numpy(where) else wide


def _by_numpy(where: device) -> bool:
    return where is CPU and recording.state.recorder is None


def check_within_reach(t: Tensor, where: device) -> None:
    """RuntimeError for a mask or an index tensor that is neither on the CPU nor on `where`."""
    if t.device not in (CPU, where):
        raise RuntimeError(
            "indices should be either on cpu or on the same device as the indexed tensor "
            f"({where}), these are on {t.device}"
        )


def counted(n: int, step: int, dimensions: int, where: device) -> Index:
    """0, step, 2 step, ...: n numbers along the first of so many dimensions."""
    numbers = np.arange(0, n * step, step or 1, dtype=np.int64) if step else np.zeros(n, np.int64)
    shape = (n, *(1,) * (dimensions - 1))
    if _by_numpy(where):
        return numbers.reshape(shape)
    return from_array(numbers.reshape(shape), kind_of(int64, where))


def checked(index: Index, low: int, high: int, error: Callable[[int], Exception]) -> Index:
    """`index`, whose values have to be in [low, high), negative ones counted from the end, `high`.

    Raises what `error` makes of a value that is not. A recorded step may meet negative ones later.
    """
    if 0 in index.shape:
        return index
    if index.__class__ is np.ndarray and low <= 0 and _below(index, high):
        return index
    least, most = recording.aside(lambda: _ends(index))
    for value in (least, most):
        if not low <= value < high:
            raise error(value)
    if least >= 0 and (low >= 0 or recording.state.recorder is None):
        return index
    if isinstance(index, Tensor):
        return index + convert(index < 0, int64) * high
    return np.where(index < 0, index + high, index)


def _below(index: Any, high: int) -> bool:
    """Whether all are in [0, high): as unsigned numbers, negative ones are the largest."""
    values = index.view(np.uint64)
    return bool(values.item(values.argmax()) < high)  # which NumPy has sooner than max()


def _ends(index: Index) -> tuple[int, int]:
    """The least and the largest value of an index that has some."""
    if not isinstance(index, Tensor):
        return int(index.min()), int(index.max())
    whole = {"dim": tuple(range(index.ndim)), "keepdim": False}
    return int(amin(index, **whole)), int(amax(index, **whole))


def numbers_slices(index: Tensor, x: Tensor, dim: int = 0) -> bool:
    """Whether an index tensor of the CPU has, as it is, numbers of slices of `x` and no others.

    Slices are those along `dim`, not negative.
    """
    flat = index._flat
    return bool(
        index._kind.dtype is int64
        and index._shape
        and len(x._shape) > dim
        and flat is not None
        and _by_numpy(index._kind.device)
        and x._kind.device is CPU
        and flat.size
        and _below(flat, x._shape[dim])
    )


def unless_changed(index: Tensor, values: Index, made: Index) -> Tensor:
    """The tensor of `made`; `index` itself, whose writes are counted, where that has its memory."""
    same = made is values and made.__class__ is np.ndarray and index._flat is not None
    return index.detach() if same and index.dtype is int64 else tensor_of(made)


def tensor_of(index: Index) -> Tensor:
    """The int64 tensor of an index."""
    if isinstance(index, Tensor):
        return index if index._flat is not None else copy(index)
    return from_numpy(np.ascontiguousarray(index).reshape(index.shape))
