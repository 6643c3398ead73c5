"""Softmax and its relatives along one dimension, and variances, each a walk along lines.

    softmax        exp(x - top) / s       s = sum of exp(x - top), top the largest element
    log_softmax    x - top - log(s)
    logsumexp      top + log(s)
    variance       sum of (x - mean)**2, over the degrees of freedom
    deviation      its square root

The difference's own rounding, which grows with it, is made good in `expsub`. Elements as large as
the largest are counted, and the others, `rest`, are added up apart from them, since log(1 + rest)
keeps what a sum with 1 would lose.
"""

from __future__ import annotations

import math
from functools import cache, partial
from typing import Any

from ...kernels.kinds.lines import LINES, Walk, form_of
from ...kernels.source.axis.lines import MAX, Array, Fold, Lines, Number, Phase
from ..kernel import Call, Tensor, kernel
from ..pointwise.elementwise import exp
from ..pointwise.logic import where
from .lengths import SIZES, extents, unit
from .reduction import mean, spread, sum

TOP = Phase(folds=(Fold("top", "{x}", MAX),))
REST = (
    Fold("rest", "0 if {x} == {top} else expsub({x}, {top})"),
    Fold("ties", "1 if {x} == {top} else 0"),
)
LOG = Number("log_sum", "log1p({rest} + ({ties} - 1))")
_X, _OUT = Array("x", "r"), Array("out", "w")
_G, _Y = Array("g", "r"), Array("y", "r")


VARIANCE, DEVIATION = "{spread} / {freedom}", "sqrt({spread} / {freedom})"
# What brings a result back from the unit of its line.
IN_UNITS = {VARIANCE: " / {unit} / {unit}", DEVIATION: " / {unit}"}


def _moment(result: str, dtype: str) -> tuple[tuple[Array, ...], tuple[Phase, ...]]:
    """In two passes: no square of a number that is large beside the differences.

    The mean is wide: two neighbors of float32 have none between them. Of float64 it is rounded, and
    what all elements differ from it, exactly, is taken off: equal ones have no variance.
    """
    center = Number("center", "{total} / {n}")
    folds: tuple[Fold, ...] = (Fold("total", "{x}"),)
    squares: tuple[Fold, ...] = (Fold("squares", "{d} * {d}"),)
    spread: tuple[Number, ...] = (Number("spread", "{squares}"),)
    numbers: tuple[Number, ...] = (center,)
    if dtype == "float64":
        folds += (SIZES,)
        numbers += unit()
        squares = Fold("squares", "scaled_square({d}, {unit})"), Fold("left", "{d}")
        less = "{squares} if {squares} > 1e300 else {squares} - {own} / {n} * {own}"
        spread = (
            Number("own", "{left} * {unit}"),
            Number("rest", less),
            Number("spread", "0 if {rest} < 0 else {rest}"),
        )
        result += IN_UNITS[result]
    first = Phase(folds=folds, then=numbers, wide=True)
    then = (*spread, Number("out", result))
    second = Phase((("d", "{x} - {center}"),), folds=squares, then=then, wide=True)
    return (_X, Array("out", "w", "line")), (first, second)


PROGRAMS: dict[str, tuple[tuple[Array, ...], tuple[Phase, ...]]] = {
    "softmax": (
        (_X, _OUT),
        (
            TOP,
            Phase(
                values=(("e", "expsub({x}, {top})"),),
                stores=(("out", "{e}"),),
                folds=(Fold("total", "{e}"),),
            ),
            Phase(stores=(("out", "{out} / {total}"),)),
        ),
    ),
    # top - top is NaN where the largest element is infinite, as PyTorch's results are then.
    "log_softmax": (
        (_X, _OUT),
        (
            TOP,
            Phase(folds=REST, then=(LOG, Number("less", "{log_sum} + ({top} - {top})"))),
            Phase(stores=(("out", "({x} - {top}) - {less}"),)),
        ),
    ),
    "logsumexp": (
        (_X, Array("out", "w", "line")),
        (TOP, Phase(folds=REST, then=(LOG, Number("out", "{top} + {log_sum}")))),
    ),
    "softmax_backward": (
        (_G, _Y, _OUT),
        (
            Phase(folds=(Fold("common", "{g} * {y}"),)),
            Phase(stores=(("out", "{y} * ({g} - {common})"),)),
        ),
    ),
    "log_softmax_backward": (
        (_G, _Y, _OUT),
        (
            Phase(folds=(Fold("common", "{g}"),)),
            Phase(stores=(("out", "{g} - exp({y}) * {common}"),)),
        ),
    ),
}
MOMENTS = {"variance": VARIANCE, "deviation": DEVIATION}


