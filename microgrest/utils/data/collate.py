"""Items to a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from typing import Any

import numpy as np

from ...creation import as_tensor, tensor
from ...functions.joining.stacking import stack
from ...tensor import Tensor
from ...types.dtypes import float64


def default_collate(batch: Any) -> Any:
    """Items to a batch, as PyTorch makes it: tensors and arrays are stacked, in a new dimension 0.

    Python floats become float64, ints int64; texts stay a list; tuples, lists and mappings are
    taken element by element. TypeError for anything else, RuntimeError for items of unlike lengths.
    """
    first = batch[0]
    if isinstance(first, Tensor):
        return stack(list(batch))
    if isinstance(first, np.ndarray):
        return stack([as_tensor(x) for x in batch])
    if isinstance(first, np.generic):
        return as_tensor(np.array(batch))
    if isinstance(first, float):
        return tensor(batch, dtype=float64)
    if isinstance(first, int):
        return tensor(batch)
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, Mapping):
        return _like(first, {key: default_collate([item[key] for item in batch]) for key in first})
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*map(default_collate, zip(*batch, strict=True)))
    if isinstance(first, Sequence):
        if any(len(item) != len(first) for item in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        parts = [default_collate(part) for part in zip(*batch, strict=True)]
        return parts if isinstance(first, tuple) else _like(first, parts)
    raise TypeError(
        "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
        f"found {type(first)}"
    )


def default_convert(data: Any) -> Any:
    """An item as it is, but for NumPy's arrays and numbers, at any depth, which become tensors."""
    if isinstance(data, (np.ndarray, np.generic)):
        text = isinstance(data, np.ndarray) and data.dtype.kind in "SU"
        return data if text else as_tensor(data)
    if isinstance(data, Mapping):
        return _like(data, {key: default_convert(x) for key, x in data.items()})
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*map(default_convert, data))
    if isinstance(data, tuple):
        return [default_convert(x) for x in data]
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _like(data, [default_convert(x) for x in data])
    return data


def _like(found: Any, made: Any) -> Any:
    """What was made, in a container of the type of `found` where that can be."""
    if type(found) is type(made):
        return made
    try:
        if hasattr(found, "update"):
            result = copy(found)
            result.update(made)
            return result
        make: Callable[[Any], Any] = type(found)
        return make(made)
    except TypeError:
        return made
