"""Fitting models to data: SciPy's functions over exact derivatives and native code.

`curve_fit` and `least_squares` have SciPy's signatures, results and errors; `as_scipy` makes of a
function of tensors what `scipy.optimize.minimize` takes. `Formula` is a model of text. SciPy
itself is not needed.
"""

from __future__ import annotations

from .bridge import as_scipy as as_scipy
from .curve.curve_fit import curve_fit as curve_fit
from .many.fit_many import fit_many as fit_many
from .many.result import ManyResult as ManyResult
from .problem.results import OptimizeResult as OptimizeResult, OptimizeWarning as OptimizeWarning
from .reading.expression import Formula as Formula
from .reading.grammar import ExpressionError as ExpressionError
from .squares import least_squares as least_squares

__all__ = [
    "ExpressionError",
    "Formula",
    "ManyResult",
    "OptimizeResult",
    "OptimizeWarning",
    "as_scipy",
    "curve_fit",
    "fit_many",
    "least_squares",
]
