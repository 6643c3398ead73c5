"""What ops that are no loops do to tokens; they are the same in a trace and in its plan."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...matrices import Place
from .. import trace as t
from .loops import ArrayOf, weights
from .memory import EXACT, Memory, Wanted, sampled
from .places import Refused
from .tokens import PRIME, Tokens, add, fresh, known, multiply, opaque, origin
from .walks import Array, Walk

_NONE: Array = np.zeros(0, np.int64)


class _Op:
    """An op on memory. `outputs` are what it writes, `elements` those of them that are wanted."""

    def __init__(self, op: t.Op, array_of: ArrayOf) -> None:
        self.op, self.array_of = op, array_of
        self.outputs: list[tuple[int, Walk]] = []
        self.elements: list[Array] = []
        self.at: list[Array] = []

    def want(self, wanted: Wanted) -> None:
        """As an Event."""
        found = [wanted.written(self.array_of(b), walk) for b, walk in self.outputs]
        self.elements, self.at = [x for x, _ in found], [at for _, at in found]
        if any(at.size for at in self.at):
            self.read(wanted)

    def run(self, memory: Memory) -> None:
        """As an Event."""
        found = [self.tokens(memory, k, at) if at.size else None for k, at in enumerate(self.at)]
        for (b, _), elements, tokens in zip(self.outputs, self.elements, found, strict=True):
            if tokens is not None:
                memory.write(self.array_of(b), elements, tokens)

    def read(self, wanted: Wanted) -> None:
        """Want what the wanted elements are computed from."""

    def tokens(self, memory: Memory, k: int, at: Array) -> Tokens:
        """The tokens of output `k` at its places `at`."""
        raise NotImplementedError


class _Product(_Op):
    op: t.Product

    def __init__(self, op: t.Product, array_of: ArrayOf) -> None:
        super().__init__(op, array_of)
        p = op.problem
        steps = (p.out.batch, p.out.line, p.out.step)
        self.outputs = [(op.out, Walk(p.out.at, (p.batch, p.m, p.n), steps))]

    def _terms(self, at: Array) -> tuple[Array, Array]:
        """Which elements are multiplied: a row of terms for each result."""
        p = self.op.problem
        batch, line, column = at // (p.m * p.n), at // p.n % p.m, at % p.n
        return self._factors(p.a, batch, line), self._factors(p.b, batch, column)

    def _factors(self, place: Place, batch: Array, line: Array) -> Array:
        start = place.at + batch * place.batch + line * place.line
        found: Array = start[:, None] + sampled(self.op.problem.k) * place.step
        return found

    def read(self, wanted: Wanted) -> None:
        for b, elements in zip((self.op.a, self.op.b), self._terms(self.at[0]), strict=True):
            wanted.add(self.array_of(b), elements.ravel())

    def tokens(self, memory: Memory, k: int, at: Array) -> Tokens:
        terms = self._terms(at)
        a, b = (
            memory.read(self.array_of(x), elements)
            for x, elements in zip((self.op.a, self.op.b), terms, strict=True)
        )
        if self.op.problem.k > EXACT:
            found = a.code * b.code % PRIME * weights(self.op.problem.k) % PRIME
            return Tokens(found.sum(-1) % PRIME)
        acc = known(0.0).over(at.shape)
        for j in range(self.op.problem.k):
            x, y = (v.take((..., j)) for v in (a, b))
            acc = add("float64", acc, multiply("float64", x, y))
        return acc


class _Sweep(_Op):
    op: t.Sweep

    def __init__(self, op: t.Sweep, array_of: ArrayOf) -> None:
        super().__init__(op, array_of)
        self.outputs = [(p.buffer, Walk(p.offset, (p.size,), (1,))) for p in op.outputs]

    def _before(self, at: int) -> Array:
        """Where some of what is folded up to a place lies."""
        _, n, inner = self.op.extents
        row, along, column = at // (n * inner), at // inner % n, at % inner
        found = np.union1d(sampled(along + 1), [along])
        return (row * n + found) * inner + column

    def read(self, wanted: Wanted) -> None:
        places = np.concatenate([self._before(i) for at in self.at for i in at.tolist()])
        for x in self.op.inputs:
            wanted.add(self.array_of(x.buffer), x.offset + places)

    def tokens(self, memory: Memory, k: int, at: Array) -> Tokens:
        codes = []
        for i in at.tolist():
            before = self._before(i)
            read = [memory.read(self.array_of(x.buffer), x.offset + before) for x in self.op.inputs]
            each = [Tokens(code[None]) for x in read for code in x.code]
            name = f"sweep {id(self.op.program)} {k} {i // self.op.extents[2] % self.op.extents[1]}"
            codes.append(opaque(name, *each).code[0])
        return Tokens(np.array(codes))


class _Search(_Op):
    op: t.Search

    def __init__(self, op: t.Search, array_of: ArrayOf) -> None:
        super().__init__(op, array_of)
        places = (op.values, op.indices)
        self.outputs = [(p.buffer, Walk(p.offset, (p.size,), (1,))) for p in places]

    def _rows(self, at: Array) -> Array:
        found: Array = self.op.x.offset + at[:, None] * self.op.n + sampled(self.op.n)
        return found

    def read(self, wanted: Wanted) -> None:
        for at in self.at:
            wanted.add(self.array_of(self.op.x.buffer), self._rows(at).ravel())

    def tokens(self, memory: Memory, k: int, at: Array) -> Tokens:
        found = memory.read(self.array_of(self.op.x.buffer), self._rows(at))
        columns = [Tokens(found.code[:, j]) for j in range(found.code.shape[1])]
        return opaque(f"search {self.op.better} {k}", *columns)


class _Move(_Op):
    op: t.Move

    def __init__(self, op: t.Move, array_of: ArrayOf) -> None:
        super().__init__(op, array_of)
        self.gathers = op.name == "gather"
        out = op.out if self.gathers else op.x
        self.outputs = [(out.buffer, Walk(out.offset, (out.size,), (1,)))]

    def _want(self, wanted: Wanted, place: t.Place, at: Array) -> None:
        wanted.add(self.array_of(place.buffer), place.offset + at)

    def _read(self, memory: Memory, place: t.Place, at: Array) -> Tokens:
        return memory.read(self.array_of(place.buffer), place.offset + at)

    def read(self, wanted: Wanted) -> None:
        op, (at,) = self.op, self.at
        if self.gathers:
            self._want(wanted, op.index, at)
            self._want(wanted, op.x, sampled(op.x.size))
            return
        self._want(wanted, op.x, at)
        for place in (op.index, op.out):
            self._want(wanted, place, sampled(place.size))

    def tokens(self, memory: Memory, k: int, at: Array) -> Tokens:
        op = self.op
        if self.gathers:
            own, others = self._read(memory, op.index, at), [op.x]
        else:
            own, others = self._read(memory, op.x, at), [op.index, op.out]
        read = [self._read(memory, place, sampled(place.size)) for place in others]
        each = [Tokens(code[None]) for x in read for code in x.code]
        where = [] if self.gathers else [Tokens(at)]
        return opaque(op.name, own, *where, *each)


class _Random(_Op):
    op: t.Random

    def __init__(self, op: t.Random, array_of: ArrayOf) -> None:
        super().__init__(op, array_of)
        self.outputs = [(op.out.buffer, Walk(op.out.offset, (op.out.size,), (1,)))]

    def tokens(self, memory: Memory, k: int, at: Array) -> Tokens:
        return fresh(origin("draw", self.op.stream, self.op.counter, id(self.op.request)), at)


_KINDS: dict[type[t.Op], Callable[..., _Op]] = {
    t.Product: _Product,
    t.Sweep: _Sweep,
    t.Search: _Search,
    t.Move: _Move,
    t.Random: _Random,
}


def on_memory(op: t.Op, array_of: ArrayOf) -> _Op:
    """The event that an op is which is no loop."""
    if type(op) not in _KINDS:
        raise Refused(f"an op that nobody knows, {type(op).__name__}")
    return _KINDS[type(op)](op, array_of)
