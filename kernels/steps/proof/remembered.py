"""What was proved before, on this machine: which source, of which trace, by which checker.

A step that comes from the kernel cache takes a tenth of the time that it takes to look at its flow
again.
"""

from __future__ import annotations

from dataclasses import fields
from functools import cache as once
from pathlib import Path
from typing import Any

from ... import cache
from .. import trace as t
from ..plan.plan import Plan

_SUFFIX = ".proved"


def key(plan: Plan, source: str) -> str:
    """A name for a plan that has become `source`."""
    texts: dict[int, str] = {}

    def told(x: Any) -> Any:
        if hasattr(x, "kernels"):  # a Program or a Scan, which many ops have
            return texts.setdefault(id(x), texts.get(id(x)) or repr(x))
        return x

    trace = plan.trace
    buffers = [(b.dtype, b.size, b.role, _bytes(b)) for b in trace.buffers]
    ops = [
        (type(op).__name__, [told(getattr(op, f.name)) for f in fields(op) if f.name != "line"])
        for op in trace.ops
    ]
    rest = trace.counters, trace.scalars, plan.arrays
    return cache.digest(_checker(), source, repr((buffers, ops, rest)))


def proved(name: str) -> bool:
    """Whether a plan of this name was proved."""
    return cache.fetch_bytes(name, _SUFFIX) is not None


def remember(name: str) -> None:
    """Note that it was."""
    cache.store_bytes(name, _SUFFIX, b"")


def _bytes(buffer: t.Buffer) -> Any:
    return None if buffer.data is None or buffer.size > 1 else buffer.data.tobytes()


@once
def _checker() -> str:
    """The text of the checker itself: another one proves anew."""
    folder = Path(__file__).parent
    return cache.digest(*(path.read_text() for path in sorted(folder.rglob("*.py"))))
