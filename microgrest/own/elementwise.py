"""`elementwise`: a scalar function of plain Python becomes an op."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..dispatch.api import function as function_of
from ..dispatch.short_path.several import several
from ..tensor import Tensor
from .source import arguments, python_function
from .traced import OwnRow, Traced, traced


def elementwise(function: Callable[..., Any]) -> Callable[..., Tensor]:
    """Make an op of a scalar function of plain Python: a kernel forward, and one back, derived.

        @microgrest.elementwise
        def lorentz(x, center, width=1.0):
            z = (x - center) / width
            return 1 / (1 + z * z)

    The op takes tensors, which broadcast and promote as those of any op, arrays and numbers;
    integers and bools become floating-point numbers, and a function that returns a comparison gives
    bools. Its derivatives of every order come out of the function, and of an `if` only the arm
    that was taken counts. It runs on every device, is fused in compiled steps, and takes `out=`.

    The function may use arithmetic, comparisons, `and`, `or`, `not`, `if` in any form, local
    variables, loops over constants, functions of `math`, NumPy and this library that work element
    by element, other such ops, and plain functions that do the same. It is read once, now: what it
    takes from globals or closures has to be a number, or functions or tuples of these, and stays as
    it is now, whatever is assigned later. Nothing of it runs: it prints nothing and raises nothing.

    NotImplementedError, with the line, for what cannot be read; TypeError for what is no such
    function; OSError where the source cannot be found.
    """
    if isinstance(getattr(function, "traced", None), Traced):
        return function
    found = traced(function, what="elementwise")
    original = python_function(function, "elementwise")
    args = tuple(found.names)
    row = OwnRow(found.name, args, found.inputs, found.result, original.__doc__ or "")
    count = len(args)
    row.function = call = several(row) if count > 2 else function_of(row)

    def op(*args: Any, out: Tensor | None = None, **named: Any) -> Tensor:
        if named or len(args) != count:
            args = tuple(arguments(original, "elementwise", args, named))
        return call(*args, out=out)

    op.__name__ = op.__qualname__ = original.__name__
    op.__doc__, op.__wrapped__ = original.__doc__, original  # type: ignore[attr-defined]
    op.row, op.traced = row, found  # type: ignore[attr-defined]
    return op
