"""What a recorded step leaves behind besides its writes to memory that was there before.

`Before` looks at every tensor that the step can reach, before it is recorded. `settle` compares
afterwards: gradients that are new tensors, versions of storages, tensors that were replaced where
they stood, and tensors of the step that something else than its result keeps.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from typing import Any

from ..dispatch.memory import put
from ..storage import Storage
from ..tensor import Tensor
from .buffers import Region
from .reach import Found, reached, walk
from .recorder import Recorder

Path = tuple[Any, ...]


class Known:
    """A tensor from before the step. A replay finds it where the recorded call did:

    itself (`path` None), at a `path` into the arguments, or as the gradient of `owner`, a Known.
    """

    __slots__ = (
        *("array", "geometry", "index", "name", "node", "owner", "path", "slides", "storage"),
        "tensor",
    )

    def __init__(
        self, tensor: Tensor, name: str, path: Path | None, owner: Known | None, slides: bool
    ) -> None:
        self.tensor, self.name, self.path, self.owner = tensor, name, path, owner
        self.slides = slides  # it has a storage of its own while the step is recorded
        self.storage, self.node = tensor._storage, tensor._node
        self.array = self.storage.array
        self.geometry = _geometry(tensor)
        self.index = -1  # in a replay's list of tensors


class Before:
    """The tensors that a call can reach, and the versions of their storages."""

    def __init__(
        self,
        fn: Callable[..., Any],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        slides: Container[Tensor] = (),
    ) -> None:
        self.fn, self.args, self.kwargs, self.slides = fn, args, kwargs, slides
        self.known: dict[Tensor, Known] = {}
        self.places = list(_places(fn, args, kwargs))
        names = reached(fn, args, kwargs)
        for found in walk(fn, args, kwargs):
            if isinstance(found.value, Tensor):
                self._know(found.value, names.get(found.value, found.path))
        for path, t in arguments(args, kwargs):
            self._know(t, names.get(t, "argument"), path)
        for known in tuple(self.known.values()):
            if known.tensor._grad is not None:
                self._know(known.tensor._grad, f"{known.name}.grad", owner=known)
        self.versions = {k.storage: k.storage.version for k in self.known.values()}

    def _know(
        self, t: Tensor, name: str, path: Path | None = None, owner: Known | None = None
    ) -> None:
        if t not in self.known:
            self.known[t] = Known(t, name, path, owner, t in self.slides)

    def tell(self, recorder: Recorder) -> None:
        """Let the recorder know their memory."""
        for known in self.known.values():
            recorder.memory.know(known.array, known.name)


def arguments(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Iterator[tuple[Path, Tensor]]:
    """The tensors among arguments, lists, tuples and dicts entered, each with the way to it."""
    for key, value in (*enumerate(args), *kwargs.items()):
        yield from _tensors((key,), value)


def _tensors(path: Path, value: Any) -> Iterator[tuple[Path, Tensor]]:
    if isinstance(value, Tensor):
        yield path, value
    elif isinstance(value, (list, tuple, dict)):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            yield from _tensors((*path, key), inner)


def _places(fn: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Iterator[Found]:
    """Where modules and optimizers have tensors, which a step may replace."""
    for found in walk(fn, args, kwargs):
        kept = found.steady or found.exact
        if kept and isinstance(found.holder, dict) and isinstance(found.value, Tensor):
            yield found


# Putting back


def put_back(before: Before, recorder: Recorder) -> None:
    """Keep the memory of tensors that the step replaced, with a copy of the new values.

    For the next step the new values have to be where this one read the old. So a buffer that was
    assigned anew, or a parameter's .data, stays the tensor it was, in the memory where it was.
    """
    for found in before.places:
        now = found.holder.get(found.key)
        if now is not found.value and isinstance(now, Tensor):
            known = before.known[found.value]
            _carry(known, now, recorder)
            dict.__setitem__(found.holder, found.key, found.value)
    for known in before.known.values():
        t = known.tensor
        if t._storage.array is not known.array:
            now = t.detach()
            for name, value in zip(_GEOMETRY, known.geometry, strict=True):
                setattr(t, name, value)
            t._storage = known.storage
            _carry(known, now, recorder)
        elif t._storage is not known.storage:
            t._storage, known.storage.version = known.storage, t._storage.version


_GEOMETRY = ("_flat", "_kind", "_shape", "_strides", "_offset")


def _geometry(t: Tensor) -> tuple[Any, ...]:
    return tuple([getattr(t, name) for name in _GEOMETRY])


def _carry(known: Known, now: Tensor, recorder: Recorder) -> None:
    old = known.tensor
    fits = now._shape == old._shape and now._kind is old._kind
    if not fits or old._flat is None or now._flat is None:
        raise RuntimeError(
            f"the step replaces {known.name}, {old.type()} {list(old._shape)}, by "
            f"{now.type()} {list(now._shape)}: a compiled step needs the same type and shape, and "
            "contiguous tensors; write in place, or call it eagerly"
        )
    recorder.copy_over(old._flat, now._flat)
    put(old, now)
    old._storage.version += 1


# What outlives the step


class Fresh:
    """Tensors for those of the step that outlive it, in storages of their own, without graph.

    Those that it made are then held by nobody who should. Tensors from before the step, and views
    of them, stay what they are.
    """

    def __init__(self, before: Before) -> None:
        self.before = before
        self.own: dict[int, Storage] = {}  # by id
        self._tensors: dict[int, tuple[Tensor, Tensor]] = {}
        self._storages: dict[int, tuple[Storage, Storage]] = {}

    def __call__(self, t: Tensor) -> Tensor:
        """The tensor for `t`: the same one each time."""
        if t in self.before.known:
            return t
        found = self._tensors.get(id(t))
        if found is None:
            found = self._tensors[id(t)] = t, t._same()
            if t._storage not in self.before.versions:
                found[1]._storage = self._storage(t._storage)
        return found[1]

    def _storage(self, old: Storage) -> Storage:
        if id(old) not in self._storages:
            new = Storage(old.array)
            self._storages[id(old)], self.own[id(new)] = (old, new), new
        return self._storages[id(old)][1]

    def done(self) -> None:
        """Let go of the tensors that were made in the step."""
        self._tensors, self._storages = {}, {}


def new_gradients(before: Before, recorder: Recorder, fresh: Fresh) -> dict[Known, Tensor | None]:
    """The gradients that the step set: new tensors, or None.

    A step that reads the gradient that was there and then sets another leaves a copy in the old
    memory, for the next step to read.
    """
    changed: dict[Known, Tensor | None] = {}
    held = {known.owner: known for known in before.known.values() if known.owner is not None}
    for known in before.known.values():
        old, now = held.get(known), known.tensor._grad
        if now is (None if old is None else old.tensor):
            continue
        if now is not None:
            if old is not None and _is_buffer(recorder, old.array):
                recorder.copy_over(old.tensor._flat, now._flat)
            known.tensor._grad = now = fresh(now)
        changed[known] = now
    return changed


def _is_buffer(recorder: Recorder, array: Any) -> bool:
    return bool(array.size) and recorder.memory.region_of(array).index is not None


# What is kept


def check_graph(before: Before) -> None:
    """RuntimeError for a tensor that the step made a part of its graph."""
    for known in before.known.values():
        if known.tensor._node is not known.node:
            raise RuntimeError(
                f"the step writes to {known.name} what has a graph, which would grow with every "
                f"call: detach() what is written, or write inside torch.no_grad()"
            )


def settled(before: Before, recorder: Recorder, fresh: Fresh) -> bool:
    """Whether nothing but the step's result keeps a tensor that the step made.

    An optimizer or a module may, whose state came into being; RuntimeError if something else does.
    """
    found = _kept(recorder, fresh)
    if found:
        gc.collect()  # graphs that refer to themselves
        found = _kept(recorder, fresh)
    if not found:
        return True
    arrays = {id(region.array) for region in found}
    for place in _places(before.fn, before.args, before.kwargs):
        if id(place.value._storage.array) in arrays:
            return False
    lines = [recorder.lines[r.index] for r in found if r.index in recorder.lines]
    where = f" at {lines[0]}" if lines else ""
    raise RuntimeError(
        f"a tensor made in the step{where} is kept by something else than the step's result: "
        "return it, for a compiled step makes no tensors but those"
    )


def _kept(recorder: Recorder, fresh: Fresh) -> list[Region]:
    """The regions that storages refer to besides those of fresh tensors."""
    # A region holds its array, and getrefcount's own argument counts.
    suspects = [r for r in recorder.memory.made if sys.getrefcount(r.array) > 2]
    if not suspects:
        return []
    holders = gc.get_referrers(*[r.array for r in suspects])
    others = [s for s in holders if isinstance(s, Storage) and id(s) not in fresh.own]
    arrays = {id(s.array) for s in others}
    return [r for r in suspects if id(r.array) in arrays]
