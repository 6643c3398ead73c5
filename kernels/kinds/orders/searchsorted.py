"""Binary searches: where in a sorted row each element of x belongs.

`sizes` are the lengths of the rows of `sequence` and of x: element i belongs to row i // m. Before
its place all are less; where it comes `right` of equal ones, less or equal. NaN is the largest.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...source.kind import Cost, Kind, Launches, Metas, Room, Run, Sizes, Stage, elements, fixed
from ...source.writer import Source

Array = np.ndarray[Any, Any]


class Search(NamedTuple):
    """The types of the elements and of the places, and the side of equal elements."""

    dtype: str
    places: str
    right: bool

    @property
    def stays(self) -> str:
        """What is so from the place on."""
        return ">" if self.right else ">="


_SEARCH = """{indent}low = i // m * n
{indent}high = low + n
{indent}while low < high:
{indent}    middle = low + ((high - low) >> 1)
{indent}    if sequence[middle] {stays} x[i]:
{indent}        high = middle
{indent}    else:
{indent}        low = middle + 1
{indent}out[i] = low - i // m * n
"""

_CPU = '''"""searchsorted: {dtype}."""

from __future__ import annotations

import numpy as np
from numba import njit, prange


@njit(error_model="numpy"{parallel})
def kernel(x, sequence, out, n, m):
    for i in {loop}(out.size):
{search}'''

_CUDA = '''"""searchsorted: {dtype}, CUDA."""

import numpy as np
from numba import cuda


@cuda.jit
def kernel(x, sequence, out, size, n, m):
    i = np.int64(cuda.grid(1))
    while i < size:
{search}        i += np.int64(cuda.gridsize(1))
'''


def _cpu(params: Search, names: Any, threads: bool) -> str:
    return _CPU.format(
        dtype=params.dtype,
        parallel=", parallel=True" if threads else "",
        loop="prange" if threads else "range",
        search=_SEARCH.format(indent=" " * 8, stays=params.stays),
    )


def _cuda(params: Search, metas: Metas, sizes: Sizes, room: Room) -> Launches:
    from ...cuda.source.maps import pointer

    size = elements(metas[0])
    search = _SEARCH.format(indent=" " * 8, stays=params.stays)
    x, out = pointer(params.dtype), pointer(params.places)
    source = Source(
        _CUDA.format(dtype=params.dtype, search=search),
        f"void({x}, {x}, {out}, int64, int64, int64)",
    )
    given = ("x", "sequence", "out", size, *sizes)
    stage = Stage(source, room.blocks_for(size), room.threads, given)
    return Launches((stage,) if size else ())


def _needs(params: Search, metas: Metas, sizes: Sizes, k: int, at: Any) -> tuple[Run | None, ...]:
    """The element itself, and the row."""
    n, m = sizes
    return Run(at), Run(at // m * n, 1, n)


def _oracle(params: Search, x: Array, sequence: Array, out: Array, n: int, m: int) -> None:
    for i in range(x.size):
        row = sequence[i // m * n :][:n]
        low, high = 0, n
        while low < high:
            middle = (low + high) // 2
            stays = row[middle] > x[i] if params.right else row[middle] >= x[i]
            low, high = (low, middle) if stays else (middle + 1, high)
        out[i] = low


def _cost(params: Search, metas: Metas, sizes: Sizes) -> Cost:
    steps = elements(metas[0]) * max(sizes[0], 1).bit_length()
    return Cost(steps, steps, waits=steps // 512)


SEARCHSORTED = Kind(
    name="searchsorted",
    operands=fixed(x="r", sequence="r", out="w"),
    oracle=_oracle,
    cpu=_cpu,
    tasks=lambda x, sequence, out, n, m: int(x.size),
    grid=_cuda,
    block=_cuda,
    needs=_needs,
    cost=_cost,
)
