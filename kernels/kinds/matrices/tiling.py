"""How kernels of our own compute matrix products on a GPU.

Where a product has too few blocks to fill a GPU and long sums, its terms are split: a batch of
products of the parts goes to scratch memory, and a second kernel adds them. All of it depends on
shapes and strides alone, so results repeat bit for bit and are the same on every GPU.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from ...cuda.source.matrices.products import Comb, Types, thin
from ...cuda.source.matrices.tiles import Tile, tiled
from ...source.kind import Launches, Room, Stage
from ...source.matrices import Place, Problem


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


def is_thin(what: Problem, room: Room) -> bool:
    """Whether a matrix is so narrow that a product is one pass over the other."""
    return min(what.m, what.n) <= geometry(room).thin


def geometry(room: Room) -> Geometry:
    """The sizes of blocks there."""
    return IN_SIMULATOR if room.simulated else ON_GPU


@lru_cache(maxsize=4096)
def plan(what: Problem, dtype: str, room: Room) -> Launches:
    """The launches that compute `what`, of a, b and out."""
    swapped = is_thin(what, room) and what.m < what.n
    whole = what.transposed if swapped else what
    a, b = ("b", "a") if swapped else ("a", "b")
    work = _Work(geometry(room), Types.of(dtype), room)
    count = work.blocks(whole)
    parts = min(4 * work.g.enough // count, whole.k // work.g.terms)
    if whole.batch > 1 or count >= work.g.enough or parts < 2:
        return Launches((work.stage(whole, (a, b, "out")),))
    return _split(whole, work, parts, (a, b))


def _split(whole: Problem, work: _Work, parts: int, given: tuple[str, str]) -> Launches:
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
    first = work._replace(types=work.types.partial()).stage(part, (*given, "parts"))
    combining = work._replace(types=work.types.combining())
    rest = combining.thin(joined, ("parts", "parts", "out"), 0)
    return Launches((first, rest), {"parts": (work.types.total, parts * size)})


class _Work(NamedTuple):
    """The geometry, the types and the room of a product."""

    g: Geometry
    types: Types
    room: Room

    def stage(self, what: Problem, arrays: tuple[str, ...]) -> Stage:
        """The launch of a product."""
        if is_thin(what, self.room):
            return self.thin(what, arrays, what.n)
        along = _along(what.a, what.m), _along(what.b, what.n)
        source = tiled(self.types, self.tile(what), *along)
        blocks = self.room.blocks_for(self.blocks(what), 1)
        return Stage(source, blocks, self.room.threads, (*arrays, *what.numbers))

    def thin(self, what: Problem, arrays: tuple[str, ...], columns: int) -> Stage:
        """The launch of one with a narrow matrix."""
        comb = self.comb(what)
        blocks = self.room.blocks_for(what.batch * -(-what.m // comb.lines), 1)
        source = thin(self.types, comb, columns)
        return Stage(source, blocks, self.room.threads, (*arrays, *what.numbers))

    def comb(self, what: Problem) -> Comb:
        """How threads share the lines of a thin product."""
        if what.m < self.g.rows.lines:
            return self.g.row
        return self.g.rows if _along(what.a, what.m) else self.g.columns

    def blocks(self, what: Problem) -> int:
        """The blocks of a product."""
        if is_thin(what, self.room):
            return what.batch * -(-what.m // self.comb(what).lines)
        return _count(what, self.tile(what))

    def tile(self, what: Problem) -> Tile:
        """What a block computes at a time."""
        g = self.g
        if what.m <= g.small.rows and what.n <= g.small.columns:
            return g.small
        if self.types.total.endswith("64"):
            return g.double
        return g.large if _count(what, g.large) >= g.enough else g.medium


def _along(operand: Place, lines: int) -> bool:
    """Whether the neighbors of an element are the terms of its line, not other lines."""
    return lines == 1 or abs(operand.step) <= abs(operand.line)


def _count(what: Problem, tile: Tile) -> int:
    return what.batch * -(-what.m // tile.rows) * -(-what.n // tile.columns)
