"""Padding: a tensor with more, or fewer, indices at both ends of its last dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...creation import full
from ...functions.indexing.picking import index_select
from ...functions.naming import ends_as
from ...tensor import Tensor
from ...tensor.arrays import from_numpy
from ...types.integers import whole

# How many of the last dimensions a mode other than "constant" pads, for inputs of so many.
_PADDED = {2: (1,), 3: (1, 2), 4: (2, 3), 5: (3,)}


def pad(
    input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None
) -> Tensor:
    """`pad` is (before, after) of the last dimension, then of the one before it, and so on.

    New elements are `value`, 0 by default, with "constant"; mirrored at the ends without these with
    "reflect", the ends' with "replicate", those of the other end with "circular". Negative numbers
    take elements away.
    """
    ends = [whole(n, "pad") for n in pad]
    if len(ends) % 2:
        raise RuntimeError("Padding length must be divisible by 2")
    if len(ends) // 2 > input.ndim:
        raise RuntimeError(
            "Padding length should be less than or equal to two times the input dimension but got "
            f"padding length {len(ends)} and input of dimension {input.ndim}"
        )
    if mode == "constant":
        return _constant(input, ends, 0 if value is None else value)
    if mode not in _PLACES:
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    if value is not None and value != 0:
        raise RuntimeError(f'Padding mode "{mode}" doesn\'t take in value argument')
    if len(ends) // 2 not in _PADDED.get(input.ndim, ()):
        raise NotImplementedError(
            "Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now; got "
            f"{len(ends)} numbers for {input.ndim} dimensions"
        )
    result = input
    for k in range(0, len(ends), 2):
        d = input.ndim - 1 - k // 2
        _check(input, d, ends[k], ends[k + 1], mode)
        places = _PLACES[mode](ends[k], ends[k + 1], input._shape[d])
        result = index_select(result, d, from_numpy(places).to(input.device))
    return result


@ends_as("ConstantPadNdBackward0")
def _constant(input: Tensor, ends: list[int], value: float) -> Tensor:
    """A tensor of `value`, with what remains of the input written to its middle."""
    shape, kept, middle = list(input._shape), input, []
    for d in range(input.ndim):
        k = 2 * (input.ndim - 1 - d)
        before, after = ends[k : k + 2] if k < len(ends) else (0, 0)
        shape[d] += before + after
        if shape[d] < 0:
            raise RuntimeError(
                f"The input size {input._shape[d]}, plus negative padding {before} and {after} "
                f"resulted in a negative output size, which is invalid. Check dimension {d} of "
                "your input."
            )
        start, stop = max(-before, 0), input._shape[d] + min(after, 0)
        kept = kept.narrow(d, start, max(stop - start, 0))
        first = max(before, 0)
        middle.append(slice(first, first + kept._shape[d]))
    result = full(shape, value, dtype=input.dtype, device=input.device)
    result[tuple(middle)] = kept
    return result


def _check(x: Tensor, d: int, before: int, after: int, mode: str) -> None:
    """RuntimeError where the input has too few elements."""
    n, size = x._shape[d], list(x._shape)
    if mode == "reflect" and (before >= n or after >= n):
        raise RuntimeError(
            "Argument #4: Padding size should be less than the corresponding input dimension, but "
            f"got: padding ({before}, {after}) at dimension {d} of input {size}"
        )
    if mode == "circular" and (before > n or after > n):
        raise RuntimeError("Padding value causes wrapping around more than once.")
    if not n or n + before + after < (0 if mode == "circular" else 1):
        raise RuntimeError(
            f"Expected an input with elements in dimension {d} that are left by padding "
            f"({before}, {after}), but got input of size: {size}"
        )


Array = np.ndarray[Any, Any]


def _reflected(before: int, after: int, n: int) -> Array:
    """The index that each place shows, mirrored at the ends."""
    return n - 1 - abs(n - 1 - abs(np.arange(-before, n + after)))


def _replicated(before: int, after: int, n: int) -> Array:
    """The same, with the nearest index beyond the ends."""
    return np.clip(np.arange(-before, n + after), 0, n - 1)


def _wrapped(before: int, after: int, n: int) -> Array:
    """The same, going round what is left where there is less before or after."""
    left = np.arange(max(-before, 0), n + min(after, 0))
    return left[np.arange(-max(before, 0), left.size + max(after, 0)) % max(left.size, 1)]


_PLACES = {"reflect": _reflected, "replicate": _replicated, "circular": _wrapped}
