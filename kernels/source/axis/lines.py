"""Lines: folds and maps along one axis, one after the other, as plain data; the CPU's source.

An array is flat and contiguous (outer, n, inner); a line is what its middle axis has at one place
of the others. A line is gone along once for each phase, and what a phase folds to is known to those
after it: softmax finds the largest element, stores exponentials and adds them up, and divides.

    operand    element  one number for each place          x[o, j, c]
               line     one for each line                  mean[o, c]
               along    one for each place of a line       weight[j]

A formula is computed in the operands' type, or in the `wide` one, which is float64 on the CPU and
the operands' own on a GPU. What folds is added up in blocks of the one, and across them in the
other.
The CPU's blocks are fixed, so that neither threads nor the other extents change a result.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import NamedTuple

from ..scalar import cast, functions, render
from ..writer import indent, module
from .scans import operands as names_in

# Elements of a tile of short lines.
TILE = 1024
SUM, MAX = "sum", "max"
INIT = {SUM: "0", MAX: "-inf"}
JOIN = {SUM: "{a} + {b}", MAX: "{b} if {b} > {a} else {a}"}
Formulas = tuple[tuple[str, str], ...]


class Array(NamedTuple):
    """An operand: `role` as in `kind.Operand`, `where`, which of its elements is meant, and its own
    type, if it is not that of the others."""

    name: str
    role: str
    where: str = "element"
    dtype: str = ""


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
    numbers of the line. Those that are named as an operand are stored. Maxima are alone.

    `picks` are numbers of the line, too: an array's element at the line's position. `puts`
    overwrite elements there, at last.
    """

    values: Formulas = ()
    stores: Formulas = ()
    folds: tuple[Fold, ...] = ()
    then: tuple[Number, ...] = ()
    wide: bool = False
    picks: Formulas = ()
    puts: Formulas = ()


@dataclass(frozen=True, eq=False)
class Lines:
    """What is done along every line of arrays of type `dtype`; compared by identity.

    `values` are numbers of a call, of that type. `position` is an operand of int64, a place for
    each line, and "ignored" is a value then: a line whose position is neither that nor in [0, n)
    fails.
    """

    name: str
    dtype: str
    arrays: tuple[Array, ...]
    phases: tuple[Phase, ...]
    values: tuple[str, ...] = ()
    position: str = ""


class LinesWriter:
    """What the kernels of one Lines share; `wide` is the type of numbers of a line."""

    def __init__(self, lines: Lines, wide: str, names: ModuleType) -> None:
        self.lines, self.dtype, self.wide, self.names = lines, lines.dtype, wide, names
        self.where = {a.name: a.where for a in lines.arrays}
        self.types = {"n": "int64"} | dict.fromkeys(lines.values, lines.dtype)
        self.types |= {"ignored": "int64"} | {a.name: a.dtype or lines.dtype for a in lines.arrays}
        for phase in lines.phases:
            self.types |= {name: self.compute(phase) for name, _ in phase.values}
            self.types |= {fold.name: wide for fold in phase.folds}
            self.types |= {name: wide for name, _ in phase.picks}
            self.types |= {n.name: wide if n.wide else lines.dtype for n in phase.then}

    @property
    def parameters(self) -> list[str]:
        """The arrays."""
        return [a.name for a in self.lines.arrays]

    @property
    def values(self) -> list[str]:
        """The numbers of a call."""
        return [*self.lines.values, *(["ignored"] if self.lines.position else [])]

    @property
    def head(self) -> str:
        """The first line of the CPU's kernel."""
        return f"def kernel({', '.join([*self.parameters, 'n', 'inner', *self.values])}):"

    def compute(self, phase: Phase) -> str:
        """The type that a phase computes in."""
        return self.wide if phase.wide else self.dtype

    def numbers(self, phase: Phase) -> list[str]:
        """The numbers of a line that the elements of a phase take, in order."""
        known = self.values + [f.name for p in self.lines.phases for f in p.folds]
        known += [n.name for p in self.lines.phases for n in p.then]
        known += [name for p in self.lines.phases for name, _ in p.picks]
        known += [a.name for a in self.lines.arrays if a.where == "line" and a.role == "r"]
        own = {name for name, _ in phase.values} | {f.name for f in phase.folds}
        used = {name for formula in formulas(phase) for name in names_in(formula)}
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
        used = {name for formula in formulas(phase) for name in names_in(formula)}
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

    def then(self, phase: Phase, line: str, first: str) -> list[str]:
        """The numbers of a line after a phase, and the stores of those that are operands.

        `first` is the index of the line's first element.
        """
        found = []
        if phase.picks or phase.puts:
            found += [f"at = min(max({self.variable(self.lines.position)}, 0), n - 1)"]
            found += [f"place = np.uint64({first} + at * inner)"]
        for name, array in phase.picks:
            found.append(f"{name} = {cast(f'{array}[place]', self.dtype, self.wide)}")
        for number in phase.then:
            text, dtype = self.text(number.formula, self.wide), self.types[number.name]
            if number.name in self.where:
                found.append(f"{number.name}[{line}] = {cast(text, self.wide, self.dtype)}")
            else:
                found.append(f"{number.name} = {cast(text, self.wide, dtype)}")
        if phase.puts:
            given = f"{self.variable(self.lines.position)} != ignored"
            puts = [f"{a}[place] = {self.text(f, self.dtype)}" for a, f in phase.puts]
            loads = [f"{name}_ = {name}[place]" for name, _ in phase.puts]
            found += [f"if {given}:", *indent([*loads, *puts])]
        return found

    def misplaced(self) -> str:
        """Whether the line's position is nowhere."""
        at = self.variable(self.lines.position)
        return f"{at} != ignored and ({at} < 0 or {at} >= n)"

    def known(self, phase: Phase) -> set[str]:
        """The names in what a line's numbers come of."""
        texts = [number.formula for number in phase.then] + [f for _, f in phase.puts]
        own = {number.name for number in phase.then} | {name for name, _ in phase.picks}
        used = {name for text in texts for name in names_in(text)} - own
        return used | ({self.lines.position} if phase.picks or phase.puts else set())

    def moves(self, phase: Phase) -> bool:
        """Whether a phase looks at elements at all."""
        return bool(phase.values or phase.stores or phase.folds)

    def along(self, phase: Phase) -> bool:
        """Whether a phase takes what is given for each place of a line."""
        used = {name for formula in formulas(phase) for name in names_in(formula)}
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
            of_elements = [(f, self.compute(phase)) for f in formulas(phase)]
            of_lines = [(n.formula, self.wide) for n in phase.then]
            of_lines += [(f, self.dtype) for _, f in phase.puts]
            used |= {(f, d) for text, d in of_elements + of_lines for f in functions(text)}
        found: list[str] = self.names.helpers([self.names.scalar(*f) for f in sorted(used)])
        return found

    def module(self, kind: str, kernel: list[str], imports: list[str]) -> str:
        """The text of the module around `kernel`."""
        doc = f'"""{self.lines.name}: {self.dtype}; lines in {kind}."""'
        return module(doc, self.helpers(), self.names.DECORATOR, kernel, imports)


def formulas(phase: Phase) -> list[str]:
    return [f for _, f in (*phase.values, *phase.stores)] + [f.formula for f in phase.folds]
