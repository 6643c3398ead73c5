"""Fitting models to data: SciPy's functions over exact derivatives and native code.

`curve_fit` and `least_squares` have SciPy's signatures, results and errors; `as_scipy` makes of a
function of tensors what `scipy.optimize.minimize` takes. `Model` gives parameters
names, bounds and ties, and its results errors, intervals and reports; `ready` has models by name;
`Formula` is a model of text. SciPy itself is not needed.
"""

from __future__ import annotations

from .bridge import as_scipy as as_scipy
from .curve.curve_fit import curve_fit as curve_fit
from .many.fit_many import fit_many as fit_many
from .many.result import ManyResult as ManyResult
from .model.definition import Model as Model
from .model.parameters import Parameter as Parameter, Parameters as Parameters
from .model.ready import ready as ready
from .model.result import ModelResult as ModelResult
from .model.sets import fit_sets as fit_sets
from .problem.results import OptimizeResult as OptimizeResult, OptimizeWarning as OptimizeWarning
from .reading.expression import Formula as Formula
from .reading.grammar import ExpressionError as ExpressionError
from .squares import least_squares as least_squares

__all__ = [
    "ExpressionError",
    "Formula",
    "ManyResult",
    "Model",
    "ModelResult",
    "OptimizeResult",
    "OptimizeWarning",
    "Parameter",
    "Parameters",
    "as_scipy",
    "curve_fit",
    "fit_many",
    "fit_sets",
    "least_squares",
    "ready",
]
