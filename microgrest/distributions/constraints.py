"""What parameters and values of distributions have to be: each constraint checks a tensor.

`check(value)` says for each element, or for each vector or matrix in the last `event_dim`
dimensions, whether the constraint holds.
"""

from __future__ import annotations

from ..tensor import Tensor

Bound = Tensor | float


class Constraint:
    """What values have to be; `is_discrete` ones are whole numbers."""

    is_discrete = False
    event_dim = 0

    def check(self, value: Tensor) -> Tensor:
        """A bool for each event in `value`: whether the constraint holds."""
        raise NotImplementedError

    def __repr__(self) -> str:
        facts = ", ".join(f"{name}={value}" for name, value in vars(self).items())
        return f"{type(self).__name__}({facts})"


class Real(Constraint):
    """Any number but NaN."""

    def check(self, value: Tensor) -> Tensor:
        """Whether it is a number."""
        return value == value


class Boolean(Constraint):
    """0 or 1."""

    is_discrete = True

    def check(self, value: Tensor) -> Tensor:
        """Whether it is one of them."""
        return (value == 0) | (value == 1)


class GreaterThan(Constraint):
    """Numbers above a bound."""

    def __init__(self, lower_bound: Bound) -> None:
        self.lower_bound = lower_bound

    def check(self, value: Tensor) -> Tensor:
        """Whether it is above."""
        return value > self.lower_bound


class GreaterThanEq(GreaterThan):
    """Numbers from a bound on."""

    def check(self, value: Tensor) -> Tensor:
        """Whether it is the bound, or above."""
        return value >= self.lower_bound


class LessThan(Constraint):
    """Numbers below a bound."""

    def __init__(self, upper_bound: Bound) -> None:
        self.upper_bound = upper_bound

    def check(self, value: Tensor) -> Tensor:
        """Whether it is below."""
        return value < self.upper_bound


class Interval(Constraint):
    """Numbers between two bounds, both included."""

    def __init__(self, lower_bound: Bound, upper_bound: Bound) -> None:
        self.lower_bound, self.upper_bound = lower_bound, upper_bound

    def check(self, value: Tensor) -> Tensor:
        """Whether it is between them."""
        return (value >= self.lower_bound) & (value <= self.upper_bound)


class HalfOpenInterval(Interval):
    """Numbers from a bound on, below another."""

    def check(self, value: Tensor) -> Tensor:
        """Whether it is there."""
        return (value >= self.lower_bound) & (value < self.upper_bound)


class IntegerInterval(Interval):
    """Whole numbers between two bounds, both included."""

    is_discrete = True

    def check(self, value: Tensor) -> Tensor:
        """Whether it is one of them."""
        return super().check(value) & (value % 1 == 0)


class IntegerGreaterThan(GreaterThan):
    """Whole numbers from a bound on."""

    is_discrete = True

    def check(self, value: Tensor) -> Tensor:
        """Whether it is one of them."""
        return (value >= self.lower_bound) & (value % 1 == 0)


class Simplex(Constraint):
    """Vectors of numbers from 0 on that sum to 1, up to 1e-6."""

    event_dim = 1

    def check(self, value: Tensor) -> Tensor:
        """Whether they do."""
        return (value >= 0).all(-1) & ((value.sum(-1) - 1).abs() < 1e-6)


class LowerCholesky(Constraint):
    """Lower triangular matrices with a positive diagonal."""

    event_dim = 2

    def check(self, value: Tensor) -> Tensor:
        """Whether each is one."""
        lower = (value.tril() == value).all(-1).all(-1)
        return lower & (value.diagonal(dim1=-2, dim2=-1) > 0).all(-1)


class PositiveDefinite(Constraint):
    """Symmetric matrices whose Cholesky factor exists."""

    event_dim = 2

    def check(self, value: Tensor) -> Tensor:
        """Whether each is one."""
        from .factors import factor

        symmetric = ((value - value.mT).abs() <= 1e-6 * value.abs() + 1e-6).all(-1).all(-1)
        return symmetric & (factor(value).diagonal(dim1=-2, dim2=-1) > 0).all(-1)


class IndependentConstraint(Constraint):
    """A constraint that holds for all of the last dimensions."""

    def __init__(self, base_constraint: Constraint, reinterpreted_batch_ndims: int) -> None:
        self.base_constraint, self.ndims = base_constraint, reinterpreted_batch_ndims

    @property
    def is_discrete(self) -> bool:  # type: ignore[override]
        """Whether its base is."""
        return self.base_constraint.is_discrete

    @property
    def event_dim(self) -> int:  # type: ignore[override]
        """The dimensions of an event."""
        return self.base_constraint.event_dim + self.ndims

    def check(self, value: Tensor) -> Tensor:
        """Whether its base holds all over an event."""
        result = self.base_constraint.check(value)
        for _ in range(self.ndims):
            result = result.all(-1)
        return result

    def __repr__(self) -> str:
        return f"IndependentConstraint({self.base_constraint!r}, {self.ndims})"


real = Real()
boolean = Boolean()
positive = GreaterThan(0.0)
nonnegative = GreaterThanEq(0.0)
unit_interval = Interval(0.0, 1.0)
nonnegative_integer = IntegerGreaterThan(0)
positive_integer = IntegerGreaterThan(1)
simplex = Simplex()
lower_cholesky = LowerCholesky()
positive_definite = PositiveDefinite()
real_vector = IndependentConstraint(real, 1)
positive_vector = IndependentConstraint(positive, 1)
greater_than = GreaterThan
greater_than_eq = GreaterThanEq
less_than = LessThan
interval = Interval
half_open_interval = HalfOpenInterval
integer_interval = IntegerInterval
independent = IndependentConstraint
