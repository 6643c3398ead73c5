"""Arithmetic with options: what a row alone does not say."""

from __future__ import annotations

import math
from typing import Any, overload

from ...dispatch.api import FUNCTIONS, IN_PLACE, Function
from ...dispatch.common import number_as
from ...dispatch.elementwise import call
from ...ops.pointwise.elementwise import add_scaled, sub_scaled
from ...ops.pointwise.logic import masked_fill as masked_fill_row
from ...ops.row import ROWS
from ...tensor import Tensor
from ...tensor.methods import Methods, method
from ...types import dtypes
from ...types.dtypes import bool_
from ...types.integers import whole
from ...types.layouts import check_layout
from ..naming import rename


@method
def add(input: Any, other: Any, *, alpha: Any = 1, out: Tensor | None = None) -> Tensor:
    """input + alpha other."""
    if alpha.__class__ is int and alpha == 1:
        return FUNCTIONS["add"](input, other, out=out)
    return FUNCTIONS["add_scaled"](input, other, alpha, out=out)


@method
def sub(input: Any, other: Any, *, alpha: Any = 1, out: Tensor | None = None) -> Tensor:
    """input - alpha other."""
    if alpha.__class__ is int and alpha == 1:
        return FUNCTIONS["sub"](input, other, out=out)
    return FUNCTIONS["sub_scaled"](input, other, alpha, out=out)


def check_number(name: str, value: Any) -> None:
    """TypeError for a tensor in place of a number; one without dimensions stands for one.

    It may not require grad, which would get lost.
    """
    if isinstance(value, Tensor) and (value._shape or value._requires_grad):
        what = "that requires grad" if value._requires_grad else f"of {list(value._shape)}"
        raise TypeError(f"argument {name!r} must be Number, not Tensor {what}")


subtract = method(name="subtract")(sub)


