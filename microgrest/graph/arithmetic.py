"""What the graph asks of the values that it carries, of which it knows nothing else: one object.

Whoever makes values says once how they are added and copied (`serve`); Bundles, which are the
graph's own, it adds itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Arithmetic:
    """Functions on values. `add` and `clone` are recorded where the grad mode says so."""

    add: Callable[[Any, Any], Any]
    clone: Callable[[Any], Any]
    # Not recorded: a sum in new memory, a sum in that of the first, a copy.
    plus: Callable[[Any, Any], Any]
    add_in_place: Callable[[Any, Any], None]
    copy: Callable[[Any], Any]
    # The sum over the dimensions that broadcasting added, the values as another kind, whether some
    # are NaN.
    sum_to: Callable[[Any, Sequence[int]], Any]
    as_kind: Callable[[Any, Any], Any]
    has_nan: Callable[[Any], bool]


class _Served:
    """Where the one object is."""

    __slots__ = ("by",)

    by: Arithmetic


served = _Served()


def serve(arithmetic: Arithmetic) -> None:
    """Take `arithmetic` for all values; RuntimeError for a second one."""
    if hasattr(served, "by"):
        raise RuntimeError("the graph has its arithmetic already")
    served.by = arithmetic
