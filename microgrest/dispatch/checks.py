"""What a row refuses, once its operands are tensors and numbers: types, and values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..ops.folds.reduction import all as every
from ..ops.row import Row
from ..recording import state
from ..tensor import Tensor
from ..types.dtypes import FLOATING, bool_, dtype, float16
from .common import check_range
from .operands import promote
from .writes.memory import converted


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
        dims = tuple(range(divisor.ndim))
        zero = not every(converted(divisor, compute), dim=dims, keepdim=False).item()
    if zero:
        raise RuntimeError("ZeroDivisionError: integer division or remainder by zero")
