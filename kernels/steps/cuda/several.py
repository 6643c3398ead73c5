"""A plan as what is queued for a step, in order: kernels of `grid`, and ops for eager kernels.

Pieces of scalar work that follow one another share a kernel, with the folds that they wait for.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..plan.plan import Group, Plan
from ..plan.tasks import Other
from .grid import Array, Kept, Launch, Loop, Rest, Tail, overwritten
from .threads.buffers import arrays_of
from .threads.places import Places

Item = Launch | Other


class Several:
    """What runs `once`, before the steps, and in `each`; `arrays` that kernels share."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.names = plan, arrays_of(plan)
        self.kept = Kept()
        self.made: dict[str, Array] = {}
        self.tail: Tail | None = None
        self.number = 0
        self.items: list[Item] = []
        self.once = self._queued(plan.once)
        self.each = self._queued(plan.each)
        self.arrays = [*self.made.values(), *self.kept.arrays()]

    @property
    def source(self) -> str:
        """The text of all kernels, in order."""
        found = (item for item in (*self.once, *self.each) if isinstance(item, Launch))
        return "\n\n".join(dict.fromkeys(launch.source.text for launch in found))

    def _queued(self, groups: Iterable[Group]) -> list[Item]:
        self.items = []
        for group in groups:
            if group.other:
                self._close()
                self.items.append(group.other)
            elif group.n == 1:
                self._open().add(group)
            else:
                self._loop(group)
        self._close()
        return self.items

    def _loop(self, group: Group) -> None:
        for scalar in overwritten(Places(group, self.names)):
            self._open().keep(scalar)
        self._close()
        loop = Loop(self.plan, self.kept, self._next())
        self.items.append(loop.write(group))
        self.made |= {array.name: array for array in loop.left}
        if loop.parts:
            self.items.append(Rest(self.plan, self.kept, self._next()).write(loop.parts))
        if loop.folds:
            self._open().finish(loop.folds, group.n)

    def _next(self) -> int:
        self.number += 1
        return self.number

    def _open(self) -> Tail:
        self.tail = self.tail or Tail(self.plan, self.kept, self._next())
        return self.tail

    def _close(self) -> None:
        if self.tail:
            self.items.append(self.tail.close())
            self.tail = None
