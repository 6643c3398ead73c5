"""One row an op: what the generated tests need to know about it.

    OpInfo("atan2", np.arctan2, 2 * [(-3.0, 3.0)], ints="float")

From it come tests of the values, types, derivatives, layouts and extremes (test_elementwise_rows),
and of the agreement with PyTorch (torch_compare).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from statistics import NormalDist
from typing import Any

import mpmath
import numpy as np

Array = np.ndarray[Any, Any]
Domain = Sequence[tuple[float, float] | None]

# What no formula may stumble over.
EXTREMES = (math.nan, math.inf, -math.inf, 0.0, -0.0, 1.0, -1.0, 0.5, 1e-30, -1e30, 1e30, 88.0)


@dataclass(frozen=True)
class OpInfo:
    """An op: its public name, its NumPy reference, and where to sample each tensor operand.

    `domain` has an interval for each tensor operand, None for a mask. `numbers` and `options`
    follow the tensors in a call. `ints` is what integers become: "same", "float", "bool", "" where
    they are refused. `gradient` is False for ops without one, `extremes` where the reference is
    no authority on infinities.
    """

    name: str
    ref: Callable[..., Any]
    domain: Domain = ((-3.0, 3.0),)
    ints: str = ""
    numbers: tuple[float, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    gradient: bool = True
    extremes: bool = True

    def __str__(self) -> str:
        return "-".join([self.name, *map(str, self.numbers), *map(str, self.options.values())])

    def find(self, library: Any) -> Callable[..., Any]:
        """The op in `library`, microgrest or torch, with its numbers and options applied."""
        functional = getattr(library.nn.functional, self.name, None)
        function = functional or attrgetter(self.name)(library)
        return lambda *tensors: function(*tensors, *self.numbers, **self.options)

    def samples(self, shape: tuple[int, ...], dtype: str = "float64", seed: int = 0) -> list[Array]:
        """An array of `shape` for each tensor operand, random in its domain."""
        rng = np.random.default_rng(seed)
        return [
            np.asarray(rng.random(shape) < 0.5)
            if ends is None
            else np.asarray(rng.uniform(*ends, shape), dtype)
            for ends in self.domain
        ]

    def integers(self, shape: tuple[int, ...], dtype: str) -> list[Array]:
        """Integer operands: the first of any sign, the others positive; none is 0."""
        rng = np.random.default_rng(1)
        lows = [1 if i or dtype == "uint8" else -5 for i in range(len(self.domain))]
        return [
            rng.random(shape) < 0.5
            if ends is None
            else np.where((a := rng.integers(low, 6, shape)) == 0, 1, a).astype(dtype)
            for ends, low in zip(self.domain, lows, strict=True)
        ]

    def extreme(self, dtype: str) -> list[Array]:
        """Every combination of extreme values."""
        axes = [(True, False) if ends is None else EXTREMES for ends in self.domain]
        grid = np.meshgrid(*axes, indexing="ij")
        return [
            a.ravel() if ends is None else a.ravel().astype(dtype)
            for a, ends in zip(grid, self.domain, strict=True)
        ]


erf = np.vectorize(math.erf, otypes=[float])
erfc = np.vectorize(math.erfc, otypes=[float])


def _erfinv(x: float) -> float:
    """By the quantiles of the normal distribution."""
    if not abs(x) < 1:
        return math.copysign(math.inf, x) if abs(x) == 1 else math.nan
    return math.copysign(NormalDist().inv_cdf((1 + abs(x)) / 2) / math.sqrt(2), x)


erfinv = np.vectorize(_erfinv, otypes=[float])


def exactly(function: Callable[..., Any]) -> Callable[..., Array]:
    """A reference by mpmath, for finite arguments; NaN of NaN."""

    def number(*x: float) -> float:
        return math.nan if any(map(math.isnan, x)) else float(function(*map(mpmath.mpf, x)))

    return np.vectorize(number, otypes=[float])


def _lgamma(x: float) -> float:
    """math.lgamma, with infinity at poles."""
    try:
        return math.lgamma(x)
    except ValueError:
        return math.inf


lgamma = np.vectorize(_lgamma, otypes=[float])


def _digamma(x: mpmath.mpf) -> Any:
    """NaN at poles below 0."""
    if x > 0 or x != mpmath.floor(x):
        return mpmath.digamma(x)
    return mpmath.mpf("nan" if x < 0 else "-inf")


digamma = exactly(_digamma)


def _ndtri(p: float) -> float:
    inside = NormalDist().inv_cdf(p) if 0 < p < 1 else math.nan
    return math.inf if p == 1 else -math.inf if p == 0 else inside


ndtri = np.vectorize(_ndtri, otypes=[float])


def entr(x: Array) -> Array:
    """-x log(x)."""
    return np.where(x > 0, -x * np.log(x), np.where(x == 0, 0, np.where(x < 0, -np.inf, x)))


def sigmoid(x: Array) -> Array:
    """Without overflow."""
    small: Array = np.exp(-np.abs(x))
    return np.asarray(np.where(x < 0, small, 1.0) / (1 + small))


def softplus(x: Array, beta: float = 1.0, threshold: float = 20.0) -> Array:
    """Without overflow."""
    return np.where(beta * x > threshold, x, np.logaddexp(0, beta * x) / beta)


def elu(x: Array, alpha: float = 1.0) -> Array:
    """x above 0, alpha (exp(x) - 1) below."""
    return np.where(x > 0, x, alpha * np.expm1(x))


def xlogy(a: Array, b: Array) -> Array:
    """a log(b), 0 where a is 0 and b is a number."""
    return np.where((a == 0) & ~np.isnan(b), 0.0, a * np.log(b))


def lerp(x: Array, end: Array, weight: Array) -> Array:
    """From the nearer end."""
    step = end - x
    near = np.abs(weight) < 0.5
    return np.asarray(np.where(near, x + weight * step, end - (1 - weight) * step))


def addcmul_half(x: Array, a: Array, b: Array) -> Array:
    """addcmul with value=0.5."""
    return x + 0.5 * a * b


def trunc_divide(a: Array, b: Array) -> Array:
    """The quotient rounded toward 0."""
    return np.asarray(np.trunc(np.true_divide(a, b)), np.result_type(a, b))


def lshift(a: Array, b: Array) -> Array:
    """a 2**b."""
    return np.asarray(np.left_shift(a, b), a.dtype)


def two(low: float = -3.0, high: float = 3.0) -> Domain:
    """Two operands of one domain."""
    return ((low, high), (low, high))


POSITIVE, UNIT, ABOVE_ONE = ((0.1, 5.0),), ((-0.95, 0.95),), ((1.1, 5.0),)
BASE = ((0.2, 3.0), (-2.0, 3.0))
DIVISOR = ((-5.0, 5.0), (0.7, 3.0))

ARITHMETIC = [
    OpInfo("add", np.add, two(), "same"),
    OpInfo("add", lambda a, b: a + 2 * b, two(), "same", options={"alpha": 2}),
    OpInfo("sub", np.subtract, two(), "same"),
    OpInfo("sub", lambda a, b: a - 2 * b, two(), "same", options={"alpha": 2}),
    OpInfo("mul", np.multiply, two(), "same"),
    OpInfo("div", np.true_divide, DIVISOR, "float"),
    OpInfo("div", np.floor_divide, DIVISOR, "same", options={"rounding_mode": "floor"}),
    OpInfo("div", trunc_divide, DIVISOR, "same", options={"rounding_mode": "trunc"}),
    OpInfo("floor_divide", np.floor_divide, DIVISOR, "same", gradient=False),
    OpInfo("remainder", np.remainder, DIVISOR, "same", extremes=False),
    OpInfo("fmod", np.fmod, DIVISOR, "same"),
    OpInfo("neg", np.negative, ints="same"),
    OpInfo("positive", np.positive, ints="same"),
    OpInfo("reciprocal", lambda x: 1 / x, POSITIVE, "float"),
    # A fused multiply-add does not overflow where NumPy's product does.
    OpInfo("addcmul", lambda x, a, b: x + a * b, 3 * [(-2.0, 2.0)], "same", extremes=False),
    OpInfo("addcmul", addcmul_half, 3 * [(-2.0, 2.0)], options={"value": 0.5}, extremes=False),
    OpInfo("addcdiv", lambda x, a, b: x + a / b, (*two(), (0.5, 3.0))),
    OpInfo("lerp", lerp, (*two(), (-1.0, 2.0))),
    OpInfo("pow", np.power, BASE, "same"),
    *(OpInfo("pow", lambda x, n=n: x**n, POSITIVE, numbers=(n,)) for n in (2, 3, 4, 0.5, -1.5)),
    OpInfo("square", np.square, ints="same"),
    OpInfo("sqrt", np.sqrt, POSITIVE, "float"),
    OpInfo("rsqrt", lambda x: 1 / np.sqrt(x), POSITIVE, "float"),
    OpInfo("hypot", np.hypot, two()),
]
TRANSCENDENTAL = [
    OpInfo("exp", np.exp, ints="float"),
    OpInfo("exp2", np.exp2, ints="float"),
    OpInfo("expm1", np.expm1, ints="float"),
    OpInfo("log", np.log, POSITIVE, "float"),
    OpInfo("log2", np.log2, POSITIVE, "float"),
    OpInfo("log10", np.log10, POSITIVE, "float"),
    OpInfo("log1p", np.log1p, POSITIVE, "float"),
    OpInfo("sin", np.sin, ints="float"),
    OpInfo("cos", np.cos, ints="float"),
    OpInfo("tan", np.tan, ((-1.2, 1.2),), "float"),
    OpInfo("asin", np.arcsin, UNIT, "float"),
    OpInfo("acos", np.arccos, UNIT, "float"),
    OpInfo("atan", np.arctan, ints="float"),
    OpInfo("atan2", np.arctan2, two(), "float"),
    OpInfo("sinh", np.sinh, ints="float"),
    OpInfo("cosh", np.cosh, ints="float"),
    OpInfo("tanh", np.tanh, ints="float"),
    OpInfo("asinh", np.arcsinh, ints="float"),
    OpInfo("acosh", np.arccosh, ABOVE_ONE, "float"),
    OpInfo("atanh", np.arctanh, UNIT, "float"),
    OpInfo("deg2rad", np.deg2rad, ints="float"),
    OpInfo("rad2deg", np.rad2deg, ints="float"),
]
SPECIAL = [
    OpInfo("erf", erf, ints="float"),
    OpInfo("erfc", erfc, ints="float"),
    OpInfo("erfinv", erfinv, UNIT, "float"),
    OpInfo("sigmoid", sigmoid, ints="float"),
    OpInfo("logit", lambda x: np.log(x / (1 - x)), ((0.05, 0.95),), "float"),
    OpInfo(
        "logit",
        lambda x: (lambda z: np.log(z / (1 - z)))(np.clip(x, 0.2, 0.8)),
        ((0.25, 0.75),),
        "float",
        options={"eps": 0.2},
    ),
    OpInfo("lgamma", lgamma, POSITIVE, "float"),
    OpInfo("digamma", digamma, POSITIVE, "float", extremes=False),
    OpInfo("i0", np.i0, ints="float", extremes=False),
    OpInfo(
        "special.i0e", lambda x: np.exp(-np.abs(x)) * np.i0(x), POSITIVE, "float", extremes=False
    ),
    OpInfo(
        "special.i1",
        exactly(lambda x: mpmath.besseli(1, x)),
        ints="float",
        extremes=False,
    ),
    OpInfo(
        "special.i1e",
        exactly(lambda x: mpmath.exp(-abs(x)) * mpmath.besseli(1, x)),
        POSITIVE,
        "float",
        extremes=False,
    ),
    OpInfo(
        "special.erfcx",
        exactly(lambda x: mpmath.exp(x * x) * mpmath.erfc(x)),
        ints="float",
        extremes=False,
    ),
    OpInfo("special.ndtr", lambda x: erfc(-x * math.sqrt(0.5)) / 2, ints="float"),
    OpInfo(
        "special.log_ndtr",
        exactly(lambda x: mpmath.log(mpmath.erfc(-x / mpmath.sqrt(2)) / 2)),
        ints="float",
        extremes=False,
    ),
    OpInfo("special.ndtri", ndtri, ((0.05, 0.95),), "float"),
    OpInfo("special.entr", entr, POSITIVE, "float"),
    OpInfo(
        "special.xlog1py",
        lambda a, b: np.where((a == 0) & ~np.isnan(b), 0.0, a * np.log1p(b)),
        ((-3.0, 3.0), (-0.5, 5.0)),
        "float",
    ),
    OpInfo("angle", lambda x: np.where(x < 0, np.pi, np.where(x == x, 0.0, x)), ints="float"),
    OpInfo("xlogy", xlogy, ((-3.0, 3.0), (0.1, 5.0)), "float"),
    OpInfo("logaddexp", np.logaddexp, two()),
    OpInfo("logaddexp2", np.logaddexp2, two()),
    OpInfo("sinc", np.sinc, ints="float", extremes=False),
]
ROUNDING = [
    OpInfo("abs", np.abs, ints="same"),
    OpInfo("sign", lambda x: np.where(np.isnan(x), 0, np.sign(x)), ints="same"),
    OpInfo("sgn", lambda x: np.where(np.isnan(x), 0, np.sign(x)), ints="same"),
    OpInfo("copysign", np.copysign, two(), "float"),
    OpInfo("floor", np.floor, ints="same"),
    OpInfo("ceil", np.ceil, ints="same"),
    OpInfo("trunc", np.trunc, ints="same"),
    OpInfo("round", np.rint, ints="same"),
    OpInfo("round", lambda x: np.round(x, 1), options={"decimals": 1}, extremes=False),
    OpInfo("frac", lambda x: x - np.trunc(x)),
    OpInfo("nextafter", np.nextafter, two()),
    OpInfo(
        "heaviside",
        lambda a, b: np.asarray(np.heaviside(a, b), b.dtype),
        two(),
        "same",
        gradient=False,
        extremes=False,
    ),
]
COMPARISON = [
    OpInfo("eq", np.equal, two(), "bool", gradient=False),
    OpInfo("ne", np.not_equal, two(), "bool", gradient=False),
    OpInfo("lt", np.less, two(), "bool", gradient=False),
    OpInfo("le", np.less_equal, two(), "bool", gradient=False),
    OpInfo("gt", np.greater, two(), "bool", gradient=False),
    OpInfo("ge", np.greater_equal, two(), "bool", gradient=False),
    OpInfo("isnan", np.isnan, ints="bool", gradient=False),
    OpInfo("isinf", np.isinf, ints="bool", gradient=False),
    OpInfo("isfinite", np.isfinite, ints="bool", gradient=False),
    OpInfo("isposinf", lambda x: x == np.inf, ints="bool", gradient=False),
    OpInfo("isneginf", lambda x: x == -np.inf, ints="bool", gradient=False),
    OpInfo("signbit", np.signbit, ints="bool", gradient=False),
    OpInfo("logical_and", np.logical_and, two(), "bool", gradient=False),
    OpInfo("logical_or", np.logical_or, two(), "bool", gradient=False),
    OpInfo("logical_xor", np.logical_xor, two(), "bool", gradient=False),
    OpInfo("logical_not", np.logical_not, ints="bool", gradient=False),
]
SELECTION = [
    OpInfo("where", np.where, (None, *two()), "same"),
    OpInfo("maximum", np.maximum, two(), "same"),
    OpInfo("minimum", np.minimum, two(), "same"),
    OpInfo("fmax", np.fmax, two(), "same"),
    OpInfo("fmin", np.fmin, two(), "same"),
    OpInfo("clamp", lambda x: np.clip(x, -1.0, 1.5), numbers=(-1.0, 1.5)),
    OpInfo("clamp", np.clip, (*two(), (-2.0, 3.0)), "same"),
    OpInfo("clamp", lambda x: np.maximum(x, 2), ints="same", options={"min": 2}),
    OpInfo("clamp", lambda x: np.minimum(x, 2), ints="same", options={"max": 2}),
    OpInfo("clamp_min", np.maximum, two(), "same"),
    OpInfo("clamp_max", np.minimum, two(), "same"),
    OpInfo(
        "nan_to_num",
        lambda x: np.nan_to_num(x, nan=1.0, posinf=2.0, neginf=3.0),
        ints="same",
        options={"nan": 1.0, "posinf": 2.0, "neginf": 3.0},
    ),
]
ACTIVATIONS = [
    OpInfo("relu", lambda x: np.where(x < 0, 0, x), ints="same"),
    OpInfo("relu6", lambda x: np.clip(x, 0, 6), ((-3.0, 9.0),), "same"),
    OpInfo("hardtanh", lambda x: np.clip(x, -1, 1), ints="same"),
    OpInfo("leaky_relu", lambda x: np.where(x > 0, x, 0.01 * x)),
    OpInfo("leaky_relu", lambda x: np.where(x > 0, x, 0.2 * x), numbers=(0.2,)),
    OpInfo("threshold", lambda x: np.where(x <= 1, 7, x), numbers=(1.0, 7.0)),
    OpInfo("elu", elu),
    OpInfo("elu", lambda x: elu(x, 0.7), numbers=(0.7,)),
    OpInfo("celu", lambda x: np.where(x > 0, x, 0.7 * np.expm1(x / 0.7)), numbers=(0.7,)),
    OpInfo("selu", lambda x: 1.0507009873554805 * elu(x, 1.6732632423543772)),
    OpInfo("silu", lambda x: x * sigmoid(x)),
    OpInfo("gelu", lambda x: 0.5 * x * erfc(-x / math.sqrt(2))),
    OpInfo(
        "gelu",
        lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
        options={"approximate": "tanh"},
    ),
    OpInfo("softplus", softplus),
    OpInfo("softplus", lambda x: softplus(x, 2.0, 3.0), numbers=(2.0, 3.0)),
    OpInfo("mish", lambda x: x * np.tanh(softplus(x))),
    OpInfo("logsigmoid", lambda x: -np.logaddexp(0, -x)),
    OpInfo("softsign", lambda x: x / (1 + np.abs(x)), ints="float"),
    OpInfo("hardsigmoid", lambda x: np.clip(x + 3, 0, 6) / 6, ((-5.0, 5.0),)),
    OpInfo("hardswish", lambda x: x * np.clip(x + 3, 0, 6) / 6, ((-5.0, 5.0),)),
    OpInfo("tanhshrink", lambda x: x - np.tanh(x), ints="float"),
    OpInfo("softshrink", lambda x: np.where(np.abs(x) <= 0.5, 0, x - np.copysign(0.5, x))),
    OpInfo("hardshrink", lambda x: np.where(np.abs(x) <= 0.5, 0, x)),
]
ELEMENTWISE = [
    *ARITHMETIC,
    *TRANSCENDENTAL,
    *SPECIAL,
    *ROUNDING,
    *COMPARISON,
    *SELECTION,
    *ACTIVATIONS,
]
# Integers only.
BITS = [
    OpInfo("bitwise_and", np.bitwise_and, two(), "same", gradient=False),
    OpInfo("bitwise_or", np.bitwise_or, two(), "same", gradient=False),
    OpInfo("bitwise_xor", np.bitwise_xor, two(), "same", gradient=False),
    OpInfo("bitwise_not", np.invert, ints="same", gradient=False),
    OpInfo("bitwise_left_shift", lshift, two(), "same", gradient=False),
    OpInfo("gcd", np.gcd, two(), "same", gradient=False),
    OpInfo("lcm", lambda a, b: np.asarray(np.lcm(a, b), a.dtype), two(), "same", gradient=False),
    OpInfo("bitwise_right_shift", np.right_shift, two(), "same", gradient=False),
]


# Rows whose kernel is a kind

TYPES = ("float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8", "bool")
NUMBERS = tuple(dtype for dtype in TYPES if dtype != "bool")


@dataclass(frozen=True)
class KernelInfo:
    """An op whose kernel is a kind: its NumPy reference, and `sample`, which makes its operands.

    sample(shape, dtype, rng) gives an array for each input, the results' shape coming of `shape`;
    ref(*arrays, **options) an array, or one for each result. Each of `options` is tested, `dim`
    only in shapes that have it. `gradient` is False for ops without one.
    """

    name: str
    ref: Callable[..., Any]
    sample: Callable[[tuple[int, ...], str, np.random.Generator], list[Array]]
    options: Sequence[dict[str, Any]] = ({},)
    dtypes: Sequence[str] = TYPES
    gradient: bool = True

    def __str__(self) -> str:
        return self.name

    def operands(
        self, shape: tuple[int, ...], dtype: str = "float64", seed: int = 0
    ) -> list[Array]:
        """An array for each input."""
        return self.sample(shape, dtype, np.random.default_rng(seed))

    def fitting(self, shape: tuple[int, ...]) -> list[dict[str, Any]]:
        """The options that operands of `shape` take."""
        n = max(len(shape), 1)
        return [o for o in self.options if -n <= o.get("dim", 0) < n]


def mixed(shape: tuple[int, ...], dtype: str, rng: np.random.Generator) -> Array:
    """Numbers of which many are equal; where they may be, some are NaN, infinite, or -0.0."""
    numbers = np.asarray(rng.integers(0 if dtype in ("uint8", "bool") else -3, 4, shape), dtype)
    if dtype.startswith("float"):
        numbers = np.where(rng.random(shape) < 0.4, rng.choice(EXTREMES, shape), numbers)
        numbers = np.where(rng.random(shape) < 0.3, rng.normal(size=shape), numbers)
    with np.errstate(over="ignore"):
        return np.asarray(numbers, dtype)


def alone(*given: Any) -> list[Array]:
    """The only operand."""
    return [mixed(*given)]


def sort(x: Array, dim: int = -1, descending: bool = False, stable: bool = True) -> list[Array]:
    """Stable in both directions; NaN is largest."""
    lines = x.reshape(x.shape or (1,))
    turned = np.flip(lines, dim) if descending else lines
    order = np.argsort(turned, dim, kind="stable")
    if descending:
        order = np.flip(lines.shape[dim] - 1 - order, dim)
    return [np.take_along_axis(lines, order, dim).reshape(x.shape), order.reshape(x.shape)]


def in_order(shape: tuple[int, ...], dtype: str, rng: np.random.Generator) -> list[Array]:
    """Rows in order, of numbers, and what is looked for there, of which some are NaN."""
    row = mixed((*shape[:-1], 7), dtype, rng)
    return [np.sort(np.where(row == row, row, row.dtype.type(2)), -1), mixed(shape, dtype, rng)]


def searchsorted(sequence: Array, x: Array, right: bool = False, **options: Any) -> Array:
    """The number of elements that are less, or no larger; all are less than NaN."""
    row, each = sequence[..., None, :] if x.ndim else sequence, x[..., None]
    after = row > each if right or options.get("side") == "right" else row >= each
    return np.asarray((~after).sum(-1), "int32" if "out_int32" in options else "int64")


KERNELS = [
    KernelInfo(
        "sort",
        sort,
        alone,
        ({}, {"descending": True}, {"dim": 0}, {"dim": -2, "descending": True, "stable": True}),
    ),
    KernelInfo(
        "searchsorted",
        searchsorted,
        in_order,
        ({}, {"right": True}, {"side": "right", "out_int32": True}),
        NUMBERS,
        gradient=False,
    ),
]
