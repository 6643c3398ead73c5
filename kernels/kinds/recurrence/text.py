"""Source of a unit's step: loads, formulas, stores; the same on every device but for positions.

Arrays are flat, and a unit is in them at

    own     of its sequence and unit: b * hidden + j
    at      of its row and unit: row * hidden + j
    gate    of its row's gates: row * gates * hidden + j, and so `keep` of what is kept, and
            `state` of the gates by the state; the next ones of the unit are `of_1`, ... away
"""

from __future__ import annotations

from types import ModuleType
from typing import NamedTuple

from ...source.axis.scans import operands as names_in
from ...source.scalar import functions, render
from .cells import CELLS, Cell, Lines


class Recurrence(NamedTuple):
    """The cell, the type of elements, whether sequences are packed, and states projected."""

    mode: str
    dtype: str
    packed: bool
    projected: bool

    @property
    def name(self) -> str:
        """The cell's, for people."""
        return self.mode.lower()

    @property
    def cell(self) -> Cell:
        """Its formulas."""
        return CELLS[self.mode]


# Where names of formulas are read, and results written.
_READ = {
    "x": "gates[gate{k}]",
    "s": "by_state[state{k}]",
    "b": "bias[j{k}]",
    "k": "kept[keep{k}]",
    "h": "before[at]",
    "dc": "dc[own]",
}
_WRITTEN = {"k": "kept[keep{k}]", "g": "dgates[gate{k}]", "a": "dstate[gate{k}]"}


def forward(p: Recurrence, names: ModuleType, given: dict[str, str]) -> list[str]:
    """A step of a unit; `given` are variables that hold what a formula reads."""
    lines = _assigned(p, p.cell.forward, names, {**given, "c": given.get("c", "c[own]")})
    if p.cell.memory:
        lines = ["c_before[at] = c[own]", *lines, "c[own] = c_"]
    return [*lines, "m[at] = m_" if p.projected else "y[at] = m_", *_shown(p)]


def _shown(p: Recurrence) -> list[str]:
    return [] if p.projected else ["h[own] = m_"]


def backward(p: Recurrence, names: ModuleType, given: dict[str, str]) -> list[str]:
    """The way back through a step of a unit."""
    lines = _assigned(p, p.cell.backward, names, {**given, "c": "c_before[at]"})
    lines += ["dc[own] = dc_"] if p.cell.memory else []
    return [*lines, "dh[own] = direct_"] if p.cell.apart else lines


def _assigned(
    p: Recurrence, formulas: Lines, names: ModuleType, given: dict[str, str]
) -> list[str]:
    """Formulas as assignments, what they read first."""
    made, loads, body, stores = set[str](), dict[str, str](), list[str](), list[str]()
    for name, formula in formulas:
        for used in sorted(names_in(formula) - functions(formula)):
            if used not in made:
                loads.setdefault(used, f"{used}_ = {given.get(used) or _place(_READ, used)}")
        known = {used: f"{used}_" for used in names_in(formula)}
        body.append(f"{name}_ = {render(formula, known, p.dtype, names)}")
        made.add(name)
        if name[:1] in _WRITTEN and name[1:2] == "_":
            stores.append(f"{_place(_WRITTEN, name)} = {name}_")
    return [*loads.values(), *body, *stores]


def _place(places: dict[str, str], name: str) -> str:
    """Where `name`, or `name_k`, lies."""
    kind, _, k = name.partition("_")
    return places[kind].format(k=f" + of_{k}" if k and k != "0" else "")


# How far the gates of a unit are apart. On the CPU all are unsigned, without literals among them,
# which are signed: such an index is looked at, for it might count from the end.
WIDTHS = "of_1, of_2, of_3 = width, width + width, width + width + width"


def helpers(p: Recurrence, names: ModuleType) -> list[str]:
    """The sources of the functions that formulas call."""
    used = {f for _, formula in (*p.cell.forward, *p.cell.backward) for f in functions(formula)}
    found: list[str] = names.helpers([names.scalar(f, p.dtype) for f in sorted(used)])
    return found
