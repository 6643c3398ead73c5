"""Scans: every element folded with those before it along one dimension.

A state goes along the dimension, from the last element on if `reverse`; rows named `..._before`
and `recurrence` give the state that an element meets, the others the one that it leaves. No rule
divides, so gradients hold where elements are zero, and the rules' own ops have such rules, so
there are gradients of every order.
"""

from __future__ import annotations

from typing import Any

from ..places.indexing import gather
from ..pointwise.elementwise import exp
from ..pointwise.logic import isnan, where
from ..row import Row, elementwise

# A register of the state: what an element brings to it, its first value, its step. Formulas are
# over names and news of all registers, {x}, {a}, {b} being an element (see source/scans.py).
Registers = dict[str, tuple[str, str, str]]


def scan(
    name: str, args: tuple[str, ...], registers: Registers, *, vjp: Any, doc: str, **facts: Any
) -> Row:
    """Register a scan. Its facts are

    `results`, formulas over the registers, by default "{acc}"; `terms`, formulas that steps share;
    `lane`, "sum" where integers become int64; `exclusive`, whether an element gets the state before
    it.
    """
    extra = {"registers": registers, "results": ("{acc}",), "terms": {}} | facts
    return Row(name, "scan", args, vjp, doc, extra=extra, method=False)


def _later(g: Any, a: Any, dim: int, reverse: bool) -> Any:
    """For every element the sum of g over those after it, each times the `a` in between."""
    return recurrence(a, g, dim=dim, reverse=not reverse)


recurrence: Row


def _recurrence(g: Any, y: Any, a: Any, b: Any, dim: int, reverse: bool) -> tuple[Any, Any]:
    later = _later(g, a, dim, reverse)
    return later * y, later


# A state of zero takes nothing along, not even where products of many `a` overflow.
recurrence = scan(
    "recurrence",
    ("a", "b"),
    {
        "scale": ("a", "1", "{scale} * {a}"),
        "acc": ("b", "0", "{b} if {acc} == 0 else {a} * {acc} + {b}"),
    },
    exclusive=True,
    vjp=_recurrence,
    doc="The h before each element of h = a * h + b, which starts from 0.",
)

cumsum: Row = scan(
    "cumsum",
    ("x",),
    {"acc": ("x", "0", "{acc} + {x}")},
    lane="sum",
    vjp=lambda g, y, x, dim, reverse: (cumsum(g, dim=dim, reverse=not reverse),),
    doc="Sum of the elements so far; integers and bools sum to int64.",
)


def _cumprod(g: Any, y: Any, x: Any, dim: int, reverse: bool) -> tuple[Any]:
    """The product before x, times g + g' x' + g'' x' x'' + ... with the elements after x.

    It does not depend on x itself, but a NaN there has to show.
    """
    before = cumprod_before(x, dim=dim, reverse=reverse)
    return (where(isnan(x), x, before * (g + _later(x * g, x, dim, reverse))),)


_PRODUCT: Registers = {"acc": ("x", "1", "{acc} * {x}")}

cumprod = scan(
    "cumprod",
    ("x",),
    _PRODUCT,
    lane="sum",
    vjp=_cumprod,
    doc="Product of the elements so far; integers and bools multiply to int64.",
)

cumprod_before = scan(
    "cumprod_before",
    ("x",),
    _PRODUCT,
    exclusive=True,
    vjp=lambda g, y, x, dim, reverse: (y * _later(g, x, dim, reverse),),
    doc="Product of the elements before each.",
)

_decay = elementwise(
    "exp_difference",
    "1 if {a} == {b} else exp({a} - {b})",
    vjp=lambda g, y, a, b: (g * y, -(g * y)),
    doc="exp(a - b), 1 for equal infinities.",
    extra={"internal": True},
)


def _logcumsumexp(g: Any, y: Any, x: Any, dim: int, reverse: bool) -> tuple[Any]:
    """exp(x - y) times g + g' exp(y - y') + ..., by factors exp(y - y') that are at most 1."""
    decay = _decay(logcumsumexp_before(x, dim=dim, reverse=reverse), y)
    return (exp(x - y) * (g + _later(decay * g, decay, dim, reverse)),)


def _logcumsumexp_before(g: Any, y: Any, x: Any, dim: int, reverse: bool) -> tuple[Any]:
    after = logcumsumexp(x, dim=dim, reverse=reverse)
    return (exp(x - after) * _later(g, _decay(y, after), dim, reverse),)


# The largest exponent so far, and the sum of exp(x - top): one exponential an element, which waits
# for no other.
_LOGADDEXP: dict[str, Any] = {
    "registers": {
        "top": ("x", "-inf", "{top} if {top} > {x} else {x}"),
        "sum": ("one", "0", "{sum} + {one} * {near} if {top} > {x} else {sum} * {near} + {one}"),
    },
    "terms": {"near": "exp(0 if {top} == {x} else -abs({top} - {x}))"},
    "results": ("{top} + log({sum})",),
}

logcumsumexp = scan(
    "logcumsumexp",
    ("x",),
    **_LOGADDEXP,
    vjp=_logcumsumexp,
    doc="Logarithm of the sum of exponentials so far, without overflow.",
)

logcumsumexp_before = scan(
    "logcumsumexp_before",
    ("x",),
    **_LOGADDEXP,
    exclusive=True,
    vjp=_logcumsumexp_before,
    doc="Logarithm of the sum of exponentials of the elements before each.",
)


def extremum(name: str, first: str, hit: str, doc: str) -> Row:
    """Register a running search: `hit`, over {x} and {acc}, is whether x is the new best.

    In the graph, its values are elements of x at flat positions `index`.
    """
    registers = {
        "acc": ("x", first, "{x} if {hit} else {acc}"),
        "at": ("place", "0", "{place} if {hit} else {at}"),
    }
    extra = {"registers": registers, "results": ("{acc}", "{at}"), "terms": {"hit": hit}}
    return Row(name, "running", ("x", "index"), gather.vjp, doc, extra=extra, method=False)


cummax = extremum(
    "cummax",
    "lowest",
    "({x} >= {acc}) | ({x} != {x})",
    "Largest element so far, NaN from the first one on, and where it was last met.",
)
cummin = extremum(
    "cummin",
    "highest",
    "({x} <= {acc}) | ({x} != {x})",
    "Smallest element so far, NaN from the first one on, and where it was last met.",
)
