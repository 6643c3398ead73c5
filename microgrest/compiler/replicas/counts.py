"""What Python counts of a training: steps, options of optimizers, schedules.

Replicas that count alike share one `Count`, and their numbers are computed once.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...tensor import Tensor
from ..record import NumberTable
from ..replay import Recording

Array = np.ndarray[Any, Any]


class Count:
    """How far a training is; never changed."""

    __slots__ = ("groups", "schedules", "steps")

    def __init__(
        self, steps: list[int], groups: list[dict[str, Any]], schedules: list[dict[str, Any]]
    ) -> None:
        self.steps, self.groups, self.schedules = steps, groups, schedules


class Unfit(RuntimeError):
    """A training has come to what the recording does not serve."""


class Counts:
    """The counts of the optimizers and schedulers of one recording, which serves them as they are.

    A recording leaves out terms whose numbers are zero, and so serves a schedule that comes to
    zero, but none that leaves it.
    """

    def __init__(self, recording: Recording) -> None:
        self.numbers: NumberTable = recording.numbers
        self.states = [state for state, _ in self.numbers.counted]
        groups = {id(e.source.group): e.source.group for e in self.numbers.numbered}
        self.groups: list[Any] = [*groups.values()]
        self.schedulers: Sequence[Any] = self.numbers.schedulers
        self._known: dict[str, Count] = {}
        self._zeros = [
            [name for name, value in _options(group).items() if _is_zero(value)]
            for group in self.groups
        ]

    def tensors(self) -> list[str]:
        """The options that are tensors."""
        options = [item for group in self.groups for item in _options(group).items()]
        return [name for name, value in options if isinstance(value, Tensor)]

    def now(self) -> Count:
        """How far the optimizers are; the same object for the same."""
        found = Count(
            [state["step"] for state in self.states],
            [_options(group) for group in self.groups],
            [copy.deepcopy(s.state_dict()) for s in self.schedulers],
        )
        key = repr((found.steps, found.groups, found.schedules))
        return self._known.setdefault(key, found)

    def put(self, count: Count) -> None:
        """Let the optimizers and schedulers stand there."""
        for scheduler, state in zip(self.schedulers, count.schedules, strict=True):
            scheduler.load_state_dict(copy.deepcopy(state))
        for state, steps in zip(self.states, count.steps, strict=True):
            state["step"] = steps
        for group, options in zip(self.groups, count.groups, strict=True):
            for name, value in options.items():
                if group.get(name) is not value:
                    group[name] = value

    def take(self, count: Count, steps: int) -> tuple[Array, Count]:
        """The numbers of the next `steps` steps, (steps, slots), and how far that is.

        Unfit where a scheduler has brought options to what the recording does not serve.
        """
        self.put(count)
        self._known.clear()
        if not self.numbers.fits():
            raise Unfit("parameters that share numbers have not taken as many steps")
        rows = self.numbers.take(steps)
        self._check()
        return rows, self.now()

    def _check(self) -> None:
        for group, zeros in zip(self.groups, self._zeros, strict=True):
            for name in zeros:
                if not _is_zero(group[name]):
                    raise Unfit(
                        f"a schedule brings {name!r} from zero, as it was recorded, to "
                        f"{group[name]}: begin with another value"
                    )


def _options(group: Any) -> dict[str, Any]:
    return {name: value for name, value in group.items() if name != "params"}


def _is_zero(value: Any) -> bool:
    """Whether a number of a rule is zero, or one of several."""
    if isinstance(value, tuple):
        return any(map(_is_zero, value))
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value == 0
