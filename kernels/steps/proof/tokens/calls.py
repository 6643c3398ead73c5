"""What calls of kernel kinds do to tokens; they are the same in a trace and in its plan.

An element that a call writes is a function of what its kind says that it comes of, of the call, and
of where it is: of nothing else is anything known, unless it is a sum.
"""

from __future__ import annotations

import numpy as np

from ....source.kind import Run
from ....source.program import Reduce
from ... import trace as t
from ..places import Refused, regions
from ..walks import Array, Walk
from .loops import ArrayOf, folded
from .memory import Memory, Wanted, sampled
from .tokens import Tokens, formula, fresh, opaque, origin

_SUM = Reduce("0", "{acc} + {x}", "float64", "float64")


class Call:
    """A call. `elements` of what it writes are wanted, which are those `at` places of its own.

    One that is done `once`, before the steps, draws other numbers than in a step.
    """

    def __init__(self, op: t.Call, array_of: ArrayOf, once: bool = False) -> None:
        self.op, self.array_of, self.once = op, array_of, once
        self.inputs, self.outputs = regions(op)
        self.names = [o.name for o in op.kind.operands(op.params) if "r" in o.role]
        self.elements: list[Array] = []
        self.at: list[Array] = []

    def want(self, wanted: Wanted) -> None:
        """As an Event."""
        found = [wanted.written(self.array_of(b), walk) for b, walk in self.outputs]
        self.elements, self.at = [x for x, _ in found], [at for _, at in found]
        for k, at in enumerate(self.at):
            for (b, walk), needed in zip(self.inputs, self._needs(k, at), strict=True):
                for _, places in _parts(needed, at, walk):
                    wanted.add(self.array_of(b), np.unique(walk.at(places)))

    def run(self, memory: Memory) -> None:
        """As an Event."""
        found = [self._tokens(memory, k, at) if at.size else None for k, at in enumerate(self.at)]
        for (b, _), elements, tokens in zip(self.outputs, self.elements, found, strict=True):
            if tokens is not None:
                memory.write(self.array_of(b), elements, tokens)

    def _needs(self, k: int, at: Array) -> tuple[Run | None, ...]:
        """What elements `at` of the k-th result come of: all, where the kind does not say."""
        op = self.op
        if not at.size or op.kind.needs is None:
            return (None,) * len(self.inputs)
        found = op.kind.needs(op.params, op.metas, op.sizes, k, at)
        if len(found) != len(self.inputs):
            raise Refused(f"{op.kind} says of {len(found)} operands what it needs of them")
        return found

    def _tokens(self, memory: Memory, k: int, at: Array) -> Tokens:
        """The tokens of the k-th result at its places."""
        op = self.op
        if op.kind.draws is not None:
            return fresh(origin("draw", self.once, op.stream, op.counter, id(op.params)), at)
        read = [
            [
                (some, memory.read(self.array_of(b), walk.at(places)))
                for some, places in _parts(needed, at, walk)
            ]
            for (b, walk), needed in zip(self.inputs, self._needs(k, at), strict=True)
        ]
        if op.kind.sums:
            return self._summed(k, at, [tokens for ((_, tokens),) in read])
        codes = opaque(f"{op.kind} {id(op.params)} {op.sizes} {k}", Tokens(at)).code
        for parts in read:
            for some, tokens in parts:
                columns = np.broadcast_to(tokens.code, (len(some), tokens.code.shape[-1])).T
                given = [Tokens(codes[some]), *map(Tokens, columns)]
                codes[some] = opaque("of", *given).code
        return Tokens(codes)

    def _summed(self, k: int, at: Array, read: list[Tokens]) -> Tokens:
        """The sums of a formula over what each element needs."""
        given = dict(zip(self.names, read, strict=True))
        needed = self._needs(k, at)[0]
        assert needed is not None
        return folded(_SUM, formula(self.op.kind.sums, "float64")(given), "float64", needed.count)


def _parts(needed: Run | None, at: Array, walk: Walk) -> list[tuple[Array, Array]]:
    """For results, by their numbers among `at`: the places that are looked at of those needed, a
    row for each of them, or one for all."""
    if not at.size:
        return []
    if needed is None:
        return [(np.arange(at.size), sampled(walk.n)[None])]
    start, counts = (np.broadcast_to(x, at.shape) for x in (needed.start, needed.count))
    if (counts < 0).any():
        raise Refused("a call needs fewer than no elements")
    found = []
    for count in np.unique(counts):
        (some,) = np.nonzero(counts == count)
        found.append((some, start[some, None] + needed.step * sampled(int(count))))
    return found
