"""Whether tensors are equal, or nearly."""

from __future__ import annotations

from ...tensor import Tensor
from ...tensor.methods import method


@method
def equal(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same shape and equal elements."""
    if not isinstance(other, Tensor):
        raise TypeError(f"equal(): argument 'other' must be Tensor, not {type(other).__name__}")
    return input._shape == other._shape and bool((input == other).all())


@method
def isclose(
    input: Tensor,
    other: Tensor,
    rtol: float = 1e-05,
    atol: float = 1e-08,
    equal_nan: bool = False,
) -> Tensor:
    """Elementwise, whether |input - other| <= atol + rtol |other|; infinities must be equal."""
    if not isinstance(other, Tensor):
        raise TypeError(f"isclose(): argument 'other' must be Tensor, not {type(other).__name__}")
    if input.dtype is not other.dtype:
        raise RuntimeError(f"{input.dtype!r} did not match {other.dtype!r}")
    if not (rtol >= 0 and atol >= 0):
        name, value = ("atol", atol) if rtol >= 0 else ("rtol", rtol)
        raise RuntimeError(f"{name} must be greater than or equal to zero, but got {value}")
    a, b = input.detach(), other.detach()
    if not a.is_floating_point():
        a, b = a.double(), b.double()
    distance = (a - b).abs()
    close = (a == b) | (distance.isfinite() & (distance <= atol + (rtol * b).abs()))
    return close | (a.isnan() & b.isnan()) if equal_nan else close


@method
def allclose(
    input: Tensor,
    other: Tensor,
    rtol: float = 1e-05,
    atol: float = 1e-08,
    equal_nan: bool = False,
) -> bool:
    """Whether `isclose` holds for every element."""
    return bool(isclose(input, other, rtol, atol, equal_nan).all())
