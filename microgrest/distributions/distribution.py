"""What distributions share: shapes, checks of parameters and of values, expansion, text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from typing_extensions import Self


from .. import recording
from ..creation import as_tensor
from ..functions.joining.stacking import broadcast_tensors
from ..functions.views.shapes import broadcast_shapes
from ..graph.modes import no_grad
from ..tensor import Size, Tensor
from ..types.dtypes import get_default_dtype
from .constraints import Constraint


class Distribution:
    """A distribution, or a batch of such: `batch_shape` of them, each of events of `event_shape`.

    Its parameters are tensors that broadcast; they are checked by `arg_constraints`, and values by
    `support`, unless `validate_args` is False. In a step that is compiled, checks are no part of
    it: they run once, when it is recorded.
    """

    arg_constraints: ClassVar[dict[str, Constraint]] = {}
    support: Any = None
    has_rsample: Any = False
    has_enumerate_support: Any = False
    _validate_args = __debug__

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Whether distributions check their parameters and values if nothing else is said."""
        if value not in (True, False):
            raise ValueError(f"set_default_validate_args() takes a bool, not {value!r}")
        Distribution._validate_args = value

    def __init__(
        self,
        batch_shape: Sequence[int] = (),
        event_shape: Sequence[int] = (),
        validate_args: bool | None = None,
    ) -> None:
        self._batch_shape, self._event_shape = Size(batch_shape), Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            recording.aside(self._check_parameters)

    def _check_parameters(self) -> None:
        for name, constraint in self.arg_constraints.items():
            if self._has(name):
                self._check(f"parameter {name}", constraint, getattr(self, name))

    def _check(self, what: str, constraint: Constraint, value: Tensor) -> None:
        """ValueError unless `value` satisfies a constraint."""
        with no_grad():
            valid = bool(constraint.check(value.detach()).all())
        if valid:
            return
        what = f"Expected {what} ({type(value).__name__} of shape {tuple(value.shape)})"
        rule = f"of distribution {self!r} to satisfy the constraint {constraint!r}"
        if what.startswith("Expected value"):
            rule = f"to be within the support ({constraint!r}) of the distribution {self!r}"
        raise ValueError(f"{what} {rule}, but found invalid values:\n{value}")

    @property
    def batch_shape(self) -> Size:
        """The shape of the batch of distributions."""
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        """The shape of one event."""
        return self._event_shape

    @property
    def mean(self) -> Tensor:
        """The mean."""
        raise NotImplementedError(f"{type(self).__name__} has no mean here")

    @property
    def mode(self) -> Tensor:
        """The mode."""
        raise NotImplementedError(f"{type(self).__name__} has no mode here")

    @property
    def variance(self) -> Tensor:
        """The variance."""
        raise NotImplementedError(f"{type(self).__name__} has no variance here")

    @property
    def stddev(self) -> Tensor:
        """The standard deviation."""
        return self.variance.sqrt()

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draws of shape sample_shape + batch_shape + event_shape, outside of the graph."""
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """The same, through which gradients go to the parameters."""
        raise NotImplementedError(
            f"{type(self).__name__} has no rsample: its draws have no derivative; use sample()"
        )

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density, or of the probability, at `value`."""
        raise NotImplementedError(f"{type(self).__name__} has no log_prob here")

    def cdf(self, value: Tensor) -> Tensor:
        """The probability of what is no larger than `value`."""
        raise NotImplementedError(f"{type(self).__name__} has no cdf here")

    def icdf(self, value: Tensor) -> Tensor:
        """Where the cdf is `value`."""
        raise NotImplementedError(f"{type(self).__name__} has no icdf here")

    def entropy(self) -> Tensor:
        """The entropy, of each distribution of the batch."""
        raise NotImplementedError(f"{type(self).__name__} has no entropy here")

    def perplexity(self) -> Tensor:
        """exp of the entropy."""
        return self.entropy().exp()

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All values of a discrete distribution, along a new first dimension."""
        raise NotImplementedError(f"{type(self).__name__} has no enumerate_support")

    def expand(self, batch_shape: Sequence[int]) -> Self:
        """The distribution, for a larger batch; parameters are expanded, not copied."""
        new = object.__new__(type(self))
        new.__dict__.update(self.__dict__)
        for name, value in self.__dict__.items():
            if isinstance(value, Tensor):
                own = value.shape[len(self._batch_shape) :]
                setattr(new, name, value.expand((*batch_shape, *own)))
        new._batch_shape = Size(batch_shape)
        return new

    def _extended_shape(self, sample_shape: Sequence[int] = ()) -> Size:
        return Size((*sample_shape, *self._batch_shape, *self._event_shape))

    def _checked(self, value: Any) -> Tensor:
        """`value` as a method takes it; ValueError for what is no tensor, or not in the support."""
        if not isinstance(value, Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor")
        if self._validate_args:
            recording.aside(lambda: self._check_value(value))
        return value

    def _check_value(self, value: Tensor) -> None:
        own = self._extended_shape()
        for a, b in zip(reversed(value.shape), reversed(own), strict=False):
            if a != b and 1 not in (a, b):
                raise ValueError(
                    "Value is not broadcastable with batch_shape+event_shape: "
                    f"{value.shape} vs {own}."
                )
        if self.support is not None:
            self._check("value argument", self.support, value)

    def _has(self, name: str) -> bool:
        """Whether a parameter was given, or is known already."""
        return name in self.__dict__

    def __repr__(self) -> str:
        names = [name for name in self.arg_constraints if self._has(name)]
        given = [(name, getattr(self, name)) for name in names]
        facts = [f"{n}: {v if v.numel() == 1 else v.shape}" for n, v in given]
        return f"{type(self).__name__}({', '.join(facts)})"


def parameters(*values: Any) -> tuple[Tensor, ...]:
    """Numbers and tensors as tensors of one shape; numbers take the type of the tensors."""
    if not all(isinstance(v, (Tensor, int, float)) for v in values):
        raise ValueError("Input arguments must all be instances of Number or microgrest.Tensor.")
    like = next((v for v in values if isinstance(v, Tensor)), None)
    options: dict[str, Any] = {"dtype": get_default_dtype()}
    if like is not None:
        options = {"dtype": like.dtype, "device": like.device}
    tensors = [v if isinstance(v, Tensor) else as_tensor(v, **options) for v in values]
    return tuple(broadcast_tensors(*tensors))


def shape_of(*tensors: Tensor) -> Size:
    """What the shapes of tensors broadcast to."""
    return broadcast_shapes(*(t.shape for t in tensors))
