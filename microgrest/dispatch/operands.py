"""Operands: what a call was given, bound to names, made tensors and numbers, and checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ops.row import Row
from ..recording import state
from ..tensor import Tensor
from ..tensor.arrays import from_numpy
from ..types import dtypes
from ..types.dtypes import FLOATING, bool_, dtype, float16
from .common import check_range, check_width

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
        return from_numpy(a)
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


# Types and values


def check_types(row: Row, args: Sequence[Any]) -> None:
    """RuntimeError for types that `row` does not take."""
    if "bools" in row.extra and any(_is_bool(a) for a in args):
        raise RuntimeError(row.extra["bools"])
    if "whole" in row.extra and not any(_is_floating(a) for a in args[1:3]):
        raise RuntimeError(row.extra["whole"])
    if "alike" in row.extra:
        _check_alike(row, args)
    if "scale" in row.extra:
        _check_alpha(args[row.args.index(row.extra["scale"])], promote(row, args))


def check_values(row: Row, args: Sequence[Any], compute: dtype) -> None:
    """RuntimeError for values that `row`, which computes in `compute`, does not take."""
    floating = compute.category == FLOATING
    # Of two floating-point operands the short path looks at none, and infinity bounds as well.
    if compute is not float16 and not (floating and len(args) == 2):
        for name in row.fits:
            number = args[row.args.index(name)]
            if not isinstance(number, Tensor):
                check_range(compute, number, number)
    if "divisor" in row.extra and args[row.args.index(row.extra["divisor"])] == 0:
        raise RuntimeError(f"ZeroDivisionError: {row.extra['divisor']} cannot be 0 for {row.name}")
    if floating:
        return
    if "exponent" in row.extra:
        exponent = args[row.args.index(row.extra["exponent"])]
        if not isinstance(exponent, Tensor):
            if exponent < 0:
                raise RuntimeError("Integers to negative integer powers are not allowed.")
            check_range(compute, exponent, exponent)
    if "nonzero" in row.extra:
        _check_divisor(row.name, args, args[row.args.index(row.extra["nonzero"])], compute)


def _check_alike(row: Row, args: Sequence[Any]) -> None:
    for name, a in zip(row.args, args, strict=True):
        alike = not isinstance(a, Tensor) or a.dtype is args[0].dtype
        if not alike and (name != "weight" or a._shape):
            raise RuntimeError(
                f"{row.name}(): expected dtype {args[0].dtype!r} for `{name}` but got dtype "
                f"{a.dtype!r}"
            )


def _check_alpha(alpha: Any, promoted: dtype) -> None:
    if isinstance(alpha, float) and promoted.category != FLOATING:
        raise RuntimeError(
            "For integral input tensors, argument alpha must not be a floating point number."
        )
    if isinstance(alpha, bool) and promoted is not bool_:
        raise RuntimeError("Boolean alpha only supported for Boolean results.")


def _is_bool(a: Any) -> bool:
    return a._kind.dtype is bool_ if isinstance(a, Tensor) else isinstance(a, bool)


def _is_floating(a: Any) -> bool:
    return isinstance(a, Tensor) and a._kind.dtype.is_floating_point


def _check_divisor(name: str, args: Sequence[Any], divisor: Any, compute: dtype) -> None:
    """RuntimeError for an integer division by zero, once the divisor has its type."""
    if any(isinstance(a, Tensor) and not a.numel() for a in args):
        return
    if not isinstance(divisor, Tensor):
        zero = not divisor % (1 << 8 * compute.itemsize)
    else:
        if state.recorder is not None:
            state.recorder.refuse(
                f"{name}() looks for zeros among the integers that it divides by",
                "divide by a number, or convert to floating-point numbers before",
            )
        zero = not divisor.detach().to(compute).all()
    if zero:
        raise RuntimeError("ZeroDivisionError: integer division or remainder by zero")
