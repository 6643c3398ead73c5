"""Sources of kernels that fold or search one axis of a contiguous array.

A reduction over any set of axes is brought to one of two shapes first: the folded axis last
(`rows`), or in front of `inner` contiguous columns (`columns`). Blocks of lanes have fixed sizes,
so that neither threads nor layout of the caller change a result.
"""

from __future__ import annotations

from types import ModuleType

from ..codegen import FOLD_BLOCK, MAP_FLAGS, TOGETHER, block, cpu_module, njit
from ..program import Input, Program
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


def search(
    name: str, better: str, stored: str, names: ModuleType, *, parallel: bool = False
) -> str:
    """kernel(x, values, indices, n): the first x[o, j] that no later one is `better` than, and j.

    `better` is a scalar expression over {x} and the best so far, {acc}.
    """
    w = Writer(Program(name, (Input("x", stored, stored),), (), ()), "v", names)
    condition = render(better, {"x": "x_", "acc": "best"}, stored, names)
    kernel = [
        njit(MAP_FLAGS, parallel=parallel),
        "def kernel(x, values, indices, n):",
        *indent([f"for o in {_loop(parallel)}(values.size):"]),
        *indent(["best = x[o * n]", "at = 0", "for j in range(1, n):"], 2),
        *indent(["x_ = x[o * n + j]", f"if {condition}:", "    best = x_", "    at = j"], 3),
        *indent(["values[o] = best", "indices[o] = at"], 2),
    ]
    return cpu_module(w, "search", kernel, parallel=parallel)
