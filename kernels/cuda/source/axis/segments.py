"""How an array (outer, n, inner) whose middle axis is folded or searched is cut.

Into segments of the axis, lanes and blocks, which depends on its extents alone.
"""

from __future__ import annotations

from typing import NamedTuple

from . import reductions

# Elements of a lane. More segments are made while blocks are few; no float32 lane adds so many
# numbers that its error shows; and up to WHOLE, one kernel that takes longer beats two.
FEWEST, MOST, WHOLE = 8, 128, 32
# Blocks that keep any GPU busy, and blocks to aim at where there are fewer.
ENOUGH, WANTED = 256, 2048


class Geometry(NamedTuple):
    """How a kernel of a `shape` folds: its `numbers`, a grid of `blocks`, and what comes out."""

    shape: str
    blocks: int
    segments: int
    numbers: tuple[int, ...]


def plan(outer: int, n: int, inner: int, threads: int, most: int, split: bool = True) -> Geometry:
    """How to fold (outer, n, inner) by up to `most` blocks; not `split`, in one segment."""
    lanes, width = _tile(n, inner, threads, split)
    blocks = -(-outer * inner // width)
    segments, length = cut(n, lanes, blocks) if split else (1, n)
    outputs = outer * segments * inner
    blocks = min(-(-outputs // width), most)
    shape = "columns" if inner > 1 else "long_rows" if lanes == threads else "rows"
    known = {"n": n, "inner": inner, "outputs": outputs, "segments": segments, "length": length}
    known |= {"lanes": lanes, "width": width}
    numbers = tuple(known[name] for name in reductions.SHAPES[shape].numbers)
    return Geometry(shape, blocks, segments, numbers)


def _tile(n: int, inner: int, threads: int, split: bool) -> tuple[int, int]:
    """(lanes, width): about four elements a lane, and whole lines of memory for a block."""
    if n <= 8:
        return 1, threads
    wanted = -(-n // 4)
    if inner == 1:
        lanes = min(max(1 << (wanted - 1).bit_length(), 8), threads)
        return lanes, threads // lanes
    # Partials are few, so there lanes count for more than lines.
    width = min(inner, threads // 4 if split else threads // 32 or 1)
    lanes = threads // width
    return (wanted, threads // wanted) if wanted < lanes else (lanes, width)


def cut(n: int, lanes: int, blocks: int) -> tuple[int, int]:
    """(segments, length) for n elements, `lanes` for each of the outputs of `blocks` blocks."""
    if n <= lanes * WHOLE:
        return 1, n
    each = MOST if blocks >= ENOUGH else FEWEST
    while each < MOST and blocks * -(-n // (lanes * each)) > WANTED:
        each *= 2
    return -(-n // (lanes * each)), lanes * each
