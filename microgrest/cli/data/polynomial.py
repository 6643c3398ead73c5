"""The polynomial that a fit trains, in two forms: for few coefficients, and for many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ...tensor import Tensor

# Up to this degree each coefficient is a tensor, as the tutorials have it. One kernel then holds a
# term for each, which takes the longer to compile the more there are. Above, all are one vector,
# times the matrix of powers, which takes as long for any number of them.
SEPARATE = 8


def powers(t: NDArray[Any], degree: int) -> NDArray[Any]:
    """The matrix of t**0 to t**degree, shape (degree + 1, points), dtype of `t`.

    By NumPy, for which nothing compiles: kernels that run once would take longer to.
    """
    rows = np.empty((degree + 1, t.size), t.dtype)
    for exponent, row in enumerate(rows):
        np.power(t, exponent, out=row)
    return rows


def tensors(
    t: NDArray[Any], start: Sequence[float], device: str
) -> tuple[list[Tensor], list[Tensor]]:
    """Coefficients, which begin as `start`, and powers of `t`, for `value`, on `device`."""
    import microgrest as torch

    degree = len(start) - 1
    arrays = [t**k for k in range(1, degree + 1)] if degree <= SEPARATE else [powers(t, degree)]
    factors = [torch.from_numpy(array).to(device) for array in arrays]
    values = start if degree <= SEPARATE else [start]
    dtype = factors[0].dtype
    coefficients = [
        torch.tensor(value, dtype=dtype, device=device, requires_grad=True) for value in values
    ]
    return coefficients, factors


def value(coefficients: list[Tensor], powers: list[Tensor]) -> Tensor:
    """c0 + c1 t + c2 t^2 + ... at each point."""
    if len(coefficients) == 1:
        return coefficients[0] @ powers[0]
    total, *slopes = coefficients
    for slope, power in zip(slopes, powers, strict=True):
        total = total + slope * power
    return total
