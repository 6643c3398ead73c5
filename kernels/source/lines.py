"""Lines: folds and maps along one axis, one after the other, as plain data; the CPU's source.

An array is flat and contiguous (outer, n, inner); a line is what its middle axis has at one place
of the others. A line is gone along once for each phase, and what a phase folds to is known to those
after it: softmax finds the largest element, then stores exponentials and adds them up, then divides.

    operand    element  one number for each place          x[o, j, c]
               line     one for each line                  mean[o, c]
               along    one for each place of a line       weight[j]

A formula is computed in the operands' type, or in the `wide` one, which is float64 on the CPU and
the operands' own on a GPU. What folds is added up in blocks of the one and across them in the other.
The CPU's blocks are fixed, so that neither threads nor the other extents change a result.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import NamedTuple

import numpy as np

from .axes import COLUMN_BLOCK
from .codegen import FOLD_FLAGS, MAP_FLAGS, njit
from .scalar import SHORT, cast, functions, render
from .scans import operands as names_in
from .writer import indent, module

# Elements that a float32 sum covers; more of them are added in float64.
BLOCK = 512
# Elements of a tile of short lines.
TILE = 1024
# Functions that are no more than a few instructions.
CHEAP = {"less", "sqrt"}
SUM, MAX = "sum", "max"
INIT = {SUM: "0", MAX: "-inf"}
JOIN = {SUM: "{a} + {b}", MAX: "{b} if {b} > {a} else {a}"}
Formulas = tuple[tuple[str, str], ...]


class Array(NamedTuple):
    """An operand: `role` as in `kind.Operand`, and `where`, which of its elements is meant."""

    name: str
    role: str
    where: str = "element"


class Fold(NamedTuple):
    """The sum, or the maximum, of a formula over a line's elements; NaN is no maximum."""

    name: str
    formula: str
    how: str = SUM


class Number(NamedTuple):
    """A number of a line: a formula over those before it and n, computed in the wide type."""

    name: str
    formula: str
    wide: bool = True


class Phase(NamedTuple):
    """Once along a line: `values` of an element, what is stored of them and what folds; `then`
    numbers of the line. Those that are named as an operand are stored. Maxima are alone."""

    values: Formulas = ()
    stores: Formulas = ()
    folds: tuple[Fold, ...] = ()
    then: tuple[Number, ...] = ()
    wide: bool = False


@dataclass(frozen=True, eq=False)
class Lines:
    """What is done along every line of arrays of type `dtype`; compared by identity.

    `values` are numbers of a call, of that type.
    """

    name: str
    dtype: str
    arrays: tuple[Array, ...]
    phases: tuple[Phase, ...]
    values: tuple[str, ...] = ()


