"""Searches: the best element of each row of (rows, n), and its first position.

`sizes` are (n,); `params` say what is better, a formula over {x} and the best so far, {acc}.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ..source.kind import Cost, Kind, Launches, Metas, Room, Run, Sizes, Stage, elements, fixed
from .meaning import evaluated


class Search(NamedTuple):
    """What people call it, what is better, and the type of the elements."""

    name: str
    better: str
    dtype: str


def _cpu(params: Search, names: Any, threads: bool) -> str:
    from ..source.axis import reductions

    return reductions.search(params.name, params.better, params.dtype, names, parallel=threads)


def _grid(params: Search, metas: Metas, sizes: Sizes, room: Room) -> Launches:
    """Rows in one segment; long ones in several, and then what was found in these."""
    from ..cuda.source.axis import segments
    from ..cuda.source.maps import memory_type

    rows, (n,) = elements(metas[1]), sizes
    if not rows:
        return Launches()
    most = room.blocks if room.simulated else 64 * room.blocks
    first = segments.plan(rows, n, 1, room.threads, most)
    stage = _stage(params, first, room, ("x", "values", "indices"), last=False)
    if first.segments == 1:
        return Launches((stage,))
    found = "best", "places"
    rest = segments.plan(rows, first.segments, 1, room.threads, most, split=False)
    stages = (
        _stage(params, first, room, ("x", *found), last=False),
        _stage(params, rest, room, (*found, "values", "indices"), last=True),
    )
    size = rows * first.segments
    return Launches(stages, {"best": (memory_type(params.dtype), size), "places": ("int64", size)})


def _stage(params: Search, plan: Any, room: Room, arrays: tuple[str, ...], *, last: bool) -> Stage:
    from ..cuda import names
    from ..cuda.source.axis import reductions

    given = params.name, params.better, params.dtype, plan.shape, names, room.threads
    return Stage(
        reductions.search(*given, last=last), plan.blocks, room.threads, (*arrays, *plan.numbers)
    )


def _block(params: Search, metas: Metas, sizes: Sizes, room: Room) -> Launches:
    from ..cuda.source.axis.reductions import SHAPES
    from ..cuda.source.axis.segments import Geometry

    rows, (n,) = elements(metas[1]), sizes
    lanes = min(room.threads, 1 << max(n // 4, 1).bit_length() - 1)
    known = {"n": n, "outputs": rows, "segments": 1, "length": n, "lanes": lanes}
    known["width"] = room.threads // lanes
    numbers = tuple(known[name] for name in SHAPES["rows"].numbers)
    whole = Geometry("rows", 1, 1, numbers)
    stage = _stage(params, whole, room, ("x", "values", "indices"), last=False)
    return Launches((stage,) if rows else ())


def _needs(params: Search, metas: Metas, sizes: Sizes, k: int, at: Any) -> tuple[Run | None, ...]:
    """A whole row."""
    (n,) = sizes
    return (Run(at * n, 1, n),)


def _oracle(params: Search, x: Any, values: Any, indices: Any, n: int) -> None:
    for o, row in enumerate(x.reshape(-1, n) if n else ()):
        at = 0
        for j in range(1, n):
            if evaluated(params.better, {"x": row[j], "acc": row[at]}):
                at = j
        values[o], indices[o] = row[at], at


SEARCH = Kind(
    name="search",
    operands=fixed(x="r", values="w", indices="w"),
    oracle=_oracle,
    cpu=_cpu,
    tasks=lambda x, values, indices, n: int(values.size),
    grid=_grid,
    block=_block,
    needs=_needs,
    cost=lambda params, metas, sizes: Cost(elements(metas[0]), 2 * elements(metas[0]), barriers=10),
)
