"""Calls of kernel kinds, on the CPU."""

from __future__ import annotations

from typing import Any

from ...cpu import names
from ...source.kind import Routine
from ...source.scalar import SHORT
from ...vecmath import texts
from .. import trace as t
from ..embed import Embedded
from ..plan.plan import Plan
from ..plan.tasks import Other, positions_of

INSIDE = '''"""Whether all positions are in [0, size)."""

import numpy as np
from numba import njit


@njit(error_model="numpy")
def kernel(index, size):
    outside = False
    for i in range(index.size):
        outside |= index[i] < 0 or index[i] >= size
    return not outside
'''


class Calls:
    """Writes calls; `embedded` are the functions that they call, `routines` those of libraries."""

    def __init__(self, plan: Plan, arrays: dict[int, str], compiled: bool) -> None:
        self.plan, self.arrays, self.compiled = plan, arrays, compiled
        self.embedded = Embedded({*texts.sources(), "u64", *SHORT.values()})
        self.routines: list[Routine] = []
        self.checked: set[object] = set()  # positions

    def lines(self, task: Other) -> list[str]:
        """The lines that run a call."""
        op, kind = task.op, task.op.kind
        function, places = self._kernel(op)
        given = [*self._routine(op), *map(self._array, op.operands), *places, *self._stream(op)]
        call = f"{function}({', '.join([*given, *map(number, (*op.sizes, *op.values))])})"
        if not kind.fails:
            return [*self._checks(task), call]
        first = self._failure(kind.fails[0])
        failed = ["if failed:", f"    return {first} - 1 + failed"]
        return [*self._checks(task), f"failed = {call}", *failed]

    def _kernel(self, op: t.Call) -> tuple[str, list[str]]:
        """The function that does it, and the places that it takes.

        What is compiled knows where operands lie; for people a kernel that takes any says more.
        """
        kind = op.kind
        known = kind.known(op.params, op.metas) if self.compiled and kind.known else ""
        if known:
            return self.embedded.add(known, kind.name), []
        assert kind.cpu is not None
        places = [f"i64({n})" for n in kind.numbers(op.params, op.metas)]
        return self.embedded.add(kind.cpu(op.params, names, False), kind.name), places

    def _checks(self, task: Other) -> list[str]:
        """A step ends where positions are out of range; the same ones are looked at once."""
        lines = []
        for key in positions_of(task):
            if key in self.checked:
                continue
            self.checked.add(key)
            inside = self.embedded.add(INSIDE, "inside")
            test = f"{inside}({self._array(key[1])}, i64({key[2]}))"
            lines += [f"if not {test}:", f"    return {self._failure(t.INDEX)}"]
        return lines

    def _failure(self, text: str) -> str:
        """What `run` returns when that goes wrong."""
        failures = self.plan.trace.failures
        number = failures.index(text) + t.FAILED
        return f"s * {len(failures)} + {number}" if len(failures) > 1 else f"s + {number}"

    def _array(self, x: t.Place | t.Part) -> str:
        """A flat operand is a slice; a strided one is the whole of its buffer."""
        array = self.arrays[x.buffer]
        return array if isinstance(x, t.Part) else f"{array}[{x.offset}:{x.offset + x.size}]"

    def _routine(self, op: t.Call) -> list[str]:
        """The address of the library's function that a kernel takes."""
        if op.kind.routine is None:
            return []
        routine = op.kind.routine(op.params)
        if routine not in self.routines:
            self.routines.append(routine)
        return [f"routines[{self.routines.index(routine)}]"]

    def _stream(self, op: t.Call) -> list[str]:
        """The seed, and the counter from which on a call draws in step s."""
        if op.kind.draws is None:
            return []
        step = f"np.uint64(s) * np.uint64({self.plan.trace.counters[op.stream]})"
        at = f"seeds[{op.stream}, 1] + {step} + np.uint64({op.counter})"
        return [f"seeds[{op.stream}, 0]", at]


def number(value: Any) -> str:
    """The text of a number, typed: Numba would compile the kernel anew for every literal."""
    if isinstance(value, int):
        return f"i64({value})"
    text = repr(value.item()).replace("inf", "np.inf").replace("nan", "np.nan")
    return f"np.{value.dtype}({text})"
