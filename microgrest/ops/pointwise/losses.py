"""Elements of losses, where an expression of other ops has a gradient that overflows or cancels.

They are internal: `nn.functional` has the losses.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from ..row import elementwise
from .elementwise import exp, log, log1p
from .logic import where
from .rounding import abs, sign
from .special import sigmoid

loss = partial(elementwise, integer="!", method=False, extra={"internal": True}, tensors=("x",))

huber = loss(
    "huber",
    "0.5 * ({x} * {x}) if abs({x}) <= {delta} else {delta} * (abs({x}) - 0.5 * {delta})",
    args=("x", "delta"),
    vjp=lambda g, y, x, delta: (g * where(abs(x) > delta, delta * sign(x), x), None),  # NaN stays
    doc="x**2 / 2 up to |x| = delta, from there on a line.",
)
smooth_l1 = loss(
    "smooth_l1",
    "0.5 * ({x} * {x}) / {beta} if abs({x}) < {beta} else abs({x}) - 0.5 * {beta}",
    args=("x", "beta"),
    vjp=lambda g, y, x, beta: (g * where(abs(x) >= beta, sign(x), x / beta), None),  # NaN stays
    doc="x**2 / (2 beta) below |x| = beta, from there on |x| - beta / 2.",
)


def _bce(g: Any, y: Any, x: Any, t: Any) -> tuple[Any, Any]:
    spread = (1 - x) * x
    return g * (x - t) / where(spread < 1e-12, 1e-12, spread), g * (log1p(-x) - log(x))


binary_cross_entropy = loss(
    "binary_cross_entropy",
    "({t} - 1) * (log1p(-{x}) if log1p(-{x}) > -100 else -100)"
    " - {t} * (log({x}) if log({x}) > -100 else -100)",
    args=("x", "t"),
    vjp=_bce,
    doc="-t log(x) - (1 - t) log(1 - x), logarithms being no less than -100.",
)


def _with_logits(g: Any, y: Any, x: Any, t: Any, p: Any) -> tuple[Any, Any, Any]:
    up, down = _softplus(x), _softplus(-x)
    of_x = (1 - t) * sigmoid(x) - p * t * sigmoid(-x)
    return g * of_x, g * (p * down - up), g * (t * down)


def _softplus(x: Any) -> Any:
    """log(1 + exp(x)), without overflow."""
    return where(x > 0, x, 0.0) + log1p(exp(-abs(x)))


# A target that is 0 or 1 leaves one of the two out, which may be infinite.
_UP = "(({x} if {x} > 0 else 0) + log1p(exp(-abs({x}))))"
_DOWN = "((-{x} if {x} < 0 else 0) + log1p(exp(-abs({x}))))"
binary_cross_entropy_with_logits = loss(
    "binary_cross_entropy_with_logits",
    f"(0 if {{t}} == 1 else (1 - {{t}}) * {_UP}) + (0 if {{t}} == 0 else {{p}} * {{t}} * {_DOWN})",
    args=("x", "t", "p"),
    vjp=_with_logits,
    doc="(1 - t) softplus(x) + p t softplus(-x), with t a target and p the weight of positives.",
)
