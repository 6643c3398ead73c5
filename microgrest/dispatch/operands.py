"""Operands: what a call was given, bound to names, made tensors and numbers, and checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ops.row import Row
from ..tensor import Tensor
from ..tensor.arrays import from_numpy, read
from ..types import dtypes
from ..types.dtypes import dtype
from .common import check_width

# What operators take; of anything else Python asks the other operand's type.
OPERANDS = (Tensor, int, float, np.generic, np.ndarray)
# PyTorch's names for the first two arguments.
SPELLED = ("input", "other")


def bind(row: Row, args: Sequence[Any], kwargs: dict[str, Any]) -> list[Any]:
    """Arguments in the row's order; the first two also answer to PyTorch's `input` and `other`."""
    values = dict(zip(row.args, args, strict=False))
    for key, value in kwargs.items():
        name = key
        if key not in row.args and key in SPELLED:
            name = row.args[SPELLED.index(key)]
        if name not in row.args or name in values:
            raise TypeError(
                f"{row.name}() got an unexpected argument {key!r}; it takes {', '.join(row.args)}"
            )
        values[name] = value
    values = row.defaults | values
    missing = [name for name in row.args if name not in values]
    if missing:
        raise TypeError(f"{row.name}() missing required arguments: {', '.join(missing)}")
    if len(args) > len(row.args):
        raise TypeError(
            f"{row.name}() takes {', '.join(row.args)}, but {len(args)} arguments were given"
        )
    return [values[name] for name in row.args]


def operands(row: Row, args: Sequence[Any]) -> list[Any]:
    """`args` as tensors and Python numbers; TypeError for what `row` does not take."""
    made = [
        a if isinstance(a, Tensor) and name not in row.defaults else operand(row, name, a)
        for name, a in zip(row.args, args, strict=True)
    ]
    if not any(isinstance(a, Tensor) for a in made):
        made[0] = from_numpy(np.array(made[0], dtypes.of_number(made[0]).numpy))
    return made


def operand(row: Row, name: str, a: Any) -> Any:
    """`a` as a tensor or a Python number; TypeError for what `row` does not take there."""
    if isinstance(a, Tensor):
        if a._shape or a._requires_grad:
            raise TypeError(f"{row.name}(): argument {name!r} must be Number, not Tensor")
        return a.item()
    if isinstance(a, np.ndarray):
        return read(a)
    if isinstance(a, np.generic):
        a = a.item()
    if not isinstance(a, (int, float)) or name in row.tensors:
        i = row.args.index(name)
        called = SPELLED[i] if i == 0 or len(row.args) == 2 else name
        wanted = "Tensor" if name in row.tensors else "a Tensor or a number"
        raise TypeError(
            f"{row.name}(): argument {called!r} (position {i + 1}) must be {wanted}, not "
            f"{type(a).__name__}"
        )
    check_width(f"{row.name}()", a)
    return a


def promote(row: Row, args: Sequence[Any]) -> dtype:
    """What the types of `args` promote to, as in PyTorch."""
    dimensioned: list[dtype] = []
    zero_dim: list[dtype] = []
    numbers: list[dtype] = []
    for name, a in zip(row.args, args, strict=True):
        if name in row.unpromoted:
            continue
        if isinstance(a, Tensor):
            (dimensioned if a._shape else zero_dim).append(a._kind.dtype)
        elif name not in row.defaults:
            numbers.append(dtypes.of_number(a))
    if row.integer == "!":
        row.check_floating(dtypes.result_of(dimensioned, zero_dim, ()))
    return dtypes.result_of(dimensioned, zero_dim, numbers)
