"""Sources of CUDA kernels for matrix products by tiles in shared memory; see `products`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ....source.writer import indent
from ..maps import Source
from .products import Types, plus, source


class Tile(NamedTuple):
    """What a block computes at a time: `rows` by `columns` of the result, `depth` terms further.

    Each thread holds `high` by `wide` sums in registers, and brings their factors from shared
    memory four at a time: `high * wide` multiply-adds for `(high + wide) / 4` accesses. A warp
    stands over 4 by 8 groups of four, so that an access reads 16 or 32 neighboring elements, each
    from a bank of its own. From memory comes one element for `rows * columns / (rows + columns)`
    multiply-adds.
    """

    rows: int
    columns: int
    depth: int
    high: int
    wide: int

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return self.rows // self.high * (self.columns // self.wide)

    def places(self, extent: int, held: int) -> list[int]:
        """The lines of a tile that a thread holds, from its first."""
        group = min(held, 4)
        return [p // group * (extent // held * group) + p % group for p in range(held)]


class _Loader(NamedTuple):
    """How a block brings an operand's tile of `extent` lines to shared memory.

    Neighboring threads bring neighboring terms of a line if `along`, otherwise neighboring lines.
    The lines of a term lie together, with a gap after them: where threads store neighboring
    terms, it spreads them over the banks.
    """

    name: str
    extent: int
    depth: int
    threads: int
    along: bool

    @property
    def pitch(self) -> int:
        return self.extent + 4

    def shared(self, dtype: str, alignment: str) -> str:
        size = self.depth * self.pitch
        return f"{self.name}_tile = cuda.shared.array({size}, np.{dtype}{alignment})"

    def assign(self) -> list[str]:
        """The line and term of the tile that this thread brings first."""
        n = self.depth if self.along else self.extent
        first = f"{self.name}_term" if self.along else f"{self.name}_row"
        rest = f"{self.name}_row" if self.along else f"{self.name}_term"
        return [
            f"{first} = thread % {n}",
            f"{rest} = thread // {n}",
            f"{self.name}_put = u64({self.name}_term * {self.pitch} + {self.name}_row)",
        ]

    def start(self, corner: str, limit: str) -> list[str]:
        """Where they are in memory, and how many lines there are from there on."""
        a = self.name
        return [
            f"{a}_here = {a}_at + index * {a}_batch"
            f" + ({corner} + {a}_row) * {a}_line + {a}_term * {a}_step",
            f"{a}_rows = {limit} - {corner} - {a}_row",
        ]

    def _steps(self) -> Iterable[tuple[int, int, int]]:
        """(number, lines further, terms further) of each element that a thread brings."""
        count = self.extent * self.depth // self.threads
        further = self.threads // (self.depth if self.along else self.extent)
        for s in range(count):
            yield (s, s * further, 0) if self.along else (s, 0, s * further)

    def bring(self, types: Types) -> list[str]:
        """Read a tile's elements into registers, zeros beyond the matrix."""
        a, lines = self.name, [f"{self.name}_terms = terms - done - {self.name}_term"]
        for s, line, term in self._steps():
            place = f"{a}_here" + (f" + {line} * {a}_line" if line else "")
            place += f" + {term} * {a}_step" if term else ""
            inside = f"{line} < {a}_rows and {term} < {a}_terms"
            value = types.load(f"{a}[{place}]")
            lines.append(f"{a}_in{s} = {value} if {inside} else {types.zero()}")
        return [*lines, f"{a}_here += {self.depth} * {a}_step"]

    def put(self) -> list[str]:
        """Write them to shared memory."""
        places = [line + term * self.pitch for _, line, term in self._steps()]
        return [
            f"{self.name}_tile[{plus(f'{self.name}_put', place)}] = {self.name}_in{s}"
            for s, place in enumerate(places)
        ]


