"""Scans: an axis folded up to every element, as plain data, and the CPU's source for them.

A state of one or more registers goes along the axis, and every element brings a state of its own.
Joining two states is associative, so that pieces of an axis can be scanned apart and joined
(G. Blelloch, "Prefix sums and their applications", 1990).

                    state       element     joined
    cumsum          acc         x           acc + x
    cummax          acc, at     x, place    x and place where x is not below acc, else acc and at
    logcumsumexp    top, sum    x, 1        max(top, x), and both sums brought to that maximum
    recurrence      scale, acc  a, b        scale * a, a * acc + b

An array is flat and contiguous (outer, n, inner); its middle axis is scanned. The CPU goes along it
element by element, so that neither threads nor the other extents change a result.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from types import ModuleType

from ..codegen import MAP_FLAGS, njit
from ..program import Input
from ..scalar import NARROW, SHORT, cast, functions, parse, render
from ..writer import indent, module, read, write
from .reductions import COLUMN_BLOCK

# What an element brings besides its value in an input: how far along the axis it is, a one.
PLAIN = {"place": "along", "one": "1"}
# Rows that the CPU scans side by side.
ROWS = 4


@dataclass(frozen=True, slots=True)
class Register:
    """One number of a state: `name` of what came before, `new` of what an element brings.

    `new` is the name of an input, "place" or "one". The register goes from `first` by `step`, a
    formula over names and news of all registers and terms. Its type is `total` where one state
    takes in the whole axis, `lane` where each of many threads joins a few elements.
    """

    name: str
    new: str
    first: str
    step: str
    lane: str
    total: str


@dataclass(frozen=True, slots=True)
class Result:
    """What is stored at every element: a `formula` over registers, of the type that `like` has."""

    formula: str
    like: str
    stored: str


@dataclass(frozen=True, eq=False)
class Scan:
    """A scan of `inputs`; `terms` are formulas that several steps share, by name.

    `reverse` goes from the last element to the first. `exclusive` gives the results before the
    element has joined. Scans are compared by identity, as Programs are.
    """

    name: str
    inputs: tuple[Input, ...]
    registers: tuple[Register, ...]
    results: tuple[Result, ...]
    terms: tuple[tuple[str, str], ...] = ()
    reverse: bool = False
    exclusive: bool = False


class ScanWriter:
    """The lines that the kernels of one Scan share, in the registers' `width`: lane or total.

    A state is written as a prefix: with "new_", register acc is the variable new_acc.
    """

    def __init__(self, scan: Scan, width: str, names: ModuleType) -> None:
        self.scan, self.names = scan, names
        self.types = {r.name: str(getattr(r, width)) for r in scan.registers}
        self.inputs = {p.name: p for p in scan.inputs}
        self.outs = [f"out{k or ''}" for k in range(len(scan.results))]

    @property
    def parameters(self) -> list[str]:
        """The arrays: inputs, then outputs."""
        return [*self.inputs, *self.outs]

    def live(self) -> list[Register]:
        """The registers that results depend on."""
        uses = {r.name: operands(r.step) for r in self.scan.registers}
        uses |= {name: operands(formula) for name, formula in self.scan.terms}
        wanted = {name for result in self.scan.results for name in operands(result.formula)}
        for _ in uses:
            wanted |= {used for name in wanted for used in uses.get(name, ())}
        return [r for r in self.scan.registers if r.name in wanted]

    def first(self, register: Register) -> str:
        """The value that a register starts with."""
        dtype = self.types[register.name]
        text = render(register.first, {}, dtype, self.names)
        return f"{SHORT[dtype]}({text})" if dtype in NARROW else text

    def begin(self, state: str, registers: Iterable[Register]) -> list[str]:
        """A state in which nothing has joined yet."""
        return [f"{state}{r.name} = {self.first(r)}" for r in registers]

    def load(self, register: Register) -> str:
        """What the element at index i, `along` the axis, brings to a register."""
        p, dtype = self.inputs.get(register.new), self.types[register.name]
        if p is None:
            return cast(PLAIN[register.new], "int64", dtype)
        return cast(read(f"{p.name}[i]", p.stored, p.loaded), p.loaded, dtype)

    def join(self, target: str, left: str, right: str, registers: Iterable[Register]) -> list[str]:
        """target = left, then right"""
        values = {r.name: left + r.name for r in self.scan.registers}
        values |= {r.new: right + r.name for r in self.scan.registers}
        lines, dtype = [], self.types[self.scan.registers[0].name]
        for name, formula in self.scan.terms:
            lines.append(f"{name} = {render(formula, values, dtype, self.names)}")
            values[name] = name
        steps = [render(r.step, values, self.types[r.name], self.names) for r in registers]
        return [*lines, f"{', '.join(target + r.name for r in registers)} = {', '.join(steps)}"]

    def result(self, result: Result, state: str) -> str:
        """A result's value, of the type that `like` has."""
        values = {name: state + name for name in self.types}
        return render(result.formula, values, self.types[result.like], self.names)

    def store(self, out: str, result: Result, value: str) -> str:
        """The assignment of a result to the element at index i."""
        return f"{out}[i] = {write(value, self.types[result.like], result.stored)}"

    def step(self, state: str = "") -> list[str]:
        """The element at index i, `along` the axis, joins a state, and the results are stored."""
        live, results = self.live(), zip(self.outs, self.scan.results, strict=True)
        loads = [f"new_{r.name} = {self.load(r)}" for r in self.scan.registers]
        join = self.join(state, state, "new_", live)
        stores = [self.store(out, result, self.result(result, state)) for out, result in results]
        return [*loads, *(stores + join if self.scan.exclusive else join + stores)]

    def place(self, count: str) -> str:
        """How far along the axis the element is that comes after `count` others."""
        return f"n - 1 - ({count})" if self.scan.reverse else count

    def helpers(self) -> list[str]:
        """The sources of the scalar functions that the kernels call."""
        formulas = [(r.step, self.types[r.name]) for r in self.scan.registers]
        formulas += [(f, self.types[self.scan.registers[0].name]) for _, f in self.scan.terms]
        formulas += [(r.formula, self.types[r.like]) for r in self.scan.results]
        used = {(name, dtype) for formula, dtype in formulas for name in functions(formula)}
        if any(p.stored == "float16" for p in self.scan.inputs):
            used.add(("half_to_float", "float32"))
        if any(r.stored == "float16" for r in self.scan.results):
            used.add(("float_to_half", "float32"))
        helpers: list[str] = self.names.helpers([self.names.scalar(*f) for f in sorted(used)])
        return helpers

    def module(self, kind: str, kernel: list[str], imports: list[str]) -> str:
        """The text of the module around `kernel`."""
        types = ", ".join(p.stored for p in self.scan.inputs)
        outs = ", ".join(r.stored for r in self.scan.results)
        way = ", backwards" * self.scan.reverse + ", exclusive" * self.scan.exclusive
        doc = f'"""{self.scan.name}: ({types}) -> {outs}; scan of {kind}{way}."""'
        return module(doc, self.helpers(), self.names.DECORATOR, kernel, imports)


