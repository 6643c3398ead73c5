"""What a recorded step leaves behind besides its writes to memory that was there before.

`Before` looks at every tensor that the step can reach, before it is recorded. Afterwards the
gradients are compared that are new tensors; `replaced` has the tensors that were replaced where
they stood, `kept` those of the step that something else than its result keeps.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Container, Iterator, Mapping, Sequence
from typing import Any

from ...dispatch.launch import same_memory
from ...tensor import Tensor, wrap
from ...tensor.storage import Storage
from ..reach.places import Found
from ..reach.walk import reached, walk
from ..record.recorder import Recorder

Path = tuple[Any, ...]
GEOMETRY = ("_flat", "_kind", "_shape", "_strides", "_offset")


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
        self.geometry = tuple([getattr(tensor, name) for name in GEOMETRY])
        self.index = -1  # in a replay's list of tensors

    def forget(self) -> None:
        """Let go of the tensor: later calls find another one."""
        for name in ("tensor", "storage", "array", "node", "geometry"):
            setattr(self, name, None)


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
        self.found = list(walk(fn, args, kwargs))
        self.places = list(places(self.found))
        names = reached(fn, args, kwargs)
        for found in self.found:
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


def places(held: Sequence[Found]) -> Iterator[Found]:
    """Where modules and optimizers have tensors, which a step may replace."""
    for found in held:
        kept = found.steady or found.exact
        if kept and isinstance(found.holder, dict) and isinstance(found.value, Tensor):
            yield found


# What outlives the step


class Fresh:
    """Tensors for those of the step that outlive it, in storages of their own, without graph.

    Those that it made are then held by nobody who should. Tensors from before the step, and views
    of them, stay what they are, but for what lies in memory that is about to be written: in arrays
    with ids in `moving`. These are copied.
    """

    def __init__(self, before: Before, recorder: Recorder, moving: Collection[int] = ()) -> None:
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


class Gradients:
    """The gradients that the step set: `new` tensors, or None, by whose they are.

    `kept` are pairs of gradients, old and new: a step that reads the gradient that was there and
    then sets another leaves a copy in the old memory, for the next step to read. `replaced` are
    the old ones. But a step that `moves` old gradients, to its result or to other tensors, finds
    them where the calls before left them, so that it runs once a call. So does one that writes to
    an old gradient first, and one whose old gradients lie in memory of other tensors, or apart,
    where no copy can go.
    """

    def __init__(self, before: Before, recorder: Recorder, fresh: Fresh) -> None:
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


def check_graph(before: Before) -> None:
    """RuntimeError for a tensor that the step made a part of its graph."""
    for known in before.known.values():
        if known.tensor._node is not known.node:
            raise RuntimeError(
                f"the step writes to {known.name} what has a graph, which would grow with every "
                f"call: detach() what is written, or write inside torch.no_grad()"
            )
