"""Guards: whether what a recording rests on is still as it was.

    guards = Guards.of(fn, args, kwargs)      # right before the call that is recorded
    guards.bind(tensors)                      # then: whose memory the recording reads or writes
    if guards.hold(args, kwargs): ...         # before each call

Guarded are the arguments (`arguments`), all that the function holds (`reach`), how the tensors
among both share memory (`shared_memory`), and the modes of the thread. What everything was like is
written down as facts (`facts`), for people too. A call looks at less (`quick_look`): whether the
same objects still stand in the same places. Only where one does not are the facts gathered anew and
compared. What modules and groups hold is looked at when `recording.world.version` has moved,
tensors when `world.tensors` has, or when they are other arguments than those of the last call. The
law: whatever the facts tell apart, the quick look does. So both are made of the same things that
were found.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ...graph.modes import state as modes
from ...recording import world
from ...tensor import Tensor
from ...types.device import chosen_device
from ...types.dtypes import get_default_dtype
from ..reach import Walk, is_memory_only
from .arguments import Arguments, Reminder
from .facts import Facts, difference, facts_of
from .quick_look import SeenPlaces, SeenTensors
from .shared_memory import layout, owner, separate

_THE = {"grad mode": "the grad mode", "inference mode": "the inference mode"}
_MODES = ("grad mode", "inference mode", "the default dtype", "the default device")


class Guards:
    """What one recording of `fn` rests on. Made by `of`; not for several threads at once.

    `moved` is the `world.tensors` for which all tensors were seen to be as recorded; `times`, how
    often they held.
    """

    def __init__(
        self, fn: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> None:
        self.fn = fn
        self.arguments = Arguments(fn, args, kwargs)
        self.bare = not (args or kwargs)
        self.modes = _modes()
        sight = Sight(fn, args, kwargs)
        self.seen = Seen(sight)
        self.arguments.mark(args, kwargs, sight.walk.named)
        self.given = self.arguments.of(self.arguments.values(args, kwargs) or ())
        self.live: set[int] = set()
        self.moved = -1
        self.times = 0
        self._last: Reminder | None = None
        # Of the memories that were seen, those that the recording uses: all, until it is known.
        self._use(range(len(self.seen.memories)))

    @classmethod
    def of(cls, fn: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Guards:
        """The guards of a call that is about to be recorded."""
        return cls(fn, args, kwargs)

    def slide(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Tensor]:
        """Let arguments lie anywhere in their storages: which ones can.

        They are contiguous, and share memory with nothing else. To be called before the recorded
        call, once at most.
        """
        values = self.arguments.values(args, kwargs) or ()
        tensors = [values[row[0]] for row in self.arguments.tensors]
        held = {id(t) for t in self.seen.memories}
        able = [
            t
            for t in tensors
            if t._flat is not None and t._flat.size and t._node is None and id(t) not in held
        ]
        apart = separate(able, [*self.given, *self.seen.memories])
        ids = {id(t) for t in apart}
        self.arguments.slide([i for i, value in enumerate(values) if id(value) in ids])
        return apart

    def bind(self, tensors: Iterable[Tensor], memories: Iterable[Any] = ()) -> None:
        """Say which of the tensors from before the call the recording reads or writes.

        With whom the others share memory does not matter. Nor do the contents of NumPy arrays that
        have their memory among `memories`, which the recording reads anew. To be called once, after
        the recorded call.
        """
        ids = {id(t) for t in tensors}
        self.live = self.seen.read_anew(memories)
        self._use([i for i, t in enumerate(self.seen.memories) if id(t) in ids])
        self.given = []
        self.seen.disregard(self.live)
        self.seen.forget()

    def _use(self, used: Sequence[int]) -> None:
        self.used = used
        self.seen.use(used)
        self.lies = layout([*self.given, *self.seen.used])
        self.apart = self._are_apart(self.given)

    def hold(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], sight: Sight | None = None
    ) -> bool:
        """Whether the recording serves a call with these arguments.

        `sight`: of this very call, where the guards of several recordings are looked at for it.
        """
        arguments, moved = self.arguments, world.tensors
        still = moved == self.moved
        if still and (arguments.are(self._last, args, kwargs) if args or kwargs else self.bare):
            values = None
        else:
            values = arguments.values(args, kwargs)
            if values is None or not arguments.fit(values):
                return False
        grad, inference, dtype, device = self.modes
        if modes.grad is not grad or modes.inference is not inference:
            return False
        if get_default_dtype() is not dtype or chosen_device() != device:
            return False
        same = self.seen.same(still)
        if same is None:
            same = self._look_again(args, kwargs, sight or Sight(self.fn, args, kwargs))
        if same and values is not None:
            same = not arguments.tensors or self._lie_alike(arguments.of(values))
            if same:
                self.moved, self._last = moved, arguments.reminder(values)
        self.times += same
        return same

    def _look_again(self, args: Sequence[Any], kwargs: Mapping[str, Any], sight: Sight) -> bool:
        """Gather all facts anew; where they are the same, what was seen now is what to look for."""
        if sight.facts(self.live) != self.seen.facts:
            return False
        seen = Seen(sight, self.live, self.used)
        if layout([*self.arguments.of_call(args, kwargs), *seen.used]) != self.lies:
            return False  # the rows are those of before still, and find it again
        seen.forget()
        self.seen = seen
        return True

    def _lie_alike(self, given: Sequence[Tensor]) -> bool:
        """Whether the arguments share memory, with each other and the rest, as they did."""
        if self.apart and self._are_apart(given):
            return True
        return layout([*given, *self.seen.used]) == self.lies

    def _are_apart(self, given: Sequence[Tensor]) -> bool:
        """Whether no argument's memory has the same owner as that of anything else."""
        met: set[int] = set()
        for t in given:
            place = id(owner(t._storage.array))
            if place in met or place in self.seen.owners:
                return False
            met.add(place)
        return True

    def check_modes(self, name: str) -> None:
        """RuntimeError where the call has changed a mode of its thread and left it so."""
        for mode, old, new in zip(_MODES, self.modes, _modes(), strict=True):
            if old != new:
                raise RuntimeError(
                    f"{name} changes {_THE.get(mode, mode)} and leaves it: a compiled step has to "
                    "put it back, so use it as a context manager, or change it before the step"
                )

    def why(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        """The first thing for which the guards do not hold, in words; "" if they do."""
        text = self.arguments.differs(args, kwargs)
        for name, old, new in zip(_MODES, self.modes, _modes(), strict=True):
            text = text or ("" if old == new else f"{name} was {old}, is {new}")
        seen = Seen(Sight(self.fn, args, kwargs), self.live)
        text = text or self.seen.differs(seen)
        if text:
            return text
        seen.use(self.used)
        alike = layout([*self.arguments.of_call(args, kwargs), *seen.used]) == self.lies
        return "" if alike else "other tensors share memory than did"

    def describe(self) -> list[str]:
        """Everything that is guarded, a line each: arguments, what the function holds, modes."""
        known = zip(self.arguments.names, self.arguments.known, strict=True)
        lines = [_line(f"argument {name}", facts) for name, facts in known]
        lines += [_line(path, facts) for path, facts in self.seen.facts]
        return lines + [f"{name}: {mode}" for name, mode in zip(_MODES, self.modes, strict=True)]


class Sight:
    """What the function holds in one call, once somebody looks."""

    def __init__(
        self, fn: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> None:
        self._call = fn, args, kwargs

    @cached_property
    def walk(self) -> Walk:
        """Every object; they are kept alive, so that an id stays the name of one."""
        self.version = world.version
        return Walk.of(*self._call)

    @cached_property
    def _facts(self) -> list[tuple[str, Facts]]:
        return [(found.path, facts_of(found)) for found in self.walk.found]

    def facts(self, live: Collection[int] = ()) -> list[tuple[str, Facts]]:
        """What is known of each, but for what NumPy arrays with ids in `live` hold."""
        if not live:
            return self._facts
        return [
            (path, facts[:-1] if id(found.value) in live else facts)
            for found, (path, facts) in zip(self.walk.found, self._facts, strict=True)
        ]


class Seen:
    """What the function holds, as it was when somebody looked: facts, and rows to look at."""

    def __init__(
        self, sight: Sight, live: Collection[int] = (), used: Sequence[int] | None = None
    ) -> None:
        self.sight, walk = sight, sight.walk
        self.version = sight.version
        self.found = walk.found
        self.always = SeenPlaces(found for found in self.found if not found.steady)
        self.steady = SeenPlaces(found for found in self.found if found.steady)
        held = list(dict.fromkeys(f.value for f in self.found if isinstance(f.value, Tensor)))
        self.watched = SeenTensors(held)
        self.grads = [(t, t._grad) for t in held if t._grad is not None]
        self.memories: list[Tensor] = held + [grad for _, grad in self.grads]
        self.disregard(live)
        if used is not None:
            self.use(used)

    def use(self, used: Sequence[int]) -> None:
        """Take in which of the memories matter: gradients among them must not be replaced."""
        first = len(self.memories) - len(self.grads)
        self.watched.hold(self.grads[i - first] for i in used if i >= first)
        self.used = [self.memories[i] for i in used]
        self.owners = {id(owner(t._storage.array)) for t in self.used}

    def read_anew(self, memories: Iterable[Any]) -> set[int]:
        """The ids of NumPy arrays that lie in one of `memories`, and that Python does not read."""
        flat = [memory for memory in memories if isinstance(memory, np.ndarray)]
        arrays = [f for f in self.found if isinstance(f.value, np.ndarray)]
        over = [f for f in arrays if any(np.may_share_memory(f.value, m) for m in flat)]
        codes = tuple(self.sight.walk.codes)
        read = {id(f.value) for f in over if not is_memory_only(f.path, codes)}
        return {id(f.value) for f in over} - read

    def disregard(self, live: Collection[int]) -> None:
        """Forget what NumPy arrays with these ids hold."""
        self.facts = self.sight.facts(live)
        if live:
            self.always.forget(live)
            self.steady.forget(live)

    def forget(self) -> None:
        """Let go of what does not matter: old gradients are as large as what has them."""
        self.grads = []
        self.memories = []
        del self.sight

    def same(self, still: bool) -> bool | None:
        """Look quickly, at tensors unless all are `still` what they were: see `quick_look`."""
        same = True if still else self.watched.same()
        if same:
            same = self.always.same()
        if same and world.version != self.version:
            version = world.version
            same = self.steady.same()
            if same:
                self.version = version
        return same

    def differs(self, now: Seen) -> str:
        """The first fact that is another one now, in words; "" if there is none."""
        if self.facts == now.facts:
            return ""
        for (path, old), (other, new) in zip(self.facts, now.facts, strict=False):
            text = difference(path, old, new) if path == other else f"{other} stands for {path}"
            if text:
                return text
        return "the function holds other things"


def _modes() -> tuple[Any, ...]:
    return modes.grad, modes.inference, get_default_dtype(), chosen_device()


def _line(name: str, facts: Facts) -> str:
    told = ", ".join(f"{what} {value}" for what, value in facts if what != "identity")
    return f"{name}: {told}"
