"""The polynomial that was found, in the units of the data, written so that it can be evaluated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import NDArray

from ..data.problem import Problem

Vector = NDArray[np.float64]

ALL = 17  # digits that tell any float64 from all others
# By how much of itself, and of the largest |y|, the residual may change by rounding coefficients.
RELATIVE, ABSOLUTE = 1e-7, 1e-13


@dataclass(frozen=True)
class Formula:
    """y = the sum of coefficients[k] * ((x - center) / scale)**k, told by so many digits."""

    coefficients: Vector
    center: float
    scale: float
    digits: int

    @property
    def plain(self) -> bool:
        """Whether it is a polynomial in x itself."""
        return (self.center, self.scale) == (0, 1)

    def __call__(self, x: Any) -> Any:
        """The value at `x`, an array."""
        return Polynomial(self.coefficients)((x - self.center) / self.scale)

    def rounded(self) -> Formula:
        """What a reader of the text has."""
        read = [float(self._number(value)) for value in self.coefficients]
        return Formula(np.array(read), self.center, self.scale, self.digits)

    def variable(self, x: str) -> str:
        """What the coefficients are multiplied by powers of, where the data's x is called `x`."""
        if self.center:
            x = f"({x} {'-' if self.center > 0 else '+'} {_shortest(abs(self.center))})"
        return x if self.scale == 1 else f"({x} / {_shortest(self.scale)})"

    def text(self, x: str, y: str) -> str:
        """`y = a + b x + c x^2`; names that are not words stand in brackets."""
        x, y = (name if name.isidentifier() else f"[{name}]" for name in (x, y))
        variable = self.variable(x)
        text = f"{y} = {self._number(self.coefficients[0])}"
        for power, value in enumerate(self.coefficients[1:], 1):
            sign = "-" if value < 0 else "+"
            text += f" {sign} {self._number(abs(value))} {variable}"
            text += f"^{power}" if power > 1 else ""
        return text

    def _number(self, value: float) -> str:
        return f"{value:.{self.digits}g}" if self.digits < ALL else _shortest(value)


def _shortest(value: float) -> str:
    """The fewest digits that tell `value` from every other float64."""
    return repr(float(value)).removesuffix(".0")


def formula(problem: Problem, scaled: Vector, digits: int) -> Formula:
    """The plainest formula of the polynomial `scaled`, in t and z, that has its residual.

    Far from zero, powers of x are all alike and cancel, until no digit of y is left. So if it takes
    more than all digits of a polynomial in x, it is one in x minus the middle of the data; and if
    the powers of that leave the range of float64, one in t.
    """
    for found in _candidates(problem, scaled, digits):
        if np.isfinite(found.coefficients).all() and _tells(found, problem, scaled):
            break
    return found


def _candidates(problem: Problem, scaled: Vector, digits: int) -> Iterator[Formula]:
    """Formulas, the plainest first; in each form with few digits, with more, and with all."""
    scaling = problem.scaling
    forms = [(0.0, 1.0), (scaling.center, 1.0), (scaling.center, scaling.radius)]
    for center, scale in dict.fromkeys(forms):
        coefficients = scaling.coefficients(scaled, center, scale)
        for count in (*range(digits, ALL, 3), ALL):
            yield Formula(coefficients, center, scale, count)


def _tells(found: Formula, problem: Problem, scaled: Vector) -> bool:
    """Whether the formula, as it is read, leaves the residual that the polynomial leaves."""
    with np.errstate(all="ignore"):
        gap = found.rounded()(problem.x) - problem.y
        residual = float(np.sqrt(np.mean(gap * gap)))
    exact = problem.residual(scaled)
    allowed = RELATIVE * exact + ABSOLUTE * float(np.abs(problem.y).max())
    return abs(residual - exact) <= allowed
