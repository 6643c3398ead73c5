"""What one thread does at one place of a loop: loads, instructions, folds, stores.

Places are counted by one number, `i`, in row-major order. Operands that are not walked in that
order are found by coordinates, which divisions by constants take out of `i`; or, where something is
folded in part, out of the `row`, the `column` and the place `along` the folded axis:

    i = (row * n + along) * inner + column
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ....cuda import names
from ....cuda.source.maps import memory_type
from ....source.program import Reduce
from ....source.scalar import NARROW, SHORT, cast, render
from ....source.writer import read, write
from ...cpu.loops import applied, calls, literal
from ...plan.graph import Apply, Element, Literal, Shape, Value, spread
from ...plan.members import Members
from ...plan.tasks import Fold, Partial, Store, values_of
from .hazards import Access

# Variables of one place.
_OF_A_PLACE = re.compile(r"\b(i|[cv]\d+)\b")
_LIGHT = {(name, dtype) for name in ("sqrt", "floor") for dtype in ("float32", "float64")}


@dataclass
class Places(Members):
    """A loop, the names of the buffers' arrays, and of known scalars."""

    arrays: dict[int, str]
    scalars: dict[Value, str] = field(default_factory=dict)

    @property
    def ahead(self) -> int:
        """How many places to do at a time: several, where that takes few registers."""
        return 1 if calls(self.values) - _LIGHT else 4

    @property
    def extents(self) -> tuple[int, int, int]:
        """The (outer, n, inner) of the folds in part."""
        assert self.group.folds is not None
        return self.group.folds

    def elements(self) -> Iterator[Element]:
        """What is loaded at a place."""
        return (v for v in self.values if isinstance(v, Element) and v.n > 1)

    def reads(self, flat: bool) -> set[Access]:
        """The arrays that are read; `flat`, place i belongs to the thread of that number."""
        return {(self.arrays[v.buffer], self._own(v, flat)) for v in self.elements()}

    def writes(self, flat: bool) -> set[Access]:
        """The arrays that are written."""
        found = {(self.arrays[task.buffer], self._own(task, flat)) for task in self.stores}
        return found | {(self.arrays[task.buffer], None) for task in self.partials}

    def _own(self, at: Element | Store, flat: bool) -> int | None:
        return at.offset if flat and self._linear(at.extents, at.strides) else None

    def _linear(self, extents: Shape, strides: Shape) -> bool:
        """Whether places follow one another in memory."""
        return strides == (1,) and math.prod(extents) == self.group.n

    # Source

    @property
    def accs(self) -> list[str]:
        """The accumulators of the folds of all places."""
        return [f"acc{k}" for k in range(len(self.folds))]

    @property
    def starts(self) -> list[str]:
        """What they begin with."""
        return _starts(dict(zip(self.accs, self.folds, strict=True)))

    @property
    def parts(self) -> dict[str, Partial]:
        """The accumulators of the folds in part."""
        return {f"part{k}": task for k, task in enumerate(self.partials)}

    @property
    def part_starts(self) -> list[str]:
        """What those begin with, for each result."""
        return _starts(self.parts)

    @property
    def lines(self) -> list[str]:
        """Place `i`: its values join the folds, and are stored."""
        return [*self._computed, *self._stored]

    def together(self, count: int, apart: str) -> list[str]:
        """Places `i`, `i + apart`, ...: all are computed before the first is stored.

        A store holds up all loads that follow, since it might change what they read.
        """
        computed, stored = [], []
        for k in range(count):
            computed.append(f"i_{k} = i + {k} * {apart}")
            computed += [_OF_A_PLACE.sub(rf"\1_{k}", line) for line in self._computed]
            stored += [_OF_A_PLACE.sub(rf"\1_{k}", line) for line in self._stored]
        return [*computed, *stored]

    @property
    def _computed(self) -> list[str]:
        lines = self._coordinates(self._inmost())
        lines += [f"{name} = {self._value(v)}" for v, name in self._named.items()]
        folds: dict[str, Fold | Partial] = {**self.parts}
        folds |= zip(self.accs, self.folds, strict=True)
        known = self._known
        return [*lines, *(_joined(task, acc, known) for acc, task in folds.items())]

    @property
    def _stored(self) -> list[str]:
        lines = []
        for store in self.stores:
            value = write(self._known[store.value], store.value.dtype, memory_type(store.stored))
            lines.append(f"{self.arrays[store.buffer]}[{self._position(store)}] = {value}")
        return lines

    @cached_property
    def _named(self) -> dict[Value, str]:
        """The variables of a place."""
        numbered = enumerate(self.values)
        return {v: f"v{k}" for k, v in numbered if v.n > 1 and not isinstance(v, Literal)}

    @cached_property
    def _known(self) -> dict[Value, str]:
        """The text of each value that a place uses."""
        known = {v: self.scalars[v] for v in self.inputs}
        known |= {v: literal(v) for v in self.values if isinstance(v, Literal)}
        return known | self._named

    @property
    def head(self) -> list[str]:
        """The coordinates that all places of a row and column share."""
        return self._coordinates([s for s in self._spaces() if s not in self._inmost()])

    def _value(self, v: Value) -> str:
        if isinstance(v, Element):
            element = f"{self.arrays[v.buffer]}[{self._position(v)}]"
            return read(element, memory_type(v.stored), v.dtype)
        assert isinstance(v, Apply)
        return applied(v, self._known, names)

    def _position(self, at: Element | Store) -> str:
        """Where an operand is at place `i`."""
        if self._linear(at.extents, at.strides):
            return f"i + {at.offset}" if at.offset else "i"
        steps = enumerate(spread(at.extents, at.strides, self.group.extents))
        terms = [f"c{d} * {step}" if step != 1 else f"c{d}" for d, step in steps if step]
        return " + ".join([*terms, *([str(at.offset)] if at.offset else [])])

    def _spaces(self) -> list[tuple[str, int, int]]:
        """The numbers that places are counted by, and the dimensions of each, from, to."""
        extents = self.group.extents
        if not self.partials:
            return [("i", 0, len(extents))]
        outer, n, _ = self.extents
        reached = [math.prod(extents[:d]) for d in range(len(extents) + 1)]
        first, last = reached.index(outer), reached.index(outer * n)
        return [("row", 0, first), ("along", first, last), ("column", last, len(extents))]

    def _inmost(self) -> list[tuple[str, int, int]]:
        return [space for space in self._spaces() if space[0] in ("i", "along")]

    def _coordinates(self, spaces: list[tuple[str, int, int]]) -> list[str]:
        """The coordinates that positions need, each a quotient and a remainder."""
        wanted: set[int] = set()
        operands: list[Element | Store] = [*self.elements(), *self.stores]
        for at in operands:
            if not self._linear(at.extents, at.strides):
                steps = spread(at.extents, at.strides, self.group.extents)
                wanted |= {d for d, step in enumerate(steps) if step}
        return [
            f"c{d} = {self._coordinate(d, *space)}"
            for space in spaces
            for d in range(*space[1:])
            if d in wanted
        ]

    def _coordinate(self, d: int, number: str, start: int, stop: int) -> str:
        extents = self.group.extents
        if stop == start + 1:
            return number
        inner = math.prod(extents[d + 1 : stop])
        text = f"np.uint64({number})" + (f" // np.uint64({inner})" if inner > 1 else "")
        text += f" % np.uint64({extents[d]})" if d > start else ""
        return f"np.int64({text})"


