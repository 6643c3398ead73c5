"""Special functions beyond `special`: of the gamma function's family, Bessel's, the normal's.

Those that are public in `microgrest.special` alone are `internal` here.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from ..row import Row, elementwise
from .elementwise import exp, log, square
from .logic import isnan, logical_and, where
from .rounding import sign

real = partial(elementwise, result="float", inplace=True)
special = partial(elementwise, result="float", method=False, extra={"internal": True})

# The gamma function

lgamma = real(
    "lgamma",
    "lgamma({x})",
    vjp=lambda g, y, x: (g * digamma(x),),
    doc="log(abs(gamma(x))).",
)
digamma: Row = real(
    "digamma",
    "digamma({x})",
    vjp=lambda g, y, x: (g * polygamma(x, 1),),
    doc="The derivative of lgamma.",
)
polygamma: Row = special(
    "polygamma",
    "polygamma({x}, {order})",
    args=("x", "order"),
    vjp=lambda g, y, x, order: (g * polygamma(x, order + 1), None),
    doc="The derivative of digamma of a whole order above 0.",
)
zeta: Row = special(
    "special_zeta",
    "zeta({s}, {q})",
    tensors=(),
    vjp=lambda g, y, s, q: (None, g * (-s * zeta(s + 1, q))),
    doc="Hurwitz's zeta function: the sum over k >= 0 of (q + k)**-s.",
)

# Bessel functions


def _slope(even: Any, odd: Any, x: Any) -> Any:
    """I0 - I1 / x, or so scaled, which is 1/2 at 0."""
    zero = x == 0
    return where(zero, 0.5, even - odd / where(zero, 1.0, x))


i0: Row = real(
    "i0",
    "i0({x})",
    vjp=lambda g, y, x: (g * i1(x),),
    doc="The modified Bessel function of the first kind, of order 0.",
)
i0e: Row = special(
    "special_i0e",
    "i0e({x})",
    vjp=lambda g, y, x: (g * (i1e(x) - sign(x) * y),),
    backward_name="SpecialI0EBackward0",
    doc="exp(-abs(x)) i0(x).",
)
i1: Row = special(
    "special_i1",
    "i1({x})",
    vjp=lambda g, y, x: (g * _slope(i0(x), y, x),),
    doc="The modified Bessel function of the first kind, of order 1.",
)
i1e: Row = special(
    "special_i1e",
    "i1e({x})",
    vjp=lambda g, y, x: (g * (_slope(i0e(x), y, x) - sign(x) * y),),
    backward_name="SpecialI1EBackward0",
    doc="exp(-abs(x)) i1(x).",
)

# The normal distribution

erfcx: Row = special(
    "special_erfcx",
    "erfcx({x})",
    vjp=lambda g, y, x: (g * (2 * x * y - 2 / math.sqrt(math.pi)),),
    doc="exp(x**2) erfc(x).",
)
ndtr = special(
    "special_ndtr",
    f"0.5 * erfc({{x}} * {-math.sqrt(0.5)!r})",
    vjp=lambda g, y, x: (g * (1 / math.sqrt(2 * math.pi) * exp(-0.5 * square(x))),),
    doc="The share of the standard normal distribution below x.",
)
log_ndtr = special(
    "special_log_ndtr",
    "log_ndtr({x})",
    vjp=lambda g, y, x: (g * (math.sqrt(2 / math.pi) / erfcx(x * -math.sqrt(0.5))),),
    doc="log(ndtr(x)).",
)
ndtri = special(
    "special_ndtri",
    "ndtri({x})",
    vjp=lambda g, y, x: (g * (math.sqrt(2 * math.pi) * exp(0.5 * square(y))),),
    doc="The inverse of ndtr.",
)

# Products with logarithms

entr = special(
    "special_entr",
    "-{x} * log({x}) if {x} > 0 else (0 if {x} == 0 else (-inf if {x} < 0 else {x}))",
    vjp=lambda g, y, x: (g * (-log(x) - 1),),
    doc="-x log(x), 0 at 0, -inf below.",
)


def _xlog1py(g: Any, y: Any, a: Any, b: Any) -> tuple[Any, Any]:
    return xlog1py(g, where(logical_and(a == 0, b <= -1), 0.0, b)), g * (a / (b + 1))


xlog1py: Row = special(
    "special_xlog1py",
    "0 if {a} == 0 and {b} == {b} else {a} * log1p({b})",
    tensors=(),
    vjp=_xlog1py,
    backward_name="SpecialXlog1PyBackward0",
    doc="a log(1 + b), and 0 where a is 0.",
)

angle = elementwise(
    "angle",
    f"{math.pi!r} if {{x}} < 0 else ({{x}} if {{x}} != {{x}} else 0)",
    result="float",
    vjp=lambda g, y, x: (where(isnan(x), x, 0.0) * g,),
    doc="pi for negative numbers, 0 for others.",
)
