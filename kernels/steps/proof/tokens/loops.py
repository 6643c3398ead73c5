"""What a loop does to tokens: ops of a trace that run Programs, and groups of a plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from ....source.program import Reduce
from ... import trace as t
from ...plan.graph import Apply, Element, Folded, Literal, Rate, Value
from ...plan.plan import Group
from ...plan.tasks import Fold, Partial, Store, Task
from ..places import Key, Refused, names_in, places_of, reached, walk_of
from ..walks import Array, Walk
from .memory import EXACT, Memory, Wanted, sampled
from .tokens import PRIME, Tokens, add, convert, formula, fresh, known, origin

ArrayOf = Callable[[int], Key]
Tokened = dict[Value, Tokens]


class Event(Protocol):
    """Something that runs: `want` goes backwards, `run` forwards."""

    def want(self, wanted: Wanted) -> None:
        """Take what it writes of what is wanted, and want what that is computed from."""

    def run(self, memory: Memory) -> None:
        """Do it to tokens."""


def weights(n: int) -> Array:
    """What the looked-at of n terms are multiplied by, that none may stand for another."""
    return fresh(origin("weight", n), sampled(n)).code if n > EXACT else np.ones(n, np.int64)


def folded(reduce: Reduce, x: Tokens, source: str, n: int) -> Tokens:
    """The fold of n places, those along the last axis being looked at."""
    total = reduce.total
    x, step = convert(x, source, total), formula(reduce.step, total)
    acc = formula(reduce.init, total)({})
    if n > EXACT and reduce.step == "{acc} + {x}":
        terms = x.code * weights(n) % PRIME
        acc = add(total, acc, Tokens(terms.sum(-1) % PRIME))
    else:
        for k in range(x.code.shape[-1]):
            acc = step({"acc": acc, "x": x.take((..., k))})
    return formula(reduce.final, total)({"acc": acc, "n": known(float(n))})


def applied(
    text: str, compute: str, dtype: str, given: Iterable[tuple[str, str, Tokens]], kept: Any
) -> Tokens:
    """A formula over operands (name, type, tokens), or a conversion."""
    operands = {
        name: x if name in kept else convert(x, source, compute) for name, source, x in given
    }
    return formula(text, compute)(operands) if text else convert(operands["x"], compute, dtype)


@dataclass
class Result:
    """Something that a loop writes: at each place, or folded, for the places `kept`.

    `kept` and `along` walk the places of the loop: those of a result, and those that it folds.
    """

    key: Key
    walk: Walk
    kept: Walk | None = None
    along: Walk = field(default_factory=lambda: Walk(0))
    elements: Array = field(default_factory=lambda: np.zeros(0, np.int64))
    places: Array = field(default_factory=lambda: np.zeros(0, np.int64))

    def want(self, wanted: Wanted) -> Array:
        """The places that the wanted elements come from."""
        self.elements, self.places = wanted.written(self.key, self.walk)
        if self.kept is None:
            return self.places
        self.places = self.spread(self.places)
        return self.places.ravel()

    def of(self, value: Tokens, places: Array) -> Tokens:
        """What of a value, known at `places`, is at those of this result."""
        value = value.over(places.shape)
        return value if self.places is places else value.take(np.searchsorted(places, self.places))

    def spread(self, at: Array) -> Array:
        """The places that are looked at of those that each result folds, along a last axis."""
        assert self.kept is not None
        found: Array = self.kept.at(at)[:, None] + self.along.at(sampled(self.along.n))
        return found


class Loop:
    """An op of a trace, a Program over a shape."""

    def __init__(self, op: t.Loop, array_of: ArrayOf) -> None:
        self.op, self.program = op, op.program
        self.reads = [
            (k, array_of(x.buffer), Walk(x.offset, op.shape, x.strides).plain)
            for k, x in enumerate(op.inputs)
            if isinstance(x, t.View)
        ]
        self.results = [
            _result(op.shape, view, array_of(view.buffer), out.reduce)
            for out, view in zip(op.program.outputs, op.outputs, strict=True)
        ]
        self.places: Array = np.zeros(0, np.int64)
        self.used = _used(op.program)

    def want(self, wanted: Wanted) -> None:
        """As an Event."""
        self.places = _together([result.want(wanted) for result in reversed(self.results)])
        if self.places.size:
            for k, key, walk in self.reads:
                if k in self.used:
                    wanted.add(key, walk.at(self.places))

    def run(self, memory: Memory) -> None:
        """As an Event."""
        if not any(result.elements.size for result in self.results):
            return
        values = self._inputs(memory)
        for instr in self.program.body:
            given = [(name, self.program.dtype(k), values[k]) for name, k in instr.args]
            used = names_in(instr.formula)
            given = [x for x in given if x[0] in used]
            values.append(applied(instr.formula, instr.compute, instr.dtype, given, instr.kept))
        for out, result in zip(self.program.outputs, self.results, strict=True):
            if result.elements.size:
                value = result.of(values[out.value], self.places)
                _put(memory, result, value, (self.program.dtype(out.value), out.dtype), out.reduce)

    def _inputs(self, memory: Memory) -> list[Tokens]:
        walks = {k: (key, walk) for k, key, walk in self.reads}
        values = []
        for k, (x, p) in enumerate(zip(self.op.inputs, self.program.inputs, strict=True)):
            if isinstance(x, t.Slot):
                values.append(convert(_rate(x.column), "float64", p.loaded))
            elif isinstance(x, t.Number):
                kind = "float64" if isinstance(x.value, float) else "int64"
                values.append(convert(known(float(x.value)), kind, p.loaded))
            elif k in self.used:
                key, walk = walks[k]
                found = memory.read(key, walk.at(self.places))
                values.append(convert(found, p.stored, p.loaded))
            else:
                values.append(known(0.0))
        return values


def _used(program: Any) -> set[int]:
    """The inputs of a Program that its outputs need."""
    first = len(program.inputs)
    needed = {out.value for out in program.outputs}
    for k, instr in reversed([*enumerate(program.body, first)]):
        if k in needed:
            names = names_in(instr.formula)
            needed |= {v for name, v in instr.args if name in names}
    return needed


def _result(shape: tuple[int, ...], view: t.View, key: Key, reduce: Reduce | None) -> Result:
    """What an output of a Program writes."""
    if reduce is None:
        return Result(key, Walk(view.offset, shape, view.strides).plain)
    within = [int(np.prod(shape[d + 1 :], dtype=np.int64)) for d in range(len(shape))]
    kept = [d for d, step in enumerate(view.strides) if step]
    along = [d for d, step in enumerate(view.strides) if not step]

    def over(dims: list[int], offset: int, strides: Any) -> Walk:
        extents = tuple(shape[d] for d in dims)
        return Walk(offset, extents, tuple(strides[d] for d in dims))

    return Result(
        key, over(kept, view.offset, view.strides), over(kept, 0, within), over(along, 0, within)
    )


def _together(found: list[Array]) -> Array:
    """The places of all results, each once, in order."""
    first, *rest = found
    if all(other is first for other in rest) and bool((first[1:] > first[:-1]).all()):
        return first
    return np.unique(np.concatenate(found))


def _rate(slot: int, once: bool = False) -> Tokens:
    """The number of this step, or what lay there as things were done once."""
    return fresh(origin("rate", slot, once), np.zeros(1, np.int64))


def _put(
    memory: Memory,
    result: Result,
    value: Tokens,
    kinds: tuple[str, str],
    reduce: Reduce | None = None,
) -> None:
    """Write a value, known at the places of a result, and of these types here and in memory."""
    source, stored = kinds
    if reduce is not None:
        value, source = folded(reduce, value, source, result.along.n), reduce.total
    memory.write(result.key, result.elements, convert(value, source, stored))


class Registers:
    """The scalars of a plan: computed where they are first asked for, and kept from then on."""

    def __init__(self) -> None:
        self.tokens: Tokened = {}
        self.claimed: set[Value] = set()

    def claim(self, values: Iterable[Value]) -> list[Value]:
        """Those that nobody has asked for, who asks now."""
        found = [v for v in values if v not in self.claimed]
        self.claimed.update(found)
        return found


class Places:
    """A group of a plan that is a loop, or scalars."""

    def __init__(self, group: Group, array_of: ArrayOf, registers: Registers) -> None:
        self.group, self.array_of, self.registers = group, array_of, registers
        self.results = [(task, self._result(task)) for task in group.tasks]
        self.reached = {task: list(reached(task)) for task in group.tasks}
        values = dict.fromkeys(v for found in self.reached.values() for v in found)
        self.scalars = registers.claim(v for v in values if v.n == 1 and not isinstance(v, Folded))
        self.needed: list[Value] = []
        self.places: Array = np.zeros(0, np.int64)

    def _result(self, task: Task) -> Result:
        n = self.group.n
        if isinstance(task, Store):
            return Result(self.array_of(task.buffer), walk_of(task).plain)
        if isinstance(task, Partial):
            outer, m, inner = task.extents
            kept = Walk(0, (outer, inner), (m * inner, 1))
            along = Walk(0, (m,), (inner,))
            return Result(self.array_of(task.buffer), walk_of(task), kept, along)
        return Result(("fold", 0), Walk(0), Walk(0), Walk(0, (n,), (1,)))

    def want(self, wanted: Wanted) -> None:
        """As an Event."""
        found, needed = [], dict.fromkeys(self.scalars)
        for task, result in reversed(self.results):  # what is stored last is what stays
            if isinstance(task, Fold):
                result.places = result.spread(np.zeros(1, np.int64))
                at = np.ravel(result.places)
            else:
                at = result.want(wanted)
            if at.size:
                found.append(at)
                needed |= dict.fromkeys(v for v in self.reached[task] if v.n > 1)
        self.places = _together(found) if found else self.places
        self.needed = [*needed]
        for v in self.needed:
            if isinstance(v, Element):
                wanted.add(self.array_of(v.buffer), self._elements(v))

    def _elements(self, v: Element) -> Array:
        return walk_of(v).at(self.places) if v.n > 1 else walk_of(v).all()

    def run(self, memory: Memory) -> None:
        """As an Event."""
        here: Tokened = {}
        scalars = self.registers.tokens
        for v in self.needed:
            (here if v.n > 1 else scalars)[v] = self._computed(v, here, memory)
        for task, result in self.results:
            self._finish(task, result, here, memory)

    def _computed(self, v: Value, here: Tokened, memory: Memory) -> Tokens:
        if isinstance(v, Literal):
            return formula(v.text, v.dtype)({})
        if isinstance(v, Rate):
            return _rate(v.slot, self.group.once)
        if isinstance(v, Element):
            found = memory.read(self.array_of(v.buffer), self._elements(v))
            return convert(found, v.stored, v.dtype)
        assert isinstance(v, Apply)
        used = names_in(v.formula)
        given = [(k, a.dtype, self._known(a, here)) for k, a in v.args if k in used]
        return applied(v.formula, v.compute, v.dtype, given, v.kept)

    def _known(self, v: Value, here: Tokened) -> Tokens:
        found = (here if v.n > 1 else self.registers.tokens).get(v)
        if found is None:
            raise Refused("a value is used before it is computed")
        return found

    def _finish(self, task: Task, result: Result, here: Tokened, memory: Memory) -> None:
        """Store, or fold."""
        if not result.places.size:
            return
        (v,) = places_of(task)
        value = result.of(self._known(v, here), self.places)
        if isinstance(task, Fold):
            found = folded(task.value.reduce, value, v.dtype, self.group.n)
            self.registers.tokens[task.value] = found
        elif isinstance(task, Partial):
            _put(memory, result, value, (v.dtype, task.stored), task.reduce)
        elif isinstance(task, Store):
            _put(memory, result, value, (v.dtype, task.stored))