def _joined(task: Fold | Partial, acc: str, known: dict[Value, str]) -> str:
    """The assignment by which a place joins a fold."""
    (value,) = values_of(task)
    lane = reduction(task).lane
    return f"{acc} = {step(reduction(task), acc, cast(known[value], value.dtype, lane), lane)}"


def _starts(folds: Mapping[str, Fold | Partial]) -> list[str]:
    reduces = {acc: reduction(task) for acc, task in folds.items()}
    return [f"{acc} = {initial(reduce, reduce.lane)}" for acc, reduce in reduces.items()]


def reduction(task: Fold | Partial) -> Reduce:
    """How a task folds."""
    return task.value.reduce if isinstance(task, Fold) else task.reduce


def initial(reduce: Reduce, dtype: str) -> str:
    """What a fold in `dtype` starts from; a lowest integer is one literal."""
    if dtype in NARROW:
        return f"{SHORT[dtype]}({reduce.init})"
    return render(reduce.init, {}, dtype, names)


def step(reduce: Reduce, acc: str, x: str, dtype: str) -> str:
    """`x` joined to `acc`, both of type `dtype`."""
    return render(reduce.step, {"acc": acc, "x": x}, dtype, names)


def final(reduce: Reduce, acc: str, n: int) -> str:
    """The result of a fold of n places, from its total."""
    given = {"acc": acc, "n": cast(str(n), "int64", reduce.total)}
    return render(reduce.final, given, reduce.total, names)
