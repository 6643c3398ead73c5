"""Arithmetic with options: what a row alone does not say."""

from __future__ import annotations

import math
from typing import Any, overload

from .. import dtypes
from ..dispatch.api import FUNCTIONS, Function
from ..dispatch.common import common_device
from ..dispatch.inplace import apply_in_place
from ..dispatch.memory import check_range
from ..dtypes import FLOATING, bool_
from ..integers import whole
from ..methods import method
from ..ops.elementwise import add_scaled, pow as pow_row, sub_scaled
from ..ops.logic import clamp as clamp_row
from ..ops.rounding import div_floor, div_trunc
from ..tensor import Tensor


@method
def add(input: Any, other: Any, *, alpha: Any = 1, out: Tensor | None = None) -> Tensor:
    """input + alpha other."""
    if alpha.__class__ is int and alpha == 1:
        return FUNCTIONS["add"](input, other, out=out)
    return FUNCTIONS["add_scaled"](input, other, _scale(alpha, input, other), out=out)


@method
def sub(input: Any, other: Any, *, alpha: Any = 1, out: Tensor | None = None) -> Tensor:
    """input - alpha other."""
    if alpha.__class__ is int and alpha == 1:
        return FUNCTIONS["sub"](input, other, out=out)
    return FUNCTIONS["sub_scaled"](input, other, _scale(alpha, input, other), out=out)


def check_number(name: str, value: Any) -> None:
    """TypeError for a tensor in place of a number; one without dimensions stands for one."""
    if isinstance(value, Tensor) and value._shape:
        raise TypeError(f"argument {name!r} must be Number, not Tensor of {list(value._shape)}")


def _scale(alpha: Any, *operands: Any) -> Any:
    """`alpha` as a number of the category of the operands' result; RuntimeError for a higher one.

    Bools take any integer as whether it is nonzero.
    """
    check_number("alpha", alpha)
    alpha = alpha.item() if isinstance(alpha, Tensor) else alpha
    category = max(
        t.dtype.category if isinstance(t, Tensor) else dtypes.of_number(t).category
        for t in operands
    )
    if category != FLOATING and isinstance(alpha, float):
        raise RuntimeError(
            "For integral input tensors, argument alpha must not be a floating point number, "
            f"got {alpha}."
        )
    if category == bool_.category:
        return bool(alpha)
    if isinstance(alpha, bool):
        raise RuntimeError("Boolean alpha only supported for Boolean results.")
    return alpha


subtract = method(name="subtract")(sub)


