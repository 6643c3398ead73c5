"""Covariances and correlations of variables, a row of observations each."""

from __future__ import annotations

import warnings
from typing import Any

from ... import recording
from ...tensor import Tensor
from ...tensor.methods import method
from ...types.dtypes import FLOATING, INTEGER, bool_, float32, float64, get_default_dtype
from ...types.integers import whole
from ..joining.triangles import diag
from ..matrices.products import matmul
from ..pointwise.arithmetic import where
from ..reductions.folds import amax, any as some, sum
from ..views.shapes import reshape, squeeze, t


@method
def cov(
    input: Tensor,
    *,
    correction: int = 1,
    fweights: Tensor | None = None,
    aweights: Tensor | None = None,
) -> Tensor:
    """The covariances of the rows of a matrix, or the variance of a vector.

    Over the number of observations less `correction`. Each counts `fweights`, integers, times, and
    weighs `aweights`.
    """
    correction = whole(correction, "correction")
    if input.ndim > 2:
        raise RuntimeError(
            "cov(): expected input to have two or fewer dimensions but got an input with "
            f"{input.ndim} dimensions"
        )
    if input.dtype is bool_:
        raise RuntimeError("cov(): bool dtype is not supported for input")
    x = input if input.ndim == 2 else reshape(input, (1, -1))
    x = x if x.is_floating_point() else x.to(get_default_dtype())
    n = x._shape[1]
    heavy = _weights(n, fweights, aweights)
    total: Any = n if heavy is None else sum(heavy)
    if heavy is not None and recording.aside(lambda: bool(total.detach() == 0)):
        raise RuntimeError("cov(): weights sum to zero, can't be normalized")
    freedom = total - correction
    if aweights is not None:
        assert heavy is not None
        freedom = total - correction * sum(heavy * aweights) / total
    freedom = _positive(freedom)
    # The mean is rounded, so that what numbers that hardly differ are apart from it has one, too.
    apart = x
    for _ in range(2):
        apart = apart - sum(apart if heavy is None else apart * heavy, 1, True) / total
    found = matmul(apart if heavy is None else apart * heavy, t(apart)) / freedom
    return found if input.ndim == 2 and found.numel() != 1 else squeeze(found)


def _positive(freedom: Any) -> Any:
    """Degrees of freedom, at least 0, which is warned of."""
    value = freedom.detach() if isinstance(freedom, Tensor) else freedom
    if recording.aside(lambda: bool(value <= 0)):
        warnings.warn(
            "cov(): degrees of freedom is <= 0. Correction should be strictly less than the number "
            "of observations.",
            UserWarning,
            stacklevel=3,
        )
    return freedom.clamp_min(0) if isinstance(freedom, Tensor) else float(max(freedom, 0))


def _weights(n: int, fweights: Tensor | None, aweights: Tensor | None) -> Tensor | None:
    """The weights of n observations, None where all are 1."""
    given = ("fweights", fweights, INTEGER), ("aweights", aweights, FLOATING)
    for name, weights, category in given:
        if weights is not None:
            _check(name, weights, category, n)
    if fweights is None or aweights is None:
        return fweights if aweights is None else aweights
    return fweights * aweights


def _check(name: str, weights: Tensor, category: Any, n: int) -> None:
    if weights.ndim > 1:
        raise RuntimeError(
            f"cov(): expected {name} to have one or fewer dimensions but got {name} with "
            f"{weights.ndim} dimensions"
        )
    if weights.dtype.category != category:
        wanted = "integral" if category == INTEGER else "floating point"
        raise RuntimeError(
            f"cov(): expected {name} to have {wanted} dtype but got {name} with "
            f"{weights.dtype!r} dtype"
        )
    if weights.numel() != n:
        raise RuntimeError(
            f"cov(): expected {name} to have the same numel as there are observations in the input "
            f"but got {weights.numel()} != {n}"
        )
    if n and recording.aside(lambda: some(weights.detach() < 0).item()):
        raise RuntimeError(f"cov(): {name} cannot be negative")


@method
def corrcoef(input: Tensor) -> Tensor:
    """The correlations of the rows of a matrix; of a vector 1, with itself."""
    if input.ndim > 2:
        raise RuntimeError(
            "corrcoef(): expected input to have two or fewer dimensions but got an input with "
            f"{input.ndim} dimensions"
        )
    found = cov(_in_range(input))
    if not found._shape:
        return found / found
    deviation = diag(found).sqrt()
    return (found / reshape(deviation, (-1, 1)) / deviation).clamp(-1, 1)


def _in_range(x: Tensor) -> Tensor:
    """Rows whose squares would leave the range, over their largest element: correlate the same."""
    if x.dtype not in (float32, float64) or not x.numel():
        return x
    largest = amax(x.detach().abs(), dim=-1, keepdim=True)
    return x / where((largest > 1e15) | ((largest < 1e-10) & (largest > 0)), largest, 1.0)