class LinesWriter:
    """What the kernels of one Lines share; `wide` is the type of numbers of a line."""

    def __init__(self, lines: Lines, wide: str, names: ModuleType) -> None:
        self.lines, self.dtype, self.wide, self.names = lines, lines.dtype, wide, names
        self.where = {a.name: a.where for a in lines.arrays}
        self.types = {"n": "int64"} | dict.fromkeys(lines.values, lines.dtype)
        self.types |= {a.name: lines.dtype for a in lines.arrays}
        for phase in lines.phases:
            self.types |= {name: self.compute(phase) for name, _ in phase.values}
            self.types |= {fold.name: wide for fold in phase.folds}
            self.types |= {n.name: wide if n.wide else lines.dtype for n in phase.then}

    @property
    def parameters(self) -> list[str]:
        """The arrays."""
        return [a.name for a in self.lines.arrays]

    @property
    def head(self) -> str:
        """The first line of the CPU's kernel."""
        return f"def kernel({', '.join([*self.parameters, 'n', 'inner', *self.lines.values])}):"

    def compute(self, phase: Phase) -> str:
        """The type that a phase computes in."""
        return self.wide if phase.wide else self.dtype

    def numbers(self, phase: Phase) -> list[str]:
        """The numbers of a line that the elements of a phase take, in order."""
        known = [f.name for p in self.lines.phases for f in p.folds]
        known += [n.name for p in self.lines.phases for n in p.then]
        known += [a.name for a in self.lines.arrays if a.where == "line" and a.role == "r"]
        own = {name for name, _ in phase.values} | {f.name for f in phase.folds}
        used = {name for formula in _formulas(phase) for name in names_in(formula)}
        return [name for name in dict.fromkeys(known) if name in used - own]

    def text(self, formula: str, dtype: str) -> str:
        """A formula's source, computed in `dtype`."""
        known = {n: self.variable(n) for n in names_in(formula) if n in self.types}
        given = {n: cast(v, self.types[n], dtype) for n, v in known.items()}
        return render(formula, given, dtype, self.names)

    def variable(self, name: str) -> str:
        """What holds a number in a kernel: an operand's own name is that of its array."""
        return f"{name}_" if name in self.where else name

    def initial(self, fold: Fold, dtype: str) -> str:
        """What a fold starts from."""
        return render(INIT[fold.how], {}, dtype, self.names)

    def joined(self, fold: Fold, a: str, b: str, dtype: str) -> str:
        """Two results of a fold in one."""
        return render(JOIN[fold.how], {"a": a, "b": b}, dtype, self.names)

    def element(self, phase: Phase) -> list[str]:
        """The element at index i, `along` its line: loads, values, stores, then folds to own_*."""
        dtype = self.compute(phase)
        used = {name for formula in _formulas(phase) for name in names_in(formula)}
        loads = [
            f"{name}_ = {name}[{'i' if where == 'element' else 'along'}]"
            for name, where in self.where.items()
            if name in used and where != "line"
        ]
        lines = [f"{name} = {self.text(f, dtype)}" for name, f in phase.values]
        stores = [
            f"{name}[i] = {cast(self.text(f, dtype), dtype, self.dtype)}"
            for name, f in phase.stores
        ]
        return [*loads, *lines, *stores]

    def fold(self, fold: Fold, acc: str, phase: Phase) -> str:
        """The step by which an element joins a fold."""
        dtype = self.compute(phase)
        return f"{acc} = {self.joined(fold, acc, f'({self.text(fold.formula, dtype)})', dtype)}"

    def then(self, phase: Phase, line: str) -> list[str]:
        """The numbers of a line after a phase, and the stores of those that are operands."""
        found = []
        for number in phase.then:
            text, dtype = self.text(number.formula, self.wide), self.types[number.name]
            if number.name in self.where:
                found.append(f"{number.name}[{line}] = {cast(text, self.wide, self.dtype)}")
            else:
                found.append(f"{number.name} = {cast(text, self.wide, dtype)}")
        return found

    def moves(self, phase: Phase) -> bool:
        """Whether a phase looks at elements at all."""
        return bool(phase.values or phase.stores or phase.folds)

    def along(self, phase: Phase) -> bool:
        """Whether a phase takes what is given for each place of a line."""
        used = {name for formula in _formulas(phase) for name in names_in(formula)}
        return any(self.where.get(name) == "along" for name in used)

    def count(self) -> str:
        """An expression for the number of lines."""
        for array in self.lines.arrays:
            if array.where == "line":
                return f"{array.name}.size"
        return f"{self.lines.arrays[0].name}.size // max(n, 1)"

    def given(self) -> list[str]:
        """The operands that have a number for each line, and are read."""
        return [a.name for a in self.lines.arrays if a.where == "line" and a.role == "r"]

    def helpers(self) -> list[str]:
        """The sources of the scalar functions that the kernels call."""
        used: set[tuple[str, str]] = set()
        for phase in self.lines.phases:
            of_elements = [(f, self.compute(phase)) for f in _formulas(phase)]
            of_lines = [(n.formula, self.wide) for n in phase.then]
            used |= {(f, d) for text, d in of_elements + of_lines for f in functions(text)}
        found: list[str] = self.names.helpers([self.names.scalar(*f) for f in sorted(used)])
        return found

    def module(self, kind: str, kernel: list[str], imports: list[str]) -> str:
        """The text of the module around `kernel`."""
        doc = f'"""{self.lines.name}: {self.dtype}; lines in {kind}."""'
        return module(doc, self.helpers(), self.names.DECORATOR, kernel, imports)


