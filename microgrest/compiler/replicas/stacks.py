"""The memory of replicas: for what a step runs on a row each, or the tensor's own for all.

Rows have all that the step writes and makes, and what differs between replicas as they begin. They
are the host's, wherever the step runs.
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
    """`rows`: (n, size) for each argument of the native function, None for one that all share.

    `live` are the arrays of the call with `args` that the replicas are made of, None for what the
    step makes; `given` has the rows of arguments of which each replica has its own.
    """

    def __init__(
        self, n: int, recording: Recording, args: Sequence[Any], given: Mapping[int, Array]
    ) -> None:
        self.n, self.recording, self.args = n, recording, args
        self.tensors, self.live = self._now()
        self.apart = set(given)
        trace, binding = recording.trace, recording.binding
        buffers = [trace.buffers[b] for b in trace.arguments]
        self.made = [p for p, a in enumerate(self.live) if a is None]
        self.empty = {m.position: m.empty for m in recording.made if m.empty is not None}
        places = [*recording.written_places, *(p for p, _ in binding.copied)]
        self.changing = [*dict.fromkeys(places), *self.made]
        kinds = [self.tensors[i]._kind for _, i in binding.inputs]
        kinds += [m.leaf.kind for m in recording.made if m.leaf is not None]
        self.memory: Any = kinds[0].kernels.memory if kinds else None  # the device's
        self.index = kinds[0].device.index if kinds else None  # of a GPU
        self.rows: list[Array | None] = []
        for p, array in enumerate(self.live):
            if array is None:
                self.rows.append(np.zeros((n, buffers[p].size), self.empty[p](0).dtype))
            elif p in given:
                self.rows.append(given[p])
            else:
                changes = p in self.changing
                self.rows.append(_repeated(n, self.host(array)) if changes else None)

    def _now(self) -> tuple[list[Any], list[Any]]:
        """The tensors as they are, and their arrays."""
        tensors = self.recording.binding.tensors(self.args, {})
        return tensors, self.recording.binding.arrays(tensors)

    def host(self, array: Any) -> Array:
        """Memory of the step as an array of the host: itself, or a copy from a GPU."""
        found: Array = self.memory.to_host(array)
        return found

    @property
    def arrays(self) -> list[Any]:
        """What the native function takes: rows, or memory of the step for all."""
        pairs = zip(self.rows, self.live, strict=True)
        return [live if own is None else own for own, live in pairs]

    def own(self, place: int) -> Array:
        """The rows of an argument; where all shared it, each has its own from here on."""
        rows = self.rows[place]
        if rows is None:
            rows = self.rows[place] = _repeated(self.n, self.host(self.live[place]))
        return rows

    def row_bytes(self) -> int:
        """Bytes that one replica's part of what changes takes."""
        return sum(self.own(p)[:1].nbytes for p in self.changing)

    # Beginnings

    def original(self) -> list[Array | None]:
        """Copies of what there is before replicas begin, of those that may differ."""
        apart = self.apart
        found = enumerate(self.live)
        return [None if a is None or p in apart else self.host(a).copy() for p, a in found]

    def take(self, i: int, originals: Sequence[Array | None]) -> None:
        """Replica `i` begins with what stands in the tensors now, which then is as before.

        RuntimeError where the memory is another one, or belongs to a gradient that steps replace.
        """
        copied = {p for p, _ in self.recording.binding.copied}
        for p, (original, now) in enumerate(zip(originals, self._now()[1], strict=True)):
            if original is None or (p in copied and _same(self.host(now), original)):
                continue
            if now is not self.live[p]:
                trace = self.recording.trace
                raise RuntimeError(
                    f"replicas: init({i}) puts another tensor in the place of "
                    f"{trace.buffers[trace.arguments[p]].name}, or changes a gradient that steps "
                    "replace: write to what is there, as by copy_()"
                )
            values = self.host(now)
            if _same(values, original):
                continue
            if self.rows[p] is None:
                self.rows[p] = _repeated(self.n, original)
            self.own(p)[i] = values
            self.memory.from_host(now, original)

    def fill(self, t: Tensor, values: Array) -> bool:
        """Let replica i begin with `values[i]` for a tensor; whether the step knows it."""
        place = self._place(t)
        if place is None:
            return False
        self.own(place)
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
        offset = (self._begin(t) - self.memory.address(live)) // live.dtype.itemsize
        return self.view(place, offset, t._shape, t._strides, t.dtype.numpy)

    def view(
        self, place: int, offset: int, shape: Sequence[int], strides: Sequence[int], dtype: Any
    ) -> Array:
        """What lies in the memory at `place`, for all replicas."""
        rows = self.rows[place]
        array: Array = self.host(self.live[place]) if rows is None else rows
        first, size = 0 if rows is None else array.strides[0], array.dtype.itemsize
        part = array[..., offset:]
        steps = (first, *(size * s for s in strides))
        return as_strided(part.view(dtype), (self.n, *shape), steps)

    def _place(self, t: Tensor) -> int | None:
        """Which argument has the memory of `t`."""
        begin = self._begin(t)
        for p, live in enumerate(self.live):
            if live is None:
                continue
            nbytes = live.size * live.dtype.itemsize
            if 0 <= begin - self.memory.address(live) < max(nbytes, 1):
                return p
        return None

    def _begin(self, t: Tensor) -> int:
        """The address of the first element; -1 on another device, or where there is no memory."""
        if self.memory is None or t._kind.kernels.memory is not self.memory:
            return -1
        return int(self.memory.address(t._storage.array)) + t._offset * t.itemsize

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
        values = t.detach().cpu().numpy()
        return np.broadcast_to(values, (self.n, *values.shape))

    # Backups

    def keep(self, rows: Array) -> list[Array]:
        """Copies of what changes, of some replicas."""
        return [self.own(p)[rows] for p in self.changing]

    def put_back(self, kept: Sequence[Array], k: int, row: int) -> None:
        """Let replica `row` have what was kept of the `k`-th of them."""
        for p, values in zip(self.changing, kept, strict=True):
            self.own(p)[row] = values[k]

    def load(self, i: int) -> tuple[list[Any], list[Any]]:
        """Put replica `i` into the tensors; these, and copies of what the step makes, else None."""
        tensors, now = self._now()
        made: list[Any] = [None] * len(self.rows)
        copied = {p for p, _ in self.recording.binding.copied}
        for p, (rows, live) in enumerate(zip(self.rows, now, strict=True)):
            if rows is None:
                continue
            if live is None:
                live = made[p] = self.empty[p](rows.shape[1])
            elif p in self.apart or p in copied:
                continue
            self.memory.from_host(live, rows[i])
        for p, index in self.recording.binding.inputs:
            tensors[index]._storage.version += self.rows[p] is not None
        return tensors, made


def _repeated(n: int, array: Array) -> Array:
    rows = np.empty((n, array.size), array.dtype)
    rows[...] = array
    return rows


def _same(a: Array, b: Array) -> bool:
    """Whether all bits are the same, those of NaN and of zeros too."""
    return a.tobytes() == b.tobytes() if a.size < 64 else np.array_equal(_words(a), _words(b))


def _words(array: Array) -> Array:
    return array.view(np.dtype(f"u{array.dtype.itemsize}"))
