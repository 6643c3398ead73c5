"""Special functions that take whole numbers or bounds, and numbers in parts."""

from __future__ import annotations

import math
from typing import Any

from ... import return_types
from ...dispatch.api import FUNCTIONS, IN_PLACE
from ...dispatch.elementwise import call
from ...dispatch.writes.target import store
from ...ops.row import ROWS
from ...tensor import Tensor
from ...tensor.methods import method
from ...types.dtypes import bool_, float16, float64, int32
from ...types.integers import whole
from .arithmetic import pow


def polygamma(n: int, input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The n-th derivative of digamma, which for n = 0 it is."""
    n = _order(n)
    if n == 0:
        return FUNCTIONS["digamma"](input, out=out)
    return FUNCTIONS["polygamma"](input, n, out=out)


def _order(n: int) -> int:
    n = whole(n, "n")
    if n < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    return n


@method(name="polygamma")
def _polygamma(self: Tensor, n: int) -> Tensor:
    """The n-th derivative of digamma at the elements."""
    return polygamma(n, self)


@method
def polygamma_(self: Tensor, n: int) -> Tensor:
    """polygamma in place."""
    n = _order(n)
    if n == 0:
        return IN_PLACE["digamma"](self)
    return call(ROWS["polygamma"], (self, n), in_place=True)


@method
def mvlgamma(input: Tensor, p: int) -> Tensor:
    """The logarithm of the multivariate gamma function of dimension p >= 1."""
    p = whole(p, "p")
    if p < 1:
        raise RuntimeError("p has to be greater than or equal to 1")
    if input.dtype is bool_:
        raise RuntimeError("mvlgamma: The input tensor may not be a boolean tensor.")
    constant = p * (p - 1) / 4 * math.log(math.pi)
    total = FUNCTIONS["lgamma"](input)
    for j in range(1, p):
        total = total + FUNCTIONS["lgamma"](input - j / 2)
    return total + constant


def _double(x: Any) -> Any:
    return x.to(float64) if isinstance(x, Tensor) else float(x)


@method
def float_power(input: Any, exponent: Any, *, out: Tensor | None = None) -> Tensor:
    """input to the power `exponent`, in float64."""
    return pow(_double(input), _double(exponent), out=out)


@method
def float_power_(self: Tensor, exponent: Any) -> Tensor:
    """float_power in place, of float64."""
    if self.dtype is not float64:
        raise RuntimeError(
            f"the base given to float_power_ has dtype {self.dtype!r} but the operation's result "
            "requires dtype float64"
        )
    return self.pow_(_double(exponent))


@method
def ldexp(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """input times 2 to the power `other`."""
    return FUNCTIONS["mul"](input, _power_of_2(input, other), out=out)


@method
def ldexp_(self: Tensor, other: Tensor) -> Tensor:
    """ldexp in place."""
    return IN_PLACE["mul"](self, _power_of_2(self, other))


def _power_of_2(like: Tensor, exponents: Tensor) -> Tensor:
    """2 to the power of `exponents`; of integers in the type of `like`, if that has fractions."""
    whole = not exponents.is_floating_point()
    return pow(2.0, exponents.to(like.dtype) if whole and like.is_floating_point() else exponents)


@method
def frexp(input: Tensor, *, out: Any = None) -> Any:
    """(mantissa, exponent): input = mantissa 2**exponent, with a mantissa in [1/2, 1); int32."""
    if not isinstance(input, Tensor) or not input.is_floating_point():
        raise RuntimeError("torch.frexp() only supports floating-point dtypes")
    found = FUNCTIONS["frexp_mantissa"](input), FUNCTIONS["frexp_exponent"](input).to(int32)
    result = return_types.frexp(*found)
    return result if out is None else store("frexp", out, result, same=True)


def _check_not_half(name: str, *tensors: Any) -> None:
    """The neighbors of float16 are none of float32, in which it computes."""
    if any(isinstance(x, Tensor) and x.dtype is float16 for x in tensors):
        raise NotImplementedError(f"\"{name}\" is not implemented for 'float16' tensors")


@method
def nextafter(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The number next to each element toward `other`."""
    _check_not_half("nextafter", input, other)
    return FUNCTIONS["nextafter"](input, other, out=out)


@method
def nextafter_(self: Tensor, other: Tensor) -> Tensor:
    """nextafter in place."""
    _check_not_half("nextafter", self, other)
    return IN_PLACE["nextafter"](self, other)
