"""The elements in another order, or several times; the results are copies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...dispatch.common import common_device
from ...dispatch.structured import apply
from ...ops.places.movement import flip as flip_row
from ...tensor import Tensor
from ...tensor.arrays import from_numpy
from ...tensor.methods import method
from ...types.dtypes import int32, int64
from ...types.integers import count, listed, whole
from ..indexing.picking import index_select
from ..naming import ends_as
from ..views.shapes import expand, flatten, narrow, reshape, sizes, transpose, unsqueeze
from .stacking import cat


@method
def flip(input: Tensor, *along: Any, dims: Any = None) -> Tensor:
    """The elements along `dims` in reverse."""
    if not along and dims is None:
        raise TypeError('flip() missing 1 required positional arguments: "dims"')
    given = tuple(input._dim(d) for d in sizes(along, dims))
    for d in given:
        if given.count(d) > 1:
            raise RuntimeError(f"dim {d} appears multiple times in the list of dims")
    return apply(flip_row, (input,), {"dims": given if input._shape else ()})


@method
def fliplr(input: Tensor) -> Tensor:
    """The columns in reverse."""
    if input.ndim < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return flip(input, 1)


@method
def flipud(input: Tensor) -> Tensor:
    """The rows in reverse."""
    if input.ndim < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return flip(input, 0)


@method
@ends_as("RollBackward0")
def roll(
    input: Tensor, shifts: int | Sequence[int], dims: int | Sequence[int] | None = None
) -> Tensor:
    """The elements moved on by `shifts` along `dims`; those pushed out come in at the front.

    Without `dims` the tensor is rolled as if it were flat.
    """
    steps = [whole(n, "shifts") for n in listed(shifts)]
    along = [] if dims is None else listed(dims)
    if not steps:
        raise RuntimeError("roll(): `shifts` required")
    if not along and len(steps) == 1:
        return reshape(roll(reshape(input, -1), steps[0], 0), input._shape)
    if len(steps) != len(along):
        raise RuntimeError(
            f"shifts and dimensions must align. shifts: {len(steps)}, dims:{len(along)}"
        )
    if not input._shape:
        raise IndexError(f"Dimension specified as {along[0]} but tensor has no dimensions")
    result = input
    for step, dim in zip(steps, along, strict=True):
        n = input._shape[input._dim(dim)]
        back = n - step % n if n else 0
        result = cat([narrow(result, dim, back, n - back), narrow(result, dim, 0, back)], dim)
    return result


@method
@ends_as("Rot90Backward0")
def rot90(input: Tensor, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
    """The plane of `dims` turned by k quarters, from the first of them towards the second."""
    k = whole(k, "k")
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if input.ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {input.ndim}")
    a, b = (input._dim(d) for d in dims)
    if a == b:
        raise RuntimeError(
            f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}"
        )
    turned = {
        0: lambda: input.clone(),
        1: lambda: transpose(flip(input, b), a, b),
        2: lambda: flip(input, a, b),
        3: lambda: transpose(flip(input, a), a, b),
    }
    return turned[k % 4]()


@method
@ends_as("RepeatBackward0")
def repeat(input: Tensor, *counts: Any, repeats: Any = None) -> Tensor:
    """The whole tensor repeated along each dimension, new ones in front."""
    if not counts and repeats is None:
        raise TypeError('repeat() missing 1 required positional arguments: "repeats"')
    times = sizes(counts, repeats)
    missing = len(times) - input.ndim
    if missing < 0:
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of "
            f"tensor, got {list(times)} for shape {list(input._shape)}"
        )
    own = (1,) * missing + tuple(input._shape)
    if any(n < 0 for n in times):
        shape = [k * n for k, n in zip(times, own, strict=True)]
        raise RuntimeError(f"Trying to create tensor with negative dimension {min(shape)}: {shape}")
    # (n0, n1) is seen as (r0, n0, r1, n1), with strides of 0, and copied.
    split = [extent for n in own for extent in (1, n)]
    full = [extent for pair in zip(times, own, strict=True) for extent in pair]
    shape = [k * n for k, n in zip(times, own, strict=True)]
    return reshape(expand(reshape(input, split), full).clone(), shape)


@method
def tile(input: Tensor, *counts: Any, dims: Any = None) -> Tensor:
    """repeat, where repetitions that are not given are 1."""
    times = sizes(counts, dims)
    return repeat(input, (1,) * (input.ndim - len(times)) + times)


@method
def repeat_interleave(
    input: Tensor,
    repeats: int | Tensor | None = None,
    dim: int | None = None,
    *,
    output_size: int | None = None,
) -> Tensor:
    """Each element repeated in place, by one number or by one per index of `dim`.

    Without `dim` the tensor is flattened first. Given numbers alone, how often to repeat 0, 1, 2,
    ..., the result is the repeated indices.
    """
    if repeats is None:
        return _repeated(input)
    if dim is not None and not input._shape:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    x, d = (flatten(input), 0) if dim is None else (input, input._dim(dim))
    if isinstance(repeats, Tensor):
        _check_repeats(repeats)
    if not isinstance(repeats, Tensor) or repeats.numel() == 1:
        result = _evenly(x, whole(repeats, "repeats"), d)
    else:
        if repeats.ndim != 1 or repeats._shape[0] != x._shape[d]:
            raise RuntimeError(
                "repeats must have the same size as input along dim, but got repeats of shape "
                f"{list(repeats._shape)} and input.size({d}) = {x._shape[d]}"
            )
        common_device("repeat_interleave", (x, repeats))
        result = index_select(x, d, _repeated(repeats))
    if output_size is not None and result._shape[d] != output_size:
        raise RuntimeError(
            "repeat_interleave: Invalid output_size, expected "
            f"{result._shape[d]} but got {output_size}"
        )
    return result


def _check_repeats(repeats: Tensor) -> None:
    """RuntimeError unless `repeats` are whole numbers in at most one dimension."""
    if repeats.ndim > 1:
        raise RuntimeError("repeats must be 0-dim or 1-dim tensor")
    if repeats.dtype not in (int32, int64):
        raise NotImplementedError(
            f'"repeat_interleave" is not implemented for {repeats.dtype.name!r} repeats; they must '
            "be int32 or int64"
        )


def _evenly(x: Tensor, times: int, d: int) -> Tensor:
    """Every index of `d` repeated `times`."""
    if times < 0:
        raise RuntimeError("Repeats must be non-negative")
    shape = x._shape
    spread = expand(unsqueeze(x, d + 1), *shape[: d + 1], times, *shape[d + 1 :])
    return reshape(spread.clone(), *shape[:d], times * shape[d], *shape[d + 1 :])


def _repeated(repeats: Tensor) -> Tensor:
    """0, 1, 2, ..., each as often as `repeats` says."""
    _check_repeats(repeats)
    counts = repeats.detach()._numpy()
    if counts.ndim != 1:
        raise RuntimeError(
            f"repeats must be a vector where it is alone, got shape {list(repeats._shape)}"
        )
    if (counts < 0).any():
        raise RuntimeError("repeats can not be negative")
    count([int(counts.sum(dtype=np.float64))])
    return from_numpy(np.repeat(np.arange(counts.size), counts)).to(repeats.device)
