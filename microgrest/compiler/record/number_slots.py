"""The numbers of a recorded step that change between steps, and how they go on.

An optimizer computes its rule's numbers from a group's options and from the count of steps. The
recorder gives each number a slot (`NumberSlots`); `NumberTable` computes them again, for many steps
at once: rows are steps, columns slots. Numbers that several parameters share have one slot.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...optim.optimizer import plain
from ...recording import world
from ...tensor import Tensor
from .kernel_standins import Slotted

Array = np.ndarray[Any, Any]
# Rows that are computed at once for single calls: at first, and twice as many each time that all
# were used, up to a limit.
AHEAD, LIMIT = 8, 1024


class NumberEvent:
    """Numbers from `source` in the slots from `first` on.

    They are those of the `nth` step that their parameters take in one call; `states` are what the
    optimizer knows of these parameters, all at one `count` of steps before the call.
    """

    def __init__(self, source: Any, first: int, width: int, nth: int) -> None:
        self.source, self.first, self.width, self.nth = source, first, width, nth
        self.states = [source.state]
        self.count: int | None = None if source.count is None else source.count - nth
        self.times = nth

    def at(self, step: Any, **options: Any) -> tuple[Any, ...]:
        """The numbers at steps counted from the one of the first call, 0."""
        if self.count is None:
            return tuple(self.source.at(None, **options))
        return tuple(self.source.at(self.count + self.nth + step * self.times, **options))


class NumberSlots:
    """What optimizers and schedulers did in a recorded call, in order."""

    def __init__(self) -> None:
        self.events: list[Any] = []  # Events, and steps of schedulers
        self.schedulers: list[Any] = []
        self.slots = 0
        self._shared: dict[Any, NumberEvent] = {}
        self._times: dict[int, int] = {}

    def inputs(self, numbers: Sequence[float], source: Any) -> tuple[Slotted, ...]:
        """`numbers`, each with its slot."""
        nth = self._times[id(source.state)] = self._times.get(id(source.state), 0) + 1
        values = tuple(map(float, numbers))
        key = (id(source.optimizer), id(source.group), source.count, nth, len(self.schedulers))
        event = self._shared.get((key, values))
        if event is None:
            event = NumberEvent(source, self.slots, len(values), nth)
            self._shared[key, values] = event
            self.events.append(event)
            self.slots += len(values)
        else:
            event.states.append(source.state)
        return tuple([Slotted(x, event.first + i) for i, x in enumerate(values)])

    def tables(self) -> set[int]:
        """The ids of states that count steps, and of groups whose options schedulers set."""
        events = [e for e in self.events if isinstance(e, NumberEvent)]
        states = {id(state) for e in events if e.count is not None for state in e.states}
        optimizers = [getattr(s, "optimizer", None) for s in self.schedulers]
        groups = [group for o in optimizers if o is not None for group in o.param_groups]
        return states | set(map(id, groups))

    def table(self) -> NumberTable:
        """The numbers of the steps after the recorded one."""
        times = self._times
        numbered = [e for e in self.events if isinstance(e, NumberEvent)]
        for event in numbered:
            event.times = times[id(event.source.state)]
            if event.count is not None:
                event.count += event.times
        return NumberTable(self.events, numbered, self.slots, self.schedulers)


class NumberTable:
    """The numbers of the steps to come."""

    def __init__(
        self, events: list[Any], numbered: list[NumberEvent], slots: int, schedulers: list[Any]
    ) -> None:
        self.events, self.numbered, self.slots, self.schedulers = (
            events,
            numbered,
            slots,
            schedulers,
        )
        # Each state that counts once, with the first NumberEvent that is about it.
        counted = {id(s): (s, e) for e in reversed(numbered) for s in e.states}
        self.counted = [(s, e) for s, e in counted.values() if e.count is not None]
        self._groups = [(e, [s for s, own in self.counted if own is e]) for e in numbered]
        self._none = np.empty((1, 0)) if not slots and not schedulers else None
        # Options that are tensors change without being counted.
        self.volatile = any(_has_tensors(e.source.group) for e in numbered)
        self.rows = np.empty((0, slots))
        self.next = 0
        self.ahead = AHEAD
        self.version = -1

    def fits(self) -> bool:
        """Whether parameters that share numbers have still taken as many steps as each other."""
        for event, states in self._groups:
            count = event.count
            for state in states:
                if state["step"] != count:
                    return self._recount()
        return True

    def _recount(self) -> bool:
        self.version = -1
        for event in self.numbered:
            if event.count is not None:
                event.count = event.states[0]["step"]
        return all(state["step"] == event.count for state, event in self.counted)

    def take(self, steps: int) -> Array:
        """The numbers of the next `steps` steps, which are then counted as taken."""
        if self._none is not None and steps == 1:
            return self._none
        if self.schedulers:
            found = self.scheduled(steps)
        else:
            if self.version != world.version or self.next + steps > len(self.rows):
                used_up = self.version == world.version
                self.ahead = min(2 * self.ahead, LIMIT) if used_up else AHEAD
                self.rows, self.next = self.tabulated(max(steps, self.ahead)), 0
                self.version = -1 if self.volatile else world.version
            found = self.rows[self.next : self.next + steps]
            if self.counted:
                self.next += steps
        self._advance(steps)
        return found

    def _advance(self, steps: int) -> None:
        for event, states in self._groups:
            if event.count is not None:
                count = event.count = event.count + steps * event.times
                for state in states:
                    state["step"] = count

    def tabulated(self, steps: int) -> Array:
        """Options stay as they are. Always by arrays, so that chunks give the same bits."""
        rows = np.empty((steps, self.slots))
        for event in self.numbered:
            self._fill(rows, event, event.at(np.arange(steps)))
        return rows

    def scheduled(self, steps: int) -> Array:
        """Schedulers step in Python, as in the recorded call; options are noted on the way."""
        seen: dict[int, list[dict[str, Any]]] = {id(e): [] for e in self.numbered}
        for _ in range(steps):
            for event in self.events:
                if isinstance(event, NumberEvent):
                    seen[id(event)].append(_numeric(event.source.group))
                else:
                    event()
        rows = np.empty((steps, self.slots))
        for event in self.numbered:
            options = _columns(seen[id(event)], _numeric(event.source.group))
            self._fill(rows, event, event.at(np.arange(steps), **options))
        return rows

    def _fill(self, rows: Array, event: NumberEvent, values: tuple[Any, ...]) -> None:
        for i, value in enumerate(values):
            rows[:, event.first + i] = value


def _has_tensors(group: Any) -> bool:
    return any(isinstance(value, Tensor) for name, value in group.items() if name != "params")


def _numeric(group: Any) -> dict[str, Any]:
    """The options of a group that are numbers, tuples of them, or tensors, as numbers."""
    return {name: plain(value) for name, value in group.items() if is_number(value)}


def is_number(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(is_number, value))
    return isinstance(value, (int, float, Tensor)) and not isinstance(value, bool)


def _columns(options: list[dict[str, Any]], now: dict[str, Any]) -> dict[str, Any]:
    """Options over steps, those that ever were not as they are `now`, one value a step."""
    as_array: Callable[[Any], Array] = np.array
    found = {}
    for name, last in options[-1].items():
        values = [at[name] for at in options]
        if any(value != now[name] for value in values):
            columns = zip(*values, strict=True) if isinstance(last, tuple) else None
            found[name] = as_array(values) if columns is None else tuple(map(as_array, columns))
    return found
