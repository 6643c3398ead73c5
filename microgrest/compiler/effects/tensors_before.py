"""The tensors that a step can reach, as they are before it is recorded."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from typing import Any

from ...tensor import Tensor
from ..reach import Found, objects_reached, tensors_reached
from ..record import Recorder

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


class TensorsBefore:
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
        self.found = list(objects_reached(fn, args, kwargs))
        self.places = list(places(self.found))
        names = tensors_reached(fn, args, kwargs)
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

    def check_graph(self) -> None:
        """RuntimeError for a tensor that the step made a part of its graph."""
        for known in self.known.values():
            if known.tensor._node is not known.node:
                raise RuntimeError(
                    f"the step writes to {known.name} what has a graph, which would grow with "
                    "every call: detach() what is written, or write inside torch.no_grad()"
                )


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
