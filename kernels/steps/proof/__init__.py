"""A checker of plans, which shares nothing with what makes them but the data.

    order   every read finds the version of memory that it names, wherever loops go in whatever
            order; nothing is sampled
    flow    what is left in memory is what the trace says, by the rules of algebra; of large arrays
            some elements are looked at
    races   the kernels of a GPU have a barrier wherever threads would meet

`order` trusts that versions mean what they say, `flow` looks at no version. So a fault of the
planner has to deceive both.
"""

from __future__ import annotations

from ..schedule import Plan
from . import flow, order
from .places import Refused

__all__ = ["refusal"]


def refusal(plan: Plan, more: int = 2) -> str | None:
    """Why `plan` is not proved to do what its trace does; None if it is.

    `flow` looks at `more` elements of an array between its first and its last.
    """
    try:
        order.check(plan)
        flow.check(plan, more)
    except Refused as error:
        return str(error)
    return None
