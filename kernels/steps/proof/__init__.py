"""A checker of plans, which shares nothing with what makes them but the data.

    order     every read finds the version of memory that it names, in whatever order a loop's
              places are done; what is not proved is refused
    flow      what is left in memory is what the trace says, by the rules of algebra; of large
              arrays some elements are looked at
    shared    loops, each of which may be called many times, are called with their own arrays
    again     blocks that are done a second time find what they found at first
    races     the threads of a GPU have a barrier wherever they would meet
    launches  its kernels come in the order of the plan

`order` takes for granted that versions are what the trace means, `flow` looks at no version. So a
fault has to deceive both. Each of them runs before a plan does; `flow`, which takes longer than a
step from the kernel cache does to load, once for each source that a trace has become.
"""

from __future__ import annotations

from ...source.codegen import interpreted
from ..plan.plan import Plan
from . import again, order, races, remembered, shared
from .places import Refused
from .tokens import flow

__all__ = ["Refused", "always", "check", "races"]

always = False  # whether nothing counts as proved before, as in tests


def check(plan: Plan, source: str, thorough: bool = False) -> None:
    """Refused, if `plan`, which has become `source`, is not proved to do what its trace does.

    `thorough` looks at more elements, and at what was proved before, too. So does the interpreter
    of generated code, which takes its time anyway.
    """
    try:
        _check(plan, source, thorough)
    except Refused:
        raise
    except Exception as error:  # what the checker stumbles over is not proved
        raise Refused(f"the checker failed: {error!r}") from error


def _check(plan: Plan, source: str, thorough: bool) -> None:
    order.check(plan)
    again.check(source)
    if not plan.trace.device.startswith("cuda"):
        shared.check(plan, source)
    name = remembered.key(plan, source)
    if thorough or always or interpreted() or not remembered.proved(name):
        flow.check(plan, more=64 if thorough else 8)
        remembered.remember(name)
