"""The data of a curve: checked as SciPy checks them, NaN left out, errors as weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...tensor import Tensor

Array = Any


class Data(NamedTuple):
    """x as the model takes it, y, and what residuals are multiplied by, None for nothing.

    `weights` are one number, or one each; `root` is the inverse of a covariance matrix's triangle.
    """

    x: Any
    y: Array
    weights: Array | None
    root: Array | None

    def residuals(self, f: Any, p: Any) -> Any:
        """Of what `f` gives for arrays or tensors, flat, in units of their errors.

        ValueError if it does not give one number for each point.
        """
        residuals = f(self.x, *p) - self.y
        if not isinstance(residuals, Tensor):
            residuals = np.asarray(residuals)  # of pandas' series, too
        if residuals.shape != self.y.shape and (self.y.size != 1 or residuals.ndim > 1):
            raise ValueError(
                "the model gives values that make residuals of shape "
                f"{tuple(residuals.shape)}, for data of shape {self.y.shape}"
            )
        if self.weights is not None:
            residuals = self.weights * residuals
        if self.root is not None:
            return self.root @ np.ravel(residuals)
        return residuals.reshape(-1)


def prepare(x: Any, y: Any, sigma: Any, check_finite: bool | None, nan_policy: str | None) -> Data:
    """The data, or SciPy's ValueError."""
    if check_finite is None:
        check_finite = nan_policy is None
    array = np.asarray_chkfinite if check_finite else np.asarray
    y = array(y, float)
    if isinstance(x, (list, tuple, np.ndarray)):
        x = array(x, float)
    elif check_finite:
        array(numbers(x))
    if y.size == 0:
        raise ValueError("`ydata` must not be empty!")
    if not check_finite and nan_policy is not None:
        x, y, sigma = _without_nan(x, y, sigma, nan_policy)
    return Data(x, y, *_weights(sigma, y))


def numbers(x: Any) -> Array | None:
    """x as an array, of arrays, tensors and pandas' series; None for what a model may take else."""
    if not isinstance(x, np.ndarray) and getattr(x, "ndim", 0) != 1:
        return None
    try:
        return np.asarray(x, float)
    except (TypeError, ValueError, RuntimeError):
        return None


def _without_nan(x: Any, y: Array, sigma: Any, policy: str) -> tuple[Any, Array, Any]:
    if policy == "propagate":
        raise ValueError("`nan_policy='propagate'` is not supported by this function.")
    if policy not in ("raise", "omit"):
        raise ValueError("nan_policy must be one of {None, 'raise', 'omit'}")
    found = numbers(x)
    x = x if found is None else found
    if not np.isnan(x).any() and not np.isnan(y).any():
        return x, y, sigma
    if policy == "raise":
        raise ValueError("The input contains nan values")
    bad = bad_points([x, y])
    if sigma is not None:
        sigma = np.asarray(sigma)
        kept = np.broadcast_to(~bad, y.shape).ravel()
        if sigma.shape == (y.size, y.size):
            sigma = sigma[np.ix_(kept, kept)]
        elif sigma.size == y.size:
            sigma = sigma.ravel()[kept]
    return x[..., ~bad], y[..., ~bad], sigma


def bad_points(arrays: list[Array], bad: Callable[[Array], Array] = np.isnan) -> Array:
    """The points at which any array is bad: points are what all of their shapes end with.

    ValueError for shapes that do not end alike.
    """
    shapes, n = [a.shape for a in arrays], 0
    while n < min(map(len, shapes)) and len({shape[-n - 1] for shape in shapes}) == 1:
        n += 1
    if not n and any(shapes):
        raise ValueError(f"shapes {' and '.join(map(str, shapes))} have no points in common")
    return np.logical_or.reduce([bad(a).any(tuple(range(a.ndim - n))) for a in arrays])


def _weights(sigma: Any, y: Array) -> tuple[Array | None, Array | None]:
    """Weights, or the root for a covariance matrix."""
    if sigma is None:
        return None, None
    sigma = np.asarray(sigma)
    if sigma.size == 1:
        return 1.0 / sigma.reshape(()), None
    if sigma.shape in ((y.size,), y.shape):
        return (1.0 / sigma).reshape(y.shape), None
    if sigma.shape == (y.size, y.size):
        try:
            return None, np.linalg.inv(np.linalg.cholesky(sigma))
        except np.linalg.LinAlgError as error:
            raise ValueError("`sigma` must be positive definite.") from error
    raise ValueError("`sigma` has incorrect shape.")
