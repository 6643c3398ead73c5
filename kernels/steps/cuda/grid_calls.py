"""Calls of kernel kinds as launches of a large step."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

from ...cuda import kinds
from ...cuda.driver.launch import Kernel
from ...cuda.source.guards import inside
from ...source.kind import word
from .. import trace as t

Run = Callable[[int], None]
Slice = Callable[[t.Place], Any]


def queued(op: t.Call, trace: t.Trace, place: Slice, seeds: Any, status: Any) -> Run:
    """What queues a call for step s; `place` gives the span of a place."""
    spans = [place(_whole(trace, x)) for x in op.operands]
    careful = bool(op.kind.indices)
    launch = kinds.launcher(op.kind, op.params, op.metas, op.sizes, careful)
    checks = _checking(op, trace, spans, status)
    failure = trace.failures.index(op.kind.fails[0]) + t.FAILED if op.kind.fails else None
    counters, (seed, begin) = 0, (0, 0)
    if op.kind.draws is not None:
        counters, (seed, begin) = trace.counters[op.stream], map(int, seeds[op.stream])

    def run(s: int) -> None:
        for check in checks:
            check()
        given = word(seed), word(begin + s * counters + op.counter), status, failure
        launch(spans, given, op.values)

    return run


def _whole(trace: t.Trace, x: t.Place | t.Part) -> t.Place:
    """A flat operand is a place; a strided one is the whole of its buffer."""
    return x if isinstance(x, t.Place) else t.Place(x.buffer, 0, trace.buffers[x.buffer].size)


def _checking(
    op: t.Call, trace: t.Trace, spans: list[Any], status: Any
) -> list[Callable[[], None]]:
    """What queues the checks of positions."""
    places = {o.name: x for o, x in zip(op.kind.operands(op.params), spans, strict=True)}
    failure = trace.failures.index(t.INDEX) + t.FAILED if op.kind.indices else 0
    found: list[Callable[[], None]] = []
    for index, limit in op.kind.limits(op.params, op.metas, op.sizes).items():
        given = places[index], places[index].size, limit, status, failure
        blocks = kinds.ROOM.blocks_for(places[index].size)
        found.append(partial(_inside(), blocks, kinds.ROOM.threads, *given))
    return found


@cache
def _inside() -> Kernel:
    return Kernel(inside(), "inside")
