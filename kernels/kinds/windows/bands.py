"""Products with a banded matrix along one axis, such as averages of neighbours and interpolation.

    out[o, i, p] = sum over t < count[i] of weights[i, t] * x[o, low[i] + t, p]

`sizes` are n and m, the extents of the axis in x and in out, `inner`, the distance of its elements,
and the columns of `weights`. What no weight is for is not read: NaN stays where it is.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...source.kind import Cost, Kind, Launches, Metas, Room, Run, Sizes, Stage, elements, fixed
from ...source.writer import Source

Array = np.ndarray[Any, Any]

_CPU = '''"""A banded matrix along one axis: {dtype}."""

from __future__ import annotations

import numpy as np
from numba import njit, prange


@njit(error_model="numpy"{parallel})
def kernel(x, low, count, weights, out, n, m, inner, width):
    for o in {loop}(out.size // max(m * inner, 1)):
        for i in range(m):
            put = np.uint64((o * m + i) * inner)
            take = np.uint64((o * n + low[i]) * inner)
            terms = np.uint64(i * width)
            if inner == 1:
                total = np.{dtype}(0)
                for t in range(count[i]):
                    total += weights[terms + np.uint64(t)] * x[take + np.uint64(t)]
                out[put] = total
            else:
                for j in range(inner):
                    out[put + np.uint64(j)] = 0
                for t in range(count[i]):
                    weight = weights[terms + np.uint64(t)]
                    for j in range(inner):
                        out[put + np.uint64(j)] += weight * x[take + np.uint64(j)]
                    take += np.uint64(inner)
'''

_CUDA = '''"""A banded matrix along one axis: {dtype}, CUDA."""

import numpy as np
from numba import cuda


@cuda.jit
def kernel(x, low, count, weights, out, size, n, m, inner, width):
    place = np.int64(cuda.grid(1))
    while place < size:
        i = place // inner % m
        take = (place // inner // m * n + low[i]) * inner + place % inner
        total = np.{dtype}(0)
        for t in range(count[i]):
            total += weights[i * width + t] * x[take + t * inner]
        out[place] = total
        place += np.int64(cuda.gridsize(1))
'''


def _cpu(params: str, names: Any, threads: bool) -> str:
    parallel, loop = (", parallel=True", "prange") if threads else ("", "range")
    return _CPU.format(dtype=params, parallel=parallel, loop=loop)


def _cuda(params: str, metas: Metas, sizes: Sizes, room: Room) -> Launches:
    from ...cuda.source.maps import pointer

    size, array, places = elements(metas[4]), pointer(params), "CPointer(int64)"
    given = ", ".join([array, places, places, array, array, *["int64"] * 5])
    source = Source(_CUDA.format(dtype=params), f"void({given})")
    arguments = ("x", "low", "count", "weights", "out", size, *sizes)
    stage = Stage(source, room.blocks_for(size), room.threads, arguments)
    return Launches((stage,) if size else ())


def _oracle(
    params: str, x: Array, low: Array, count: Array, weights: Array, out: Array, *sizes: int
) -> None:
    n, m, inner, width = sizes
    if not (out.size and x.size):
        out[:] = 0
        return
    lines, found = x.reshape(-1, n, inner), out.reshape(-1, m, inner)
    found[:] = 0
    for i in range(m):
        for t in range(count[i]):
            found[:, i] += weights[i * width + t] * lines[:, low[i] + t]


def _needs(params: str, metas: Metas, sizes: Sizes, k: int, at: Any) -> tuple[Run | None, ...]:
    """The line, and the weights of a row; `low` and `count` say which elements those are."""
    n, m, inner, width = sizes
    i = at // inner % m
    line = Run(at // (m * inner) * (n * inner) + at % inner, inner, n)
    return line, None, None, Run(i * width, 1, width)


def _cost(params: str, metas: Metas, sizes: Sizes) -> Cost:
    terms = elements(metas[4]) * sizes[3]
    return Cost(2 * terms, 2 * terms)


BAND = Kind(
    name="band",
    operands=fixed(x="r", low="r", count="r", weights="r", out="w"),
    oracle=_oracle,
    cpu=_cpu,
    tasks=lambda x, low, count, weights, out, n, m, inner, width: int(
        out.size // max(m * inner, 1)
    ),
    grid=_cuda,
    block=_cuda,
    needs=_needs,
    cost=_cost,
)
