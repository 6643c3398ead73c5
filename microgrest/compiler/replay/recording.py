"""Recording: a step that was recorded, as a native function with all that is around it.

A call binds the arrays of the tensors as they are now, computes the numbers of the steps to come,
runs, and leaves behind what eager execution would: gradients that are new tensors, versions,
counts of steps, the places of generators.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...kernels.steps.trace import INDEX, Loop
from ...recording import world
from ...tensor import Tensor, wrap
from ...tensor.storage import Storage
from ..effects import Gradients, Known, Leaf, Results, TensorsBefore, ValueChanges, leaf_of
from ..guards import Guards, Sight
from ..record import Recorder
from .binding import Binding
from .native_function import Build
from .outputs import Output, ReusedGradients
from .snapshot import Snapshot, before_counts, counted, size_of

Array = np.ndarray[Any, Any]
_MASK = (1 << 64) - 1
NOTHING: Mapping[int, Array] = {}


class Failed(RuntimeError):
    """Something went wrong in the `step`-th of the steps that were to run."""

    def __init__(self, text: str, step: int) -> None:
        super().__init__(text)
        self.step = step


class OutOfRange(Failed, IndexError):
    """An index was out of range."""


class Recording:
    """A compiled step. `guards` say when it fits; `trace` is what it does, `native` runs it.

    `numbers` are the optimizers' and schedulers' part, a NumberTable, `generators` the random
    streams. `repeats`: a step ends in the state that it began in, so that several can run at once.
    """

    def __init__(
        self,
        guards: Guards,
        before: TensorsBefore,
        recorder: Recorder,
        gradients: Gradients,
        changes: ValueChanges,
        results: Results,
        build: Build,
    ) -> None:
        self.guards, self.build_result = guards, results.build
        self.changes = changes or None
        leaves = [leaf_of(t, before, recorder) for t in results.leaves]
        graded = {
            known: None if g is None else leaf_of(g, before, recorder)
            for known, g in gradients.new.items()
        }
        for known, leaf in graded.items():
            if leaf is not None and leaf.buffer is not None:
                recorder.memory.buffers[leaf.buffer].name = f"{known.name}.grad"
        self.trace = recorder.trace(results.scalars(recorder))
        self.numbers = recorder.numbers.table()
        self.generators = [generator for generator, _ in recorder.generators]
        self.repeats = gradients.repeats and not changes

        touched = {s: s.version - v for s, v in before.versions.items() if s.version != v}
        needed = {k for k in before.known.values() if k.storage in touched}
        needed |= {*gradients.new, *changes.flags}
        needed |= {leaf.known for leaf in (*leaves, *graded.values()) if leaf and leaf.known}
        replaced = gradients.replaced
        self.binding = Binding(before, recorder, self.trace, needed - replaced, replaced)
        self._template = self.binding.template.copy()
        self._count_writes(touched)
        self.written_places = self._inputs_written()
        self._arrange(leaves, graded, results, gradients.new)
        self._shorten()
        self.history = np.empty((1, len(self.trace.scalars)))
        self.seeds = np.empty((len(self.generators), 2), np.uint64)
        moving = {p for p, *_ in (*self._bound, *self.binding.copied, *self._empties)}
        self.trace.held = [p for p in range(len(self.trace.arguments)) if p not in moving]
        self._fails = bool(self.trace.failures)
        self.native = build(self.trace)
        guards.bind(self.binding.guarded, recorder.memory.unnamed())
        self.binding.forget()

    def _count_writes(self, touched: Mapping[Storage, int]) -> None:
        """How many in-place writes each call counts: of inputs, and of other tensors."""
        owners = {known.storage: known.index for known in reversed(self.binding.known)}
        counts = {owners[s]: count for s, count in touched.items() if s in owners}
        inputs = [(p, owners[self.binding.known[i].storage], i) for p, i in self.binding.inputs]
        bound = [(p, i, counts.pop(owner, 0)) for p, owner, i in inputs]
        held = len(self.binding.held)
        self._held = [b for b in bound if b[1] < held]
        slides = [known.slides for known in self.binding.known]
        self._bound = [(p, i, slides[i], count) for p, i, count in bound if i >= held]
        self._touched = list(counts.items())
        self._seen: Any = None

    def _look_again(self) -> None:
        """Note the memory of held tensors, which stays while the guards see what they saw."""
        self._seen = self.guards.seen
        self._storages = []  # each as many times as it is written
        for position, i, count in self._held:
            storage = self.binding.held[i]._storage
            self._template[position] = storage.array
            self._storages += [storage] * count

    def _arrange(
        self,
        leaves: Sequence[Leaf],
        graded: Mapping[Known, Leaf | None],
        results: Results,
        gradients: Mapping[Known, Tensor | None],
    ) -> None:
        """What to make: gradients, then results; and where the result's tensors are among them."""
        self.made = [Output(leaf, known.index) for known, leaf in graded.items()]
        self.gradients = len(self.made)
        place = {id(g): i for i, g in enumerate(gradients.values()) if g is not None}
        self.order = []
        for t, leaf in zip(results.leaves, leaves, strict=True):
            at = place.setdefault(id(t), len(self.made))
            if at == len(self.made):
                self.made.append(Output(leaf, None))
            self.order.append(at)
        positions = {buffer: i for i, buffer in enumerate(self.trace.arguments)}
        shared = Counter(m.leaf.buffer for m in self.made if m.leaf is not None)
        first: dict[int, int] = {}
        for i, m in enumerate(self.made):
            if m.leaf is not None and m.leaf.buffer is not None:
                m.twin = first.get(m.leaf.buffer)
                first.setdefault(m.leaf.buffer, i)
                m.position = positions[m.leaf.buffer]
                m.size = self.trace.buffers[m.leaf.buffer].size
                m.empty = m.leaf.kind.empty
        alone = {m for m in self.made if m.leaf is not None and shared[m.leaf.buffer] == 1}
        reusable = [m for m in self.made if m in alone and m.owner is not None and m.is_whole]
        self._kept = ReusedGradients(reusable, self._template)

    def _shorten(self) -> None:
        """What a call needs where gradients serve again, and all results are new and whole."""
        others = [m for m in self.made if m.kept is None]
        outputs = [m for m in others if m.position is not None and m.twin is None]
        self._empties = [(m.position, m.empty, m.size) for m in outputs]
        self._sets = any(m.owner is not None for m in others)
        held = len(self.binding.held)
        self._steady = self.repeats and all(m.owner < held for m in self._kept.made)
        self._settled = -1
        results = [self.made[i] for i in self.order]
        leaves = [(m.position, m.leaf) for m in results if m.leaf and m.is_whole and m.twin is None]
        self._plain: list[Any] | None = None
        if not self._sets and len(leaves) == len(results) and len(set(self.order)) == len(results):
            self._plain = [(p, x.shape, x.strides, x.kind) for p, x in leaves]

    def _inputs_written(self) -> set[int]:
        """The positions of input buffers that ops write."""
        wrote: set[int] = set()
        for op in self.trace.ops:
            wrote |= stored(op)
        return {i for i, buffer in enumerate(self.trace.arguments) if buffer in wrote}

    # Running

    def written(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Tensor]:
        """The tensors from before the step that it writes to, as far as this call has them."""
        return self.writes(self.binding.tensors(args, kwargs))

    def writes(self, tensors: Sequence[Any]) -> list[Tensor]:
        """Those of a call's tensors that the step writes to."""
        found = [
            tensors[i] for position, i in self.binding.inputs if position in self.written_places
        ]
        return [t for t in found if t is not None]  # gradients, which a step may have dropped

    def graded(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Tensor]:
        """The tensors that get new gradients, or lose theirs, or have other flags then."""
        tensors = self.binding.tensors(args, kwargs)
        owners = [m.owner for m in self.made[: self.gradients] if m.owner is not None]
        flagged = () if self.changes is None else self.changes.flags
        return [tensors[i] for i in (*owners, *(known.index for known in flagged))]

    def snapshot(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], limit: int
    ) -> Snapshot | None:
        """What a run is about to change; None where values are larger than `limit` bytes.

        Gradients that the step sets anew, and never reads before, are as good as any others.
        """
        written = self.written(args, kwargs)
        if size_of(written) > limit:
            return None
        reads = bool(self.binding.copied) or not self.repeats
        places = () if self.changes is None else self.changes.places
        counts = counted(self.numbers, self.generators)
        tensors = [*written, *self.graded(args, kwargs)]
        return Snapshot(tensors, written, *counts, gradients=reads, places=places)

    def fits(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], sight: Sight | None = None
    ) -> bool:
        """Whether a call can be served; `sight`: see `Guards.hold`."""
        return self.guards.hold(args, kwargs, sight) and self.numbers.fits()

    def run(
        self,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        steps: int = 1,
        history: Array | None = None,
        moving: Mapping[int, Array] = NOTHING,
    ) -> Any:
        """Run `steps` steps; what the last returned. Row i of `history` gets step i's scalars.

        `moving` has, by places in `args`, the memory of arguments that are others in each step,
        one step after the other; `args` are those of the last.
        IndexError where an index is out of range, RuntimeError where a kernel failed.
        """
        binding = self.binding
        tensors = binding.tensors(args, kwargs) if binding.varies else binding.held
        looked = self._seen is not self.guards.seen
        if looked:
            self._look_again()
        same = self._gradients_serve(tensors)
        if looked or not same:
            self._run = self.native.bind(self._template)
        arrays = self._arrays(tensors)
        if history is None:
            history = self.history if steps == 1 else np.empty((steps, len(self.trace.scalars)))
        before = before_counts(self.numbers, self.generators) if self._fails else None
        numbers = self._numbers(steps)
        if moving:
            moves = self.binding.positions(moving)
            failed = self.native.along(numbers, self.seeds, history, arrays, moves, self.trace)
        else:
            failed = self._run(steps, numbers, self.seeds, history, arrays)
        if failed and before is not None:
            before.restore()
            error = self.failure(failed)
            self.numbers.fits()  # counts anew
            if error.step > 1:
                self._numbers(error.step - 1)
            raise error
        for i, count in self._touched:
            tensors[i]._storage.version += count
        if self.changes is not None:
            self.changes.make(tensors)
        if same and self._plain is not None:
            return self.build_result([wrap(arrays[p], a, b, kind) for p, a, b, kind in self._plain])
        return self.build_result(self._make(tensors, arrays, same))

    def _gradients_serve(self, tensors: Sequence[Any]) -> bool:
        """Whether the gradients of the last call serve again; otherwise there is new memory."""
        kept = self._kept
        if not kept.made or (self._settled == world.tensors and kept.serve()):
            return True
        same = kept.choose(tensors)
        if same and self._steady:
            self._settled = self.guards.moved
        return same

    def _arrays(self, tensors: Sequence[Any]) -> list[Any]:
        """What the native function takes; writes to inputs are counted."""
        arrays = self._template.copy()
        for storage in self._storages:
            storage.version += 1
        for position, i, slides, count in self._bound:
            t = tensors[i]
            arrays[position] = t._flat if slides else t._storage.array
            if count:
                t._storage.version += count
        if self.binding.copied:
            self.binding.copy(tensors, arrays)
        for position, empty, size in self._empties:
            arrays[position] = empty(size)
        return arrays

    def _make(self, tensors: Sequence[Any], arrays: Sequence[Any], same: bool) -> list[Any]:
        """The tensors of the result, and gradients."""
        made: list[Any] = []
        for m in self.made:
            kept = None if m.kept is None else self._kept[m.kept]
            made.append(self._new(m, made, tensors, arrays) if kept is None else kept)
        if self._sets or not same:
            world.tensors += 1
            if self.repeats:  # no guard of this recording minds
                self.guards.moved += 1
            if self._steady:
                self._settled = self.guards.moved
        return [made[i] for i in self.order]

    def leave(self, tensors: Sequence[Any], arrays: Sequence[Any], steps: int) -> Any:
        """Leave what `steps` steps on other memory made of it, `arrays`: its result, gradients."""
        for i, count in self._touched:
            tensors[i]._storage.version += count * steps
        made: list[Any] = []
        for m in self.made:
            made.append(self._new(m, made, tensors, arrays))
        for i in range(len(self._kept.made)):
            self._kept[i] = None  # it has other memory than the next run is bound to
        world.tensors += 1
        return self.build_result([made[i] for i in self.order])

    def _new(
        self, m: Output, made: Sequence[Any], tensors: Sequence[Tensor], arrays: Sequence[Any]
    ) -> Tensor | None:
        """A tensor of the result, or a gradient, which is set."""
        leaf, t = m.leaf, None
        if leaf is not None:
            if m.twin is not None:
                t = leaf.view(made[m.twin])
            elif leaf.known is not None:
                t = tensors[leaf.known.index]
                t = t if leaf.same else leaf.view(t)
            else:
                t = leaf.over(leaf.array if m.position is None else arrays[m.position])
        if m.owner is not None:
            tensors[m.owner]._grad = t
            if m.kept is not None:
                self._kept[m.kept] = t
        return t

    def _draw(self, steps: int) -> None:
        """Take the counters of `steps` steps from each generator."""
        for i, (generator, counters) in enumerate(
            zip(self.generators, self.trace.counters, strict=True)
        ):
            with generator._lock:
                self.seeds[i] = generator._seed, generator._offset & _MASK
                generator._offset += counters * steps

    def _numbers(self, steps: int) -> Array:
        """The numbers of the next steps, which are then counted as taken, as are their draws."""
        numbers = self.numbers.take(steps)
        if self.generators:
            self._draw(steps)
        return numbers

    def failure(self, code: int) -> Failed:
        """The error for what the native function returned; steps before that one are whole."""
        failed, text = self.trace.failed(code)
        kind = OutOfRange if text == INDEX else Failed
        return kind(
            f"{self.trace.name}: {text} in the compiled step; call the function itself, without "
            "compile, to see where",
            failed,
        )


def stored(op: Any) -> set[int]:
    """The buffers that an op writes."""
    if isinstance(op, Loop):
        return {view.buffer for view in op.outputs}
    roles = op.kind.operands(op.params)
    return {x.buffer for o, x in zip(roles, op.operands, strict=True) if o.writes}
