"""Tensors from before a step that it replaces: buffers assigned anew, a parameter's `.data`.

For the next step the new values have to be where this one read the old. So the tensor from before
stays, in the memory where it was, and takes the new values: after all that is still wanted of any
such memory has been read, because the new value of one may be the old value of another.

Nobody else may hold that memory: the tensor that a program gave, or that an eager call returned,
must keep its values. So the first call that replaces a tensor puts a copy of the new one there,
which is nobody else's, and is not recorded.
"""

from __future__ import annotations

from collections import Counter
from weakref import WeakSet

from ...dispatch.writes.memory import put
from ...recording import world
from ...tensor import Tensor
from ...tensor.storage import Storage
from ..reach import Found
from ..record import Recorder
from .fresh_tensors import FreshTensors
from .tensors_before import GEOMETRY, Known, TensorsBefore

# Memory that was made for a tensor that steps replace.
_made: WeakSet[Storage] = WeakSet()


class Move:
    """`known` takes the values of `now`, which stands in its `places`, or is its own `.data`."""

    def __init__(self, known: Known, now: Tensor, places: list[Found]) -> None:
        self.known, self.now, self.places = known, now, places
        old = known.tensor
        _, kind, shape, *_ = known.geometry
        fits = now._shape == shape and now._kind is kind
        if not fits or known.geometry[0] is None or now._flat is None:
            raise RuntimeError(
                f"the step replaces {known.name}, {old.type()} {list(shape)}, by "
                f"{now.type()} {list(now._shape)}: a compiled step needs the same type and shape, "
                "and contiguous tensors; write in place, or call it eagerly"
            )

    def keep(self) -> None:
        """Let the tensor from before stand again where it did, in its memory."""
        for found in self.places:
            dict.__setitem__(found.holder, found.key, found.value)
        if not self.places:
            for name, value in zip(GEOMETRY, self.known.geometry, strict=True):
                setattr(self.known.tensor, name, value)
            self.known.tensor._storage = self.known.storage

    def part(self) -> None:
        """Give the new tensor memory of its own."""
        own = self.now._copy()
        if self.places:
            own = own._as(type(self.now), self.now._node is None and self.now._requires_grad)
            own._grad = self.now._grad
            for found in self.places:
                dict.__setitem__(found.holder, found.key, own)
            world.version += 1
        else:
            t, own._storage.version = self.known.tensor, self.known.storage.version + 1
            for name in (*GEOMETRY, "_storage"):
                setattr(t, name, getattr(own, name))
        _made.add(own._storage)
        world.tensors += 1


class ReplacedTensors:
    """What a recorded call replaced. RuntimeError where type or shape are others.

    `settled`: the memory of all of them is nobody else's.
    """

    def __init__(self, before: TensorsBefore) -> None:
        self.moves = [*_assigned(before), *_data(before)]
        sharing = Counter(id(known.array) for known in before.known.values())
        times = Counter(id(move.known) for move in self.moves)
        self.settled = all(
            times[id(known)] == 1
            and sharing[id(known.array)] == 1
            and (known.storage in _made or known.path is not None)
            and not _stands_elsewhere(before, move)
            for move in self.moves
            for known in [move.known]
        )

    @property
    def memories(self) -> set[int]:
        """The ids of the arrays that are about to be written."""
        return {id(move.known.array) for move in self.moves} if self.settled else set()

    def settle(
        self, recorder: Recorder, fresh: FreshTensors, gradients: list[tuple[Tensor, Tensor]]
    ) -> None:
        """Put the tensors back, with the new values, or part them from everybody else's.

        `gradients` are pairs of old ones and new, of which later steps read the old.
        """
        if self.settled:
            moves = [(move.known.tensor, move.now, move) for move in self.moves]
            pairs = [*moves, *((old, now, None) for old, now in gradients)]
            written = self.memories | {id(old._storage.array) for old, _ in gradients}
            sources = [
                fresh.apart(t) if id(t._storage.array) in written else t for _, t, _ in pairs
            ]
            for (old, _, move), source in zip(pairs, sources, strict=True):
                if move is not None:
                    move.keep()
                    put(old, source)
                    old._storage.version += 1
                recorder.copy_over(old._flat, source._flat)
        else:
            for move in self.moves:
                move.part()
        self.moves = []


def _assigned(before: TensorsBefore) -> list[Move]:
    """Tensors for which another one stands in their places; an entry for each such other."""
    found: dict[tuple[int, int], tuple[Known, Tensor, list[Found]]] = {}
    for place in before.places:
        now = place.holder.get(place.key)
        if now is not place.value and isinstance(now, Tensor):
            key = id(place.value), id(now)
            found.setdefault(key, (before.known[place.value], now, []))[2].append(place)
    return [Move(*each) for each in found.values()]


def _data(before: TensorsBefore) -> list[Move]:
    """Tensors whose memory is another one."""
    moves = []
    for known in before.known.values():
        t = known.tensor
        if t._storage.array is not known.array:
            moves.append(Move(known, t.detach(), []))
        elif t._storage is not known.storage:
            t._storage, known.storage.version = known.storage, t._storage.version
    return moves


def _stands_elsewhere(before: TensorsBefore, move: Move) -> bool:
    """Whether a tensor that was replaced still stands where the step's code can name it."""
    old = move.known.tensor
    others = (f for f in before.found if f.value is old and f not in move.places)
    return bool(move.places) and any(found.now() is old for found in others)