def operands(formula: str) -> set[str]:
    """The names in a formula."""
    return {node.id for node in ast.walk(parse(formula)) if isinstance(node, ast.Name)}


def rows(scan: Scan, names: ModuleType, *, parallel: bool = False) -> str:
    """kernel(*inputs, *outputs, outer, n, inner), where inner is 1:

    for o in range(outer): for j in range(n): state = join(state, x[o, j]); out[o, j] = state

    A join waits for the one before it, so several rows go side by side, and each that is left over
    by itself; but not where joins call functions, which take longer than the wait.
    """
    w = ScanWriter(scan, "total", names)
    together = 1 if w.helpers() else ROWS
    left = [f"row = task + full * {together - 1}", *_along(w, ["row"])]
    kernel = [
        f"def kernel({', '.join(w.parameters)}, outer, n, inner):",
        f"    full = outer // {together}",
        f"    for task in {'prange' if parallel else 'range'}(full + outer % {together}):",
        "        if task < full:",
        *indent(_along(w, [f"(task * {together} + {k})" for k in range(together)]), 3),
        *(["        else:", *indent(left, 3)] if together > 1 else []),
    ]
    return _njit_module(w, "rows", kernel, parallel)


def _along(w: ScanWriter, lines: list[str]) -> list[str]:
    """The rows of these numbers scanned side by side."""
    states = {f"row{k}_": line for k, line in enumerate(lines)}
    steps = [
        text
        for state, line in states.items()
        for text in (f"i = np.uint64({line} * n + along)", *w.step(state))
    ]
    return [
        *(text for state in states for text in w.begin(state, w.live())),
        "for j in range(n):",
        *indent([f"along = {w.place('j')}", *steps], 1),
    ]


def columns(scan: Scan, names: ModuleType, *, parallel: bool = False) -> str:
    """kernel(*inputs, *outputs, outer, n, inner), with a state for each of a tile of columns c:

    for o, for j: for c: state[c] = join(state[c], x[o, j, c]); out[o, j, c] = state[c]
    """
    w = ScanWriter(scan, "total", names)
    live = w.live()
    kernel = [
        f"def kernel({', '.join(w.parameters)}, outer, n, inner):",
        f"    tiles = (inner + {COLUMN_BLOCK - 1}) // {COLUMN_BLOCK}",
        f"    for task in {'prange' if parallel else 'range'}(outer * tiles):",
        *indent(["o = task // tiles", f"left = (task % tiles) * {COLUMN_BLOCK}"], 2),
        f"        width = min(inner - left, {COLUMN_BLOCK})",
        *indent([f"all_{r.name} = np.full({COLUMN_BLOCK}, {w.first(r)})" for r in live], 2),
        "        for j in range(n):",
        *indent([f"along = {w.place('j')}", "row = (o * n + along) * inner + left"], 3),
        "            for c in range(width):",
        *indent(["i = np.uint64(row + c)", *(f"{r.name} = all_{r.name}[c]" for r in live)], 4),
        *indent([*w.step(), *(f"all_{r.name}[c] = {r.name}" for r in live)], 4),
    ]
    return _njit_module(w, "columns", kernel, parallel)


def _njit_module(w: ScanWriter, kind: str, kernel: list[str], parallel: bool) -> str:
    imports = ["from numba import njit, prange" if parallel else "from numba import njit"]
    return w.module(kind, [njit(MAP_FLAGS, parallel=parallel), *kernel], imports)
