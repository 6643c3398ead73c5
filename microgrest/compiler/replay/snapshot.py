"""Snapshots: what a step may change, kept so that it can be put back.

A recording knows what a run of it changes, and keeps that in a few microseconds. `before_eager`
keeps what ordinary code may change: every tensor that the function and its arguments hold, with the
places in modules and objects where they and plain values stand. Copies of values are in host
memory.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any

from ...optim.lr_scheduler import LRScheduler
from ...optim.optimizer import Optimizer
from ...random import Generator, default_generator
from ...recording import world
from ...tensor import Tensor
from ...tensor.storage import Kind, Storage
from ..effects import SavedValues
from ..reach import Found, objects_reached, tensors_reached
from ..record import NumberTable

_GEOMETRY = ("_storage", "_flat", "_kind", "_shape", "_strides", "_offset", "_requires_grad")
_place = attrgetter(*_GEOMETRY)


class Snapshot:
    """Tensors with places, gradients and, if `changed`, values; mappings; schedulers; streams.

    Without `gradients` those of tensors are left alone: a reference to them would keep the native
    steps from using their memory again.
    """

    def __init__(
        self,
        tensors: Iterable[Tensor],
        changed: Iterable[Tensor],
        tables: Iterable[dict[Any, Any]],
        schedulers: Iterable[Any],
        generators: Iterable[Generator],
        gradients: bool = True,
        places: Iterable[Found] = (),
    ) -> None:
        self.tensors = [_Kept(t) for t in dict.fromkeys(tensors)]
        self.gradients = [(kept.tensor, kept.tensor._grad) for kept in self.tensors if gradients]
        kinds = {t._storage: t._kind for t in changed}
        self.values = [(s, kind, _copied(s, kind)) for s, kind in kinds.items()]
        self.tables = [(table, dict(table)) for table in tables]
        self.schedulers = [(s, copy.deepcopy(s.state_dict())) for s in schedulers]
        self.generators = [(g, g._seed, g._offset) for g in generators]
        self.places = SavedValues(places)

    def restore(self) -> None:
        """Put everything back."""
        for kept in self.tensors:
            kept.restore()
        for t, grad in self.gradients:
            t._grad = grad
        world.tensors += 1
        for storage, kind, values in self.values:
            kind.kernels.memory.from_host(storage.array, values)
            storage.version += 1
        for scheduler, state in self.schedulers:
            scheduler.load_state_dict(copy.deepcopy(state))
        for table, entries in self.tables:
            _put_back(table, entries)
        self.places.restore()
        for generator, seed, offset in self.generators:
            generator._seed, generator._offset = seed, offset


class _Kept:
    """A tensor's place."""

    __slots__ = ("array", "place", "tensor")

    def __init__(self, t: Tensor) -> None:
        self.tensor, self.array = t, t._storage.array
        self.place = _place(t)

    def restore(self) -> None:
        t = self.tensor
        for name, value in zip(_GEOMETRY, self.place, strict=True):
            setattr(t, name, value)
        t._storage.array = self.array


def before_counts(numbers: NumberTable, generators: Sequence[Generator]) -> Snapshot:
    """What a run of a recording counts in Python: steps, schedules, draws."""
    return Snapshot((), (), *counted(numbers, generators))


def counted(
    numbers: NumberTable, generators: Sequence[Generator]
) -> tuple[list[Any], list[Any], Sequence[Generator]]:
    """The tables, schedulers and streams in which a run of a recording counts."""
    tables = [state for state, _ in numbers.counted]
    if numbers.schedulers:
        groups = {id(e.source.group): e.source.group for e in numbers.numbered}
        tables += groups.values()
    return tables, numbers.schedulers, generators


def before_eager(
    fn: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    others: Collection[Any] = (),
    limit: int | None = None,
) -> Snapshot | None:
    """What a call of `fn` may change; None where values are larger than `limit` bytes.

    `others` are schedulers and generators that the call uses and `fn` does not hold.
    """
    found = list(objects_reached(fn, args, kwargs))
    tensors = list(tensors_reached(fn, args, kwargs))
    if limit is not None and size_of(tensors) > limit:
        return None
    things = [default_generator, *(f.value for f in found), *others]
    optimizers = _unique(things, Optimizer)
    states = chain.from_iterable((o.state, *o.state.values()) for o in optimizers)
    groups = chain.from_iterable(o.param_groups for o in optimizers)
    return Snapshot(
        tensors,
        tensors,
        (*states, *groups),
        _unique(things, LRScheduler),
        _unique(things, Generator),
        places=found,
    )


def size_of(tensors: Iterable[Tensor]) -> int:
    """Bytes that copies of these tensors' memories take."""
    storages = {t._storage: t.itemsize for t in tensors}
    return sum(storage.array.size * itemsize for storage, itemsize in storages.items())


def _copied(storage: Storage, kind: Kind) -> Any:
    values = kind.kernels.memory.to_host(storage.array)
    return values.copy() if values is storage.array else values


def _put_back(table: dict[Any, Any], entries: Mapping[Any, Any]) -> None:
    """Change only what is different: some tables count their changes."""
    for key in [key for key in table if key not in entries]:
        del table[key]
    for key, value in entries.items():
        if table.get(key) is not value:
            table[key] = value


def _unique(things: Iterable[Any], cls: type) -> list[Any]:
    return list({id(thing): thing for thing in things if isinstance(thing, cls)}.values())
