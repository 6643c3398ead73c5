"""Cutting a tensor into views along a dimension."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

from ...dispatch.families.parts import cut, each
from ...tensor import Tensor
from ...tensor.methods import method
from ...types.integers import lengths, whole
from ..naming import ends_as, rename
from .shapes import narrow


def _cut(x: Tensor, places: Sequence[int], dim: int) -> tuple[Tensor, ...]:
    """The views between consecutive `places`; between places that do not rise, empty ones."""
    lengths = [b - a for a, b in pairwise(places)]
    if not places[0] and min(lengths, default=0) >= 0:
        return cut(x, x._dim(dim), lengths)
    return tuple(narrow(x, dim, a, max(b - a, 0)) for a, b in pairwise(places))


def _extent(name: str, x: Tensor, dim: int) -> int:
    """The extent of `dim`; RuntimeError for a 0-d tensor."""
    if not x._shape:
        raise RuntimeError(f"{name} expects at least a 1-dimensional tensor")
    return x._shape[x._dim(dim)]


@method
def split(
    tensor: Tensor, split_size_or_sections: int | Sequence[int], dim: int = 0
) -> tuple[Tensor, ...]:
    """Pieces of a given size along `dim`, the last one perhaps smaller; or of given sizes."""
    if isinstance(split_size_or_sections, (tuple, list)):
        return split_with_sizes(tensor, split_size_or_sections, dim)
    size, n = whole(split_size_or_sections, "split_size"), _extent("split", tensor, dim)
    if size < 0:
        raise RuntimeError(f"split expects split_size be non-negative, but got split_size={size}")
    if not size and n:
        raise RuntimeError(
            f"split_size can only be 0 if dimension size is 0, but got dimension size of {n}"
        )
    starts = range(0, n, size) if n else [0]
    return tuple(rename(part, "SplitBackward0") for part in _cut(tensor, [*starts, n], dim))


@method
@ends_as("SplitWithSizesBackward0")
def split_with_sizes(input: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Pieces of the sizes `split_sizes` along `dim`."""
    n = _extent("split", input, dim)
    split_sizes = lengths(split_sizes, "split_sizes")
    if sum(split_sizes) != n or any(size < 0 for size in split_sizes):
        raise RuntimeError(
            f"split_with_sizes expects split_sizes to be non-negative and to sum exactly to {n} "
            f"(input tensor's size at dimension {dim}), but got split_sizes={list(split_sizes)}"
        )
    return _cut(input, list(accumulate(split_sizes, initial=0)), dim)


@method
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most `chunks` pieces of one size along `dim`, the last one perhaps smaller."""
    n, chunks = _extent("chunk", input, dim), whole(chunks, "chunks")
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    # A dimension without elements still makes `chunks` pieces.
    return split(input, -(-n // chunks), dim) if n else _cut(input, [0] * (chunks + 1), dim)


@method
def tensor_split(
    input: Tensor, indices_or_sections: int | Sequence[int] | Tensor, dim: int = 0
) -> tuple[Tensor, ...]:
    """As many pieces as asked for, sizes apart by at most one; or the pieces between indices."""
    n = _extent("tensor_split", input, dim)
    given: Any = indices_or_sections
    if isinstance(given, Tensor):
        given = given.tolist()
    if not isinstance(given, (tuple, list)):
        given = whole(given, "indices_or_sections")
        if not 0 < given < 2**31:
            raise RuntimeError(
                f"number of sections must be larger than 0 and fit 31 bits, got {given}"
            )
        size, larger = divmod(n, given)
        places = [i * size + min(i, larger) for i in range(given + 1)]
    else:
        given = lengths(given, "indices")
        places = [0, *(min(max(i + n if i < 0 else i, 0), n) for i in given), n]
    return _cut(input, places, dim)


def _along(
    name: str, x: Tensor, indices_or_sections: int | Sequence[int], dim: int
) -> tuple[Tensor, ...]:
    """tensor_split along `dim`, which must divide evenly into sections."""
    least = dim + 1 if name != "hsplit" else 1
    if x.ndim < least:
        raise RuntimeError(
            f"torch.{name} requires a tensor with at least {least} dimension, "
            f"but got a tensor with {x.ndim} dimensions!"
        )
    if not isinstance(indices_or_sections, (tuple, list)):
        indices_or_sections = whole(indices_or_sections, "indices_or_sections")
        n = x._shape[dim]
        if indices_or_sections <= 0 or n % indices_or_sections:
            raise RuntimeError(
                f"torch.{name} attempted to split along dimension {dim}, but the size of the "
                f"dimension {n} is not divisible by the split_size {indices_or_sections}!"
            )
    return tensor_split(x, indices_or_sections, dim)


@method
def hsplit(input: Tensor, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
    """tensor_split into equal columns; a vector's elements."""
    return _along("hsplit", input, indices_or_sections, 1 if input.ndim > 1 else 0)


@method
def vsplit(input: Tensor, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
    """tensor_split into equal rows of a tensor of at least two dimensions."""
    if input.ndim == 1:
        raise RuntimeError(
            "torch.vsplit requires a tensor with at least 2 dimension, "
            "but got a tensor with 1 dimensions!"
        )
    return _along("vsplit", input, indices_or_sections, 0)


@method
def dsplit(input: Tensor, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
    """tensor_split into equal parts of the third dimension."""
    return _along("dsplit", input, indices_or_sections, 2)


@method
@ends_as("UnbindBackward0")
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """A tuple of the selections of every index along `dim`."""
    if not input._shape:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    return each(input, input._dim(dim))
