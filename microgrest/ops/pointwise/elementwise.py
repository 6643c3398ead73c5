"""The elementwise ops of every day: arithmetic, powers, exponentials, trigonometry.

One row an op (see `row`), in the order of a pocket calculator. Beside this file stand `rounding`
(signs too), `logic` (comparison and selection), `special` functions and `activation`s.

Derivatives agree with PyTorch's at ties, zeros and infinities, and are never NaN where PyTorch has
a number. Two habits keep that true for derivatives of every order. A rule saves what PyTorch's
saves, an input or the result, so that in-place writes are allowed where PyTorch allows them. And
where one arm of a `where` is infinite or NaN on elements that it does not serve, its operand is
replaced there, because 0 * inf in the next derivative would be NaN.

Keys of `extra`: `aliases`, other public names of the op; `internal`, no public name at all;
`nonzero`, the operand whose integer zeros raise; `exponent`, the one that is no negative number for
integers; `scale`, the number that is of no other category than the result; `bools`, why no operand
may be a bool, and `whole`, why not all may be integers; `alike`, whether tensors have one dtype;
`own`, whether `out=` has to have the result's; `backward_tensor`, the backward name where the last
operand is a tensor rather than a number, and `backward_number` that where the first is a number,
which PyTorch tells apart.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from ..row import Row, elementwise
from .logic import logical_and, logical_not, where
from .rounding import abs

mutable = partial(elementwise, inplace=True)
# Integers become floating-point numbers.
real = partial(elementwise, result="float", inplace=True)

# Arithmetic

NO_BOOLS = (
    "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to "
    "invert a mask, use the `~` or `logical_not()` operator instead."
)
add = mutable(
    "add",
    "{a} + {b}",
    boolean="{a} or {b}",
    vjp=lambda g, y, a, b: (g, g),
    operator="add",
    doc="Sum, a + b.",
)
add_scaled = elementwise(
    "add_scaled",
    "{a} + {alpha} * {b}",
    boolean="{a} or ({alpha} and {b})",
    args=("a", "b", "alpha"),
    defaults={"alpha": 1},
    tensors=(),
    fits=("alpha",),
    vjp=lambda g, y, a, b, alpha: (g, g * alpha, None),
    backward_name="AddBackward0",
    method=False,
    extra={"internal": True, "scale": "alpha"},
    doc="What `add` with alpha is, a + alpha b.",
)
sub = mutable(
    "sub",
    "{a} - {b}",
    boolean="!",
    vjp=lambda g, y, a, b: (g, -g),
    operator="sub",
    extra={
        "aliases": ("subtract",),
        "bools": NO_BOOLS,
        "backward_number": "RsubBackward1",
    },
    doc="Difference, a - b.",
)
sub_scaled = elementwise(
    "sub_scaled",
    "{a} - {alpha} * {b}",
    boolean="!",
    args=("a", "b", "alpha"),
    defaults={"alpha": 1},
    tensors=(),
    fits=("alpha",),
    vjp=lambda g, y, a, b, alpha: (g, -g * alpha, None),
    backward_name="SubBackward0",
    method=False,
    extra={"internal": True, "scale": "alpha", "bools": NO_BOOLS},
    doc="What `sub` with alpha is, a - alpha b.",
)
mul = mutable(
    "mul",
    "{a} * {b}",
    boolean="{a} and {b}",
    vjp=lambda g, y, a, b: (g * b, g * a),
    operator="mul",
    exact=("a", "b"),
    extra={"aliases": ("multiply",)},
    doc="Product, a b.",
)
div = real(
    "div",
    "{a} / {b}",
    vjp=lambda g, y, a, b: (g / b, -g * (a / b / b)),
    operator="truediv",
    exact=("a", "b"),
    extra={"aliases": ("divide", "true_divide"), "backward_number": "MulBackward0"},
    doc="Quotient, a / b; integers divide to floating-point numbers.",
)
neg = mutable(
    "neg",
    "-{x}",
    boolean="!",
    vjp=lambda g, y, x: (-g,),
    operator="neg",
    extra={
        "aliases": ("negative",),
        "own": True,
        "bools": NO_BOOLS.replace("Subtraction", "Negation"),
    },
    doc="Negation, -x.",
)
positive = elementwise(
    "positive",
    "{x}",
    boolean="!",
    vjp=lambda g, y, x: (g,),
    operator="pos",
    extra={"bools": "The `+` operator, on a bool tensor is not supported."},
    doc="The operand itself, +x.",
)
reciprocal = real("reciprocal", "1 / {x}", vjp=lambda g, y, x: (-g * (y * y),), doc="1 / x.")
addcmul = mutable(
    "addcmul",
    "{x} + {value} * {tensor1} * {tensor2}",
    boolean="!",
    args=("x", "tensor1", "tensor2", "value"),
    defaults={"value": 1},
    tensors=("x", "tensor1", "tensor2"),
    fits=("value",),
    vjp=lambda g, y, x, a, b, value: (g, g * (b * value), g * (a * value), None),
    doc="x + value tensor1 tensor2.",
)
addcdiv = mutable(
    "addcdiv",
    "{x} + {value} * ({tensor1} / {tensor2})",
    integer="!",
    args=("x", "tensor1", "tensor2", "value"),
    defaults={"value": 1},
    tensors=("x", "tensor1", "tensor2"),
    fits=("value",),
    vjp=lambda g, y, x, a, b, value: (g, g * (value / b), -g * (value * (a / b / b)), None),
    extra={"whole": "Integer division with addcdiv is not supported: divide before, or by floats."},
    doc="x + value tensor1 / tensor2.",
)
lerp = mutable(
    "lerp",
    "{x} + {weight} * ({end} - {x}) if -0.5 < {weight} and {weight} < 0.5"
    " else {end} - (1 - {weight}) * ({end} - {x})",
    integer="!",
    args=("x", "end", "weight"),
    tensors=("x", "end"),
    fits=("weight",),
    exact=("weight",),
    vjp=lambda g, y, x, end, w: (g * (1 - w), g * w, g * (end - x)),
    extra={"backward_tensor": "LerpBackward1", "alike": True},
    doc="Linear interpolation, x + weight (end - x), exact at both ends.",
)

# Powers and roots


def _pow_base(g: Any, x: Any, b: Any) -> Any:
    """g b x**(b - 1), with 0, not 0 * inf, for x**0 at x = 0 and x = nan."""
    flat = logical_and(b == 0, logical_not(abs(x) > 0))
    return g * (b * pow(where(flat, 1.0, x), b - 1))


def _pow_exponent(g: Any, y: Any, x: Any, b: Any) -> Any:
    """g y log(x), 0 at x = 0, where y is 0 or 1 for every b >= 0."""
    return g * (y * log(where(logical_and(x == 0, b >= 0), 1.0, x)))


pow = mutable(
    "pow",
    "pow({x}, {exponent})",
    integer="ipow({x}, {exponent}) if {exponent} >= 0 else"
    " (1 if {x} == 1 else (1 - 2 * ({exponent} % 2) if {x} + 1 == 0 else 0))",
    boolean="!",
    vjp=lambda g, y, x, b: (_pow_base(g, x, b), _pow_exponent(g, y, x, b)),
    operator="pow",
    extra={
        "backward_tensor": "PowBackward1",
        "backward_number": "PowBackward2",
        "exponent": "exponent",
    },
    doc="x to the power exponent.",
)
square = mutable(
    "square",
    "{x} * {x}",
    result="number",
    vjp=lambda g, y, x: (g * (2 * x),),
    backward_name="PowBackward0",
    doc="x x.",
)
cube = elementwise(
    "cube",
    "{x} * {x} * {x}",
    result="number",
    vjp=lambda g, y, x: (g * (3 * (x * x)),),
    backward_name="PowBackward0",
    method=False,
    extra={"internal": True},
    doc="What `pow` by 3 is, x x x.",
)
pow_half = elementwise(
    "pow_half",
    "sqrt({x})",
    result="float",
    vjp=lambda g, y, x: (g * (0.5 * rsqrt(x)),),
    backward_name="PowBackward0",
    method=False,
    extra={"internal": True},
    doc="What `pow` by 1/2 is, sqrt(x).",
)
pow_minus_half = elementwise(
    "pow_minus_half",
    "1 / sqrt({x})",
    result="float",
    vjp=lambda g, y, x: (g * (-0.5 * rsqrt(x) / x),),
    backward_name="PowBackward0",
    method=False,
    extra={"internal": True},
    doc="What `pow` by -1/2 is, 1 / sqrt(x).",
)
pow_minus_one = elementwise(
    "pow_minus_one",
    "1 / {x}",
    result="float",
    vjp=lambda g, y, x: (-g * square(reciprocal(x)),),
    backward_name="PowBackward0",
    method=False,
    extra={"internal": True},
    doc="What `pow` by -1 is, 1 / x.",
)
sqrt = real(
    "sqrt", "sqrt({x})", vjp=lambda g, y, x: (g / (2 * y),), doc="Square root; nan for x < 0."
)
root = elementwise(
    "root",
    "sqrt({x})",
    vjp=lambda g, y, x: (g / where(y == 0, math.inf, 2 * y),),
    backward_name="SqrtBackward0",
    method=False,
    extra={"internal": True},
    doc="The square root in a standard deviation or a norm, whose derivative at 0 is 0.",
)
rsqrt: Row = real(
    "rsqrt", "1 / sqrt({x})", vjp=lambda g, y, x: (g * (-0.5 * (y * y * y)),), doc="1 / sqrt(x)."
)
hypot = mutable(
    "hypot",
    "hypot({a}, {b})",
    integer="!",
    tensors=("a", "b"),
    vjp=lambda g, y, a, b: (g * (a / y), g * (b / y)),
    doc="Length of the vector (a, b), without overflow on the way.",
)

# Exponentials and logarithms

_LN2, _LN10 = math.log(2), math.log(10)
exp = real("exp", "exp({x})", vjp=lambda g, y, x: (g * y,), doc="e to the power x.")
exp2 = real("exp2", "exp2({x})", vjp=lambda g, y, x: (g * (y * _LN2),), doc="2 to the power x.")
expm1 = real(
    "expm1", "expm1({x})", vjp=lambda g, y, x: (g * (y + 1),), doc="exp(x) - 1, accurate near 0."
)
log = real(
    "log",
    "log({x})",
    vjp=lambda g, y, x: (g / x,),
    doc="Natural logarithm; -inf at 0, nan for x < 0.",
)
log2 = real("log2", "log2({x})", vjp=lambda g, y, x: (g / (x * _LN2),), doc="Logarithm to base 2.")
log10 = real(
    "log10", "log10({x})", vjp=lambda g, y, x: (g / (x * _LN10),), doc="Logarithm to base 10."
)
log1p = real(
    "log1p",
    "log1p({x})",
    vjp=lambda g, y, x: (g / (x + 1),),
    backward_name="Log1PBackward0",
    doc="log(1 + x), accurate near 0.",
)

# Trigonometric and hyperbolic functions

sin = real("sin", "sin({x})", vjp=lambda g, y, x: (g * cos(x),), doc="Sine of x radians.")
cos: Row = real("cos", "cos({x})", vjp=lambda g, y, x: (g * -sin(x),), doc="Cosine of x radians.")
tan = real("tan", "tan({x})", vjp=lambda g, y, x: (g * (1 + y * y),), doc="Tangent of x radians.")
asin = real(
    "asin",
    "asin({x})",
    vjp=lambda g, y, x: (g * rsqrt(1 - x * x),),
    extra={"aliases": ("arcsin",)},
    doc="Inverse sine, in [-pi/2, pi/2].",
)
acos = real(
    "acos",
    "acos({x})",
    vjp=lambda g, y, x: (-g * rsqrt(1 - x * x),),
    extra={"aliases": ("arccos",)},
    doc="Inverse cosine, in [0, pi].",
)
atan = real(
    "atan",
    "atan({x})",
    vjp=lambda g, y, x: (g / (x * x + 1),),
    extra={"aliases": ("arctan",)},
    doc="Inverse tangent, in [-pi/2, pi/2].",
)


def _atan2_vjp(g: Any, y: Any, a: Any, b: Any) -> tuple[Any, Any]:
    """g (b, -a) / (a a + b b), and 0 at the origin."""
    squares = a * a + b * b
    divisor = where(squares == 0, 1.0, squares)
    return g * (b / divisor), -g * (a / divisor)


atan2 = real(
    "atan2",
    "atan2({a}, {b})",
    tensors=("a", "b"),
    vjp=_atan2_vjp,
    extra={"aliases": ("arctan2",)},
    doc="Angle of the vector with ordinate a and abscissa b, in [-pi, pi].",
)
sinh = real("sinh", "sinh({x})", vjp=lambda g, y, x: (g * cosh(x),), doc="Hyperbolic sine.")
cosh: Row = real("cosh", "cosh({x})", vjp=lambda g, y, x: (g * sinh(x),), doc="Hyperbolic cosine.")
tanh = real(
    "tanh", "tanh({x})", vjp=lambda g, y, x: (g * ((1 + y) * (1 - y)),), doc="Hyperbolic tangent."
)
asinh = real(
    "asinh",
    "asinh({x})",
    vjp=lambda g, y, x: (g * rsqrt(x * x + 1),),
    extra={"aliases": ("arcsinh",)},
    doc="Inverse hyperbolic sine.",
)
acosh = real(
    "acosh",
    "acosh({x})",
    vjp=lambda g, y, x: (g * rsqrt(x * x - 1),),
    extra={"aliases": ("arccosh",)},
    doc="Inverse hyperbolic cosine; nan for x < 1.",
)
atanh = real(
    "atanh",
    "atanh({x})",
    vjp=lambda g, y, x: (g / (1 - x * x),),
    extra={"aliases": ("arctanh",)},
    doc="Inverse hyperbolic tangent; nan outside [-1, 1].",
)
deg2rad = real(
    "deg2rad",
    f"{{x}} * {math.pi / 180!r}",
    vjp=lambda g, y, x: (g * (math.pi / 180),),
    backward_name="Deg2RadBackward0",
    doc="Degrees to radians.",
)
rad2deg = real(
    "rad2deg",
    f"{{x}} * {180 / math.pi!r}",
    vjp=lambda g, y, x: (g * (180 / math.pi),),
    backward_name="Rad2DegBackward0",
    doc="Radians to degrees.",
)
