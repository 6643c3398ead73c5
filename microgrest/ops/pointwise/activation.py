"""Activations, elementwise. `nn.functional` gives them PyTorch's signatures.

Those that are an expression of other ops are composites, with a derived derivative; a formula and a
rule of its own has what that would make inaccurate or infinite. A composite has `integer="!"`:
integers are refused, as PyTorch refuses them.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from ..row import elementwise
from .elementwise import NO_BOOLS, exp, square, tanh
from .logic import logical_or, where
from .rounding import abs
from .special import erfc, sigmoid

activation = partial(elementwise, integer="!", method=False)

relu = elementwise(
    "relu",
    "0 if {x} < 0 else {x}",
    boolean="!",
    vjp=lambda g, y, x: (where(y <= 0, 0.0, g),),
    inplace=True,
    doc="max(x, 0); its derivative at 0 is 0.",
)
hardtanh = elementwise(
    "hardtanh",
    "({min_val} if {x} < {min_val} else ({max_val} if {x} > {max_val} else {x}))"
    " if {min_val} <= {max_val} else {min_val} + {max_val}",  # NaN
    boolean="!",
    args=("x", "min_val", "max_val"),
    defaults={"min_val": -1.0, "max_val": 1.0},
    vjp=lambda g, y, x, low, high: (where(logical_or(x <= low, x >= high), 0.0, g), None, None),
    method=False,
    doc="x held between min_val and max_val; its derivative at either is 0.",
)
relu6 = activation(
    "relu6",
    lambda x: hardtanh(x, 0.0, 6.0),
    backward_name="HardtanhBackward0",
    doc="min(max(x, 0), 6).",
)
leaky_relu = activation(
    "leaky_relu",
    "{x} if {x} > 0 else {x} * {negative_slope}",
    defaults={"negative_slope": 0.01},
    vjp=lambda g, y, x, slope: (where(x > 0, g, g * slope), None),
    doc="x for x > 0, else negative_slope x.",
)
prelu = activation(
    "prelu",
    "{x} if {x} > 0 else {weight} * {x}",
    args=("x", "weight"),
    vjp=lambda g, y, x, w: (where(x > 0, g, g * w), where(x > 0, 0.0, g * x)),
    backward_name="PreluKernelBackward0",
    method=False,
    extra={"internal": True},
    doc="x for x > 0, else weight x, of weights that broadcast.",
)
threshold = elementwise(
    "threshold",
    "{value} if {x} <= {threshold} else {x}",
    boolean="!",
    args=("x", "threshold", "value"),
    vjp=lambda g, y, x, threshold, value: (where(x <= threshold, 0.0, g), None, None),
    method=False,
    doc="x above the threshold, else value.",
)

# exp(x) is taken at 0 where the other arm is meant, so that no inf meets a 0.
celu = activation(
    "celu",
    "{alpha} * expm1({x} / {alpha}) if {x} < 0 else {x}",
    args=("x", "alpha"),
    defaults={"alpha": 1.0},
    extra={"divisor": "alpha"},
    vjp=lambda g, y, x, alpha: (where(x > 0, g, g * exp(where(x >= 0, 0.0, x) / alpha)), None),
    doc="x for x > 0, else alpha (exp(x / alpha) - 1).",
)
elu = activation(
    "elu",
    "{alpha} * expm1({x}) if {x} < 0 else {x}",
    args=("x", "alpha"),
    defaults={"alpha": 1.0},
    vjp=lambda g, y, x, alpha: (where(x > 0, g, g * alpha * exp(where(x >= 0, 0.0, x))), None),
    doc="x for x > 0, else alpha (exp(x) - 1).",
)
selu = activation(
    "selu",
    lambda x: 1.0507009873554805 * elu(x, 1.6732632423543772),
    backward_name="EluBackward0",
    doc="1.0507 elu(x, 1.6733), with the constants of Klambauer et al., 2017.",
)

silu = activation("silu", lambda x: x * sigmoid(x), doc="x sigmoid(x).")
gelu = activation(
    "gelu", lambda x: 0.5 * x * erfc(-math.sqrt(0.5) * x), doc="x times the normal CDF of x."
)
gelu_tanh = activation(
    "gelu_tanh",
    lambda x: 0.5 * x * (1 + tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * (x * x * x)))),
    backward_name="GeluBackward0",
    method=False,
    extra={"internal": True},
    doc="gelu with approximate='tanh', x (1 + tanh(sqrt(2/pi) (x + 0.044715 x**3))) / 2.",
)
softplus = activation(
    "softplus",
    "{x} if {x} * {beta} > {threshold} else log1p(exp({x} * {beta})) / {beta}",
    args=("x", "beta", "threshold"),
    defaults={"beta": 1.0, "threshold": 20.0},
    vjp=lambda g, y, x, beta, threshold: (
        where(x * beta > threshold, g, g * sigmoid(x * beta)),
        None,
        None,
    ),
    doc="log(1 + exp(beta x)) / beta; x where beta x > threshold.",
)
mish = activation(
    "mish",
    lambda x: x * tanh(softplus(x)),
    vjp=lambda g, y, x: _mish(g, x, tanh(softplus(x))),
    doc="x tanh(softplus(x)).",
)


def _mish(g: Any, x: Any, t: Any) -> tuple[Any]:
    """The cotangent, without a product of g and a large x, which would overflow."""
    return (g * (t + x * ((1 - t) * (1 + t)) * sigmoid(x)),)


logsigmoid = activation(
    "logsigmoid",
    "({x} if {x} < 0 else 0) - log1p(exp(-abs({x})))",
    vjp=lambda g, y, x: (g * sigmoid(-x),),
    backward_name="LogSigmoidBackward0",
    doc="log(sigmoid(x)), without underflow.",
)
softsign = elementwise(
    "softsign",
    "{x} / (1 + abs({x}))",
    result="float",
    vjp=lambda g, y, x: (g / square(1 + abs(x)),),
    method=False,
    backward_name="DivBackward0",
    doc="x / (1 + |x|).",
)

hardsigmoid = activation(
    "hardsigmoid",
    lambda x: relu6(x + 3) / 6,
    vjp=lambda g, y, x: (where(abs(x) < 3, g / 6, 0.0),),
    doc="relu6(x + 3) / 6.",
)
hardswish = activation("hardswish", lambda x: x * relu6(x + 3) / 6, doc="x relu6(x + 3) / 6.")
tanhshrink = elementwise(
    "tanhshrink",
    "{x} - tanh({x})",
    result="float",
    extra={"bools": NO_BOOLS},
    vjp=lambda g, y, x: (g * square(tanh(x)),),
    method=False,
    backward_name="SubBackward0",
    doc="x - tanh(x).",
)
softshrink = activation(
    "softshrink",
    "{x} - {lambd} if {x} > {lambd} else ({x} + {lambd} if {x} < -{lambd} else {x} - {x})",
    defaults={"lambd": 0.5},
    vjp=lambda g, y, x, lambd: (where(abs(x) <= lambd, 0.0, g), None),
    doc="x moved toward 0 by lambd, and 0 within lambd of it.",
)
hardshrink = elementwise(
    "hardshrink",
    "0 if -{lambd} <= {x} and {x} <= {lambd} else {x}",
    integer="!",
    args=("x", "lambd"),
    defaults={"lambd": 0.5},
    vjp=lambda g, y, x, lambd: (where(abs(x) <= lambd, 0.0, g), None),
    doc="x, and 0 within lambd of 0.",
)
