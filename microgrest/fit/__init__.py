"""Fitting models to data: SciPy's functions over exact derivatives and native code.

`curve_fit` and `least_squares` have SciPy's signatures, results and errors; `as_scipy` makes of a
function of tensors what `scipy.optimize.minimize` takes. SciPy itself is not needed.
"""

from __future__ import annotations

from .bridge import as_scipy as as_scipy
from .curve import curve_fit as curve_fit
from .many import fit_many as fit_many
from .many_result import ManyResult as ManyResult
from .results import OptimizeResult as OptimizeResult, OptimizeWarning as OptimizeWarning
from .squares import least_squares as least_squares

__all__ = [
    "ManyResult",
    "OptimizeResult",
    "OptimizeWarning",
    "as_scipy",
    "curve_fit",
    "fit_many",
    "least_squares",
]
