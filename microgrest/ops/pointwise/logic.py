"""Comparison, logic, bits, and selection: ops whose derivative is a choice, or none."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..row import Row, elementwise

predicate = partial(elementwise, result="bool")
# In place they write 0 and 1.
compare = partial(predicate, inplace=True)
bitwise = partial(elementwise, inplace=True)

# Comparison

eq = compare("eq", "{a} == {b}", operator="eq", doc="a == b.")
ne = compare("ne", "{a} != {b}", operator="ne", extra={"aliases": ("not_equal",)}, doc="a != b.")
lt = compare("lt", "{a} < {b}", operator="lt", extra={"aliases": ("less",)}, doc="a < b.")
le = compare("le", "{a} <= {b}", operator="le", extra={"aliases": ("less_equal",)}, doc="a <= b.")
gt = compare("gt", "{a} > {b}", operator="gt", extra={"aliases": ("greater",)}, doc="a > b.")
ge = compare(
    "ge", "{a} >= {b}", operator="ge", extra={"aliases": ("greater_equal",)}, doc="a >= b."
)
isnan = predicate("isnan", "{x} != {x}", doc="Whether x is nan.")
isinf = predicate("isinf", "isinf({x})", integer="{x} != {x}", doc="Whether x is inf or -inf.")
isfinite = predicate(
    "isfinite", "isfinite({x})", integer="{x} == {x}", doc="Whether x is neither nan nor infinite."
)
isposinf = predicate(
    "isposinf", "{x} == inf", integer="{x} != {x}", extra={"own": True}, doc="Whether x is inf."
)
isneginf = predicate(
    "isneginf", "{x} == -inf", integer="{x} != {x}", extra={"own": True}, doc="Whether x is -inf."
)
signbit = predicate(
    "signbit",
    "copysign(1, {x}) < 0",
    integer="{x} < 0",
    doc="Whether x has a minus sign, -0.0 too.",
)

# Logic; numbers count as their being nonzero

logical_and = compare(
    "logical_and", "{a} != 0 and {b} != 0", tensors=("a", "b"), doc="Whether both are nonzero."
)
logical_or = compare(
    "logical_or", "{a} != 0 or {b} != 0", tensors=("a", "b"), doc="Whether one is nonzero."
)
logical_xor = compare(
    "logical_xor",
    "({a} != 0) != ({b} != 0)",
    tensors=("a", "b"),
    doc="Whether exactly one is nonzero.",
)
logical_not = compare("logical_not", "{x} == 0", doc="Whether x is zero.")

# Bits of integers

bitwise_and = bitwise(
    "bitwise_and", "!", integer="{a} & {b}", args=("a", "b"), operator="and", doc="Bitwise a & b."
)
bitwise_or = bitwise(
    "bitwise_or", "!", integer="{a} | {b}", args=("a", "b"), operator="or", doc="Bitwise a | b."
)
bitwise_xor = bitwise(
    "bitwise_xor", "!", integer="{a} ^ {b}", args=("a", "b"), operator="xor", doc="Bitwise a ^ b."
)
bitwise_not = bitwise(
    "bitwise_not",
    "!",
    integer="~{x}",
    boolean="not {x}",
    args=("x",),
    operator="invert",
    doc="Bitwise ~x; of bools, logical not.",
)
# A shift by a negative count or by the width and more leaves no bits, or copies of the sign.
bitwise_left_shift = bitwise(
    "bitwise_left_shift",
    "!",
    integer="{a} << {b} if 0 <= {b} and {b} < 64 else 0",
    boolean="!",
    args=("a", "b"),
    operator="lshift",
    doc="a 2**b, wrapped to the type.",
)
bitwise_right_shift = bitwise(
    "bitwise_right_shift",
    "!",
    integer="{a} >> ({b} if 0 <= {b} and {b} < 64 else 63)",
    boolean="!",
    args=("a", "b"),
    operator="rshift",
    doc="a 2**-b, rounded down.",
)

# Selection

where: Row = elementwise(
    "where",
    "{input} if {condition} else {other}",
    args=("condition", "input", "other"),
    unpromoted=("condition",),
    fits=("input", "other"),
    extra={"own": True},
    vjp=lambda g, y, c, a, b: (None, where(c, g, 0.0), where(c, 0.0, g)),
    doc="`input` where `condition` holds, `other` elsewhere.",
)

masked_fill: Row = elementwise(
    "masked_fill",
    "{value} if {mask} else {x}",
    args=("x", "mask", "value"),
    unpromoted=("mask",),
    tensors=("x", "mask"),
    vjp=lambda g, y, x, mask, value: (where(mask, 0.0, g), None, where(mask, g, 0.0)),
    method=False,
    extra={"internal": True, "backward_tensor": "MaskedFillBackward1"},
    doc="x with `value`, of its dtype, where `mask` holds.",
)


def _winner(g: Any, lost: Any, tied: Any) -> Any:
    """The cotangent of one side of a contest: 0, half or all of g."""
    return where(lost, 0.0, where(tied, 0.5 * g, g))


def _first_or_second(g: Any, first: Any) -> tuple[Any, Any]:
    """g to the side that was taken."""
    return where(first, g, 0.0), where(first, 0.0, g)


maximum = elementwise(
    "maximum",
    "{a} if {a} > {b} or {a} != {a} else {b}",
    tensors=("a", "b"),
    vjp=lambda g, y, a, b: (_winner(g, a < b, a == b), _winner(g, a > b, a == b)),
    doc="The larger of two, or nan if either is nan; a tie shares the derivative.",
)
minimum = elementwise(
    "minimum",
    "{a} if {a} < {b} or {a} != {a} else {b}",
    tensors=("a", "b"),
    vjp=lambda g, y, a, b: (_winner(g, a > b, a == b), _winner(g, a < b, a == b)),
    doc="The smaller of two, or nan if either is nan; a tie shares the derivative.",
)
fmax = elementwise(
    "fmax",
    "{a} if {a} >= {b} or {b} != {b} else {b}",
    tensors=("a", "b"),
    vjp=lambda g, y, a, b: _first_or_second(g, logical_or(a >= b, isnan(b))),
    doc="The larger of two, passing over nan; at a tie the first has the derivative.",
)
fmin = elementwise(
    "fmin",
    "{a} if {a} <= {b} or {b} != {b} else {b}",
    tensors=("a", "b"),
    vjp=lambda g, y, a, b: _first_or_second(g, logical_or(a <= b, isnan(b))),
    doc="The smaller of two, passing over nan; at a tie the first has the derivative.",
)


def _clamp_vjp(g: Any, y: Any, x: Any, low: Any, high: Any) -> tuple[Any, Any, Any]:
    """g to x within the bounds, both included, else to the bound; of crossed bounds to `high`."""
    return (
        where(logical_and(x >= low, x <= high), g, 0.0),
        where(logical_and(x < low, low < high), g, 0.0),
        where(logical_or(x > high, high < low), g, 0.0),
    )


_RAISED = "({min} if {x} < {min} or {min} != {min} else {x})"
clamp = bitwise(
    "clamp",
    f"{{max}} if {_RAISED} > {{max}} or {{max}} != {{max}} else {_RAISED}",
    args=("x", "min", "max"),
    boolean="!",
    fits=("min", "max"),
    vjp=_clamp_vjp,
    backward_name="ClampBackward1",
    extra={"own": True, "aliases": ("clip",), "backward_tensor": "ClampBackward0"},
    doc="min(max(x, min), max); nan if one of the three is.",
)
clamp_min = bitwise(
    "clamp_min",
    "{min} if {x} < {min} or {min} != {min} else {x}",
    args=("x", "min"),
    fits=("min",),
    vjp=lambda g, y, x, low: (where(x >= low, g, 0.0), where(x < low, g, 0.0)),
    extra={"own": True, "backward_tensor": "ClampMinBackward1"},
    doc="max(x, min); nan if either is.",
)
clamp_max = bitwise(
    "clamp_max",
    "{max} if {x} > {max} or {max} != {max} else {x}",
    args=("x", "max"),
    fits=("max",),
    vjp=lambda g, y, x, high: (where(x <= high, g, 0.0), where(x > high, g, 0.0)),
    extra={"own": True, "backward_tensor": "ClampMaxBackward1"},
    doc="min(x, max); nan if either is.",
)
nan_to_num = bitwise(
    "nan_to_num",
    "{for_nan} if {x} != {x} else ({posinf} if {x} == inf else ({neginf} if {x} == -inf else {x}))",
    integer="{x}",
    args=("x", "for_nan", "posinf", "neginf"),
    vjp=lambda g, y, x, *_: (where(isfinite(x), g, 0.0), None, None, None),
    doc="x with nan and the infinities replaced.",
)
