"""The CPU's source for Lines: rows, where inner is 1, short ones of them, and columns.

Numbers of a line are float64. What a float32 adds up in blocks of BLOCK elements is added up in
float64 across these.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import ModuleType

import numpy as np

from ..codegen import FOLD_FLAGS, MAP_FLAGS, TOGETHER, njit
from ..scalar import SHORT, cast, functions
from ..writer import indent
from .lines import MAX, TILE, Lines, LinesWriter, Phase, formulas
from .reductions import COLUMN_BLOCK

# Elements that a float32 sum covers.
BLOCK = 512
# Functions that are no more than a few instructions.
CHEAP = {"less", "lost", "scaled_square", "sqrt"}


def rows(lines: Lines, names: ModuleType, *, parallel: bool = False) -> str:
    """kernel(*arrays, n, inner), where inner is 1:

    for each line o: for each phase: for j in range(n): x[o, j] is stored of, and folds
    """
    w = LinesWriter(lines, "float64", names)
    body = ["first = o * n", "stop = first + n"]
    body += [f"{w.variable(name)} = {name}[o]" for name in w.given()]
    functions: list[str] = []
    for k, phase in enumerate(lines.phases):
        if w.moves(phase):
            functions += _block(w, phase, f"phase{k}")
            body += _run(w, phase, f"phase{k}")
        body += w.then(phase, "o", "first")
    kernel = [
        *functions,
        njit(MAP_FLAGS, parallel=parallel),
        w.head,
        *indent(_begin(w)),
        f"    for o in {'prange' if parallel else 'range'}({w.count()}):",
        *indent([*body, *_noted(w)], 2),
        *indent(_end(w)),
    ]
    return w.module("rows", kernel, _imports(parallel))


def _begin(w: LinesWriter) -> list[str]:
    return ["bad = 0"] if w.lines.position else []


def _noted(w: LinesWriter) -> list[str]:
    """A line whose position is nowhere, noted."""
    return [f"bad += 1 if {w.misplaced()} else 0"] if w.lines.position else []


def _end(w: LinesWriter) -> list[str]:
    return ["return 1 if bad else 0"] if w.lines.position else []


def _imports(parallel: bool) -> list[str]:
    return ["from numba import njit, prange" if parallel else "from numba import njit"]


def _maxima(phases: Iterable[Phase]) -> bool:
    return any(fold.how == MAX for phase in phases for fold in phase.folds)


def _block(w: LinesWriter, phase: Phase, name: str) -> list[str]:
    """A function that does a phase from start to stop, and returns what folds."""
    folds, dtype = phase.folds, w.compute(phase)
    given = [*w.parameters, "first", "start", "stop", *map(w.variable, w.numbers(phase))]
    steps = ["along = i - np.uint64(first)"] if w.along(phase) else []
    steps += w.element(phase)
    if _maxima([phase]):
        return _peak(w, phase, name, given, steps)
    ends = [f"return {', '.join(f.name for f in folds)}"] if folds else []
    return [
        njit(FOLD_FLAGS if folds else MAP_FLAGS),
        f"def {name}({', '.join(given)}):",
        *indent(f"{f.name} = {_typed(w.initial(f, dtype), dtype)}" for f in folds),
        "    for i in range(np.uint64(start), np.uint64(stop)):",
        *indent([*steps, *(w.fold(f, f.name, phase) for f in folds)], 2),
        *indent(ends),
        "",
        "",
    ]


def _typed(text: str, dtype: str) -> str:
    return f"{SHORT[dtype]}({text})"


def _peak(
    w: LinesWriter, phase: Phase, name: str, given: Sequence[str], steps: Sequence[str]
) -> list[str]:
    """The same for a maximum, of integers in the order of the numbers: LLVM makes lanes for these.

    A positive NaN is then the largest of all, and a negative one is passed over.
    """
    (fold,), dtype = phase.folds, w.compute(phase)
    bits = 8 * np.dtype(dtype).itemsize
    word, most = f"np.int{bits}", (1 << bits - 1) - 1
    turned = f"{word}({{0}} ^ {word}({word}({{0}} >> {bits - 1}) & {word}({most})))"
    infinity = int(np.array(-np.inf, dtype).view(f"int{bits}")) ^ most
    return [
        njit(MAP_FLAGS),
        f"def {name}({', '.join(given)}):",
        f"    key = {word}({infinity})",
        "    for i in range(np.uint64(start), np.uint64(stop)):",
        *indent([*steps, f"new = {_typed(w.text(fold.formula, dtype), dtype)}.view({word})"], 2),
        *indent([f"new = {turned.format('new')}", "key = new if new > key else key"], 2),
        f"    return {turned.format('key')}.view(np.{dtype})",
        "",
        "",
    ]


def _run(w: LinesWriter, phase: Phase, name: str) -> list[str]:
    """The lines that do a phase for the whole of a line."""
    numbers = "".join(f", {w.variable(n)}" for n in w.numbers(phase))
    whole = f"{', '.join(w.parameters)}, first, first, stop{numbers}"
    dtype = w.compute(phase)
    if not phase.folds:
        return [f"{name}({whole})"]
    if _maxima([phase]):
        return [f"{phase.folds[0].name} = {cast(f'{name}({whole})', dtype, w.wide)}"]
    part = f"{', '.join(w.parameters)}, first, start, min(stop, start + {BLOCK}){numbers}"
    own = [f"own_{f.name}" for f in phase.folds]
    return [
        *(f"{f.name} = {_typed(w.initial(f, w.wide), w.wide)}" for f in phase.folds),
        f"for start in range(first, stop, {BLOCK}):",
        f"    {', '.join(own)} = {name}({part})",
        *indent(
            f"{f.name} = {w.joined(f, f.name, cast(o, dtype, w.wide), w.wide)}"
            for f, o in zip(phase.folds, own, strict=True)
        ),
    ]


def short_rows(lines: Lines, names: ModuleType, *, parallel: bool = False) -> str:
    """kernel(*arrays, n, inner), where inner is 1 and n at most TILE, a tile of lines at a time.

    Where a phase calls functions, numbers of lines are repeated for each element first, so that the
    loop goes through all lines of the tile at once, in full vectors:

    for c in tile: for j: at_top[c, j] = top[c]
    for k in tile: new_total[k] = exp(x[k] - at_top[k])
    for c in tile: total[c] = sum of new_total[c, :]
    """
    w = LinesWriter(lines, "float64", names)
    functions: list[str] = []
    body = [
        "line0 = task * each",
        "count = min(each, lines - line0)",
        "base = line0 * n",
    ]
    kept: dict[str, str] = {}
    tiles: dict[str, str] = {}
    for k, phase in enumerate(lines.phases):
        name = f"phase{k}"
        if w.moves(phase) and _costly(w, phase):
            functions += _tile_block(w, phase, name)
            body += _run_tile(w, phase, name, kept)
            tiles |= {f"at_{n}": w.compute(phase) for n in w.numbers(phase)}
            tiles |= {f"new_{f.name}": w.compute(phase) for f in phase.folds}
        elif w.moves(phase):
            functions += _block(w, phase, name)
            body += _run_each(w, phase, name, kept)
        kept |= {f.name: w.wide for f in phase.folds}
        kept |= {n.name: w.types[n.name] for n in phase.then if n.name not in w.where}
        kept |= {name: w.wide for name, _ in phase.picks}
        body += _then_each(w, phase, kept, "line0 + c", "(line0 + c) * n")
    memory = [f"{name} = np.empty({TILE}, np.{dtype})" for name, dtype in tiles.items()]
    memory += [f"all_{name} = np.empty({TILE}, np.{dtype})" for name, dtype in kept.items()]
    adding = _ADD if any(name.startswith("new_") for name in tiles) else []
    kernel = [
        *adding,
        *functions,
        njit(MAP_FLAGS, parallel=parallel),
        w.head,
        f"    lines = {w.count()}",
        f"    each = {TILE} // max(n, 1)",
        *indent([] if parallel else memory),
        *indent(_begin(w)),
        f"    for task in {'prange' if parallel else 'range'}((lines + each - 1) // each):",
        *indent([*(memory if parallel else []), *body], 2),
        *indent(_end(w)),
    ]
    return w.module("short rows", kernel, _imports(parallel))


_ADD = [
    njit(FOLD_FLAGS),
    "def added(x, start, stop, total):",
    "    for i in range(np.uint64(start), np.uint64(stop)):",
    "        total += x[i]",
    "    return total",
    "",
    "",
]


def _costly(w: LinesWriter, phase: Phase) -> bool:
    """Whether a phase calls functions that take long, for each element."""
    called = {name for formula in formulas(phase) for name in functions(formula)}
    return bool(called - CHEAP) and not w.along(phase)


def _tile_block(w: LinesWriter, phase: Phase, name: str) -> list[str]:
    """A function that does a phase for all elements of a tile, without folding."""
    numbers = w.numbers(phase)
    arrays = [f"at_{n}" for n in numbers] + [f"new_{f.name}" for f in phase.folds]
    dtype = w.compute(phase)
    return [
        njit(MAP_FLAGS),
        f"def {name}({', '.join([*w.parameters, *arrays, 'base', 'size'])}):",
        "    for k in range(np.uint64(size)):",
        "        i = np.uint64(base) + k",
        *indent((f"{w.variable(n)} = {cast(f'at_{n}[k]', dtype, w.types[n])}" for n in numbers), 2),
        *indent(w.element(phase), 2),
        *indent((f"new_{f.name}[k] = {w.text(f.formula, dtype)}" for f in phase.folds), 2),
        "",
        "",
    ]


def _run_tile(w: LinesWriter, phase: Phase, name: str, kept: dict[str, str]) -> list[str]:
    """A phase that calls functions, for a tile."""
    numbers = w.numbers(phase)
    arrays = [f"at_{n}" for n in numbers] + [f"new_{f.name}" for f in phase.folds]
    narrow = {n: cast(w.variable(n), w.types[n], w.compute(phase)) for n in numbers}
    repeat = [f"at_{n}[k] = {text}" for n, text in narrow.items()]
    lines = [
        "for c in range(count):",
        *indent(_loaded(numbers, kept, w, "line0 + c")),
        "    for k in range(np.uint64(c * n), np.uint64(c * n + n)):",
        *indent(repeat, 2),
    ]
    lines = lines if numbers else []
    lines += [f"{name}({', '.join([*w.parameters, *arrays])}, base, count * n)"]
    for f in phase.folds:
        dtype = w.compute(phase)
        zero = _typed("0", dtype)
        total = cast(f"added(new_{f.name}, c * n, c * n + n, {zero})", dtype, w.wide)
        lines += ["for c in range(count):", f"    all_{f.name}[c] = {total}"]
    return lines


def _run_each(w: LinesWriter, phase: Phase, name: str, kept: dict[str, str]) -> list[str]:
    """Another phase, line by line."""
    numbers = w.numbers(phase)
    given = [*w.parameters, "first", "first", "first + n", *map(w.variable, numbers)]
    own = [f"own_{f.name}" for f in phase.folds]
    call = f"{name}({', '.join(given)})"
    keep = [
        f"all_{f.name}[c] = {cast(o, w.compute(phase), w.wide)}"
        for f, o in zip(phase.folds, own, strict=True)
    ]
    return [
        "for c in range(count):",
        *indent(_loaded(numbers, kept, w, "line0 + c")),
        "    first = (line0 + c) * n",
        f"    {', '.join(own)} = {call}" if own else f"    {call}",
        *indent(keep),
    ]


def _then_each(
    w: LinesWriter, phase: Phase, kept: dict[str, str], line: str, first: str
) -> list[str]:
    """The numbers of lines after a phase, for columns or lines c of a tile."""
    if not phase.then and not phase.picks and not phase.puts:
        return []
    known = w.known(phase) & {*kept, *w.given()}
    made = [n.name for n in phase.then] + [name for name, _ in phase.picks]
    return [
        "for c in range(count):",
        *indent(_loaded(sorted(known), kept, w, line)),
        *indent(w.then(phase, f"np.uint64({line})", first)),
        *indent(f"all_{name}[c] = {name}" for name in made if name in kept),
        *indent(_noted(w) if phase.picks or phase.puts else []),
    ]


def _loaded(numbers: Iterable[str], kept: dict[str, str], w: LinesWriter, line: str) -> list[str]:
    """Numbers of line c in variables."""
    return [
        f"{name} = all_{name}[c]"
        if name in kept
        else f"{w.variable(name)} = {name}[np.uint64({line})]"
        for name in numbers
        if name not in w.values
    ]


def columns(lines: Lines, names: ModuleType, *, parallel: bool = False) -> str:
    """kernel(*arrays, n, inner), with the numbers of a line for each of a tile of columns c:

    for o: for each phase: for j: for c: x[o, j, c] is stored of, and folds
    """
    w = LinesWriter(lines, "float64", names)
    folds = [f for phase in lines.phases for f in phase.folds]
    kept = {f.name: w.wide for f in folds}
    kept |= {n.name: w.types[n.name] for p in lines.phases for n in p.then if n.name not in w.where}
    kept |= {name: w.wide for p in lines.phases for name, _ in p.picks}
    body = ["o = task // tiles", f"column0 = (task % tiles) * {COLUMN_BLOCK}"]
    body += [f"count = min(inner - column0, {COLUMN_BLOCK})"]
    body += [f"all_{name} = np.empty({COLUMN_BLOCK}, np.{dtype})" for name, dtype in kept.items()]
    for phase in lines.phases:
        body += _tile(w, phase, kept)
    kernel = [
        njit(MAP_FLAGS, parallel=parallel),
        w.head,
        f"    tiles = (inner + {COLUMN_BLOCK - 1}) // {COLUMN_BLOCK}",
        f"    outer = {w.count()}" + " // max(inner, 1)",
        *indent(_begin(w)),
        f"    for task in {'prange' if parallel else 'range'}(outer * tiles):",
        *indent(body, 2),
        *indent(_end(w)),
    ]
    return w.module("columns", kernel, _imports(parallel))


def _tile(w: LinesWriter, phase: Phase, kept: dict[str, str]) -> list[str]:
    """A phase of a tile of columns."""
    line, lines = "o * inner + column0 + c", []
    if w.moves(phase):
        begin = [f"all_{f.name}[c] = {w.initial(f, w.wide)}" for f in phase.folds]
        lines += ["for c in range(count):", *indent(begin)] if begin else []
        if _maxima([phase]):  # see TOGETHER
            lines += [f"for first in range(0, n - n % {TOGETHER}, {TOGETHER}):"]
            lines += indent(_places(w, phase, kept, line, TOGETHER))
            lines += [f"for first in range(n - n % {TOGETHER}, n):"]
        else:
            lines += ["for first in range(n):"]
        lines += indent(_places(w, phase, kept, line, 1))
    return lines + _then_each(w, phase, kept, line, "o * n * inner + column0 + c")


def _places(w: LinesWriter, phase: Phase, kept: dict[str, str], line: str, count: int) -> list[str]:
    """A phase at `count` places of lines, from `first` on, for all columns of a tile."""
    lines = _loaded(w.numbers(phase), kept, w, line)
    lines += [f"so_far_{f.name} = all_{f.name}[c]" for f in phase.folds]
    for k in range(count):
        lines += [f"along = first + {k}" if k else "along = first"]
        lines += ["i = np.uint64((o * n + along) * inner + column0 + c)", *w.element(phase)]
        for f in phase.folds:
            new = cast(w.text(f.formula, w.compute(phase)), w.compute(phase), w.wide)
            joined = w.joined(f, f"so_far_{f.name}", "joining", w.wide)
            lines += [f"joining = {new}", f"so_far_{f.name} = {joined}"]
    lines += [f"all_{f.name}[c] = so_far_{f.name}" for f in phase.folds]
    return ["for c in range(count):", *indent(lines)]
