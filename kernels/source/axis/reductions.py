"""Sources of kernels that fold or search one axis of a contiguous array.

A reduction over any set of axes is brought to one of two shapes first: the folded axis last
(`rows`), or in front of `inner` contiguous columns (`columns`). Blocks of lanes have fixed sizes,
so that neither threads nor layout of the caller change a result.
"""

from __future__ import annotations

from types import ModuleType

from ..codegen import (
    BLOCK_LOOP,
    FOLD_BLOCK,
    FOLD_FLAGS,
    MAP_FLAGS,
    TOGETHER,
    block,
    cpu_module,
    njit,
)
from ..program import Input, Output, Program, Reduce
from ..scalar import cast, render, statements
from ..writer import Writer, indent

# Columns that one task folds at a time, and as many accumulators.
COLUMN_BLOCK = 256


def _loop(parallel: bool) -> str:
    return "prange" if parallel else "range"


def rows(program: Program, names: ModuleType, *, parallel: bool = False) -> str:
    """kernel(x, out, n):    for o in range(out.size): out[o] = fold of x[o*n : (o+1)*n]"""
    w = Writer(program, "vr", names)
    (out,) = program.outputs
    fold = out.reduce
    assert fold is not None
    x = w.arrays[0]
    kernel = [
        *block(w, ["acc"], False),
        njit(MAP_FLAGS, parallel=parallel),
        f"def kernel({x}, out, n):",
        *indent([f"for o in {_loop(parallel)}(out.size):"]),
        *indent([f"total = {w.initial(fold, fold.total)}", "stop = (o + 1) * n"], 2),
        *indent([f"for start in range(o * n, stop, {FOLD_BLOCK}):"], 2),
        *indent([f"acc = block({x}, start, min(stop, start + {FOLD_BLOCK}))"], 3),
        *indent([w.fold(fold, "total", cast("acc", fold.lane, fold.total), fold.total)], 3),
        *indent([f"out[o] = {w.finish(out, 'total', 'n')}"], 2),
    ]
    return cpu_module(w, "rows", kernel, parallel=parallel)


def columns(program: Program, names: ModuleType, *, parallel: bool = False) -> str:
    """kernel(x, out, n, inner):    out[o, c] = fold over j of x[o, j, c], `inner` columns c"""
    w = Writer(program, "vr", names)
    (out,) = program.outputs
    fold = out.reduce
    assert fold is not None
    x = w.arrays[0]
    kernel = [
        njit(MAP_FLAGS, parallel=parallel),
        f"def kernel({x}, out, n, inner):",
        *indent([f"tiles = (inner + {COLUMN_BLOCK - 1}) // {COLUMN_BLOCK}"]),
        *indent([f"whole = n - n % {TOGETHER}"]),
        *indent([f"for task in {_loop(parallel)}(out.size // max(inner, 1) * tiles):"]),
        *indent(["o = task // tiles", f"left = (task % tiles) * {COLUMN_BLOCK}"], 2),
        *indent([f"width = np.uint64(min(inner - left, {COLUMN_BLOCK}))"], 2),
        *indent([f"totals = np.full({COLUMN_BLOCK}, {w.initial(fold, fold.total)})"], 2),
        *indent([f"for j in range(0, whole, {TOGETHER}):", *_join(w, TOGETHER)], 2),
        *indent(["for j in range(whole, n):", *_join(w, 1)], 2),
        *indent(["for c in range(width):", "    total = totals[c]"], 2),
        *indent([f"out[np.uint64(o * inner + left) + c] = {w.finish(out, 'total', 'n')}"], 3),
    ]
    return cpu_module(w, "columns", kernel, parallel=parallel)


def _join(w: Writer, count: int) -> list[str]:
    """Rows j, j + 1, ..., `count` of them, join the totals of their columns."""
    (out,) = w.program.outputs
    fold = out.reduce
    assert fold is not None
    lines, (value,) = statements(w.program, w.names, [w.value(0)])
    value = cast(value, w.program.dtype(out.value), fold.total)
    steps = [w.load(0), *lines, w.fold(fold, "total", value, fold.total)]
    elements = [
        line for k in range(count) for line in (f"i = np.uint64(row + {k} * inner) + c", *steps)
    ]
    return indent(
        [
            "row = (o * n + j) * inner + left",
            "for c in range(width):",
            *indent(["total = totals[c]", *elements, "totals[c] = total"]),
        ]
    )


