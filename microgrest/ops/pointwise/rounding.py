"""Signs, rounding, and division with rounding. Their derivatives are 0 almost everywhere."""

from __future__ import annotations

from functools import partial

from ..row import elementwise

mutable = partial(elementwise, inplace=True)

zero = elementwise(
    "zero",
    "0",
    args=("x",),
    method=False,
    extra={"internal": True},
    doc="Zero for every element: the cotangent of a step function.",
)

constant = elementwise(
    "constant",
    "{value}",
    args=("value", "like"),
    method=False,
    tensors=("like",),
    vjp=lambda g, y, value, like: (None, None),
    extra={"internal": True},
    doc="A number, of the type of `like`.",
)

# Signs

_SIGN = "1 if {x} > 0 else (-1 if {x} < 0 else 0)"
sign = mutable(
    "sign",
    _SIGN,
    boolean="{x}",
    vjp=lambda g, y, x: (zero(g),),
    extra={"own": True},
    doc="-1, 0 or 1; 0 for nan.",
)
sgn = mutable(
    "sgn",
    _SIGN,
    boolean="{x}",
    vjp=lambda g, y, x: (zero(g),),
    extra={"own": True},
    doc="The sign: -1, 0 or 1; 0 for nan.",
)
abs = mutable(
    "abs",
    "abs({x})",
    boolean="!",
    vjp=lambda g, y, x: (g * sgn(x),),
    operator="abs",
    extra={"own": True, "aliases": ("absolute",)},
    doc="Absolute value; its derivative at 0 is 0.",
)
copysign = mutable(
    "copysign",
    "copysign({a}, {b})",
    result="float",
    vjp=lambda g, y, a, b: (g * (sgn(a) * sgn(y)), zero(g)),
    backward_name="CopysignBackward1",
    extra={"backward_tensor": "CopysignBackward0"},
    doc="The magnitude of a with the sign of b.",
)

# Rounding

floor = mutable(
    "floor",
    "floor({x})",
    integer="{x}",
    boolean="!",
    vjp=lambda g, y, x: (zero(g),),
    extra={"own": True},
    doc="The largest integer not above x.",
)
ceil = mutable(
    "ceil",
    "ceil({x})",
    integer="{x}",
    boolean="!",
    vjp=lambda g, y, x: (zero(g),),
    extra={"own": True},
    doc="The smallest integer not below x.",
)
trunc = mutable(
    "trunc",
    "trunc({x})",
    integer="{x}",
    boolean="!",
    vjp=lambda g, y, x: (zero(g),),
    extra={"own": True, "aliases": ("fix",)},
    doc="x without its fraction.",
)
round = mutable(
    "round",
    "rint({x})",
    integer="{x}",
    boolean="!",
    vjp=lambda g, y, x: (zero(g),),
    extra={"own": True},
    doc="The nearest integer, the even one of two.",
)
round_decimals = elementwise(
    "round_decimals",
    "rint({x} * {up} / {down}) / {up} * {down}",
    integer="!",
    args=("x", "up", "down"),
    vjp=lambda g, y, x, up, down: (zero(g), None, None),
    backward_name="RoundBackward1",
    method=False,
    extra={"internal": True},
    doc="What `round` with decimals=d is: up = 10**d, down = 1, or up = 1, down = 10**-d.",
)
frac = mutable(
    "frac",
    "{x} - trunc({x})",
    integer="!",
    vjp=lambda g, y, x: (g,),
    extra={"own": True},
    doc="The fraction, x - trunc(x).",
)

# Division with rounding

# The quotient from the exact remainder, so that 1 // 0.1 is 9; it has the sign of a / b, zeros too.
_FLOOR_DIVIDE = (
    "{a} / {b} if {b} == 0 else copysign(rint(({a} - fmod({a}, {b})) / {b}"
    " - (1 if fmod({a}, {b}) != 0 and (fmod({a}, {b}) < 0) != ({b} < 0) else 0)), {a} / {b})"
)
# The most negative integer over -1 has no quotient; like PyTorch's, ours wraps to itself.
_BY_MINUS_ONE = "{b} < 0 and {b} + 1 == 0"
_INTEGER_FLOOR_DIVIDE = f"0 - {{a}} if {_BY_MINUS_ONE} else {{a}} // {{b}}"
_INTEGER_TRUNC_DIVIDE = (
    f"0 - {{a}} if {_BY_MINUS_ONE} else {{a}} // {{b}}"
    " + (1 if {a} % {b} != 0 and ({a} < 0) != ({b} < 0) else 0)"
)

floor_divide = mutable(
    "floor_divide",
    _FLOOR_DIVIDE,
    integer=_INTEGER_FLOOR_DIVIDE,
    boolean="!",
    operator="floordiv",
    exact=("b",),
    extra={"nonzero": "b"},
    doc="Quotient rounded toward minus infinity. Not differentiable.",
)
div_floor = elementwise(
    "div_floor",
    _FLOOR_DIVIDE,
    integer=_INTEGER_FLOOR_DIVIDE,
    boolean="!",
    tensors=(),
    vjp=lambda g, y, a, b: (zero(g), zero(g)),
    backward_name="DivBackward2",
    method=False,
    exact=("b",),
    extra={"internal": True, "nonzero": "b"},
    doc="What `div` with rounding_mode='floor' is.",
)
div_trunc = elementwise(
    "div_trunc",
    "trunc({a} / {b})",
    integer=_INTEGER_TRUNC_DIVIDE,
    boolean="!",
    tensors=(),
    vjp=lambda g, y, a, b: (zero(g), zero(g)),
    backward_name="DivBackward2",
    method=False,
    exact=("a", "b"),
    extra={"internal": True, "nonzero": "b"},
    doc="What `div` with rounding_mode='trunc' is.",
)
remainder = mutable(
    "remainder",
    "fmod({a}, {b}) + {b} if fmod({a}, {b}) != 0 and (fmod({a}, {b}) < 0) != ({b} < 0)"
    " else fmod({a}, {b})",
    integer="{a} % {b}",
    boolean="!",
    vjp=lambda g, y, a, b: (g, -g * div_floor(a, b)),
    operator="mod",
    backward_name="RemainderBackward0",
    extra={"nonzero": "b", "backward_tensor": "RemainderBackward1"},
    doc="Remainder with the sign of the divisor, as Python's %.",
)
fmod = mutable(
    "fmod",
    "fmod({a}, {b})",
    integer="{a} % {b} - ({b} if {a} % {b} != 0 and ({a} < 0) != ({b} < 0) else 0)",
    boolean="!",
    vjp=lambda g, y, a, b: (g, -g * div_trunc(a, b)),
    backward_name="FmodBackward0",
    extra={"nonzero": "b", "backward_tensor": "FmodBackward1"},
    doc="Remainder with the sign of the dividend, as C's fmod.",
)
