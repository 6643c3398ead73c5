"""A plan: the tasks of a step, in the loops and the order in which they run, and their memory."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from .. import trace as t
from .graph import Graph, Shape
from .tasks import Other, Task

Folds = tuple[int, int, int]


@dataclass(eq=False, slots=True)
class Group:
    """Tasks that share one loop over `extents`, or one task that is no loop.

    `folds` is the (outer, n, inner) of the folds that leave something over, if there are any.
    """

    extents: Shape
    tasks: list[Task]
    once: bool
    folds: Folds | None = None

    @property
    def n(self) -> int:
        """The number of places."""
        return math.prod(self.extents)

    @property
    def other(self) -> Other | None:
        """The one task, where it is no loop."""
        (first, *_) = self.tasks
        return first if isinstance(first, Other) else None


@dataclass(slots=True)
class Plan:
    """What runs before the steps, what in each, and the memory: per buffer, which scratch array."""

    trace: t.Trace
    graph: Graph
    once: list[Group]
    each: list[Group]
    scratch: dict[int, int] = field(default_factory=dict)
    arrays: list[tuple[str, int]] = field(default_factory=list)  # dtype and size of each
