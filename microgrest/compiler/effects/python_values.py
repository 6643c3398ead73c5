"""Python values that a step changes: counters, flags, what lists hold, which tensor stands where.

Guards say what stood there before the recorded call, and what stands there after it follows from
that. So a recording leaves the same behind: it puts it there again after each run.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from operator import is_
from types import BuiltinFunctionType, CellType, MappingProxyType, ModuleType
from typing import Any

import numpy as np

from ...optim.lr_scheduler import LRScheduler
from ...recording import world
from ...tensor import Tensor
from ..guards import contents, plain
from ..reach import BUFFERS, ENVIRONMENT, GONE, PLAIN, AttributesOf, Context, Found, Referents
from ..record import Recorder
from .tensors_before import TensorsBefore

Make = Callable[[], Any]
_CONTAINERS = (list, deque, set, dict)
_BUFFERS = (np.ndarray, *BUFFERS)
_LASTING = (type, ModuleType, BuiltinFunctionType)  # no step makes any


class Unknown(Exception):
    """A value that a recording cannot make again."""


class SavedValues:
    """What stands in places now, and what containers and NumPy arrays there hold, to be restored.

    Of values that are neither tensors nor plain only what they hold.
    """

    def __init__(self, found: Iterable[Found]) -> None:
        found = list(found)
        values = {id(f.value): f.value for f in found if not f.exact}.values()
        self.contents = [(v, _copied(v)) for v in values if _is_container(v)]
        self.arrays = [(v, _copy(v)) for v in values if isinstance(v, _BUFFERS)]
        self.environment = _environment(found)
        holders = (CellType, AttributesOf, Context)
        self.places = [
            f for f in found if isinstance(f.holder, (*holders, dict)) and _is_data(f.value)
        ]

    def restore(self) -> None:
        """Put all of it back; only what is different, since some tables count their changes."""
        for container, old in self.contents:
            _restore(container, old)
        for array, values in self.arrays:
            _fill(array, values)
        if self.environment is not None:
            _set_environment(self.environment)
        for place in self.places:
            if place.now() is not place.value:
                place.put(place.value)


class ValuesBefore:
    """What the guards see before a call, `found`, and what is in it."""

    def __init__(self, found: Iterable[Found], before: TensorsBefore) -> None:
        self.found, self.before = list(found), before
        self.flags = {known: _flags(known.tensor) for known in before.known.values()}
        inside = [f for f in self.found if not f.exact and _is_container(f.value)]
        self.contents = {id(f.value): (f, _copied(f.value)) for f in inside}
        self.forms = {
            i: _form(f.value, set())
            for i, f in enumerate(self.found)
            if isinstance(f.value, (tuple, *_CONTAINERS))
        }
        arrays = {id(f.value): f.value for f in self.found if isinstance(f.value, _BUFFERS)}
        self.arrays = [(array, contents(array)) for array in arrays.values()]
        self.environment = _environment(self.found)
        members = [v for _, old in self.contents.values() for v in _values(old)]
        self.known = {id(v) for v in (*(f.value for f in self.found), *members)}

    def changes(self, recorder: Recorder) -> ValueChanges | None:
        """What the call has changed; None where it put something new somewhere.

        Not what optimizers and schedulers count by themselves, nor NumPy arrays that tensors lie
        over.
        """
        self.counted, found = recorder.numbers.tables(), ValueChanges()
        memories = [m for m in recorder.memory.arrays() if isinstance(m, np.ndarray)]
        try:
            refilled = self._look_into(found)
            for i, place in enumerate(self.found):
                if id(place.holder) not in refilled and self._is_place(place):
                    self._look_at(place, self.forms.get(i), found)
        except Unknown:
            return None
        for array, before in self.arrays:
            tensor = isinstance(array, np.ndarray)
            live = tensor and any(np.may_share_memory(array, memory) for memory in memories)
            if not live and contents(array) != before:
                found.add(Found("", array), partial(_fill, array, _copy(array)))
        if self.environment is not None and self.environment != os.environ:
            found.add(Found("", ENVIRONMENT), partial(_set_environment, dict(os.environ)))
        for known, flags in self.flags.items():
            now = _flags(known.tensor)
            if now[1] != flags[1]:
                return None
            if now != flags and known.owner is None:
                found.flags[known] = now[0]
        return found

    def _is_place(self, place: Found) -> bool:
        holder = place.holder
        if holder is None or place.input or isinstance(holder, tuple) or id(holder) in self.counted:
            return False
        return not isinstance(getattr(holder, "owner", None), LRScheduler)

    def _look_into(self, found: ValueChanges) -> set[int]:
        """Containers that have grown or shrunk; the ids of those that are filled anew."""
        refilled = set()
        for place, old in self.contents.values():
            value = place.value
            if id(value) in self.counted or not _has_other_members(value, old):
                continue
            if place.path.endswith(".__dict__"):
                added = {key: self._maker(v) for key, v in value.items() if key not in old}
                gone = [key for key in old if key not in value]
                found.add(place, partial(_amend, value, added, gone))
            else:
                refilled.add(id(value))
                found.add(place, partial(_refill, value, self._contents(value)))
        return refilled

    def _look_at(self, place: Found, form: Any, found: ValueChanges) -> None:
        old, now = place.value, place.now()
        if now is old or now is GONE:
            return
        if isinstance(old, PLAIN) and isinstance(now, PLAIN) and plain(now) == plain(old):
            return
        if isinstance(place.holder, (MappingProxyType, Referents)):
            raise Unknown
        if form is None or _form(now, set()) != form:
            found.add(place, partial(_stand, place, self._maker(now)))

    def _maker(self, value: Any) -> Make:
        """What gives the value again: the same object, or a container with the same in it."""
        if isinstance(value, (*PLAIN, *_LASTING)) or id(value) in self.known:
            return lambda: value
        if isinstance(value, tuple) and all(isinstance(inner, PLAIN) for inner in value):
            return lambda: value  # a torch.Size, say
        if type(value) in (tuple, frozenset, list, deque, set, dict):
            return self._contents(value)
        raise Unknown

    def _contents(self, value: Any) -> Make:
        if isinstance(value, dict):
            entries = [(key, self._maker(inner)) for key, inner in value.items()]
            return lambda: {key: make() for key, make in entries}
        makers = [self._maker(inner) for inner in value]
        build: Callable[[Any], Any] = type(value)
        if isinstance(value, deque):
            build = partial(deque, maxlen=value.maxlen)
        return lambda: build([make() for make in makers])


class ValueChanges:
    """What a call changed: `writes` that do it again, and the new `flags` of tensors.

    `places` are where, with what stood there before.
    """

    def __init__(self) -> None:
        self.places: list[Found] = []
        self.writes: list[Callable[[], Any]] = []
        self.flags: dict[Any, bool] = {}
        self.steady = False

    def __bool__(self) -> bool:
        return bool(self.writes or self.flags)

    def names(self) -> list[str]:
        """What changes, for people."""
        flagged = [f"requires_grad of {known.name}" for known in self.flags]
        return [*dict.fromkeys(p.path for p in self.places if p.path), *flagged]

    def add(self, place: Found, write: Callable[[], Any]) -> None:
        """Take in a write to a place, or to what stands there."""
        self.places.append(place)
        self.writes.append(write)
        self.steady |= place.steady

    def make(self, tensors: Sequence[Tensor]) -> None:
        """Change the same again; `tensors` are those of the recording, as this call has them."""
        for write in self.writes:
            write()
        for known, wants in self.flags.items():
            tensors[known.index]._requires_grad = wants
        world.version += self.steady
        world.tensors += bool(self.flags)


def _stand(place: Found, make: Make) -> None:
    place.put(make())


def _refill(container: Any, make: Make) -> None:
    members = make()
    if isinstance(container, list):
        container[:] = members
        return
    container.clear()
    if isinstance(container, deque):
        container.extend(members)
    else:
        container.update(members)


def _restore(container: Any, old: Any) -> None:
    """Let a container hold what it did, which `old` does still."""
    if isinstance(container, dict):
        for key in [key for key in container if key not in old]:
            del container[key]
        for key, value in old.items():
            if container.get(key, GONE) is not value:
                container[key] = value
    elif isinstance(container, set):
        if container != old:
            _refill(container, lambda: old)
    elif len(container) != len(old) or not all(map(is_, container, old)):
        _refill(container, lambda: old)


def _is_container(value: Any) -> bool:
    return isinstance(value, _CONTAINERS) and value is not ENVIRONMENT


def _copy(array: Any) -> Any:
    return array.copy() if isinstance(array, np.ndarray) else array[:]


def _fill(array: Any, values: Any) -> None:
    """Let an array, or another buffer, hold these."""
    if not isinstance(array, np.ndarray):
        array[:] = values
    elif array.flags.writeable:
        np.copyto(array, values)


def _environment(found: Iterable[Found]) -> dict[str, str] | None:
    """The variables of the process, if they are among what was found."""
    return dict(os.environ) if any(f.value is ENVIRONMENT for f in found) else None


def _set_environment(variables: dict[str, str]) -> None:
    for name in os.environ.keys() - variables.keys():
        del os.environ[name]
    for name, value in variables.items():
        if os.environ.get(name) != value:
            os.environ[name] = value


def _is_data(value: Any) -> bool:
    """Whether this is what a step may replace where it stands."""
    return isinstance(value, (Tensor, *PLAIN))


def _amend(table: dict[Any, Any], added: dict[Any, Make], gone: Sequence[Any]) -> None:
    for key in gone:
        table.pop(key, None)
    for key, make in added.items():
        table[key] = make()


def _has_other_members(value: Any, old: Any) -> bool:
    """Whether the places in a container are others than they were: each is looked at itself."""
    if isinstance(value, dict):
        return list(value) != list(old)
    return bool(value != old) if isinstance(value, set) else len(value) != len(old)


def _copied(value: Any) -> Any:
    """A container with the same in it, of the plain kind."""
    kind = next(kind for kind in _CONTAINERS if isinstance(value, kind))
    return kind(value)


def _values(container: Any) -> Iterable[Any]:
    return container.values() if isinstance(container, dict) else container


def _form(value: Any, entered: set[int]) -> Any:
    """What tells a value from others: by contents where guards do so, else which object it is."""
    if isinstance(value, PLAIN):
        return plain(value)
    if not isinstance(value, (tuple, frozenset, *_CONTAINERS)) or id(value) in entered:
        return id(value)
    entered = entered | {id(value)}
    if isinstance(value, dict):
        return type(value), tuple((_form(k, entered), _form(v, entered)) for k, v in value.items())
    inner = [_form(v, entered) for v in value]
    return type(value), frozenset(inner) if isinstance(value, (set, frozenset)) else tuple(inner)


def _flags(t: Tensor) -> tuple[bool, tuple[Any, ...]]:
    return t._requires_grad, tuple(t._hooks or ())
