"""NumPy's functions on tensors: the op of the same name, in the graph, or else a TypeError."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch.api import FUNCTIONS
from ..functions.products import matmul
from ..tensor import Tensor
from ..tensor.arrays import from_numpy
from ..tensor.methods import method

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


@method(name="__array_ufunc__")
def apply_ufunc(self: Tensor, ufunc: Any, how: str, *inputs: Any, **kwargs: Any) -> Any:
    """np.sin(t), np.add(a, t), array + t: our op on tensors."""
    name = UFUNCS.get(ufunc.__name__, ufunc.__name__)
    if name == "matmul":
        return matmul(*(from_numpy(a) if isinstance(a, np.ndarray) else a for a in inputs))
    if how != "__call__" or kwargs or name not in FUNCTIONS:
        raise TypeError(
            f"np.{ufunc.__name__}{'' if how == '__call__' else '.' + how}() does not take "
            "microgrest tensors; use microgrest's own function, or t.detach().numpy()"
        )
    return FUNCTIONS[name](*inputs)


@method(name="__array_function__")
def apply_function(self: Tensor, func: Any, types: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """np.sum(t) and other functions that are methods of tensors too; TypeError for the rest."""
    own = getattr(Tensor, func.__name__, None)
    if (
        own is None
        or not args
        or not isinstance(args[0], Tensor)
        or set(kwargs) - {"axis", "keepdims"}
    ):
        raise TypeError(
            f"np.{func.__name__}() does not take microgrest tensors; use microgrest's own "
            "function, or t.detach().numpy()"
        )
    renamed = {{"axis": "dim", "keepdims": "keepdim"}[k]: v for k, v in kwargs.items()}
    return own(*args, **renamed)
