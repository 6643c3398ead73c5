"""Reductions: a fold along dimensions, or over all of them.

Every rule sees the dimensions as a sorted tuple of non-negative numbers, `dim`, and `keepdim`.
"""

from __future__ import annotations

import math
from typing import Any

from ..places.movement import expand
from ..pointwise.logic import eq, isnan, logical_and, logical_or, where
from ..row import Row
from .scan import cumprod_before


def reduction(name: str, *, init: str, step: str, doc: str, vjp: Any = None, **facts: Any) -> Row:
    """Register a fold: from `init`, by `step` over {acc} and {x}, to `final` over {acc} and {n}.

    What is folded is `each` of an element {x}, where that is given.
    `lane` is the register type: "sum" (wide integers, float32 lanes with float64 totals), "squares"
    (float64), "same", or "bool"; `vector` is as in `Reduce`. `again` makes of a result y that of n
    times as many elements, all of them met n times; without it that is y.
    """
    extra = {"init": init, "step": step}
    known = "each", "final", "lane", "vector", "empty", "again"
    extra |= {k: facts.pop(k) for k in known if k in facts}
    return Row(name, "reduction", ("x",), vjp, doc, extra=extra, **facts)


def spread(g: Any, x: Any, dim: tuple[int, ...], keepdim: bool) -> Any:
    """A reduced value brought back to the shape of `x`, without memory."""
    shape = tuple(x.shape)
    if not keepdim and len(dim) < len(shape):
        g = g.reshape(tuple(1 if d in dim else n for d, n in enumerate(shape)))
    return expand(g, size=shape)


def _count(x: Any, dim: tuple[int, ...]) -> int:
    n = 1
    for d in dim:
        n *= x.shape[d]
    return n


def _shared(g: Any, y: Any, x: Any, dim: tuple[int, ...], keepdim: bool) -> tuple[Any]:
    """The gradient of an extremum, in equal parts to all elements that attain it.

    NaN attains nothing, and 0 / 0 makes the gradient NaN.
    """
    hit = eq(x, spread(y, x, dim, keepdim))
    return (hit * spread(g / sum(hit, dim=dim, keepdim=keepdim), x, dim, keepdim),)


def evenly(g: Any, y: Any, x: Any, dim: tuple[int, ...], keepdim: bool) -> tuple[Any]:
    """As `_shared`, with NaN attained by every NaN."""
    best = spread(y, x, dim, keepdim)
    hit = logical_or(eq(x, best), logical_and(isnan(x), isnan(best)))
    return (where(hit, spread(g / sum(hit, dim=dim, keepdim=keepdim), x, dim, keepdim), 0.0),)


def _others(g: Any, y: Any, x: Any, dim: tuple[int, ...], keepdim: bool) -> tuple[Any]:
    """The product's gradient: y / x, or where a zero is among x the product of the others."""
    zeros = spread(sum(eq(x, 0.0), dim=dim, keepdim=True), x, dim, True)
    divides = eq(zeros, 0)
    quotient = spread(y, x, dim, keepdim) / where(divides, x, 1.0)
    others = _beside(where(divides, 1.0, x), x, dim)
    return (spread(g, x, dim, keepdim) * where(divides, quotient, others),)


def _beside(factors: Any, x: Any, dim: tuple[int, ...]) -> Any:
    """For every element the product of all others, along one dimension of x or over all."""
    if len(dim) != 1:
        factors = factors.reshape((-1,))
    along = dim[0] if len(dim) == 1 else 0
    before, after = (cumprod_before(factors, dim=along, reverse=r) for r in (False, True))
    return (before * after).reshape(tuple(x.shape))


sum = reduction(
    "sum",
    init="0",
    step="{acc} + {x}",
    lane="sum",
    again=lambda y, n: y * n,
    vjp=lambda g, y, x, dim, keepdim: (spread(g, x, dim, keepdim),),
    doc="Sum of the elements; integers and bools sum to int64.",
)

mean = reduction(
    "mean",
    init="0",
    step="{acc} + {x}",
    final="{acc} / {n}",
    lane="sum",
    vjp=lambda g, y, x, dim, keepdim: (spread(g / _count(x, dim), x, dim, keepdim),),
    doc="Arithmetic mean of floating-point elements.",
)

prod = reduction(
    "prod",
    init="1",
    step="{acc} * {x}",
    lane="sum",
    again=lambda y, n: y**n,
    vjp=_others,
    doc="Product of the elements; integers and bools multiply to int64.",
)


euclidean = reduction(
    "euclidean",
    init="0",
    each="{x} * {x}",
    step="{acc} + {x}",
    final="sqrt({acc})",
    lane="squares",
    again=lambda y, n: y * n**0.5,
    vjp=lambda g, y, x, dim, keepdim: (
        x * spread(g / where(eq(y, 0.0), math.inf, y), x, dim, keepdim),
    ),
    backward_name="LinalgVectorNormBackward0",
    doc="The 2-norm of floating-point elements, whose derivative at 0 is 0.",
)


def extremum(name: str, better: str, which: str, vjp: Any, backward: str = "") -> Row:
    """Register an extremum; `better` compares {x} with the best so far."""
    first, vector = _EXTREMA[better]
    return reduction(
        name,
        init=first,
        step=f"{{x}} if {{x}} {better} {{acc}} or {{x}} != {{x}} else {{acc}}",
        lane="same",
        vector=vector,
        empty="an identity",
        vjp=vjp,
        backward_name=backward,
        doc=f"{which} element; NaN if there is one. Its gradient is shared among equal elements.",
    )


# What each begins with, and goes on by in lanes.
_EXTREMA = {">": ("lowest", "larger({acc}, {x})"), "<": ("highest", "smaller({acc}, {x})")}

amax = extremum("amax", ">", "Largest", _shared)
amin = extremum("amin", "<", "Smallest", _shared)
max = extremum("max", ">", "Largest", evenly, "MaxBackward1")
min = extremum("min", "<", "Smallest", evenly, "MinBackward1")

all = reduction(
    "all", init="True", step="{acc} and {x}", lane="bool", doc="Whether every element is nonzero."
)

any = reduction(
    "any", init="False", step="{acc} or {x}", lane="bool", doc="Whether some element is nonzero."
)


def search(name: str, better: str, doc: str) -> Row:
    """Register a search for the position of the first best element; the values have a gradient.

    `better` compares {x} with the best so far, than which NaN is better.
    """
    least = "<=" if better == ">" else ">="
    wins = f"not {{x}} {least} {{acc}} and {{acc}} == {{acc}}"
    extra = {"better": wins, "vector": _EXTREMA[better][1]}
    return Row(name, "search", ("x",), None, doc, extra=extra, method=False)


argmax = search("argmax", ">", "Index of the largest element.")
argmin = search("argmin", "<", "Index of the smallest element.")