@cache
def program(name: str, dtype: str) -> Lines:
    if name in MOMENTS:
        return Lines(name, dtype, *_moment(MOMENTS[name], dtype), ("freedom",))
    return Lines(name, dtype, *PROGRAMS[name])


@cache
def walk(name: str, dtype: str, form: str) -> Walk:
    """The parameters of a call."""
    return Walk(program(name, dtype), form)


def sizes(shape: tuple[int, ...], dim: int) -> tuple[int, int]:
    """The length of a line along `dim`, and the distance of its elements."""
    inner = 1
    for n in shape[dim + 1 :]:
        inner *= n
    return (*shape, 1)[dim], inner


def _call(name: str, x: Tensor, dim: int, less: bool = False) -> Call:
    n, inner = sizes(x.shape, dim)
    shape = (*x.shape[:dim], *x.shape[dim + 1 :]) if less else x.shape
    return Call(walk(name, x.dtype.name, form_of(n, inner)), ((shape, x.dtype),), (n, inner))


def _beside(h: Any, y: Any, dim: int) -> Any:
    """The sum along `dim`, seen at every element."""
    dims = (dim,) if y.shape else ()
    return spread(sum(h, dim=dims, keepdim=True), y, dims, True)


along = partial(kernel, LINES, short=True, internal=True, method=False)


def _softmax_backward(h: Any, _: Any, g: Any, y: Any, dim: int) -> tuple[Any, Any]:
    of_y = h * (g - _beside(g * y, y, dim)) - g * _beside(h * y, y, dim)
    return softmax_backward(h, y, dim=dim), of_y


@along(vjp=_softmax_backward)
def softmax_backward(g: Tensor, y: Tensor, dim: int) -> Call:
    """The gradient of softmax from its result's: y (g - sum(g y))."""
    return _call("softmax_backward", y, dim)


def _log_softmax_backward(h: Any, _: Any, g: Any, y: Any, dim: int) -> tuple[Any, Any]:
    p = exp(y)
    return h - _beside(h * p, y, dim), -h * p * _beside(g, y, dim)


@along(vjp=_log_softmax_backward)
def log_softmax_backward(g: Tensor, y: Tensor, dim: int) -> Call:
    """The gradient of log_softmax from its result's: g - exp(y) sum(g)."""
    return _call("log_softmax_backward", y, dim)


@along(vjp=lambda g, y, input, dim: (softmax_backward(g, y, dim=dim),))
def softmax(input: Tensor, dim: int) -> Call:
    """exp(x) over its sum along `dim`."""
    return _call("softmax", input, dim)


@along(vjp=lambda g, y, input, dim: (log_softmax_backward(g, y, dim=dim),))
def log_softmax(input: Tensor, dim: int) -> Call:
    """The logarithm of softmax."""
    return _call("log_softmax", input, dim)


@along(vjp=lambda g, y, input, dim: (_logsumexp(g, y, input, dim),))
def logsumexp(input: Tensor, dim: int) -> Call:
    """log(sum(exp(x))) along `dim`, which goes away."""
    return _call("logsumexp", input, dim, less=True)


def _logsumexp(g: Any, y: Any, x: Any, dim: int) -> Any:
    dims = (dim,) if x.shape else ()
    return spread(g, x, dims, False) * exp(x - spread(y, x, dims, False))


@along(
    vjp=lambda g, y, input, dim, keepdim, freedom: (
        (input - mean(input, dim=dim, keepdim=True)) * spread(g * 2 / freedom, input, dim, keepdim),
    ),
    backward_name="VarBackward0",
)
def variance(input: Tensor, dim: tuple[int, ...], keepdim: bool, freedom: float) -> Call:
    """The sum of squared deviations from the mean along neighboring dimensions, over `freedom`."""
    return _moments("variance", input, dim, keepdim, freedom)


@along(
    vjp=lambda g, y, input, dim, keepdim, freedom: (
        (input - mean(input, dim=dim, keepdim=True))
        * spread(g / (where(y == 0, math.inf, y) * freedom), input, dim, keepdim),
    ),
    backward_name="StdBackward0",
)
def deviation(input: Tensor, dim: tuple[int, ...], keepdim: bool, freedom: float) -> Call:
    """The square root of the variance, whose derivative at 0 is 0."""
    return _moments("deviation", input, dim, keepdim, freedom)


def _moments(name: str, x: Tensor, dim: tuple[int, ...], keepdim: bool, freedom: float) -> Call:
    kept, n, inner = extents(x, dim, keepdim)
    call = walk(name, x.dtype.name, form_of(n, inner))
    return Call(call, ((kept, x.dtype),), (n, inner), (x.dtype.numpy.type(freedom),))
