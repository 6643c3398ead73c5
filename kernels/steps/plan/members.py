"""What a loop consists of, whatever writes it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from .graph import Apply, Literal, Value, ordered
from .plan import Group
from .tasks import Fold, Partial, Store, values_of


@dataclass
class Members:
    """A group over several places, by kinds of tasks and values."""

    group: Group

    @property
    def folds(self) -> list[Fold]:
        """The folds of all places."""
        return [task for task in self.group.tasks if isinstance(task, Fold)]

    @property
    def partials(self) -> list[Partial]:
        """The folds that leave something over."""
        return [task for task in self.group.tasks if isinstance(task, Partial)]

    @property
    def stores(self) -> list[Store]:
        """What is written place by place."""
        return [task for task in self.group.tasks if isinstance(task, Store)]

    @cached_property
    def values(self) -> list[Value]:
        """All that is computed or loaded at a place, operands first."""
        return list(ordered(v for task in self.group.tasks for v in values_of(task)))

    @property
    def inputs(self) -> list[Value]:
        """The scalars that places need."""
        used = {a for v in self.values if v.n > 1 and isinstance(v, Apply) for _, a in v.args}
        used |= {v for task in self.group.tasks for v in values_of(task)}
        return [v for v in self.values if v.n == 1 and v in used and not isinstance(v, Literal)]
