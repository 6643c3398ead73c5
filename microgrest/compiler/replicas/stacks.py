"""The memory of replicas: for what a step runs on a row each, or the tensor's own for all.

Rows have all that the step writes and makes, and what differs between replicas as they begin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ...tensor import Tensor
from ..replay import Recording

Array = np.ndarray[Any, Any]


class Stacks:
    """`arrays`: one for each argument of the native function, (n, size), or (size,) for all.

    `tensors` and `live` are those of the call that the replicas are made of, and their arrays,
    None for what the step makes; `given` has the rows of arguments of which each replica has its
    own.
    """

    def __init__(
        self,
        n: int,
        recording: Recording,
        tensors: Sequence[Tensor],
        given: Mapping[int, Array],
    ) -> None:
        self.n, self.recording, self.tensors = n, recording, tensors
        self.live: list[Array | None] = recording.binding.arrays(tensors)
        self.apart = set(given)
        trace, binding = recording.trace, recording.binding
        buffers = [trace.buffers[b] for b in trace.arguments]
        self.made = [p for p, a in enumerate(self.live) if a is None]
        dtypes = {m.position: m.empty(0).dtype for m in recording.made if m.empty is not None}
        places = [*recording.written_places, *(p for p, _ in binding.copied)]
        self.changing = [*dict.fromkeys(places), *self.made]
        self.arrays: list[Array] = []
        for p, array in enumerate(self.live):
            if array is None:
                self.arrays.append(np.zeros((n, buffers[p].size), dtypes[p]))
            elif p in given:
                self.arrays.append(given[p])
            else:
                self.arrays.append(_repeated(n, array) if p in self.changing else array)

    def row_bytes(self) -> int:
        """Bytes that one replica's part of what changes takes."""
        return sum(self.arrays[p][:1].nbytes for p in self.changing)

    # Beginnings

    def original(self) -> list[Array | None]:
        """Copies of what there is before replicas begin, of those that may differ."""
        apart = self.apart
        return [None if a is None or p in apart else a.copy() for p, a in enumerate(self.live)]

    def take(self, i: int, originals: Sequence[Array | None]) -> None:
        """Replica `i` begins with what stands in the tensors now, which then is as before."""
        for p, original in enumerate(originals):
            live = self.live[p]
            if original is None or live is None or _same(live, original):
                continue
            if self.arrays[p].ndim == 1:
                self.arrays[p] = _repeated(self.n, original)
            self.arrays[p][i] = live
            live[...] = original

    def fill(self, t: Tensor, values: Array) -> bool:
        """Let replica i begin with `values[i]` for a tensor; whether the step knows it."""
        place = self._place(t)
        if place is None:
            return False
        if self.arrays[place].ndim == 1:
            self.arrays[place] = _repeated(self.n, self.arrays[place])
        view: Any = self.of(t)
        view[...] = values
        return True

    # Values

    def of(self, t: Tensor) -> Array | None:
        """The values of a tensor in all replicas, of shape (n, *t.shape), which are their memory.

        None where the step has nothing to do with it.
        """
        place = self._place(t)
        if place is None:
            return None
        live = self.live[place]
        assert live is not None
        offset = (_begin(t) - live.ctypes.data) // live.dtype.itemsize
        return self.view(place, offset, t._shape, t._strides, t.dtype.numpy)

    def view(
        self, place: int, offset: int, shape: Sequence[int], strides: Sequence[int], dtype: Any
    ) -> Array:
        """What lies in the memory at `place`, for all replicas."""
        array, size = self.arrays[place], self.arrays[place].dtype.itemsize
        first = array.strides[0] if array.ndim == 2 else 0
        part = array[..., offset:]
        steps = (first, *(size * s for s in strides))
        return as_strided(part.view(dtype), (self.n, *shape), steps)

    def _place(self, t: Tensor) -> int | None:
        """Which argument has the memory of `t`."""
        begin = _begin(t)
        for p, live in enumerate(self.live):
            if live is not None and 0 <= begin - live.ctypes.data < max(live.nbytes, 1):
                return p
        return None

    def results(self) -> list[Array]:
        """What the step returned, tensor for tensor, for all replicas: their memory."""
        return [self._result(self.recording.made[i].leaf) for i in self.recording.order]

    def _result(self, leaf: Any) -> Array:
        if leaf.buffer is not None:
            place = self.recording.trace.arguments.index(leaf.buffer)
            return self.view(place, leaf.offset, leaf.shape, leaf.strides, leaf.kind.dtype.numpy)
        if leaf.known is None:
            t = leaf.over(leaf.array)
        else:
            t = self.tensors[leaf.known.index]
            t = t if leaf.same else leaf.view(t)
            found = self.of(t)
            if found is not None:
                return found
        values = t.detach().numpy()
        return np.broadcast_to(values, (self.n, *values.shape))

    # Backups

    def keep(self, rows: Array) -> list[Array]:
        """Copies of what changes, of some replicas."""
        return [self.arrays[p][rows] for p in self.changing]

    def put_back(self, kept: Sequence[Array], k: int, row: int) -> None:
        """Let replica `row` have what was kept of the `k`-th of them."""
        for p, values in zip(self.changing, kept, strict=True):
            self.arrays[p][row] = values[k]

    def load(self, i: int) -> list[Array | None]:
        """Put replica `i` into the tensors; copies of what the step makes, else None."""
        made: list[Array | None] = [None] * len(self.arrays)
        copied = {p for p, _ in self.recording.binding.copied}
        for p, (array, live) in enumerate(zip(self.arrays, self.live, strict=True)):
            if live is None:
                made[p] = array[i].copy()
            elif array.ndim == 2 and p not in self.apart and p not in copied:
                live[...] = array[i]
        for p, index in self.recording.binding.inputs:
            self.tensors[index]._storage.version += self.arrays[p].ndim == 2
        return made


def _repeated(n: int, array: Array) -> Array:
    rows = np.empty((n, array.size), array.dtype)
    rows[...] = array
    return rows


def _same(a: Array, b: Array) -> bool:
    """Whether all bits are the same, those of NaN and of zeros too."""
    return a.tobytes() == b.tobytes() if a.size < 64 else np.array_equal(_words(a), _words(b))


def _words(array: Array) -> Array:
    return array.view(np.dtype(f"u{array.dtype.itemsize}"))


def _begin(t: Tensor) -> int:
    """The address of the first element."""
    return int(t._storage.array.ctypes.data) + t._offset * t.itemsize
