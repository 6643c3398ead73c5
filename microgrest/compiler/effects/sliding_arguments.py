"""Arguments that slide: parts of larger tensors, as batches are, of which one recording serves all.

    for i in range(0, n, 32):
        step(x[i : i + 32], y[i : i + 32])

What is recorded of a tensor is a place in its storage, and each of these has another. So while the
step is recorded, every contiguous argument that shares memory with nothing else that the step can
reach has a storage of its own: just its elements. In later calls any tensor like it takes its
place, wherever it lies.
"""

from __future__ import annotations

from collections.abc import Iterable

from ...recording import world
from ...tensor import Tensor
from ...tensor.storage import Storage


class SlidingArguments:
    """Tensors that have storages of their own until `end`, and `views` of them."""

    def __init__(self, tensors: Iterable[Tensor]) -> None:
        self.tensors, self.views = list(tensors), list[Tensor]()
        # By the storage: the one from before, its version then, and where in it the tensor began.
        self._before: dict[Storage, tuple[Storage, int, int]] = {}
        for t in self.tensors:
            own, old = Storage(t._flat), t._storage
            own.version = old.version
            self._before[own] = old, old.version, t._offset
            t._storage, t._offset = own, 0

    @property
    def starts(self) -> dict[Storage, int]:
        """Where in the storage from before each of their storages begins."""
        return {own: start for own, (_, _, start) in self._before.items()}

    def __contains__(self, t: object) -> bool:
        return isinstance(t, Tensor) and t._storage in self._before

    def end(self) -> None:
        """Put all back to where they were."""
        for t in (*self.tensors, *self.views):
            if t in self:
                t._storage, _, start = self._before[t._storage]
                t._offset += start
        for own, (old, version, _) in self._before.items():
            if own.version != version:
                old.version += own.version - version
                if hasattr(own, "writer"):
                    old.writer = own.writer
        world.tensors += 1
