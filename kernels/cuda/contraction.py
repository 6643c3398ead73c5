"""Matrix products on a GPU: cuBLAS where it is installed, otherwise kernels of our own.

Where a product has too few blocks to fill a GPU and long sums, its terms are split: a batch of
products of the parts goes to scratch memory, and a second kernel adds them. All of it depends on
shapes and strides alone, so results repeat bit for bit and are the same on every GPU.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache, partial
from typing import Any, NamedTuple

import numpy as np

from ..matrices import Matrix, Place, Problem, Seen, problem
from . import cublas
from .device import driver, simulated, stream_on
from .launch import THREADS, Kernel, blocks_for
from .memory import empty
from .source.products import Comb, Types, thin
from .source.tiles import Tile, tiled


class Geometry(NamedTuple):
    """The sizes of blocks, and when a product takes which.

    `large` tiles where there are `enough` of them to fill a GPU, `small` ones where no matrix is
    larger, otherwise `medium`; `double` in place of both for sums of 64 bits. Thin products have
    at most `thin` columns. A split has at least `terms` terms a part.
    """

    large: Tile
    medium: Tile
    double: Tile
    small: Tile
    rows: Comb
    row: Comb
    columns: Comb
    thin: int
    enough: int
    terms: int


ON_GPU = Geometry(
    large=Tile(128, 64, 8, 8, 4),
    medium=Tile(64, 64, 16, 4, 4),
    double=Tile(64, 64, 8, 4, 4),
    small=Tile(32, 32, 16, 2, 2),
    rows=Comb(8, 32, True),
    row=Comb(1, 256, True),
    columns=Comb(32, 8, False),
    thin=4,
    enough=128,
    terms=512,
)
IN_SIMULATOR = Geometry(
    large=Tile(4, 8, 4, 2, 2),
    medium=Tile(8, 4, 2, 2, 2),
    double=Tile(4, 8, 2, 2, 2),
    small=Tile(4, 2, 4, 1, 1),
    rows=Comb(2, 4, True),
    row=Comb(1, 8, True),
    columns=Comb(4, 2, False),
    thin=1,
    enough=3,
    terms=8,
)
GEOMETRY = IN_SIMULATOR if simulated else ON_GPU


class Launch(NamedTuple):
    """A kernel, its blocks, and its numbers."""

    kernel: Kernel
    blocks: int
    numbers: tuple[int, ...]

    def run(self, a: Any, b: Any, out: Any) -> None:
        """Queue it."""
        where = out.device
        stream, handle = stream_on(where), self.kernel.on(where)
        grid = driver.config(self.blocks, THREADS)
        driver.launch(stream, grid, handle, a.ptr, b.ptr, out.ptr, *self.numbers)


class Plan(NamedTuple):
    """The launches of a product: one, or one into `scratch` elements of type `total` and `rest`."""

    first: Launch
    swapped: bool
    scratch: int
    total: np.dtype[Any]
    rest: Launch | None

    def run(self, a: Any, b: Any, out: Any) -> None:
        """Queue them."""
        if self.swapped:
            a, b = b, a
        if self.rest is None:
            self.first.run(a, b, out)
            return
        scratch = empty(self.scratch, self.total, out)
        self.first.run(a, b, scratch)
        self.rest.run(scratch, scratch, out)


def matmul(a: Matrix, b: Matrix, out: Matrix) -> None:
    """out[..., i, j] = sum over k of a[..., i, k] * b[..., k, j]; of float16 in float32.

    `a` and `b` have any strides, `out` is row-major. Integers wrap around, bools are true where
    any product is.
    """
    target = out[0]
    _way(target.dtype.char, a[1:], b[1:], out[1:])(a[0], b[0], target)


@lru_cache(maxsize=4096)
def _way(char: str, a: Seen, b: Seen, out: Seen) -> Callable[[Any, Any, Any], None]:
    """What computes a product, from the three spans."""
    if 0 in out[1]:
        return lambda a, b, out: None
    dtype = "float16" if char == "H" else np.dtype(char).name
    what = problem(a, b, out)
    if cublas.takes(what, dtype) and not is_thin(what):
        return partial(cublas.matmul, what, dtype)
    return plan(what, dtype).run


def is_thin(what: Problem) -> bool:
    """Whether a matrix is so narrow that a product is one pass over the other."""
    return min(what.m, what.n) <= GEOMETRY.thin


def plan(what: Problem, dtype: str) -> Plan:
    """How our own kernels compute `what`."""
    swapped = is_thin(what) and what.m < what.n
    whole = what.transposed if swapped else what
    types = Types.of(dtype)
    count = _blocks(whole, types)
    parts = min(4 * GEOMETRY.enough // count, whole.k // GEOMETRY.terms)
    if whole.batch > 1 or count >= GEOMETRY.enough or parts < 2:
        return Plan(_launch(whole, types), swapped, 0, np.dtype(types.total), None)
    return _split(whole, types, parts)._replace(swapped=swapped)


def _split(whole: Problem, types: Types, parts: int) -> Plan:
    """`whole` as a batch of `parts` shorter products, and the sum of their results."""
    size, terms = whole.m * whole.n, -(-whole.k // parts)
    parts = -(-whole.k // terms)
    part = whole._replace(
        batch=parts,
        k=terms,
        a=whole.a._replace(batch=terms * whole.a.step),
        b=whole.b._replace(batch=terms * whole.b.step),
        out=whole.out._replace(at=0, batch=size),
    )
    joined = Problem(
        1,
        size,
        1,
        parts,
        parts,
        Place(0, 0, 1, size),
        Place(0, 0, 0, 0),
        Place(whole.out.at, 0, 1, 0),
    )
    rest = _thin(joined, types.combining(), 0)
    return Plan(_launch(part, types.partial()), False, parts * size, np.dtype(types.total), rest)


def _launch(what: Problem, types: Types) -> Launch:
    if is_thin(what):
        return _thin(what, types, what.n)
    kernel = _tiled(types, _tile(what, types), _along(what.a, what.m), _along(what.b, what.n))
    return Launch(kernel, blocks_for(_blocks(what, types), 1), what.numbers)


def _thin(what: Problem, types: Types, columns: int) -> Launch:
    comb = _comb(what)
    blocks = what.batch * -(-what.m // comb.lines)
    return Launch(_thin_kernel(types, comb, columns), blocks_for(blocks, 1), what.numbers)


def _along(operand: Place, lines: int) -> bool:
    """Whether the neighbors of an element are the terms of its line, not other lines."""
    return lines == 1 or abs(operand.step) <= abs(operand.line)


def _comb(what: Problem) -> Comb:
    if what.m < GEOMETRY.rows.lines:
        return GEOMETRY.row
    return GEOMETRY.rows if _along(what.a, what.m) else GEOMETRY.columns


def _blocks(what: Problem, types: Types) -> int:
    if is_thin(what):
        return what.batch * -(-what.m // _comb(what).lines)
    return _count(what, _tile(what, types))


def _count(what: Problem, tile: Tile) -> int:
    return what.batch * -(-what.m // tile.rows) * -(-what.n // tile.columns)


def _tile(what: Problem, types: Types) -> Tile:
    g = GEOMETRY
    if what.m <= g.small.rows and what.n <= g.small.columns:
        return g.small
    if types.total.endswith("64"):
        return g.double
    return g.large if _count(what, g.large) >= g.enough else g.medium


@cache
def _tiled(types: Types, tile: Tile, a_along: bool, b_along: bool) -> Kernel:
    return Kernel(tiled(types, tile, a_along, b_along), "matmul")


@cache
def _thin_kernel(types: Types, comb: Comb, columns: int) -> Kernel:
    return Kernel(thin(types, comb, columns), "thin_matmul")
