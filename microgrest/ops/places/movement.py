"""Movement ops: the same elements seen through another geometry.

A movement row's `geometry` maps (shape, strides, offset) and its parameters to those of a view. Its
adjoint is by default `embed`: zeros of the input's shape, with the cotangent written through the
same view. The two are each other's derivatives, so the pair is closed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Any

from ..row import Row

Geometry = tuple[tuple[int, ...], tuple[int, ...], int]


def movement(
    name: str,
    geometry: Callable[..., Geometry],
    *,
    doc: str,
    vjp: Callable[..., tuple[Any, ...]] | None = None,
    **facts: Any,
) -> Row:
    """Register a view op; parameters are passed by keyword."""

    def default(g: Any, y: Any, x: Any, **params: Any) -> tuple[Any, ...]:
        return (embed(g, through=row, shape=tuple(x.shape), params=params),)

    row = Row(name, "movement", ("x",), vjp or default, doc, extra={"geometry": geometry}, **facts)
    return row


embed = Row(
    "embed",
    "embed",
    ("g",),
    lambda g, y, x, through, shape, params: (through(g, **params),),
    "Zeros of `shape` with the input written through the view that the row `through` makes of it.",
    method=False,
)


def inverse(dims: Sequence[int]) -> tuple[int, ...]:
    """The permutation that undoes `dims`."""
    return tuple(sorted(range(len(dims)), key=lambda d: dims[d]))


permute: Row = movement(
    "permute",
    lambda shape, strides, offset, dims: (
        tuple(shape[d] for d in dims),
        tuple(strides[d] for d in dims),
        offset,
    ),
    vjp=lambda g, y, x, dims: (permute(g, dims=inverse(dims)),),
    doc="The dimensions in another order.",
)


def _expand(shape: Any, strides: Any, offset: int, size: tuple[int, ...]) -> Geometry:
    missing = len(size) - len(shape)
    steps = (
        0 if old == 1 != new else step
        for old, new, step in zip(shape, size[missing:], strides, strict=True)
    )
    return size, (0,) * missing + tuple(steps), offset


expand = movement(
    "expand",
    _expand,
    vjp=lambda g, y, x, size: (sum_to_size(g, size=tuple(x.shape)),),
    doc="Dimensions of one element repeated, without memory.",
)

sum_to_size: Row = Row(
    "sum_to_size",
    "sum_to_size",
    ("x",),
    lambda g, y, x, size: (expand(g, size=tuple(x.shape)),),
    "The sum over the dimensions in which `size` is one or absent: the adjoint of expand.",
)


def contiguous(shape: Sequence[int]) -> tuple[int, ...]:
    """Row-major strides in elements."""
    return tuple(math.prod(max(n, 1) for n in shape[d + 1 :]) for d in range(len(shape)))


@lru_cache(maxsize=4096)
def reshaped_strides(
    shape: tuple[int, ...], strides: tuple[int, ...], size: tuple[int, ...]
) -> tuple[int, ...] | None:
    """Strides that show the same elements in order as `size`; None where only a copy can."""
    if math.prod(shape) <= 1:
        return contiguous(size)
    runs: list[tuple[int, int]] = []  # Evenly spaced stretches, innermost first: (length, step).
    for extent, step in zip(reversed(shape), reversed(strides), strict=True):
        if runs and step == runs[-1][0] * runs[-1][1]:
            runs[-1] = (runs[-1][0] * extent, runs[-1][1])
        elif extent != 1:
            runs.append((extent, step))
    result: list[int] = []
    left, step = 1, 1
    remaining = iter(runs)
    for extent in reversed(size):
        if extent != 1 and left == 1:
            left, step = next(remaining)
        if left % extent:
            return None
        result.append(step)
        left, step = left // extent, step * extent
    return tuple(reversed(result))


def _view(shape: Any, strides: Any, offset: int, size: tuple[int, ...]) -> Geometry:
    steps = reshaped_strides(shape, strides, size)
    assert steps is not None
    return size, steps, offset


view = movement(
    "view",
    _view,
    vjp=lambda g, y, x, size: (g.reshape(tuple(x.shape)),),
    doc="The same elements in another shape.",
    backward_name="ViewBackward0",
)

slice_ = movement(
    "slice",
    lambda shape, strides, offset, dim, start, stop, step: (
        (*shape[:dim], max(0, -(-(stop - start) // step)), *shape[dim + 1 :]),
        (*strides[:dim], strides[dim] * step, *strides[dim + 1 :]),
        offset + start * strides[dim],
    ),
    doc="Every step-th element of one dimension from start to stop.",
    method=False,
)

select = movement(
    "select",
    lambda shape, strides, offset, dim, index: (
        shape[:dim] + shape[dim + 1 :],
        strides[:dim] + strides[dim + 1 :],
        offset + index * strides[dim],
    ),
    doc="One index of one dimension, which goes away.",
    method=False,
)

diagonal = movement(
    "diagonal",
    lambda shape, strides, start, offset, dim1, dim2: _diagonal(
        shape, strides, start, offset, dim1, dim2
    ),
    doc="The diagonal of two dimensions, as a new last one.",
    method=False,
)


def _diagonal(shape: Any, strides: Any, start: int, offset: int, dim1: int, dim2: int) -> Geometry:
    rows, columns = shape[dim1], shape[dim2]
    length = max(0, min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns))
    start += offset * strides[dim2] if offset >= 0 else -offset * strides[dim1]
    keep = [d for d in range(len(shape)) if d not in (dim1, dim2)]
    step = strides[dim1] + strides[dim2]
    return (
        (*(shape[d] for d in keep), length),
        (*(strides[d] for d in keep), step),
        start if length else 0,
    )


def _as_strided(shape: Any, strides: Any, offset: int, seen: Geometry, own: Geometry) -> Geometry:
    if (strides, offset) != own[1:]:
        raise RuntimeError(
            "cannot follow as_strided() from a tensor of other strides: the tensor that a view was "
            "taken of must be contiguous to be written to through it; clone() it first"
        )
    return seen


as_strided = movement(
    "as_strided",
    _as_strided,
    vjp=lambda g, y, x, seen, own: (restride(g, source=seen, target=own, own=own),),
    doc="The geometry `seen` over the storage of a tensor whose geometry is `own`.",
    method=False,
)


def _unfold(shape: Any, strides: Any, offset: int, dim: int, size: int, step: int) -> Geometry:
    windows = (shape[dim] - size) // step + 1
    return (
        (*shape[:dim], windows, *shape[dim + 1 :], size),
        (*strides[:dim], strides[dim] * step, *strides[dim + 1 :], strides[dim]),
        offset,
    )


def _unfold_vjp(g: Any, y: Any, x: Any, **window: int) -> tuple[Any]:
    shape = tuple(x.shape)
    whole = shape, contiguous(shape), 0
    return (restride(g, source=_unfold(*whole, **window), target=whole, own=whole),)


unfold = movement(
    "unfold",
    _unfold,
    vjp=_unfold_vjp,
    doc="Windows of one dimension, their elements in a new last one.",
    method=False,
)


def each(x: Any, dim: int, n: int) -> tuple[Any, ...]:
    """`select` of each of the `n` indices of `dim`, at once where that can be."""
    at_once = type(x)._each
    if at_once is not None:
        found: tuple[Any, ...] = at_once(x, dim)
        return found
    return tuple(select(x, dim=dim, index=i) for i in range(n))


def cut(x: Any, dim: int, lengths: Sequence[int]) -> tuple[Any, ...]:
    """`slice_` of each of the stretches of `lengths` along `dim`, at once where that can be."""
    at_once = type(x)._cut
    if at_once is not None:
        found: tuple[Any, ...] = at_once(x, dim, lengths)
        return found
    ends = accumulate(lengths)
    return tuple(
        slice_(x, dim=dim, start=end - n, stop=end, step=1)
        for end, n in zip(ends, lengths, strict=True)
    )


# The adjoint of a view in which elements may share memory. Where those of the tensor that was
# viewed, whose geometry is `own`, share it, each takes an equal part of the gradient.
restride: Row = Row(
    "restride",
    "restride",
    ("g",),
    lambda g, y, x, source, target, own: (restride(g, source=target, target=source, own=own),),
    "The input added up in memory by the geometry `source`, then read by `target`.",
    method=False,
)

flip: Row = Row(
    "flip",
    "flip",
    ("x",),
    lambda g, y, x, dims: (flip(g, dims=dims),),
    "A copy with the elements along `dims` in reverse.",
    method=False,
)


def steps(path: Any) -> list[tuple[Row, dict[str, Any]]]:
    """The movement rows and parameters of a path, first to last.

    A path is (), or (the path up to there, row, params): so views of views share it, and a chain of
    them takes memory in proportion to its length.
    """
    found = []
    while path:
        path, row, params = path
        found.append((row, params))
    return found[::-1]


def follow(x: Any, path: Any) -> Any:
    """The view of `x` that a path of movement rows leads to."""
    for row, params in steps(path):
        x = row(x, **params)
    return x


def _seen(g: Any, path: Any) -> Any:
    """The part of a gradient that a path leads to.

    Strides say where as_strided goes: a gradient may have any, and a copy has those of its shape.
    """
    strided = any(row is as_strided for row, _ in steps(path))
    return follow(flip(g, dims=()) if strided else g, path)


# A tensor of which a view was written to in place: x outside of the view, v in it.
overwrite = Row(
    "overwrite",
    "overwrite",
    ("x", "v"),
    lambda g, y, x, v, path: (hole(g, path=path), _seen(g, path)),
    "The first input with the second written to the view at the end of `path`.",
    method=False,
    backward_name="CopySlices",
)

hole: Row = Row(
    "hole",
    "hole",
    ("x",),
    lambda g, y, x, path: (hole(g, path=path),),
    "A copy with zeros in the view at the end of `path`.",
    method=False,
)
