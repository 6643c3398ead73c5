"""Kernel kinds on a GPU: each call is a sequence of launches that is kept, or a library's routine.

A kind that has no kernels here runs on the host, on copies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, lru_cache, partial
from typing import Any

import numpy as np

from ..cpu import kinds as host
from ..source.kind import VALUES, Kind, Launches, Metas, Room, Sizes, Stage, word
from ..source.writer import Source
from . import memory
from .driver.device import driver, enter, here, simulated, stream_on
from .driver.launch import BLOCKS, THREADS, Kernel
from .source.guards import guarded

Launch = Callable[..., None]
ROOM = Room(THREADS, BLOCKS, simulated)
# What a call has besides its operands; its values follow.
GIVEN = ("seed", "counter", "status", "failure")


def run(
    kind: Kind,
    params: Any,
    operands: Sequence[Any],
    sizes: tuple[int, ...] = (),
    values: tuple[Any, ...] = (),
) -> None:
    """Queue a call of `kind` on spans, and strided ones; see `source.kind`."""
    metas = tuple([o[1:] if o.__class__ is tuple else o.size for o in operands])
    spans = [o[0] if o.__class__ is tuple else o for o in operands]
    if kind.fails:
        _run_checked(kind, params, metas, sizes, spans, values)
    else:
        launcher(kind, params, metas, sizes)(spans, (None,) * len(GIVEN), values)


def draw(
    kind: Kind,
    params: Any,
    out: Any,
    seed: int,
    counter: int,
    values: tuple[Any, ...] = (),
) -> int:
    """Fill `out` from stream `seed` (0 to 2**64 - 1), from `counter` on; counters that it took."""
    assert kind.draws is not None
    given = word(seed), word(counter), None, None
    launcher(kind, params, (out.size,), ())([out], given, values)
    return kind.draws(params, out.size)


def _run_checked(
    kind: Kind, params: Any, metas: Metas, sizes: Sizes, spans: Sequence[Any], values: Any
) -> None:
    """Run what may fail, and wait for what it says."""
    status = memory.empty(1, np.int64, spans[0])
    memory.from_host(status, np.zeros(1, np.int64))
    launcher(kind, params, metas, sizes)(spans, (None, None, status, 1), values)
    failed = int(memory.to_host(status)[0])
    if failed:
        raise RuntimeError(kind.fails[failed - 1])


@lru_cache(maxsize=4096)
def launcher(kind: Kind, params: Any, metas: Metas, sizes: Sizes, careful: bool = False) -> Launch:
    """What queues a call: launch(spans, (seed, counter, status, failure), values).

    A `careful` one does nothing where `status` is set.
    """
    by_library = kind.library and not simulated and kind.library(params, metas, ROOM)
    if by_library:
        return lambda spans, given, values: by_library(stream_on(spans[-1].device), *spans)
    if kind.grid is None:
        return partial(_on_host, kind, params, metas, sizes)
    names = [operand.name for operand in kind.operands(params)]
    return bound(kind.grid(params, metas, sizes, ROOM), names, kind.label(params), careful)


def bound(launches: Launches, names: Sequence[str], label: str, careful: bool = False) -> Launch:
    """What queues launches, called as a `launcher` with the spans of these names."""
    scratch = [(np.dtype(dtype), n) for dtype, n in launches.scratch.values()]
    places = {name: k for k, name in enumerate((*names, *launches.scratch, *GIVEN))}
    stages = [_queued(stage, places, label, careful) for stage in launches.stages]

    def launch(spans: Sequence[Any], given: tuple[Any, ...], values: tuple[Any, ...]) -> None:
        device = spans[0].device
        if here.lane.device is not device:
            enter(device)
        held = [memory.allocator(dtype, device.index)(n) for dtype, n in scratch]
        known = [getattr(x, "ptr", x) for x in (*spans, *held, *given)]
        for queue in stages:
            queue(device, known, values)

    return launch


def _queued(stage: Stage, places: dict[str, int], label: str, careful: bool) -> Launch:
    """What queues a stage on a device, from all that is known by its place."""
    kernel, grid = _kernel(stage.source, label, careful), driver.config(stage.blocks, stage.threads)
    takes_values = stage.arguments[-1:] == (VALUES,)
    arguments = stage.arguments[: -1 if takes_values else None] + ("status",) * careful
    order = [(places[a], None) if isinstance(a, str) else (-1, a) for a in arguments]
    handles, load, queue = kernel.handles, kernel.on, driver.launch

    def launch(device: Any, known: Sequence[Any], values: tuple[Any, ...]) -> None:
        handle = handles.get(device) or load(device)
        given = [number if k < 0 else known[k] for k, number in order]
        queue(here.lane.stream, grid, handle, *given, *(values if takes_values else ()))

    return launch


@cache
def _kernel(source: Source, label: str, careful: bool) -> Kernel:
    return Kernel(guarded(source) if careful else source, label)


def _on_host(
    kind: Kind,
    params: Any,
    metas: Metas,
    sizes: Sizes,
    spans: Sequence[Any],
    given: Any,
    values: Any,
) -> None:
    """Copies of what is read go to the host, and what it wrote comes back."""
    operands = kind.operands(params)
    arrays = [
        memory.to_host(span) if operand.reads else np.empty(span.size, span.dtype)
        for operand, span in zip(operands, spans, strict=True)
    ]
    strided = [
        (a, *meta) if isinstance(meta, tuple) else a for a, meta in zip(arrays, metas, strict=True)
    ]
    stream = given[:2] if kind.draws else ()
    host.kernel(kind, params)(*strided, *stream, *sizes, *values)
    for operand, span, array in zip(operands, spans, arrays, strict=True):
        if operand.writes:
            memory.from_host(span, array, blocking=False)