def _formulas(phase: Phase) -> list[str]:
    return [f for _, f in (*phase.values, *phase.stores)] + [f.formula for f in phase.folds]


# The CPU: rows, where inner is 1, and columns


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
        body += w.then(phase, "o")
    kernel = [
        *functions,
        njit(MAP_FLAGS, parallel=parallel),
        w.head,
        f"    for o in {'prange' if parallel else 'range'}({w.count()}):",
        *indent(body, 2),
    ]
    return w.module("rows", kernel, _imports(parallel))


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
        body += _then_each(w, phase, kept, "line0 + c")
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
        f"    for task in {'prange' if parallel else 'range'}((lines + each - 1) // each):",
        *indent([*(memory if parallel else []), *body], 2),
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
    called = {name for formula in _formulas(phase) for name in functions(formula)}
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


def _then_each(w: LinesWriter, phase: Phase, kept: dict[str, str], line: str) -> list[str]:
    """The numbers of lines after a phase, for columns or lines c of a tile."""
    if not phase.then:
        return []
    known = {name for number in phase.then for name in names_in(number.formula)}
    known = (known - {number.name for number in phase.then}) & {*kept, *w.given()}
    own = [n.name for n in phase.then if n.name in kept]
    return [
        "for c in range(count):",
        *indent(_loaded(sorted(known), kept, w, line)),
        *indent(w.then(phase, f"np.uint64({line})")),
        *indent(f"all_{name}[c] = {name}" for name in own),
    ]


def _loaded(numbers: Iterable[str], kept: dict[str, str], w: LinesWriter, line: str) -> list[str]:
    """Numbers of line c in variables."""
    return [
        f"{name} = all_{name}[c]"
        if name in kept
        else f"{w.variable(name)} = {name}[np.uint64({line})]"
        for name in numbers
    ]


def columns(lines: Lines, names: ModuleType, *, parallel: bool = False) -> str:
    """kernel(*arrays, n, inner), with the numbers of a line for each of a tile of columns c:

    for o: for each phase: for j: for c: x[o, j, c] is stored of, and folds
    """
    w = LinesWriter(lines, "float64", names)
    folds = [f for phase in lines.phases for f in phase.folds]
    kept = {f.name: w.wide for f in folds}
    kept |= {n.name: w.types[n.name] for p in lines.phases for n in p.then if n.name not in w.where}
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
        f"    for task in {'prange' if parallel else 'range'}(outer * tiles):",
        *indent(body, 2),
    ]
    return w.module("columns", kernel, _imports(parallel))


def _tile(w: LinesWriter, phase: Phase, kept: dict[str, str]) -> list[str]:
    """A phase of a tile of columns."""
    line, lines = "o * inner + column0 + c", []
    if w.moves(phase):
        begin = [f"all_{f.name}[c] = {w.initial(f, w.wide)}" for f in phase.folds]
        lines += ["for c in range(count):", *indent(begin)] if begin else []
        lines += ["for along in range(n):", "    row = (o * n + along) * inner + column0"]
        lines += ["    for c in range(count):", "        i = np.uint64(row + c)"]
        lines += indent([*_loaded(w.numbers(phase), kept, w, line), *w.element(phase)], 2)
        for f in phase.folds:
            new = cast(w.text(f.formula, w.compute(phase)), w.compute(phase), w.wide)
            steps = [f"own = all_{f.name}[c]", f"new = {new}"]
            lines += indent([*steps, f"all_{f.name}[c] = {w.joined(f, 'own', 'new', w.wide)}"], 2)
    return lines + _then_each(w, phase, kept, line)
