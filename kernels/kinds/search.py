"""Searches: along the middle axis of (outer, n, inner) the best element, and its first position.

`sizes` are n and inner; `params` say what is better, a formula over {x} and the best so far, {acc}.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ..source.kind import Cost, Kind, Launches, Metas, Room, Run, Sizes, Stage, elements, fixed
from ..source.program import Reduce
from .meaning import evaluated


class Search(NamedTuple):
    """What people call it, what is better, the type of the elements, and whether inner is not 1.

    `vector` is as in `Reduce`, for a fold that keeps the better of two.
    """

    name: str
    better: str
    dtype: str
    columns: bool = False
    vector: str = ""


def _cpu(params: Search, names: Any, threads: bool) -> str:
    from ..source.axis import reductions

    better, dtype = params.better, params.dtype
    fold = Reduce("", f"{{x}} if {better} else {{acc}}", dtype, dtype, vector=params.vector)
    text = reductions.search_columns if params.columns else reductions.search_rows
    return text(params.name, better, fold, names, parallel=threads)


def _tasks(x: Any, values: Any, indices: Any, n: int, inner: int) -> int:
    from ..source.axis.reductions import COLUMN_BLOCK

    return int(values.size) // max(inner, 1) * -(-inner // COLUMN_BLOCK)


def _grid(params: Search, metas: Metas, sizes: Sizes, room: Room) -> Launches:
    """Lines in one segment; long ones in several, and then what was found in these."""
    from ..cuda.source.axis import segments
    from ..cuda.source.maps import memory_type

    lines, (n, inner) = elements(metas[1]), sizes
    if not lines:
        return Launches()
    outer, most = lines // inner, room.blocks if room.simulated else 64 * room.blocks
    first = segments.plan(outer, n, inner, room.threads, most)
    stage = _stage(params, first, room, ("x", "values", "indices"), last=False)
    if first.segments == 1:
        return Launches((stage,))
    found = "best", "places"
    rest = segments.plan(outer, first.segments, inner, room.threads, most, split=False)
    stages = (
        _stage(params, first, room, ("x", *found), last=False),
        _stage(params, rest, room, (*found, "values", "indices"), last=True),
    )
    size = lines * first.segments
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

    lines, (n, inner) = elements(metas[1]), sizes
    lanes = min(room.threads, 1 << max(n // 4, 1).bit_length() - 1)
    known = {"n": n, "inner": inner, "outputs": lines, "segments": 1, "length": n, "lanes": lanes}
    known["width"] = room.threads // lanes
    shape = "columns" if params.columns else "rows"
    numbers = tuple(known[name] for name in SHAPES[shape].numbers)
    stage = _stage(
        params, Geometry(shape, 1, 1, numbers), room, ("x", "values", "indices"), last=False
    )
    return Launches((stage,) if lines else ())


def _needs(params: Search, metas: Metas, sizes: Sizes, k: int, at: Any) -> tuple[Run | None, ...]:
    """A whole line."""
    n, inner = sizes
    return (Run(at // inner * n * inner + at % inner, inner, n),)


def _oracle(params: Search, x: Any, values: Any, indices: Any, n: int, inner: int) -> None:
    lines = x.reshape(-1, n, inner).swapaxes(1, 2).reshape(-1, n) if values.size else ()
    for o, line in enumerate(lines):
        at = 0
        for j in range(1, n):
            if evaluated(params.better, {"x": line[j], "acc": line[at]}):
                at = j
        values[o], indices[o] = line[at], at


SEARCH = Kind(
    name="search",
    operands=fixed(x="r", values="w", indices="w"),
    oracle=_oracle,
    cpu=_cpu,
    tasks=_tasks,
    grid=_grid,
    block=_block,
    needs=_needs,
    cost=lambda params, metas, sizes: Cost(elements(metas[0]), 2 * elements(metas[0]), barriers=10),
)
