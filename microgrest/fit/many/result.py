"""What `fit_many` gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..curve.run import CONVERGED

Array = Any
MESSAGES = {
    -1: "was not fitted",
    0: "cannot be fitted: not finite, too few points, or begun outside of the bounds",
    1: "converged: the sum of squares falls no more",
    2: "converged: the parameters move no more",
    3: "converged: neither moves any more",
    4: "converged: the gradient is zero",
    5: "too many evaluations",
    6: "stopped: ftol is too small",
    7: "stopped: xtol is too small",
    8: "stopped: gtol is too small",
}


@dataclass(eq=False)
class ManyResult:
    """Arrays with a row for each curve.

    `popt` and `perr` (curves, n): parameters and their standard errors; `chisqr`, the sum of
    squares of weighted residuals, or what a loss makes of it, and `free`, points less parameters;
    `nfev`, evaluations; `status`, MINPACK's number, 1 to 4 converged, -1 where a fit was not
    reached. `pcov` (curves, n, n) where it was asked for.
    """

    popt: Array
    perr: Array
    chisqr: Array
    free: Array
    nfev: Array
    status: Array
    pcov: Array | None = None
    done: int = 0
    interrupted: bool = False

    @classmethod
    def empty(cls, curves: int, n: int, pcov: bool) -> ManyResult:
        """Of curves that are not fitted."""
        missing = np.full((curves, n), np.nan)
        return cls(
            missing,
            missing.copy(),
            np.full(curves, np.nan),
            np.zeros(curves, np.int64),
            np.zeros(curves, np.int64),
            np.full(curves, -1),
            np.full((curves, n, n), np.nan) if pcov else None,
        )

    def take(self, start: int, stop: int, found: dict[str, Array]) -> None:
        """Take over what was found of the curves from start to stop - 1."""
        for name, part in found.items():
            getattr(self, name)[start:stop] = part
        self.done = stop

    def __len__(self) -> int:
        return len(self.status)

    @property
    def success(self) -> Array:
        """Which curves converged."""
        return np.isin(self.status, CONVERGED)

    @property
    def redchi(self) -> Array:
        """`chisqr` for each degree of freedom."""
        with np.errstate(all="ignore"):
            return np.where(self.free > 0, self.chisqr / self.free, np.nan)

    def message(self, curve: int) -> str:
        """How a curve's fit ended, in words."""
        return MESSAGES[int(self.status[curve])]

    def __repr__(self) -> str:
        n = self.popt.shape[1]
        good = int(self.success.sum())
        stopped = f", interrupted after {self.done}" if self.interrupted else ""
        return f"<fits of {len(self)} curves, {n} parameters: {good} converged{stopped}>"
