"""Normalization of lines, of the last dimensions, and its gradients.

    layer_norm    (x - mean) rstd weight + bias      rstd = 1 / sqrt(mean((x - mean)**2) + eps)

The mean is kept in two parts, of which the second is what the first loses by rounding: elements
that are large beside their differences, or all equal, keep what they differ by.
"""

from __future__ import annotations

import math
from functools import cache, partial
from typing import Any

from ...kernels.kinds.lines import LINES, Walk, form_of
from ...kernels.source.axis.lines import Array, Fold, Lines, Number, Phase
from ..kernel import Call, Tensor, kernel
from ..places.movement import expand
from ..pointwise.elementwise import square
from .lengths import SIZES, unit
from .reduction import mean as mean_of, spread, sum

_SCALE = (
    Number("variance", "{squares} / {n} - {rest} * {rest}"),
    Number("deviation", "sqrt((0 if {variance} < 0 else {variance}) + {eps})"),
    Number("scale", "1 / {deviation}"),
    Number("rstd", "{scale}"),
)
_IN_UNITS = (
    Number("own", "{rest} * {unit}"),
    Number("variance", "{squares} / {n} - {own} * {own}"),
    Number("square", "(0 if {variance} < 0 else {variance}) + {eps} * {unit} * {unit}"),
    Number("deviation", "sqrt({square}) / {unit}"),
    *_SCALE[2:],
)
_IN_TWO_PARTS = (Number("mean", "{high}"), Number("low", "{rest}"))
# `high` is the mean but for roundings, and `rest` what elements differ from it on average. In
# float64 that is added up without any: parts that are multiples of one number (d + grid - grid,
# with a number that grows with their root mean square), and apart what is left of each, and lost.
_FIRST = Phase(
    folds=(Fold("total", "{x}"),), then=(Number("high", "{total} / {n}", wide=False),), wide=True
)
_DIFFERENCE = (("d", "less({x}, {high}, 0)"),)
_SQUARES = Fold("squares", "{d} * {d}")
_MOMENTS = {
    "float32": (
        _FIRST,
        Phase(
            _DIFFERENCE,
            folds=(_SQUARES, Fold("left", "{d}")),
            then=(Number("rest", "{left} / {n}"), *_IN_TWO_PARTS, *_SCALE),
            wide=True,
        ),
    ),
    "float64": (
        _FIRST._replace(folds=(*_FIRST.folds, SIZES), then=(*_FIRST.then, *unit("{eps} == 0"))),
        Phase(
            _DIFFERENCE,
            folds=(Fold("squares", "scaled_square({d}, {unit})"),),
            then=(Number("grid", "sqrt({squares}) / {unit} * 134217728"),),
        ),
        Phase(
            (*_DIFFERENCE, ("part", "less({d}, -{grid}, {grid})")),
            folds=(
                Fold("parts", "{part}"),
                Fold("left", "less({d}, {part}, 0) + lost({x}, {high})"),
            ),
            then=(Number("rest", "({parts} + {left}) / {n}"), *_IN_TWO_PARTS, *_IN_UNITS),
        ),
    ),
}
_X, _OUT = Array("x", "r"), Array("out", "w")
_WEIGHT, _BIAS = Array("weight", "r", "along"), Array("bias", "r", "along")
_KEPT = tuple(Array(name, "w", "line") for name in ("mean", "low", "rstd"))
_NORMAL = "less({x}, {mean}, {low}) * {rstd}"


@cache
def forward(dtype: str, affine: bool) -> Lines:
    """What `layer_norm`, or `normal`, does along a line."""
    # A float64's scale has a rounding of its own, which a division does without.
    scaled = "* {scale}" if dtype == "float32" else "/ {deviation}"
    out = f"less({{x}}, {{high}}, {{rest}}) {scaled}"
    last = Phase(stores=(("out", f"{out} * {{weight}} + {{bias}}" if affine else out),))
    arrays = (_X, *((_WEIGHT, _BIAS) if affine else ()), _OUT, *_KEPT)
    return Lines("layer_norm", dtype, arrays, (*_MOMENTS[dtype], last), ("eps",))


