"""The tensors of a step that outlive it: in storages of their own, and without graph."""

from __future__ import annotations

from collections.abc import Collection

from ...tensor import Tensor, wrap
from ...tensor.storage import Storage
from ..record import Recorder
from .tensors_before import Known, TensorsBefore


class FreshTensors:
    """Tensors for those of the step that outlive it, in storages of their own, without graph.

    Those that it made are then held by nobody who should. Tensors from before the step, and views
    of them, stay what they are, but for what lies in memory that is about to be written: in arrays
    with ids in `moving`. These are copied.
    """

    def __init__(
        self, before: TensorsBefore, recorder: Recorder, moving: Collection[int] = ()
    ) -> None:
        self.before, self.recorder, self.moving = before, recorder, moving
        self.own: dict[int, Storage] = {}  # by id
        self._tensors: dict[int, tuple[Tensor, Tensor]] = {}
        self._storages: dict[int, tuple[Storage, Storage]] = {}

    def __call__(self, t: Tensor) -> Tensor:
        """The tensor for `t`: the same one each time."""
        known = self.before.known.get(t)
        if known is not None and not self._is_moved(t, known):
            return t
        found = self._tensors.get(id(t))
        if found is None:
            found = self._tensors[id(t)] = t, self._new(t)
        return found[1]

    def apart(self, t: Tensor) -> Tensor:
        """A tensor like `t` in a copy of its memory as it is now."""
        new = t._same()
        new._storage = self._storage(t, copied=True)
        if new._flat is not None:
            new._flat = new._storage.array[t._offset : t._offset + t._flat.size]
        return new

    def _is_moved(self, t: Tensor, known: Known) -> bool:
        """Whether `t` has to be copied: not where it is itself what takes new values."""
        array = t._storage.array
        return id(array) in self.moving and array is known.array

    def _new(self, t: Tensor) -> Tensor:
        if id(t._storage.array) in self.moving:
            return self.apart(t)
        new = t._same()
        if t._storage not in self.before.versions:
            new._storage = self._storage(t)
        return new

    def _storage(self, t: Tensor, copied: bool = False) -> Storage:
        old = t._storage
        if id(old) not in self._storages:
            array = old.array
            if copied:
                array = wrap(old.array, (old.array.size,), (1,), t._kind)._copy()._flat
                self.recorder.made(array)
                self.recorder.copy_over(array, old.array)
            new = Storage(array)
            self._storages[id(old)], self.own[id(new)] = (old, new), new
        return self._storages[id(old)][1]

    def done(self) -> None:
        """Let go of the tensors that were made in the step."""
        self._tensors, self._storages = {}, {}