def search_rows(
    name: str, better: str, fold: Reduce, names: ModuleType, *, parallel: bool = False
) -> str:
    """kernel(x, values, indices, n, inner), where inner is 1: the best of every row, and its place.

    It is the first that none is `better` than, an expression over {x} and the best so far, {acc}.
    The best of a block folds; its place is looked for in the first block that had it.
    """
    w = _of_elements(name, fold, names)
    same = "x[place] == best or (x[place] != x[place] and best != best)"
    kernel = [
        njit(FOLD_FLAGS),
        "def block(x, start, stop):",
        "    best = x[start]",
        *indent([BLOCK_LOOP, "    x_ = x[i]", f"    {w.fold(fold, 'best', 'x_', fold.lane)}"]),
        "    return best",
        "",
        "",
        njit(MAP_FLAGS, parallel=parallel),
        "def kernel(x, values, indices, n, inner):",
        *indent([f"for o in {_loop(parallel)}(values.size):"]),
        *indent(["place = o * n", "stop = place + n", "best = x[place]"], 2),
        *indent([f"for start in range(place, stop, {FOLD_BLOCK}):"], 2),
        *indent([f"x_ = block(x, start, min(stop, start + {FOLD_BLOCK}))"], 3),
        *indent([f"if {_wins(w, better)}:", "    best = x_", "    place = start"], 3),
        *indent([f"while not ({same}):", "    place += 1"], 2),
        *indent(["values[o] = x[place]", "indices[o] = place - o * n"], 2),
    ]
    return cpu_module(w, "search of rows", kernel, parallel=parallel)


def search_columns(
    name: str, better: str, fold: Reduce, names: ModuleType, *, parallel: bool = False
) -> str:
    """The same for every column of (outer, n, inner): rows one after the other, in vectors."""
    w = _of_elements(name, fold, names)
    kernel = [
        njit(MAP_FLAGS, parallel=parallel),
        "def kernel(x, values, indices, n, inner):",
        *indent([f"tiles = (inner + {COLUMN_BLOCK - 1}) // {COLUMN_BLOCK}"]),
        *indent([f"whole = n - n % {TOGETHER}"]),
        *indent([f"for task in {_loop(parallel)}(values.size // max(inner, 1) * tiles):"]),
        *indent(["o = task // tiles", f"left = (task % tiles) * {COLUMN_BLOCK}"], 2),
        *indent([f"width = np.uint64(min(inner - left, {COLUMN_BLOCK}))"], 2),
        *indent([f"bests = np.empty({COLUMN_BLOCK}, x.dtype)"], 2),
        *indent([f"places = np.empty({COLUMN_BLOCK}, np.int64)"], 2),
        *indent(["for c in range(width):"], 2),
        *indent(["bests[c] = x[np.uint64(o * n * inner + left) + c]", "places[c] = 0"], 3),
        *indent([f"for j in range(0, whole, {TOGETHER}):", *_meet(w, better, TOGETHER)], 2),
        *indent(["for j in range(whole, n):", *_meet(w, better, 1)], 2),
        *indent(["for c in range(width):", "    i = np.uint64(o * inner + left) + c"], 2),
        *indent(["values[i] = bests[c]", "indices[i] = places[c]"], 3),
    ]
    return cpu_module(w, "search of columns", kernel, parallel=parallel)


def _of_elements(name: str, fold: Reduce, names: ModuleType) -> Writer:
    """What writes a fold of elements as they are."""
    x = Input("x", fold.lane, fold.lane)
    return Writer(Program(name, (x,), (), (Output(0, fold.lane, fold),)), "vr", names)


def _wins(w: Writer, better: str) -> str:
    """Whether x_ is better than the best so far."""
    return render(better, {"x": "x_", "acc": "best"}, w.program.inputs[0].loaded, w.names)


def _meet(w: Writer, better: str, count: int) -> list[str]:
    """Rows j, j + 1, ..., `count` of them, meet the best of their columns."""
    steps = [
        "x_ = x[np.uint64(row + {k} * inner) + c]",
        f"wins = {_wins(w, better)}",
        "best = x_ if wins else best",
        "place = j + {k} if wins else place",
    ]
    elements = [step.format(k=k) for k in range(count) for step in steps]
    return indent(
        [
            "row = (o * n + j) * inner + left",
            "for c in range(width):",
            *indent(["best = bests[c]", "place = places[c]", *elements]),
            *indent(["bests[c] = best", "places[c] = place"]),
        ]
    )
