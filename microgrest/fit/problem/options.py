"""Losses, scales and tolerances: as users give them, and what SciPy says of those that are none."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernels.fits.algorithm import losses_by_numpy

Array = Any
EPSILON = float(np.finfo(float).eps)


def checked_loss(loss: Any, method: str) -> int:
    """The number of a loss; that of none for one that a user wrote."""
    if not callable(loss) and (not isinstance(loss, str) or loss not in losses_by_numpy.NUMBERS):
        raise ValueError(
            f"`loss` must be one of {list(losses_by_numpy.NUMBERS)} or a callable, not {loss!r}."
        )
    if method == "lm" and loss != "linear":
        raise ValueError("method='lm' supports only 'linear' loss function.")
    return 0 if callable(loss) else losses_by_numpy.NUMBERS[loss]


def checked_margin(f_scale: Any) -> float:
    """Where a loss begins to count residuals for less; ValueError for what is no such number."""
    if not (np.ndim(f_scale) == 0 and f_scale > 0 and np.isfinite(f_scale)):
        raise ValueError(f"`f_scale` must be a positive, finite number, not {f_scale!r}.")
    return float(f_scale)


def checked_scale(scale: Any, x0: Array, method: str) -> Any:
    """Scales of the parameters, "jac" or an array."""
    if scale is None:
        scale = "jac" if method == "lm" else 1.0
    if isinstance(scale, str) and scale == "jac":
        return scale
    try:
        scale = np.asarray(scale, dtype=float)
        valid = bool(np.all(np.isfinite(scale)) and np.all(scale > 0))
    except (ValueError, TypeError):
        valid = False
    if not valid:
        raise ValueError("`x_scale` must be 'jac' or array_like with positive numbers.")
    if scale.ndim == 0:
        scale = np.resize(scale, x0.shape)
    if scale.shape != x0.shape:
        raise ValueError("Inconsistent shapes between `x_scale` and `x0`.")
    return scale


def checked_tolerances(given: Mapping[str, Any], method: str) -> tuple[float, float, float]:
    """(ftol, xtol, gtol), of which None is 0, and so is what is not given."""
    for name, value in given.items():
        if value is not None and value < EPSILON:
            warnings.warn(
                f"Setting `{name}` below the machine epsilon ({EPSILON:.2e}) effectively disables "
                "the corresponding termination condition.",
                stacklevel=4,
            )
    found = [float(given.get(name) or 0.0) for name in ("ftol", "xtol", "gtol")]
    if method == "lm" and min(found) < EPSILON:
        raise ValueError(
            f"All tolerances must be higher than machine epsilon ({EPSILON:.2e}) for method 'lm'."
        )
    if max(found) < EPSILON:
        raise ValueError(
            f"At least one of the tolerances must be higher than machine epsilon ({EPSILON:.2e})."
        )
    return found[0], found[1], found[2]
