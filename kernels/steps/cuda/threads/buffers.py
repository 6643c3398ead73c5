"""The arrays of a kernel: their names, their order, and which stay in registers."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ... import trace as t
from ...cpu.module import named_arrays
from ...plan.graph import Element, Value, ordered
from ...plan.plan import Group, Plan
from ...plan.tasks import HISTORY, Store, values_of

# What a kernel takes before its arrays.
HEAD = {
    "steps": "int64",
    "numbers": "CPointer(float64)",
    "seeds": "CPointer(uint64)",
    "history": "CPointer(float64)",
    "status": "CPointer(int64)",
}
# Names that a kernel's own variables, its functions and Python's may have.
_WORDS = """thread cuda lane output base along row column other met total totals tree tops at j k s
stride begin stop segment min max abs range bool_"""
_STEMS = "v w i c f u acc part fold rate now"
_PREFIXES = r"tree tops totals left part kept call\d+"
_TAKEN = re.compile(
    rf"({'|'.join([*HEAD, *_WORDS.split()])}|({'|'.join(_STEMS.split())})\d*(_\d+)?"
    rf"|({'|'.join(_PREFIXES.split())})_\w+|\w+_(now|at_\d+))_*"
)


def arrays_of(plan: Plan) -> dict[int, str]:
    """An identifier for the array of each buffer, which is no other name of a kernel."""
    found = named_arrays(plan)
    return {b: f"{name}_" if _TAKEN.fullmatch(name) else name for b, name in found.items()}


def memory_of(plan: Plan) -> list[int]:
    """A buffer for each array that a kernel takes: arguments, constants, scratch memory."""
    constants = [b for b, buffer in enumerate(plan.trace.buffers) if buffer.role == t.CONSTANT]
    scratch = {array: b for b, array in reversed(plan.scratch.items())}
    return [*plan.trace.arguments, *constants, *(scratch[k] for k in sorted(scratch))]


def held_in_registers(plan: Plan) -> dict[int, bool]:
    """Buffers that scalars alone touch, with whether steps write them."""
    found: dict[int, bool] = {}
    others: set[int] = set()
    for group in (*plan.once, *plan.each):
        others |= _touched_by_loops(group)
        for b in _read_by_scalars(group):
            found.setdefault(b, False)
        found |= {task.buffer: True for task in group.tasks if isinstance(task, Store)}
    alone = {b: written for b, written in found.items() if b not in others and b != HISTORY}
    return {b: written for b, written in alone.items() if _holds_one(plan.trace.buffers[b])}


def _holds_one(buffer: t.Buffer) -> bool:
    return buffer.size == 1 and buffer.dtype != "uint16" and buffer.role != t.CONSTANT


def values_in(group: Group) -> Iterable[Value]:
    return ordered(v for task in group.tasks for v in values_of(task))


def _read_by_scalars(group: Group) -> set[int]:
    return {v.buffer for v in values_in(group) if isinstance(v, Element) and v.n == 1}


def _touched_by_loops(group: Group) -> set[int]:
    """The buffers that a group reads or writes by other ways than as scalars."""
    if group.other:
        return {b for b, _ in (*group.other.reads, *group.other.writes)}
    read = {v.buffer for v in values_in(group) if isinstance(v, Element) and v.n > 1}
    written = {b for task in group.tasks for b, _ in task.writes} if group.n > 1 else set()
    return read | written