@cache
def backward(dtype: str, affine: bool) -> Lines:
    """What their gradient by x does."""
    values = (("own", "{g} * {weight}" if affine else "{g}"), ("normal", _NORMAL))
    means = Number("common", "{total} / {n}"), Number("along_it", "{slope} / {n}")
    phases = (
        Phase(
            values, folds=(Fold("total", "{own}"), Fold("slope", "{own} * {normal}")), then=means
        ),
        Phase(values, (("out", "(({own} - {common}) - {normal} * {along_it}) * {rstd}"),)),
    )
    kept = (array._replace(role="r") for array in _KEPT)
    arrays = (Array("g", "r"), _X, *((_WEIGHT,) if affine else ()), *kept, _OUT)
    return Lines("layer_norm_backward", dtype, arrays, phases)


@cache
def of_weight(dtype: str) -> Lines:
    """The lines go the other way here: along the samples."""
    phase = Phase(folds=(Fold("total", f"{{g}} * ({_NORMAL})"),), then=(Number("out", "{total}"),))
    kept = (Array(name, "r", "along") for name in ("mean", "low", "rstd"))
    arrays = (Array("g", "r"), _X, *kept, Array("out", "w", "line"))
    return Lines("layer_norm_weight", dtype, arrays, (phase,))


def _cut(shape: tuple[int, ...], dims: int) -> tuple[tuple[int, ...], int]:
    """The dimensions before the last `dims`, and how many elements these have."""
    first = len(shape) - dims
    return shape[:first], math.prod(shape[first:])


along = partial(kernel, LINES, short=True, internal=True, method=False)
_RESULTS = ("out", "mean", "low", "rstd")


def _normalized(x: Tensor, dims: int, eps: float, affine: bool) -> Call:
    outer, n = _cut(x.shape, dims)
    results = ((x.shape, x.dtype), *[(outer, x.dtype)] * 3)
    walk = Walk(forward(x.dtype.name, affine), form_of(n, 1))
    return Call(walk, results, (n, 1), (x.dtype.numpy.type(eps),))


def _gradient(g: Tensor, dims: int, affine: bool) -> Call:
    _, n = _cut(g.shape, dims)
    walk = Walk(backward(g.dtype.name, affine), form_of(n, 1))
    return Call(walk, ((g.shape, g.dtype),), (n, 1))


# Second derivatives are made of ops, from x alone, so that there are those of every order.


def _first(found: Any) -> Any:
    """The first result of a row, which a symbol stands for."""
    return found[0] if isinstance(found, tuple) else found


class _Again:
    """The normal of x and 1 / its deviation once more, and what is the same along a line."""

    def __init__(self, x: Any, dims: int, eps: float) -> None:
        self.x, self.dim = x, tuple(range(len(x.shape) - dims, len(x.shape)))
        self.normal = _first(normal(x, dims=dims, eps=eps))
        deviation = x - self.mean(x)
        self.rstd = (self.mean(square(deviation)) + eps) ** -0.5

    def mean(self, v: Any) -> Any:
        """The mean along lines, seen at every element."""
        return spread(mean_of(v, dim=self.dim, keepdim=True), self.x, self.dim, True)

    def slope(self, v: Any) -> Any:
        """The derivative of `normal`, a symmetric matrix, times v."""
        return self.rstd * (v - self.mean(v) - self.normal * self.mean(v * self.normal))

    def curve(self, u: Any, v: Any) -> Any:
        """The derivative by x of the sum of u slope(v)."""
        u, v = u - self.mean(u), v - self.mean(v)
        of_u, of_v = self.mean(u * self.normal), self.mean(v * self.normal)
        both = self.mean(u * v) - of_u * of_v
        return -self.rstd * (
            self.rstd * self.normal * both + of_v * self.slope(u) + of_u * self.slope(v)
        )


