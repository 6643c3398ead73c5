"""The call of a function that is recorded: it runs eagerly, and a Recording is made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ..effects import (
    FreshTensors,
    Gradients,
    ReplacedTensors,
    Results,
    SlidingArguments,
    TensorsBefore,
    ValuesBefore,
    nothing_escapes,
)
from ..guards import Guards
from ..record import Recorder, watching
from ..replay import Build, Recording


class Recorded(NamedTuple):
    """What came of a call that was to be recorded.

    There is no recording where state came into being, as an optimizer's in its first step, where
    the step replaced tensors that others hold, or put something new into what guards look at, or
    where arguments that should slide turned out to share memory with something, or somebody asked
    where they begin, as `overlaps` says: the next call can be recorded then.
    """

    result: Any
    recording: Recording | None
    overlaps: bool


def record(
    fn: Callable[..., Any],
    name: str,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    build: Build,
    slide: bool = True,
) -> Recorded:
    """Run `fn` eagerly and record it; with `slide` for arguments in other places, too.

    RuntimeError for what cannot be recorded.
    """
    guards = Guards.of(fn, args, kwargs)
    slides = SlidingArguments(guards.slide(args, kwargs) if slide else ())
    try:
        before = TensorsBefore(fn, args, kwargs, slides)
        held = ValuesBefore(guards.seen.found, before)
        recorder = Recorder(name, lenient=bool(slides.tensors))
        recorder.starts = slides.starts
        before.tell(recorder)
        with watching(recorder):
            value = [fn(*args, **kwargs)]
        guards.check_modes(name)
        before.check_graph()
        replaced = ReplacedTensors(before)
        fresh = FreshTensors(before, recorder, replaced.memories)
        gradients = Gradients(before, recorder, fresh)
        results = Results(value.pop(), fresh)
        gradients.settle(results.leaves)
        replaced.settle(recorder, fresh, gradients.kept)
        fresh.done()
        slides.views += [*results.leaves, *[g for g in gradients.new.values() if g is not None]]
        found = None
        if (
            guards.arguments.are_marked(guards.arguments.values(args, kwargs) or ())
            and nothing_escapes(before, recorder, fresh)
            and replaced.settled
            and not recorder.memory.overlaps
            and (changes := held.changes(recorder)) is not None
        ):
            found = Recording(guards, before, recorder, gradients, changes, results, build)
        return Recorded(results.value, found, recorder.memory.overlaps)
    finally:
        slides.end()
