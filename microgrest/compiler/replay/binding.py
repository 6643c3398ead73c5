"""What a recording runs on: the tensors from before the step, found anew in every call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...kernels.steps.trace import INPUT, Trace
from ...tensor import Tensor, wrap
from ..effects import Known, TensorsBefore
from ..record import Recorder


class Binding:
    """The tensors that a recording needs, in a fixed order, and their memory.

    First those that are held, then those among the arguments, then gradients of these. `replaced`
    are gradients that the step sets anew.
    """

    def __init__(
        self,
        before: TensorsBefore,
        recorder: Recorder,
        trace: Trace,
        needed: Iterable[Known],
        replaced: set[Known],
    ) -> None:
        regions = recorder.memory.regions
        used = {id(region) for region in regions if region is not None}
        wanted = set(needed)
        for known in before.known.values():
            if known.array.size and id(recorder.memory.region_of(known.array)) in used:
                wanted.add(known)
        wanted |= {known.owner for known in wanted if known.owner is not None}
        self._order([known for known in before.known.values() if known in wanted])
        # A gradient that is replaced need not be there, unless it is read.
        self.guarded = [k.tensor for k in self.known if k not in replaced]

        positions = {buffer: i for i, buffer in enumerate(trace.arguments)}
        self.template: list[Any] = [None] * len(positions)
        self.inputs: list[tuple[int, int]] = []
        self.copied: list[tuple[int, int]] = []
        whose = {id(known.array): known for known in reversed(self.known)}
        for buffer, position in positions.items():
            if trace.buffers[buffer].role == INPUT:
                array = regions[buffer].array
                owner = whose.get(id(array))
                if owner is None:
                    self.template[position] = array
                else:
                    places = self.copied if owner in replaced else self.inputs
                    places.append((position, owner.index))

    def forget(self) -> None:
        """Let go of the tensors that each call has others of: they may be parts of large ones."""
        del self.guarded
        for known in self.known:
            if known.path is not None or known.owner is not None:
                known.forget()

    def _order(self, needed: Sequence[Known]) -> None:
        """Number the tensors."""
        held = [k for k in needed if k.path is None and k.owner is None]
        given = [k for k in needed if k.path is not None]
        inner = [k for k in needed if k.owner is not None]
        self.known = [*held, *given, *inner]
        for i, numbered in enumerate(self.known):
            numbered.index = i
        self.held = [k.tensor for k in held]
        self.paths = [k.path for k in given if k.path is not None]
        # Of arguments that are tensors themselves, as most are, their places are all of it.
        first = [path[0] for path in self.paths if len(path) == 1 and isinstance(path[0], int)]
        self.places = first if len(first) == len(self.paths) else None
        self.owners = [k.owner.index for k in inner if k.owner is not None]
        self.varies = bool(given or inner)

    def tensors(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
        """The tensors as this call has them."""
        found: list[Any] = self.held
        if self.places is not None:
            found = [*found, *[args[i] for i in self.places]]
        else:
            found = [*found, *[_fetched(path, args, kwargs) for path in self.paths]]
        if self.owners:
            found = found + [found[i]._grad for i in self.owners]
        return found

    def arrays(self, tensors: Sequence[Any]) -> list[Any]:
        """The arrays that the native function takes, None where outputs go."""
        arrays = self.template.copy()
        for position, i in self.inputs:
            slides = self.known[i].slides
            arrays[position] = tensors[i]._flat if slides else tensors[i]._storage.array
        self.copy(tensors, arrays)
        return arrays

    def positions(self, given: Mapping[int, Any]) -> dict[int, Any]:
        """Where the native function takes what is given by places among the arguments."""
        first = len(self.held)
        paths = {first + k: path[0] for k, path in enumerate(self.paths) if len(path) == 1}
        places = [(position, paths[i]) for position, i in self.inputs if i in paths]
        return {position: given[place] for position, place in places if place in given}

    def copy(self, tensors: Sequence[Any], arrays: list[Any]) -> None:
        """Put copies of gradients that are replaced in: whoever holds them keeps their values."""
        for position, i in self.copied:
            array = tensors[i]._storage.array
            whole: Any = wrap(array, (array.size,), (1,), tensors[i]._kind)
            arrays[position] = whole._copy()._flat


def _fetched(path: Sequence[Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Tensor:
    first, *rest = path
    value = args[first] if first.__class__ is int else kwargs[first]
    for key in rest:
        value = value[key]
    found: Tensor = value
    return found
