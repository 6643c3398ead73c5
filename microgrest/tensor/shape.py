"""Shapes and strides: what a tensor sees its memory through."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, SupportsIndex, overload


class Size(tuple[int, ...]):
    """A shape, as PyTorch prints it."""

    __slots__ = ()

    def numel(self) -> int:
        """The number of elements of a tensor of this shape."""
        return math.prod(self)

    def __repr__(self) -> str:
        return f"microgrest.Size({list(self)})"

    @overload
    def __getitem__(self, index: SupportsIndex) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> Size: ...
    def __getitem__(self, index: Any) -> Any:
        found = tuple.__getitem__(self, index)
        return Size(found) if isinstance(index, slice) else found

    def __add__(self, other: Any) -> Size:
        return Size(tuple.__add__(self, tuple(other)))

    def __radd__(self, other: Any) -> Size:
        return Size((*other, *self))

    def __mul__(self, n: Any) -> Size:
        return Size(tuple.__mul__(self, n))

    __rmul__ = __mul__


@lru_cache(maxsize=4096)
def contiguous_strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Strides in elements of a row-major array."""
    strides, step = [], 1
    for extent in reversed(shape):
        strides.append(step)
        step *= max(extent, 1)
    return tuple(reversed(strides))


@lru_cache(maxsize=4096)
def row_major(shape: Sequence[int], strides: tuple[int, ...]) -> bool:
    """Whether elements at these strides lie in row-major order without gaps.

    A dimension of one element may have any stride, and a tensor without elements any strides.
    """
    regular = contiguous_strides(tuple(shape))
    if strides == regular or 0 in shape:
        return True
    return 1 in shape and all(
        n == 1 or a == b for n, a, b in zip(shape, strides, regular, strict=True)
    )
