"""What fits give back and say: SciPy's results, messages and warnings, without SciPy."""

from __future__ import annotations

import sys
import warnings
from typing import Any

# MINPACK's numbers for how a fit ended, as `least_squares` has them.
COMMON = {0: -1, 1: 2, 2: 3, 3: 4, 4: 1, 5: 0, 6: 2, 7: 3, 8: 1}
TERMINATION = {
    -2: "Stopped because `callback` function raised `StopIteration` or returned `True`",
    -1: "Improper input parameters status returned from `leastsq`",
    0: "The maximum number of function evaluations is exceeded.",
    1: "`gtol` termination condition is satisfied.",
    2: "`ftol` termination condition is satisfied.",
    3: "`xtol` termination condition is satisfied.",
    4: "Both `ftol` and `xtol` termination conditions are satisfied.",
}


class OptimizeWarning(UserWarning):
    """A fit's doubts about its result. Where SciPy is imported, its class of that name is used."""


class OptimizeResult(dict[str, Any]):
    """A dict whose items are attributes, too, as SciPy's."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        try:
            del self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __dir__(self) -> list[str]:
        return list(self)

    def __repr__(self) -> str:
        width = max(map(len, self), default=0)
        return "\n".join(_item(name, self[name], width) for name in sorted(self))


def _item(name: str, value: Any, width: int) -> str:
    lines = repr(value).split("\n")
    return f"\n{' ' * (width + 2)}".join([f"{name:>{width}}: {lines[0]}", *lines[1:]])


def warn(message: str, stacklevel: int = 3) -> None:
    """Warn of a doubtful result."""
    warnings.warn(message, warning_class(), stacklevel=stacklevel)


def warning_class() -> type[Warning]:
    """The class of doubts as things are now: SciPy's, where that is imported."""
    optimize = sys.modules.get("scipy.optimize")
    found: type[Warning] = getattr(optimize, "OptimizeWarning", OptimizeWarning)
    return found


def minpack_message(status: int, ftol: float, xtol: float, gtol: float, most: int) -> str:
    """What `leastsq` says of MINPACK's number."""
    actual = (
        "Both actual and predicted relative reductions in the sum of squares\n"
        f"  are at most {ftol:f}"
    )
    steps = f"The relative error between two consecutive iterates is at most {xtol:f}"
    return {
        0: "Improper input parameters.",
        1: actual,
        2: steps,
        3: f"{actual} and the relative error between two consecutive iterates is at \n"
        f"  most {xtol:f}",
        4: f"The cosine of the angle between func(x) and any column of the\n  Jacobian is at most "
        f"{gtol:f} in absolute value",
        5: f"Number of calls to function has reached maxfev = {most}.",
        6: f"ftol={ftol:f} is too small, no further reduction in the sum of squares\n"
        "  is possible.",
        7: f"xtol={xtol:f} is too small, no further improvement in the approximate\n"
        "  solution is possible.",
        8: f"gtol={gtol:f} is too small, func(x) is orthogonal to the columns of\n"
        "  the Jacobian to machine precision.",
    }[status]