def tiled(types: Types, tile: Tile, a_along: bool, b_along: bool) -> Source:
    """The product by tiles; `along` as neighboring elements of an operand are terms, or lines."""
    a = _Loader("a", tile.rows, tile.depth, tile.threads, a_along)
    b = _Loader("b", tile.columns, tile.depth, tile.threads, b_along)
    # Joined accesses need it. The simulator, whose blocks are smaller than a warp, knows none.
    alignment = ", alignment=16" if tile.threads >= 32 else ""
    body = [
        a.shared(types.total, alignment),
        b.shared(types.total, alignment),
        "thread = i64(cuda.threadIdx.x)",
        *_corner(tile),
        *a.assign(),
        *b.assign(),
        f"down = (m + {tile.rows - 1}) // {tile.rows}",
        f"across = (n + {tile.columns - 1}) // {tile.columns}",
        "tile = i64(cuda.blockIdx.x)",
        "while tile < batch * down * across:",
        *indent(_one_tile(types, tile, a, b)),
        *indent(["tile += i64(cuda.gridDim.x)"]),
    ]
    order = ", ".join(f"{x.name} by {'terms' if x.along else 'lines'}" for x in (a, b))
    shape = f"tiles of {tile.rows} x {tile.columns} x {tile.depth}, {tile.high} x {tile.wide}"
    return source(types, f"{shape} a thread, {order}", body)


def _corner(tile: Tile) -> list[str]:
    """The first row and column of a tile that a thread holds: warps are patches of 4 by 8."""
    across, high, wide = tile.columns // tile.wide, min(tile.high, 4), min(tile.wide, 4)
    over = min(across, 8)
    warp = 4 * over
    return [
        f"top = (thread // {warp * (across // over)} * 4 + thread // {over} % 4) * {high}",
        f"left = (thread // {warp} % {across // over} * {over} + thread % {over}) * {wide}",
    ]


def _one_tile(types: Types, tile: Tile, a: _Loader, b: _Loader) -> list[str]:
    """A tile of the result. The next tiles of the operands are on their way while one is used."""
    sums = [f"c{p}_{q}" for p in range(tile.high) for q in range(tile.wide)]
    return [
        "index = tile // (down * across)",
        f"row = tile // across % down * {tile.rows}",
        f"column = tile % across * {tile.columns}",
        "terms = min(k, total - index * k)",
        *a.start("row", "m"),
        *b.start("column", "n"),
        *(f"{c} = {types.zero()}" for c in sums),
        "done = i64(0)",
        *a.bring(types),
        *b.bring(types),
        "while done < terms:",
        *indent([*a.put(), *b.put(), "cuda.syncthreads()", f"done += {tile.depth}"]),
        *indent([*a.bring(types), *b.bring(types)]),
        *indent(["i, j = u64(top), u64(left)", f"for _ in range({tile.depth // 2}):"]),
        *indent(_multiply(types, tile, a, b) * 2, 2),
        *indent(["cuda.syncthreads()"]),
        *_store(types, tile),
    ]


def _multiply(types: Types, tile: Tile, a: _Loader, b: _Loader) -> list[str]:
    """One term of all sums of a thread."""
    rows = list(enumerate(tile.places(tile.rows, tile.high)))
    columns = list(enumerate(tile.places(tile.columns, tile.wide)))
    return [
        *(f"a{p} = a_tile[{plus('i', place)}]" for p, place in rows),
        *(f"b{q} = b_tile[{plus('j', place)}]" for q, place in columns),
        *(types.accumulate(f"c{p}_{q}", f"a{p}", f"b{q}") for p, _ in rows for q, _ in columns),
        f"i += u64({a.pitch})",
        f"j += u64({b.pitch})",
    ]


def _store(types: Types, tile: Tile) -> list[str]:
    """Write a thread's sums, row by row; the columns of the result are next to each other."""
    columns = list(enumerate(tile.places(tile.columns, tile.wide)))
    lines = [
        "rows, columns = m - row - top, n - column - left",
        "here = out_at + index * out_batch + (row + top) * out_line + column + left",
    ]
    last = 0
    for p, i in enumerate(tile.places(tile.rows, tile.high)):
        lines += [f"here += {i - last} * out_line"] if i else []
        lines.append(f"if {i} < rows:")
        for q, j in columns:
            put = f"out[here + {j}] = {types.store(f'c{p}_{q}')}"
            lines += indent([f"if {j} < columns:", f"    {put}"])
        last = i
    return lines
