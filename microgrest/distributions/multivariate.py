"""Normal vectors, and batches of distributions as one of vectors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from typing_extensions import Self


from ..creation import eye
from ..random import randn
from ..tensor import Tensor
from . import constraints
from .distribution import Distribution, shape_of
from .factors import factor, solved
from .location import drawn


class MultivariateNormal(Distribution):
    """Normal vectors of mean `loc`, and one of the three: their covariance matrix, its inverse, or
    its lower Cholesky factor."""

    arg_constraints: ClassVar = {
        "loc": constraints.real_vector,
        "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite,
        "scale_tril": constraints.lower_cholesky,
    }
    support = constraints.real_vector
    has_rsample = True

    def __init__(
        self,
        loc: Tensor,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        if loc.ndim < 1:
            raise ValueError("loc must be at least one-dimensional.")
        matrices = {
            "covariance_matrix": covariance_matrix,
            "precision_matrix": precision_matrix,
            "scale_tril": scale_tril,
        }
        given = {name: m for name, m in matrices.items() if m is not None}
        if len(given) != 1:
            raise ValueError(
                "Exactly one of covariance_matrix or precision_matrix or scale_tril may be "
                "specified."
            )
        ((name, matrix),) = given.items()
        if matrix.ndim < 2:
            raise ValueError(
                f"{name} must be at least two-dimensional, with optional leading batch dimensions"
            )
        batch, n = shape_of(matrix[..., 0, 0], loc[..., 0]), loc.shape[-1:]
        self.loc = loc.expand((*batch, *n))
        setattr(self, name, matrix.expand((*batch, *n, *n)))
        super().__init__(batch, n, validate_args=validate_args)
        self._tril = self._factor(name, matrix).expand((*batch, *n, *n))

    @staticmethod
    def _factor(name: str, matrix: Tensor) -> Tensor:
        """The lower Cholesky factor of the covariance."""
        if name == "scale_tril":
            return matrix
        if name == "covariance_matrix":
            return factor(matrix)
        # The factor of the inverse, seen from its other end, is that of the matrix, inverted.
        turned = factor(matrix.flip((-2, -1))).flip((-2, -1)).mT
        one = eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)
        return solved(turned, one)

    def __getattr__(self, name: str) -> Tensor:
        """The matrices that were not given."""
        if name == "scale_tril":
            return self._tril
        if name == "covariance_matrix":
            return self._tril @ self._tril.mT
        if name == "precision_matrix":
            n = self._tril.shape[-1]
            inverse = solved(self._tril, eye(n, dtype=self.loc.dtype, device=self.loc.device))
            return inverse.mT @ inverse
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    @property
    def mean(self) -> Tensor:
        """loc."""
        return self.loc

    mode = mean

    @property
    def variance(self) -> Tensor:
        """The diagonal of the covariance matrix."""
        return (self._tril**2).sum(-1).expand(self._extended_shape())

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draws whose gradients go to loc and the matrix."""
        noise = drawn(randn, self._extended_shape(sample_shape), self.loc)
        return self.loc + (self._tril @ noise.unsqueeze(-1)).squeeze(-1)

    def _half_log_det(self) -> Tensor:
        """Half the logarithm of the determinant of the covariance matrix."""
        return self._tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density."""
        away = (self._checked(value) - self.loc).unsqueeze(-1)
        distance = (solved(self._tril, away) ** 2).sum((-2, -1))
        n = self._event_shape[0]
        return -0.5 * (n * math.log(2 * math.pi) + distance) - self._half_log_det()

    def entropy(self) -> Tensor:
        """n (1 + log(2 pi)) / 2 and half the logarithm of the determinant."""
        n = self._event_shape[0]
        return 0.5 * n * (1 + math.log(2 * math.pi)) + self._half_log_det()


class Independent(Distribution):
    """A batch of distributions as one of vectors: the last dimensions of the batch are events'."""

    def __init__(
        self,
        base_distribution: Distribution,
        reinterpreted_batch_ndims: int,
        validate_args: bool | None = None,
    ) -> None:
        have, n = len(base_distribution.batch_shape), reinterpreted_batch_ndims
        if n > have:
            raise ValueError(
                "Expected reinterpreted_batch_ndims <= len(base_distribution.batch_shape), "
                f"actual {n} vs {have}"
            )
        shape = base_distribution.batch_shape + base_distribution.event_shape
        self.base_dist, self.reinterpreted_batch_ndims = base_distribution, n
        super().__init__(shape[: have - n], shape[have - n :], validate_args=validate_args)

    @property
    def has_rsample(self) -> bool:
        """Whether its base has."""
        return bool(self.base_dist.has_rsample)

    @property
    def has_enumerate_support(self) -> bool:
        """Whether its base has, if no dimension is taken."""
        return bool(self.base_dist.has_enumerate_support) and not self.reinterpreted_batch_ndims

    @property
    def support(self) -> Any:
        """That of its base, all over an event."""
        n = self.reinterpreted_batch_ndims
        return constraints.independent(self.base_dist.support, n) if n else self.base_dist.support

    @property
    def mean(self) -> Tensor:
        """That of its base."""
        return self.base_dist.mean

    @property
    def mode(self) -> Tensor:
        """That of its base."""
        return self.base_dist.mode

    @property
    def variance(self) -> Tensor:
        """That of its base."""
        return self.base_dist.variance

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draws of its base."""
        return self.base_dist.sample(sample_shape)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draws of its base, through which gradients go."""
        return self.base_dist.rsample(sample_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """Sums of those of its base."""
        return self._summed(self.base_dist.log_prob(value))

    def entropy(self) -> Tensor:
        """Sums of those of its base."""
        return self._summed(self.base_dist.entropy())

    def _summed(self, x: Tensor) -> Tensor:
        n = self.reinterpreted_batch_ndims
        return x.sum(tuple(range(-n, 0))) if n else x

    def expand(self, batch_shape: Sequence[int]) -> Self:
        """The distribution, for a larger batch."""
        taken = self.event_shape[: self.reinterpreted_batch_ndims]
        base = self.base_dist.expand((*batch_shape, *taken))
        return type(self)(base, self.reinterpreted_batch_ndims, validate_args=False)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All values of its base."""
        if self.reinterpreted_batch_ndims > 0:
            raise NotImplementedError("Enumeration over cartesian product is not implemented")
        return self.base_dist.enumerate_support(expand)

    def __repr__(self) -> str:
        return f"Independent({self.base_dist}, {self.reinterpreted_batch_ndims})"
