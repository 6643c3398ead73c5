"""Special functions: of the error function's family, of logarithms of sums, sinc."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

from ..row import Row, elementwise
from .elementwise import cos, exp, square
from .logic import logical_and, logical_or, where
from .rounding import abs

real = partial(elementwise, result="float", inplace=True)
_LN2 = math.log(2)

erf = real(
    "erf",
    "erf({x})",
    vjp=lambda g, y, x: (g * (2 / math.sqrt(math.pi) * exp(-(x * x))),),
    doc="Error function.",
)
erfc = real(
    "erfc",
    "erfc({x})",
    vjp=lambda g, y, x: (g * (-2 / math.sqrt(math.pi) * exp(-(x * x))),),
    doc="1 - erf(x), accurate for large x.",
)
erfinv: Row = real(
    "erfinv",
    "erfinv({x})",
    vjp=lambda g, y, x: (g * (math.sqrt(math.pi) / 2 * exp(square(erfinv(x)))),),
    doc="Inverse of erf on [-1, 1].",
)
sigmoid = real(
    "sigmoid",
    "1 / (1 + exp(-{x}))",
    vjp=lambda g, y, x: (g * ((1 - y) * y),),
    doc="1 / (1 + exp(-x)).",
)
logit = real(
    "logit",
    "log({x} / (1 - {x}))",
    vjp=lambda g, y, x: (g / where(logical_or(x < 0, x > 1), math.nan, abs(x * (1 - x))),),
    doc="log(x / (1 - x)), the inverse of sigmoid.",
)
xlogy: Row = real(
    "xlogy",
    "0 if {a} == 0 and {b} == {b} else {a} * log({b})",
    tensors=(),
    vjp=lambda g, y, a, b: (
        xlogy(g, where(logical_and(a == 0, b <= 0), 1.0, b)),
        g * (a / b),
    ),
    doc="a log(b), and 0 where a is 0.",
)
logaddexp = elementwise(
    "logaddexp",
    "{a} if {a} == {b} and isinf({a}) else"
    " ({a} if {a} > {b} else {b}) + log1p(exp(-abs({a} - {b})))",
    integer="!",
    tensors=("a", "b"),
    vjp=lambda g, y, a, b: (g * sigmoid(a - b), g * sigmoid(b - a)),
    doc="log(exp(a) + exp(b)), without overflow.",
)
logaddexp2 = elementwise(
    "logaddexp2",
    "{a} if {a} == {b} and isinf({a}) else"
    f" ({{a}} if {{a}} > {{b}} else {{b}}) + log1p(exp2(-abs({{a}} - {{b}}))) * {1 / _LN2!r}",
    integer="!",
    tensors=("a", "b"),
    vjp=lambda g, y, a, b: (g * sigmoid((a - b) * _LN2), g * sigmoid((b - a) * _LN2)),
    doc="log2(2**a + 2**b), without overflow.",
)

# d sinc(x)/dx = pi z (c_1 + c_2 z**2 + ...), z = pi x: seven terms, exact to 1e-17 for |z| < 1/2.
_SINC_SERIES = [(-1) ** k * 2 * k / math.factorial(2 * k + 1) for k in range(1, 8)]


def _horner(z: Any, coefficients: Sequence[float]) -> Any:
    """The polynomial in z with `coefficients`, lowest first."""
    *rest, value = coefficients
    for c in reversed(rest):
        value = value * z + c
    return value


def _sinc_slope(x: Any) -> Any:
    """d sinc(x)/dx: (cos(pi x) - sinc(x)) / x, and its series where that cancels."""
    near = abs(x) < 0.5 / math.pi
    z, far = where(near, math.pi * x, 0.0), where(near, 1.0, x)
    series = math.pi * z * _horner(z * z, _SINC_SERIES)
    return where(near, series, (cos(math.pi * far) - sinc(far)) / far)


sinc = real(
    "sinc",
    f"1 if {{x}} == 0 else sin({math.pi!r} * {{x}}) / ({math.pi!r} * {{x}})",
    vjp=lambda g, y, x: (g * _sinc_slope(x),),
    doc="sin(pi x) / (pi x), and 1 at 0.",
)
