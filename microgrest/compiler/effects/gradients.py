"""The gradients that a step set, and what becomes of those that were there before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ...dispatch.launch import same_memory
from ...tensor import Tensor
from ..record import Recorder
from .fresh_tensors import FreshTensors
from .tensors_before import Known, TensorsBefore


class Gradients:
    """The gradients that the step set: `new` tensors, or None, by whose they are.

    `kept` are pairs of gradients, old and new: a step that reads the gradient that was there and
    then sets another leaves a copy in the old memory, for the next step to read. `replaced` are
    the old ones. But a step that `moves` old gradients, to its result or to other tensors, finds
    them where the calls before left them, so that it runs once a call. So does one that writes to
    an old gradient first, and one whose old gradients lie in memory of other tensors, or apart,
    where no copy can go.
    """

    def __init__(self, before: TensorsBefore, recorder: Recorder, fresh: FreshTensors) -> None:
        self.old = {
            known.owner: known for known in before.known.values() if known.owner is not None
        }
        self.new: dict[Known, Tensor | None] = {}
        self.kept: list[tuple[Tensor, Tensor]] = []
        self.replaced: set[Known] = set()
        self.moves = False
        self._gone: set[int] = set()
        sharing = Counter(id(known.array) for known in before.known.values())
        for known in tuple(before.known.values()):
            old, now = self.old.get(known), known.tensor._grad
            if now is (None if old is None else old.tensor):
                continue
            if now is not None:
                known.tensor._grad = now = fresh(now)
            self.new[known] = now
            if old is None:
                continue
            self.replaced.add(old)
            if now is None or not same_memory(now, old.tensor):
                self._gone.add(id(old.array))
                self.moves = self.moves or old.storage.version != before.versions[old.storage]
                if now is not None and _is_buffer(recorder, old.array):
                    self.kept.append((old.tensor, now))
                    apart = old.geometry[0] is None
                    self.moves = self.moves or apart or sharing[id(old.array)] > 1

    def settle(self, results: Sequence[Tensor]) -> None:
        """See whether old gradients live on, in new places or among the `results`."""
        living = (*results, *(g for g in self.new.values() if g is not None))
        if self.moves or any(id(t._storage.array) in self._gone for t in living):
            self.moves, self.kept, self.replaced = True, [], set()

    @property
    def repeats(self) -> bool:
        """Whether a step leaves gradients where it found some, and none where there were none."""
        stay = all((g is None) == (known not in self.old) for known, g in self.new.items())
        return stay and not self.moves


def _is_buffer(recorder: Recorder, array: Any) -> bool:
    return bool(array.size) and recorder.memory.region_of(array).index is not None