def rsub(input: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    """other - alpha input."""
    return sub(other, input, alpha=alpha)


@method
def div(
    input: Any, other: Any, *, rounding_mode: str | None = None, out: Tensor | None = None
) -> Tensor:
    """input / other, or its quotient rounded toward zero ("trunc") or minus infinity ("floor")."""
    names = {None: "div", "trunc": "div_trunc", "floor": "div_floor"}
    if rounding_mode not in names:
        raise RuntimeError(
            "div expected rounding_mode to be one of None, 'trunc', or 'floor' but found "
            f"{rounding_mode!r}"
        )
    return FUNCTIONS[names[rounding_mode]](input, other, out=out)


divide = method(name="divide")(div)

_BY_PRODUCTS: dict[float, Function] = {2: FUNCTIONS["square"], 3: FUNCTIONS["cube"]}
_BY_ROOTS: dict[float, Function] = {
    n: FUNCTIONS[name]
    for n, name in {0.5: "pow_half", -1: "pow_minus_one", -0.5: "pow_minus_half"}.items()
}


@method(name="__pow__")
@method
def pow(input: Any, exponent: Any) -> Tensor:
    """input to the power `exponent`; 2, 3, 1/2, -1 and -1/2 by products and roots."""
    if exponent.__class__ is bool and isinstance(input, Tensor) and input.dtype is bool_:
        return FUNCTIONS["bitwise_or"](input, not exponent)
    if exponent.__class__ is int and exponent in _BY_PRODUCTS:
        return _BY_PRODUCTS[exponent](input)
    if exponent.__class__ in (int, float) and isinstance(input, Tensor):
        floating = input._kind.dtype.is_floating_point
        if exponent in _BY_PRODUCTS and floating:
            return _BY_PRODUCTS[exponent](input)
        if exponent in _BY_ROOTS and floating:
            return _BY_ROOTS[exponent](input)
        if exponent < 0 and exponent.__class__ is int and not floating:
            raise RuntimeError("Integers to negative integer powers are not allowed.")
    return FUNCTIONS["pow"](input, exponent)


@method(name="__pos__")
@method
def positive(input: Tensor) -> Tensor:
    """The tensor itself; RuntimeError for bools."""
    if input.dtype is bool_:
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return input


@method
def round(input: Tensor, *, decimals: int = 0, out: Tensor | None = None) -> Tensor:
    """The nearest number with `decimals` digits after the point, halves to even."""
    decimals = whole(decimals, "decimals")
    if not decimals:
        return FUNCTIONS["round"](input, out=out)
    scale = 10.0 ** abs(decimals) if abs(decimals) < 309 else math.inf
    up, down = (scale, 1.0) if decimals > 0 else (1.0, scale)
    return FUNCTIONS["round_decimals"](input, up, down, out=out)


def _check_fit(x: Any, *numbers: Any) -> None:
    """RuntimeError where `x` is an integer tensor and one of `numbers` an int beyond its type."""
    if isinstance(x, Tensor) and not any(isinstance(n, float) for n in numbers):
        for n in numbers:
            if isinstance(n, int):
                check_range(x.dtype, n, n)


def _check_bounds(low: Any, high: Any) -> None:
    if low is None and high is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")


@method
def clamp(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """min(max(input, min), max); either bound may be left out."""
    _check_bounds(min, max)
    _check_fit(input, min, max)
    if not input.dtype.is_floating_point and (min is None or max is None):
        name, bound = ("clamp_max", max) if min is None else ("clamp_min", min)
        return FUNCTIONS[name](input, bound)
    low, high = -math.inf if min is None else min, math.inf if max is None else max
    return FUNCTIONS["clamp"](input, low, high)


clip = method(name="clip")(clamp)


@method
def clamp_(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """clamp in place."""
    _check_bounds(min, max)
    _check_fit(input, min, max)
    if min is None or max is None:
        name, bound = ("clamp_max", max) if min is None else ("clamp_min", min)
        return getattr(input, f"{name}_")(bound)  # type: ignore[no-any-return]
    return apply_in_place(clamp_row, input, (min, max))


clip_ = method(name="clip_")(clamp_)


@method
def nan_to_num(
    input: Tensor, nan: float | None = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """`input` with nan and infinities replaced, by default by 0 and the type's largest values."""
    if not input.dtype.is_floating_point:
        return FUNCTIONS["clone"](input)
    limits = dtypes.finfo(input.dtype)
    return FUNCTIONS["nan_to_num"](
        input,
        0.0 if nan is None else nan,
        limits.max if posinf is None else posinf,
        limits.min if neginf is None else neginf,
    )


@overload
def where(condition: Tensor) -> tuple[Tensor, ...]: ...
@overload
def where(condition: Tensor, input: Any, other: Any) -> Tensor: ...
def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """`input` where `condition` holds, else `other`; of the condition alone, where it holds."""
    if input is None and other is None:
        return condition.nonzero(as_tuple=True)
    if not isinstance(condition, Tensor) or condition.dtype is not bool_:
        raise RuntimeError(
            "where expected condition to be a boolean tensor, but got "
            f"{getattr(condition, 'dtype', condition)!r}"
        )
    _check_fit(input, other)
    _check_fit(other, input)
    return FUNCTIONS["where"](condition, input, other)


@method(name="where")
def _where_method(self: Tensor, condition: Tensor, other: Any) -> Tensor:
    """The tensor where `condition` holds, else `other`."""
    return where(condition, self, other)


@method
def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """`input` with `value` where the bool `mask`, which broadcasts, is True."""
    common_device("masked_fill", (input, mask, value))
    return where(mask, value, input)


@method
def masked_fill_(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """masked_fill in place."""
    return input.copy_(masked_fill(input, mask, value))


@method
def add_(self: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    """self += alpha other."""
    if alpha == 1:
        return self.__iadd__(other)
    return apply_in_place(add_scaled, self, (other, alpha))


@method
def sub_(self: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    """self -= alpha other."""
    return apply_in_place(sub_scaled, self, (other, alpha)) if alpha != 1 else self.__isub__(other)


subtract_ = method(name="subtract_")(sub_)


@method
def div_(self: Tensor, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """self /= other, rounded as `div` does."""
    rows = {"trunc": div_trunc, "floor": div_floor}
    if rounding_mode is None:
        return self.__itruediv__(other)
    return apply_in_place(rows[rounding_mode], self, (other,))


divide_ = method(name="divide_")(div_)


@method
def pow_(self: Tensor, exponent: Any) -> Tensor:
    """self **= exponent."""
    if isinstance(exponent, (int, float)) and exponent == 2:
        return self.square_()
    return apply_in_place(pow_row, self, (exponent,))


@method(name="__invert__")
def _inverted(self: Tensor) -> Tensor:
    if self.is_floating_point():
        raise TypeError(
            "~ (operator.invert) is only implemented on integer and Boolean-type tensors, not "
            f"{self.dtype!r}"
        )
    return FUNCTIONS["bitwise_not"](self)


@method(name="__rpow__")
def _reflected_power(self: Tensor, base: Any) -> Tensor:
    return pow(base, self)