def _second(h: Any, g: Any, x: Any, weight: Any, dims: int, eps: float) -> tuple[Any, Any, Any]:
    """The cotangents of g, x and weight of `layer_norm_backward`."""
    again = _Again(x, dims, eps)
    slope = again.slope(h)
    outer = tuple(range(len(x.shape) - dims))
    if weight is None:
        return slope, again.curve(h, g), None
    scale = expand(weight, size=tuple(x.shape))
    return slope * scale, again.curve(h, g * scale), sum(g * slope, dim=outer, keepdim=False)


@along(
    vjp=lambda h, y, g, x, mean, low, rstd, dims, eps: (
        *_second(h, g, x, None, dims, eps)[:2],
        None,
        None,
        None,
    )
)
def normal_backward(
    g: Tensor, x: Tensor, mean: Tensor, low: Tensor, rstd: Tensor, dims: int, eps: float
) -> Call:
    """The gradient of `normal` by x."""
    return _gradient(g, dims, False)


@along(
    vjp=lambda h, y, g, x, weight, mean, low, rstd, dims, eps: (
        *_second(h, g, x, weight, dims, eps),
        None,
        None,
        None,
    )
)
def layer_norm_backward(
    g: Tensor,
    x: Tensor,
    weight: Tensor,
    mean: Tensor,
    low: Tensor,
    rstd: Tensor,
    dims: int,
    eps: float,
) -> Call:
    """The gradient of `layer_norm` by x."""
    return _gradient(g, dims, True)


def _of_weight_again(
    h: Any, y: Any, g: Any, x: Any, mean: Any, low: Any, rstd: Any, dims: int, eps: float
) -> tuple[Any, ...]:
    """The cotangents of g and x: h stands where a weight would."""
    of_g = expand(h, size=tuple(x.shape)) * _first(normal(x, dims=dims, eps=eps))
    of_x = layer_norm_backward(g, x, h, mean, low, rstd, dims=dims, eps=eps)
    return of_g, of_x, None, None, None


@along(vjp=_of_weight_again)
def layer_norm_weight(
    g: Tensor, x: Tensor, mean: Tensor, low: Tensor, rstd: Tensor, dims: int, eps: float
) -> Call:
    """The gradient of `layer_norm` by its weight."""
    outer, n = _cut(g.shape, dims)
    lines = math.prod(outer)
    walk = Walk(of_weight(g.dtype.name), form_of(lines, n))
    return Call(walk, ((g.shape[len(outer) :], g.dtype),), (lines, n))


@along(
    returns=_RESULTS,
    backward_name="NativeLayerNormBackward0",
    vjp=lambda g, y, x, mean, low, rstd, dims, eps: (
        normal_backward(g, x, mean, low, rstd, dims=dims, eps=eps),
        None,
        None,
        None,
    ),
)
def normal(input: Tensor, dims: int, eps: float) -> Call:
    """The input normalized over its last `dims` dimensions, and by what."""
    return _normalized(input, dims, eps, False)


@along(
    returns=_RESULTS,
    backward_name="NativeLayerNormBackward0",
    vjp=lambda g, y, x, weight, bias, mean, low, rstd, dims, eps: (
        layer_norm_backward(g, x, weight, mean, low, rstd, dims=dims, eps=eps),
        layer_norm_weight(g, x, mean, low, rstd, dims=dims, eps=eps),
        sum(g, dim=tuple(range(len(x.shape) - dims)), keepdim=False),
        None,
        None,
        None,
    ),
)
def layer_norm(input: Tensor, weight: Tensor, bias: Tensor, dims: int, eps: float) -> Call:
    """`normal` times weight plus bias, which have the shape of the last dimensions."""
    return _normalized(input, dims, eps, True)
