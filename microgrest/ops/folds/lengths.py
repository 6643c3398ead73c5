"""Sums of squares of float64 that leave its range: those of numbers in another unit.

A unit is a power of two, so that it rounds nothing. It is 1 but for lines that are very large or
very small, whose results then are what they were without it.
"""

from __future__ import annotations

import math
from functools import cache, partial

from ...kernels.kinds.lines import LINES, Walk
from ...kernels.source.axis.lines import Array, Fold, Lines, Number, Phase
from ..kernel import Call, Tensor, kernel
from ..pointwise.logic import where
from .reduction import spread

# What numbers of a large line are multiplied by, and those of a small one.
LESS, MORE = 2.0**-540, 2.0**700
SIZES = Fold("sizes", "abs({x})")


def unit(small: str = "") -> tuple[Number, Number]:
    """The unit for what elements of a line differ by, which is at least a rounding of one of them.

    A small line has one of its own where `small`, if it is given, holds.
    """
    also = f" and {small}" if small else ""
    chosen = f"{LESS!r} if {{size}} > 1e140 else {MORE!r} if {{size}} < 1e-120{also} else 1"
    return Number("size", "{sizes} / {n}"), Number("unit", chosen)


_LARGE = f"sqrt({{less}}) / {LESS!r}"
_SMALL = f"sqrt({{more}}) / {MORE!r} if {{squares}} < 1e-260 else sqrt({{squares}})"
# The squares in three units at once, of which one is in the range.
_LENGTH = Phase(
    folds=(
        Fold("squares", "{x} * {x}"),
        Fold("less", f"scaled_square({{x}}, {LESS!r})"),
        Fold("more", f"scaled_square({{x}}, {MORE!r})"),
    ),
    then=(Number("out", f"{_LARGE} if {{squares}} > 1e300 else {_SMALL}"),),
)


@cache
def _walk(dtype: str, form: str) -> Walk:
    arrays = Array("x", "r"), Array("out", "w", "line")
    return Walk(Lines("length", dtype, arrays, (_LENGTH,)), form)


@partial(kernel, LINES, short=True, internal=True, method=False)(
    vjp=lambda g, y, input, dim, keepdim: (
        input * spread(g / where(y == 0, math.inf, y), input, dim, keepdim),
    ),
    backward_name="LinalgVectorNormBackward0",
)
def length(input: Tensor, dim: tuple[int, ...], keepdim: bool) -> Call:
    """The 2-norm of float64 along neighboring dimensions, whose derivative at 0 is 0."""
    kept, n, inner = extents(input, dim, keepdim)
    form = "rows" if inner == 1 else "columns"  # short ones make nothing of their elements
    return Call(_walk(input.dtype.name, form), ((kept, input.dtype),), (n, inner))


def extents(x: Tensor, dim: tuple[int, ...], keepdim: bool) -> tuple[tuple[int, ...], int, int]:
    """What is left of a shape along neighboring dimensions, and a line's length and distance."""
    shape, last = x.shape, dim[-1] + 1
    kept = tuple(1 if d in dim else n for d, n in enumerate(shape) if keepdim or d not in dim)
    return kept, math.prod(shape[dim[0] : last]), math.prod(shape[last:])
