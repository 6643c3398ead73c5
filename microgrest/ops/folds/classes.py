"""Cross entropy and targets: walks along the classes of each sample.

    cross_entropy    log(sum of exp(x - top)) + top - x[target]      0 where the target is ignored

A target that is out of bounds fails, on all devices and in compiled steps.
"""

from __future__ import annotations

import math
from functools import cache, partial
from typing import Any

import numpy as np

from ...kernels.kinds.lines import LINES, TARGETS, Walk, form_of
from ...kernels.source.axis.lines import Array, Fold, Lines, Number, Phase
from ..kernel import Call, Tensor, kernel
from ..places.indexing import take_along
from ..pointwise.logic import where
from .reduction import spread, sum
from .softmax import LOG, REST, TOP, sizes, softmax, softmax_backward

_X, _OUT = Array("x", "r"), Array("out", "w")
_TARGET = Array("target", "r", "line", "int64")
_G = Array("g", "r", "line")
_WHOLE = Number("share", "1 / (1 + ({rest} + ({ties} - 1)))")

PROGRAMS: dict[str, tuple[tuple[Array, ...], tuple[Phase, ...]]] = {
    "cross_entropy": (
        (_X, _TARGET, *(Array(name, "w", "line") for name in ("out", "peak", "share"))),
        (
            TOP,
            Phase(
                folds=REST,
                picks=(("own", "x"),),
                then=(
                    LOG,
                    Number("peak", "{top}"),
                    _WHOLE,
                    # top - top is NaN where that is infinite, as the logarithms of softmax are.
                    Number(
                        "out",
                        "0 if {target} == {ignored} else"
                        " {log_sum} + ({top} - {own}) + ({top} - {top})",
                    ),
                ),
            ),
        ),
    ),
    "cross_entropy_backward": (
        (_G, _X, _TARGET, *(Array(name, "r", "line") for name in ("peak", "share")), _OUT),
        (
            Phase(then=(Number("scale", "0 if {target} == {ignored} else {g}"),)),
            Phase(
                stores=(("out", "expsub({x}, {peak}) * {share} * {scale}"),),
                puts=(("out", "{out} - {scale}"),),
            ),
        ),
    ),
}


_MEAN = (
    Phase(
        folds=(Fold("total", "{x}"), Fold("found", "0 if {target} == {ignored} else 1")),
        then=(Number("out", "{total} / {found}"), Number("counted", "{found}")),
    ),
)
_MEAN_OF = (
    _X,
    Array("target", "r", "element", "int64"),
    Array("out", "w", "line"),
    Array("counted", "w", "line"),
)


@cache
def mean(dtype: str) -> Lines:
    """What `mean_of_targets` does with all losses, a line of them."""
    return Lines("mean_of_targets", dtype, _MEAN_OF, _MEAN, ("ignored",))


@cache
def share(dtype: str) -> Lines:
    """What `share_of_mean` does, a line of all elements."""
    arrays = (_G, Array("counted", "r", "line"), _OUT)
    return Lines("share_of_mean", dtype, arrays, (Phase(stores=(("out", "{g} / {counted}"),)),))


of_losses = partial(kernel, LINES, short=True, internal=True, method=False)


@of_losses(
    vjp=lambda h, y, g, counted, shape: (
        sum(h / counted, dim=tuple(range(len(shape))), keepdim=False),
        None,
    )
)
def share_of_mean(g: Tensor, counted: Tensor, shape: tuple[int, ...]) -> Call:
    """g over the number of losses that count, for each of them; others have no gradient."""
    n = math.prod(shape)
    walk = Walk(share(g.dtype.name), form_of(n, 1))
    return Call(walk, ((shape, g.dtype),), (n, 1))


@of_losses(
    returns=("out", "counted"),
    vjp=lambda g, y, x, target, counted, ignored: (
        share_of_mean(g, counted, shape=tuple(x.shape)),
        None,
        None,
    ),
)
def mean_of_targets(input: Tensor, target: Tensor, ignored: int) -> Call:
    """The sum of losses, 0 where the target is `ignored`, over the number of others, and that."""
    n = math.prod(input.shape)
    walk = Walk(mean(input.dtype.name), form_of(n, 1))
    return Call(walk, (((), input.dtype),) * 2, (n, 1), (np.int64(ignored),))


@cache
def program(name: str, dtype: str) -> Lines:
    """One of the PROGRAMS, for a type."""
    return Lines(name, dtype, *PROGRAMS[name], position="target")


def _call(name: str, x: Tensor, dim: int, ignored: int, results: Any) -> Call:
    n, inner = sizes(x.shape, dim)
    walk = Walk(program(name, x.dtype.name), form_of(n, inner))
    return Call(walk, results, (n, inner), (np.int64(ignored),))


of_targets = partial(kernel, TARGETS, short=True, internal=True, method=False)


def _second(h: Any, g: Any, x: Any, target: Any, dim: int, ignored: int) -> tuple[Any, Any]:
    """The cotangents of g and x: of h (softmax(x) - 1 at the target) g."""
    counts = target != ignored
    places = where(counts, target, 0)
    shape = tuple(x.shape)
    each = places.reshape((*shape[:dim], 1, *shape[dim + 1 :]))
    p = softmax(x, dim=dim)
    own = take_along(h, each, dim=dim).reshape(tuple(target.shape))
    of_g = where(counts, sum(h * p, dim=(dim,), keepdim=False) - own, 0.0)
    scale = spread(where(counts, g, 0.0), x, (dim,), False)
    return of_g, softmax_backward(h * scale, p, dim=dim)


@of_targets(
    vjp=lambda h, y, g, x, target, peak, share, dim, ignored: (
        *_second(h, g, x, target, dim, ignored),
        None,
        None,
        None,
    )
)
def cross_entropy_backward(
    g: Tensor, x: Tensor, target: Tensor, peak: Tensor, share: Tensor, dim: int, ignored: int
) -> Call:
    """The gradient of `cross_entropy` by x."""
    return _call("cross_entropy_backward", x, dim, ignored, ((x.shape, x.dtype),))


@of_targets(
    returns=("out", "peak", "share"),
    vjp=lambda g, y, x, target, peak, share, dim, ignored: (
        cross_entropy_backward(g, x, target, peak, share, dim=dim, ignored=ignored),
        None,
        None,
        None,
    ),
)
def cross_entropy(input: Tensor, target: Tensor, dim: int, ignored: int) -> Call:
    """Minus the logarithm of softmax along `dim` at the target, 0 where that is `ignored`."""
    line = (*input.shape[:dim], *input.shape[dim + 1 :])
    return _call("cross_entropy", input, dim, ignored, ((line, input.dtype),) * 3)
