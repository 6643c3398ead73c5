"""NumPy's functions on tensors: the op of the same name, in the graph, or else a TypeError."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from ..creation import as_tensor
from ..dispatch.api import FUNCTIONS, PUBLIC
from ..functions.matrices.products import matmul
from ..tensor import Tensor
from ..tensor.arrays import read
from ..tensor.methods import method
from ..types.dtypes import float64
from .numpy_functions import BY_FUNCTION

# NumPy's names where they differ from PyTorch's.
UFUNCS = {
    "arctan2": "atan2",
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "arcsinh": "asinh",
    "arccosh": "acosh",
    "arctanh": "atanh",
    "power": "pow",
    "absolute": "abs",
    "rint": "round",
    "true_divide": "div",
    "greater": "gt",
    "greater_equal": "ge",
    "less": "lt",
    "less_equal": "le",
    "equal": "eq",
    "not_equal": "ne",
    "invert": "bitwise_not",
    "degrees": "rad2deg",
    "radians": "deg2rad",
}
# Ufuncs of SciPy whose row has another name.
SCIPY = {"expit": "sigmoid", "gammaln": "lgamma", "psi": "digamma"}


@method(name="__array_ufunc__")
def apply_ufunc(self: Tensor, ufunc: Any, how: str, *inputs: Any, **kwargs: Any) -> Any:
    """np.sin(t), np.add(a, t), array + t: our op on tensors."""
    name = UFUNCS.get(ufunc.__name__, SCIPY.get(ufunc.__name__, ufunc.__name__))
    if name == "matmul":
        return matmul(*(read(a) if isinstance(a, np.ndarray) else a for a in inputs))
    if how != "__call__" or kwargs or name not in PUBLIC:
        raise TypeError(
            f"{_called(ufunc)}{'' if how == '__call__' else '.' + how}() does not take "
            "microgrest tensors; use microgrest's own function, or t.detach().numpy()"
        )
    row = PUBLIC[name]
    given = zip(row.args, inputs, strict=False)
    return FUNCTIONS[name](*(_tensor(x) if arg in row.tensors else x for arg, x in given))


def _tensor(x: Any) -> Any:
    """A number as a tensor, where a function takes no numbers: a float in all of its digits."""
    if isinstance(x, (Tensor, np.ndarray)):
        return x
    return as_tensor(x, dtype=float64 if isinstance(x, float) else None)


@method(name="__array_function__")
def apply_function(self: Tensor, func: Any, types: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """np.sum(t) and others that `numpy_functions` has; TypeError for the rest."""
    own = BY_FUNCTION.get(func)
    try:
        if own is not None:
            inspect.signature(own).bind(*args, **kwargs)
            return own(*args, **kwargs)
        reason = ""
    except TypeError as error:
        reason = f" so ({error})"
    raise TypeError(
        f"{_called(func)}() does not take microgrest tensors{reason}; use microgrest's own "
        "function, or t.detach().numpy()"
    )


def _called(f: Any) -> str:
    """A function as users write it; ufuncs of SciPy do not say where they live."""
    name: str = f.__name__
    home = getattr(f, "__module__", None) or ("np" if getattr(np, name, None) is f else "")
    return f"{home}.{name}".removeprefix(".").replace("numpy", "np", 1)
