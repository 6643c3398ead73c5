"""Numbers by their digits: neighbors, mantissas and exponents, divisors that integers share."""

from __future__ import annotations

from functools import partial

from ..row import elementwise
from .elementwise import exp2
from .logic import bitwise, where
from .rounding import zero

internal = partial(elementwise, method=False, extra={"internal": True})

_GCD = "gcd({a}, {b})"
gcd = bitwise(
    "gcd",
    "!",
    integer=_GCD,
    boolean="!",
    args=("a", "b"),
    tensors=("a", "b"),
    doc="The greatest common divisor, 0 of zeros.",
)
lcm = bitwise(
    "lcm",
    "!",
    integer=f"0 if {{a}} == 0 or {{b}} == 0 else abs({{a}} // {_GCD} * {{b}})",
    boolean="!",
    args=("a", "b"),
    tensors=("a", "b"),
    doc="The least common multiple, 0 if one is 0.",
)
nextafter = elementwise(
    "nextafter",
    "nextafter({a}, {b})",
    integer="!",
    inplace=True,
    tensors=("a", "b"),
    vjp=lambda g, y, a, b: (where(a == b, 0.0, g), zero(g)),
    doc="The number next to a toward b.",
)
heaviside = elementwise(
    "heaviside",
    "{b} if {a} == 0 else (1 if {a} > 0 else 0)",
    boolean="{b} if not {a} else True",
    args=("a", "b"),
    inplace=True,
    tensors=("a", "b"),
    extra={"alike": True},
    doc="0 for negative a, 1 for positive, b at 0. Not differentiable.",
)
exponent = internal(
    "frexp_exponent",
    "exponent({x})",
    integer="!",
    doc="e of x = m 2**e, 1/2 <= abs(m) < 1.",
)
mantissa = internal(
    "frexp_mantissa",
    # In two steps, neither of which overflows.
    "{x} if {x} == 0 or {x} - {x} != 0 else"
    " {x} * exp2(-rint(0.5 * exponent({x}))) * exp2(rint(0.5 * exponent({x})) - exponent({x}))",
    integer="!",
    vjp=lambda g, y, x: (g * exp2(-exponent(x) + zero(x)),),
    backward_name="FrexpBackward0",
    doc="m of x = m 2**e, 1/2 <= abs(m) < 1.",
)
