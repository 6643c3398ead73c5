"""Maxima of windows: the largest element of each, and its place among those of its image.

x is images of three extents, one after the other. Along each extent, window o has the elements from
o * step - pad on, `spread` apart and `kernel` of them, as far as they lie in the image; or, where
windows are adaptive, all from o * extent / count, rounded down, to (o + 1) * extent / count,
rounded up. Of equal elements the first is taken, and before all others NaN, the last of them.
The CPU finds the largest of each column of a row of windows in vectors, and then that of columns.

`sizes` are those of `windows.SIZES`; adaptive windows have a spread of 1. None is empty.
"""

from __future__ import annotations

from itertools import product
from string import Template
from typing import Any, NamedTuple

import numpy as np

from ...source.kind import Cost, Kind, Launches, Metas, Room, Run, Sizes, Stage, elements, fixed
from ...source.writer import Source
from .windows import SIZES

Array = np.ndarray[Any, Any]


class Peaks(NamedTuple):
    """The type of the elements, and which windows there are."""

    dtype: str
    adaptive: bool


# Of window `o` along an axis: where its elements begin and end.
_REGULAR = """
{a}0 = {o} * s{a} - p{a}
{a}0 += (l{a} - 1 - {a}0) // l{a} * l{a} if {a}0 < 0 else 0
{a}1 = min({o} * s{a} - p{a} + (k{a} - 1) * l{a} + 1, {a})
"""
_ADAPTIVE = """
{a}0 = {o} * {a} // o{a}
{a}1 = (({o} + 1) * {a} + o{a} - 1) // o{a}
"""

_CPU = '''"""The largest of each window: $dtype."""

from __future__ import annotations

import numpy as np
from numba import njit, prange


@njit(error_model="numpy"$parallel)
def kernel(x, values, indices, $sizes):
    windows = od * oh * ow
    for image in $loop(values.size // max(windows, 1)):
        start = image * d * h * w
        place = np.uint64(image * windows)
        bests, places = np.empty(w, x.dtype), np.empty(w, np.int64)
        for z_ in range(od):
$z
            for y_ in range(oh):
$y
                row = (d0 * h + h0) * w
                for c in range(np.uint64(w)):
                    bests[c] = x[np.uint64(start + row) + c]
                    places[c] = row + np.int64(c)
                for z in range(d0, d1, ld):
                    for y in range(h0, h1, lh):
                        row = (z * h + y) * w
                        for c in range(np.uint64(w)):
                            value, best = x[np.uint64(start + row) + c], bests[c]
                            wins = (value > best) | (value != value)
                            bests[c] = value if wins else best
                            places[c] = row + np.int64(c) if wins else places[c]
                for x_ in range(ow):
$x
                    best, found = bests[np.uint64(w0)], places[np.uint64(w0)]
                    for c in range(w0 + lw, w1, lw):
                        value, at = bests[np.uint64(c)], places[np.uint64(c)]
                        wins = (value > best) | ((value == best) & (at < found))
                        wins |= (value != value) & ((best == best) | (at > found))
                        best = value if wins else best
                        found = at if wins else found
                    values[place], indices[place] = best, found
                    place += np.uint64(1)
'''

_CUDA = '''"""The largest of each window: $dtype, CUDA."""

import numpy as np
from numba import cuda


@cuda.jit
def kernel(x, values, indices, size, $sizes):
    place = np.int64(cuda.grid(1))
    while place < size:
        x_ = place % ow
        y_ = place // ow % oh
        z_ = place // (ow * oh) % od
        start = place // (ow * oh * od) * d * h * w
$z
$y
$x
        found = (d0 * h + h0) * w + w0
        best = x[start + found]
        for z in range(d0, d1, ld):
            for y in range(h0, h1, lh):
                row = (z * h + y) * w
                for at in range(row + w0, row + w1, lw):
                    value = x[start + at]
                    if value > best or value != value:
                        best = value
                        found = at
        values[place] = best
        indices[place] = found
        place += np.int64(cuda.gridsize(1))
'''


def _written(params: Peaks, text: str, depths: tuple[int, int, int], **facts: str) -> str:
    """`text` with the bounds of windows along each axis, that many levels in."""
    bounds = (_ADAPTIVE if params.adaptive else _REGULAR).strip()
    parts = {}
    for name, axis, depth in zip("zyx", "dhw", depths, strict=True):
        lines = bounds.format(a=axis, o=f"{name}_").split("\n")
        parts[name] = "\n".join(" " * 4 * depth + line for line in lines)
    sizes = ", ".join(SIZES)
    return Template(text).substitute(facts, dtype=params.dtype, sizes=sizes, **parts)


def _cpu(params: Peaks, names: Any, threads: bool) -> str:
    parallel, loop = (", parallel=True", "prange") if threads else ("", "range")
    return _written(params, _CPU, (3, 4, 5), parallel=parallel, loop=loop)


def _cuda(params: Peaks, metas: Metas, sizes: Sizes, room: Room) -> Launches:
    from ...cuda.source.maps import memory_type, pointer

    size, array = elements(metas[1]), pointer(memory_type(params.dtype))
    given = ", ".join([array, array, "CPointer(int64)", *["int64"] * (len(SIZES) + 1)])
    source = Source(_written(params, _CUDA, (2, 2, 2)), f"void({given})")
    arguments = ("x", "values", "indices", size, *sizes)
    stage = Stage(source, room.blocks_for(size), room.threads, arguments)
    return Launches((stage,) if size else ())


def _spans(params: Peaks, sizes: Sizes) -> list[list[range]]:
    """For each axis, the elements of its windows."""
    extents, kernel, counts, steps, pads, spread = (sizes[3 * j : 3 * j + 3] for j in range(6))
    found = []
    for n, k, count, step, pad, each in zip(
        extents, kernel, counts, steps, pads, spread, strict=True
    ):
        if params.adaptive:
            spans = [range(o * n // count, -(-(o + 1) * n // count)) for o in range(count)]
        else:
            begins = [o * step - pad for o in range(count)]
            spans = [
                range(b + -(min(b, 0) // each) * each, min(b + (k - 1) * each + 1, n), each)
                for b in begins
            ]
        found.append(spans)
    return found


def _oracle(params: Peaks, x: Array, values: Array, indices: Array, *sizes: int) -> None:
    n = int(np.prod(sizes[:3]))
    numbers = np.arange(n).reshape(sizes[:3])
    windows = [numbers[np.ix_(*spans)].ravel() for spans in product(*_spans(params, sizes))]
    for k in range(values.size):
        image, window = k // len(windows) * n, windows[k % len(windows)]
        seen = x[image + window]
        (undefined,) = np.nonzero(seen != seen)
        indices[k] = window[undefined[-1] if undefined.size else np.argmax(seen)]
        values[k] = x[image + indices[k]]


def _needs(params: Peaks, metas: Metas, sizes: Sizes, k: int, at: Any) -> tuple[Run | None, ...]:
    """The whole image."""
    n, windows = (int(np.prod(sizes[j : j + 3])) for j in (0, 6))
    return (Run(at // windows * n, 1, n),)


def _cost(params: Peaks, metas: Metas, sizes: Sizes) -> Cost:
    n = elements(metas[1]) * int(np.prod(sizes[3:6]))
    return Cost(n, n)


PEAKS = Kind(
    name="peaks",
    operands=fixed(x="r", values="w", indices="w"),
    oracle=_oracle,
    cpu=_cpu,
    tasks=lambda x, values, indices, *sizes: int(values.size // max(np.prod(sizes[6:9]), 1)),
    grid=_cuda,
    block=_cuda,
    needs=_needs,
    cost=_cost,
)
