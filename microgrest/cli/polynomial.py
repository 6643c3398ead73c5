"""The polynomial that a fit trains, in two forms: for few coefficients, and for many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ..tensor import Tensor

# Up to this degree each coefficient is a tensor. One kernel then holds a term for each, which takes
# the longer to compile the more there are; a vector takes as long for any number of them.
SEPARATE = 8


def powers(t: NDArray[Any], degree: int) -> NDArray[Any]:
    """The matrix of t**0 to t**degree, shape (degree + 1, points), dtype of `t`.

    By NumPy, for which nothing compiles: kernels that run once would take longer to.
    """
    rows = np.empty((degree + 1, t.size), t.dtype)
    for exponent, row in enumerate(rows):
        np.power(t, exponent, out=row)
    return rows


def polynomial(t: NDArray[Any], start: Sequence[float], device: str) -> Terms | Product:
    """c0 + c1 t + c2 t^2 + ... at the points `t`, on `device`, with `start` for coefficients."""
    return (Terms if len(start) <= SEPARATE + 1 else Product)(t, start, device)


class Terms:
    """A 0-d tensor for each coefficient, a vector for each power, as the tutorials write it."""

    def __init__(self, t: NDArray[Any], start: Sequence[float], device: str) -> None:
        import microgrest as torch

        self._powers = [torch.from_numpy(t**k).to(device) for k in range(1, len(start))]
        dtype = self._powers[0].dtype
        self.coefficients = [
            torch.tensor(value, dtype=dtype, device=device, requires_grad=True) for value in start
        ]

    def __call__(self) -> Tensor:
        """The value at each point."""
        value, *slopes = self.coefficients
        for slope, power in zip(slopes, self._powers, strict=True):
            value = value + slope * power
        return value

    def values(self) -> NDArray[np.float64]:
        """The coefficients now."""
        return np.array([coefficient.item() for coefficient in self.coefficients])

    def fill(self, values: Sequence[float]) -> None:
        """Set the coefficients."""
        for coefficient, value in zip(self.coefficients, values, strict=True):
            coefficient.fill_(value)


class Product:
    """One vector of all coefficients, times the matrix of powers."""

    def __init__(self, t: NDArray[Any], start: Sequence[float], device: str) -> None:
        import microgrest as torch

        self._powers = torch.from_numpy(powers(t, len(start) - 1)).to(device)
        dtype = self._powers.dtype
        self._vector = torch.tensor(start, dtype=dtype, device=device, requires_grad=True)
        self.coefficients = [self._vector]

    def __call__(self) -> Tensor:
        """The value at each point."""
        return self._vector @ self._powers

    def values(self) -> NDArray[np.float64]:
        """The coefficients now."""
        return np.array(self._vector.tolist())

    def fill(self, values: Sequence[float]) -> None:
        """Set the coefficients."""
        self._vector.copy_(self._vector.new_tensor(values))