def rsub(input: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    """other - alpha input."""
    number = not isinstance(other, Tensor)
    return rename(sub(other, input, alpha=alpha), f"RsubBackward{number:d}")


@method
def div(
    input: Any, other: Any, *, rounding_mode: str | None = None, out: Tensor | None = None
) -> Tensor:
    """input / other, or its quotient rounded toward zero ("trunc") or minus infinity ("floor")."""
    return FUNCTIONS[_division(rounding_mode)](input, other, out=out)


def _division(rounding_mode: str | None) -> str:
    """The row that divides so."""
    names = {None: "div", "trunc": "div_trunc", "floor": "div_floor"}
    if rounding_mode not in names:
        raise RuntimeError(
            "div expected rounding_mode to be one of None, 'trunc', or 'floor' but found "
            f"{rounding_mode!r}"
        )
    return names[rounding_mode]


divide = method(name="divide")(div)

_BY_PRODUCTS: dict[float, Function] = {2: FUNCTIONS["square"], 3: FUNCTIONS["cube"]}
# Those of floating-point numbers.
_SPECIAL = _BY_PRODUCTS | {
    n: FUNCTIONS[name]
    for n, name in {0.5: "pow_half", -1: "pow_minus_one", -0.5: "pow_minus_half"}.items()
}


def _special(x: Any, exponent: Any) -> Function | None:
    """The function for a power that has one of its own."""
    if exponent.__class__ not in (int, float) or not isinstance(x, Tensor):
        return None
    if x._kind.dtype.is_floating_point:
        return _SPECIAL.get(exponent)
    return _BY_PRODUCTS.get(exponent) if exponent.__class__ is int else None


def _both_bools(x: Any, exponent: Any) -> bool:
    return exponent.__class__ is bool and isinstance(x, Tensor) and x.dtype is bool_


def _power(general: Function) -> Function:
    def pow(input: Any, exponent: Any, *, out: Tensor | None = None) -> Tensor:
        """input to the power `exponent`; 2, 3, 1/2, -1 and -1/2 by products and roots."""
        special = _special(input, exponent)
        if special is not None:
            return special(input) if out is None else special(input, out=out)
        if _both_bools(input, exponent):
            return FUNCTIONS["bitwise_or"](input, not exponent, out=out)
        return general(input, exponent, out=out)

    return pow


def _power_in_place(general: Function) -> Function:
    def pow_(self: Tensor, exponent: Any) -> Tensor:
        """self **= exponent."""
        special = _special(self, exponent)
        if special is not None:
            return call(ROWS[special.__name__], (self,), in_place=True)
        if _both_bools(self, exponent):
            return IN_PLACE["bitwise_or"](self, not exponent)
        return general(self, exponent)

    return pow_


pow = method(name="pow")(_power(FUNCTIONS["pow"]))
method(name="pow_")(_power_in_place(IN_PLACE["pow"]))
method(name="__ipow__")(_power_in_place(Methods.__ipow__))
method(name="__pow__")(_power(Methods.__pow__))


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


@method
def clamp(input: Tensor, min: Any = None, max: Any = None, *, out: Tensor | None = None) -> Tensor:
    """min(max(input, min), max); either bound may be left out."""
    name, bounds = _clamping(input, min, max)
    if name != "clamp" and isinstance(input, Tensor) and input.is_floating_point():
        # PyTorch's node for either bound, or both, of floating-point numbers is one.
        bounds = -math.inf if min is None else min, math.inf if max is None else max
        name = "clamp"
    return FUNCTIONS[name](input, *bounds, out=out)


clip = method(name="clip")(clamp)


@method
def clamp_(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """clamp in place."""
    name, bounds = _clamping(input, min, max)
    return IN_PLACE[name](input, *bounds)


clip_ = method(name="clip_")(clamp_)


def _clamping(x: Any, low: Any, high: Any) -> tuple[str, tuple[Any, ...]]:
    """The row that clamps `x`, and the bounds that it takes."""
    if low is None and high is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if isinstance(x, Tensor) and x.dtype is bool_ and {type(low), type(high)} <= {bool, type(None)}:
        raise NotImplementedError('"clamp" is not implemented for bool tensors and numbers')
    if low is not None and high is not None:
        return "clamp", (_bound(low, high, x), _bound(high, low, x))
    return ("clamp_max", (high,)) if low is None else ("clamp_min", (low,))


def _bound(bound: Any, other: Any, x: Any) -> Any:
    """A bound of no dimensions is a number where the other one is: it leaves the dtype alone."""
    if isinstance(other, Tensor) or not isinstance(bound, Tensor) or not isinstance(x, Tensor):
        return bound
    alike = bound.is_floating_point() and x.is_floating_point()
    return bound.to(x.dtype) if alike and not bound.ndim and not bound.requires_grad else bound


@method
def logit(input: Tensor, eps: float | None = None, *, out: Tensor | None = None) -> Tensor:
    """log(x / (1 - x)), of x held between eps and 1 - eps where `eps` is given."""
    return FUNCTIONS["logit"](_within(input, eps), out=out)


@method
def logit_(self: Tensor, eps: float | None = None) -> Tensor:
    """logit in place."""
    return IN_PLACE["logit"](self if eps is None else self.copy_(_within(self, eps)))


def _within(x: Tensor, eps: float | None) -> Tensor:
    """x between eps and 1 - eps; a negative eps holds nothing, and of two bounds the first wins."""
    if eps is None or eps < 0 or not isinstance(x, Tensor):
        return x
    x = x if x.is_floating_point() else x.to(dtypes.get_default_dtype())
    return where(x < eps, eps, where(x > 1 - eps, 1 - eps, x))


def threshold(input: Tensor, threshold: Any, value: Any, *, out: Tensor | None = None) -> Tensor:
    """`input` above the threshold, else `value`; both are numbers."""
    numbers = {"threshold": threshold, "value": value}
    for name, number in numbers.items():
        check_number(name, number)
    given = [n.item() if isinstance(n, Tensor) else n for n in numbers.values()]
    if isinstance(input, Tensor) and not input.is_floating_point():
        given = [int(n) for n in given]
    return FUNCTIONS["threshold"](input, *given, out=out)


@method
def nan_to_num(
    input: Tensor, nan: float | None = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """`input` with nan and infinities replaced, by default by 0 and the type's largest values."""
    if not input.dtype.is_floating_point:
        return FUNCTIONS["clone"](input)
    return FUNCTIONS["nan_to_num"](input, *_replacements(input, nan, posinf, neginf))


@method
def nan_to_num_(
    self: Tensor, nan: float | None = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """nan_to_num in place."""
    numbers = _replacements(self, nan, posinf, neginf)
    return IN_PLACE["nan_to_num"](self, *numbers) if self.dtype.is_floating_point else self


def _replacements(x: Tensor, *given: Any) -> list[float]:
    """What stands for nan and the infinities in `x`; TypeError for tensors with dimensions."""
    for name, value in zip(("nan", "posinf", "neginf"), given, strict=True):
        check_number(name, value)
    if not x.dtype.is_floating_point:
        return []
    limits = dtypes.finfo(x.dtype)
    usual = (0.0, limits.max, limits.min)
    numbers = [g.item() if isinstance(g, Tensor) else g for g in given]
    return [u if g is None else g for u, g in zip(usual, numbers, strict=True)]


@overload
def where(condition: Tensor) -> tuple[Tensor, ...]: ...
@overload
def where(condition: Tensor, input: Any, other: Any, *, out: Tensor | None = None) -> Tensor: ...
def where(
    condition: Tensor, input: Any = None, other: Any = None, *, out: Tensor | None = None
) -> Any:
    """`input` where `condition` holds, else `other`; of the condition alone, where it holds."""
    if input is None and other is None:
        return condition.nonzero(as_tuple=True)
    if isinstance(condition, Tensor) and condition.dtype is dtypes.uint8:
        condition = condition != 0
    if isinstance(condition, Tensor) and condition.dtype is not bool_:
        raise RuntimeError(
            f"where expected condition to be a boolean tensor, but got {condition.dtype!r}"
        )
    return FUNCTIONS["where"](condition, input, other, out=out)


@method(name="where")
def _where_method(self: Tensor, condition: Tensor, other: Any) -> Tensor:
    """The tensor where `condition` holds, else `other`."""
    return where(condition, self, other)


@method
def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """`input` with `value`, of its dtype, where the bool `mask`, which broadcasts, is True."""
    return call(masked_fill_row, (input, mask, _filler(input, mask, value)))


@method
def masked_fill_(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """masked_fill in place."""
    return call(masked_fill_row, (input, mask, _filler(input, mask, value)), in_place=True)


def _filler(input: Tensor, mask: Any, value: Any) -> Any:
    """`value` as a number, or a 0-d tensor apart from the input, of the dtype of `input`."""
    if isinstance(mask, Tensor) and mask.dtype is not bool_:
        raise RuntimeError(
            f"masked_fill_ only supports boolean masks, but got mask with dtype {mask.dtype!r}"
        )
    if not isinstance(value, Tensor):
        return number_as(input.dtype, value)
    if value._shape:
        raise RuntimeError(
            "masked_fill_ only supports a 0-dimensional value tensor, but got tensor with "
            f"{value.ndim} dimension(s)."
        )
    return value.clone().to(input.dtype)


@method
def add_(self: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    """self += alpha other."""
    if alpha.__class__ is int and alpha == 1:
        return IN_PLACE["add"](self, other)
    return call(add_scaled, (self, other, alpha), in_place=True)


@method
def sub_(self: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    """self -= alpha other."""
    if alpha.__class__ is int and alpha == 1:
        return IN_PLACE["sub"](self, other)
    return call(sub_scaled, (self, other, alpha), in_place=True)


subtract_ = method(name="subtract_")(sub_)


@method
def div_(self: Tensor, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """self /= other, rounded as `div` does."""
    if rounding_mode is None:
        return IN_PLACE["div"](self, other)
    row = ROWS[_division(rounding_mode)]
    return call(row, (self, other), in_place=True)


divide_ = method(name="divide_")(div_)


@method
def clone(input: Tensor, *, memory_format: Any = None) -> Tensor:
    """A copy, in the graph; contiguous, as every memory format that there is."""
    if memory_format is not None:
        check_layout(memory_format=memory_format)
    return FUNCTIONS["clone"](input)


@method(name="__invert__")
def _inverted(self: Tensor) -> Tensor:
    if self.is_floating_point():
        raise TypeError(
            "~ (operator.invert) is only implemented on integer and Boolean-type tensors, not "
            f"{self.dtype!r}"
        )
    return FUNCTIONS["bitwise_not"](self)
