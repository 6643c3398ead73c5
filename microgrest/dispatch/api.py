"""From rows to what users call: functions, methods, in-place methods and operators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..graph.arithmetic import Arithmetic, serve
from ..graph.modes import no_grad
from ..ops.folds.reduction import any as some
from ..ops.places.movement import sum_to_size
from ..ops.pointwise.convert import copy as copy_row
from ..ops.pointwise.logic import isnan
from ..ops.row import ROWS, Row
from ..tensor import Tensor
from ..tensor.methods import Methods
from .conversion import convert
from .elementwise import call
from .families import (  # noqa: F401 - they declare what rows compute
    contraction,
    gathering,
    kernels,
    movement,
    reduction,
    scan,
    selection,
    transfer,
    windows,
)
from .operands import bind
from .short_path.fast import add_in_place, binary, plus, reflected, unary, updating
from .structured import apply as apply_structured
from .writes.memory import copy

Function = Callable[..., Tensor]
FUNCTIONS: dict[str, Function] = {}
IN_PLACE: dict[str, Function] = {}
# The rows that users call, by every name that they have.
PUBLIC: dict[str, Row] = {}


def function(row: Row) -> Function:
    """The public function of an elementwise row, by the short path where the row has one."""
    if len(row.args) == 1:
        return named(unary(row), row.name, row.doc)
    if len(row.args) == 2 and not row.defaults:
        return named(binary(row), row.name, row.doc)

    def op(*args: Any, out: Tensor | None = None, **kwargs: Any) -> Tensor:
        return call(row, bind(row, args, kwargs), out=out)

    return named(op, row.name, row.doc)


def in_place(row: Row) -> Function:
    """The method name_ of an elementwise row."""
    if row.result == "bool":
        return named(_choosing(row), f"{row.name}_", f"In-place form of {row.name}.")

    def op(input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return call(row, bind(row, (input, *args), kwargs), in_place=True)

    short = len(row.args) == 2 and not row.defaults
    return named(updating(row) if short else op, f"{row.name}_", f"In-place form of {row.name}.")


def _choosing(row: Row) -> Function:
    """The in-place form of a row of bools, which are written as 0 and 1 of any dtype."""

    def op(input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        found = FUNCTIONS[row.name](input, *args, **kwargs)
        return call(copy_row, (input, found), in_place=True)

    return op


def named(op: Function, name: str, doc: str) -> Function:
    """Give a made function the name and docstring of what it does."""
    op.__name__ = op.__qualname__ = name
    op.__doc__ = doc
    return op


def attach(row: Row) -> None:
    """Enter the function of an elementwise row, and its methods and operators on Tensor."""
    op = FUNCTIONS[row.name] = row.function = function(row)
    if row.inplace:
        IN_PLACE[row.name] = in_place(row)
    if row.extra.get("internal"):
        return
    for name in (row.name, *row.extra.get("aliases", ())):
        FUNCTIONS[name], PUBLIC[name] = op, row
        if row.method:
            setattr(Methods, name, op)
        if row.inplace:
            setattr(Methods, f"{name}_", IN_PLACE[row.name])
    if row.operator:
        attach_operator(row)


def attach_operator(row: Row) -> None:
    """x + y, y + x and x += y, or the one form that a unary operator has."""
    name = row.operator
    if len(row.args) == 1:
        setattr(Methods, f"__{name}__", FUNCTIONS[row.name])
        return
    setattr(Methods, f"__{name}__", binary(row, operator=True))
    if row.result != "bool":
        setattr(Methods, f"__r{name}__", reflected(row))
        setattr(Methods, f"__i{name}__", updating(row, operator=True))


def apply_row(row: Row, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
    """What calling a row does when its arguments are tensors."""
    if row.kind == "elementwise":
        if row.function is None:  # in no table: a derivative of a user's function
            row.function = function(row)
        return row.function(*args, **params)
    if row.kind == "kernel":
        short = kernels.SHORT.get(row.name)
        results = short(*args, **params) if short else kernels.call(row, args, params)
        return results if len(results) > 1 else results[0]
    return apply_structured(row, args, params)


def _has_nan(x: Tensor) -> bool:
    """Whether an element of `x` is NaN. A compiled step, which cannot ask, is refused."""
    dims = tuple(range(x.ndim))
    with no_grad():
        return bool(apply_structured(some, (isnan(x),), {"dim": dims, "keepdim": False}).item())


for _row in ROWS.values():
    if _row.kind == "elementwise":
        attach(_row)
Tensor._apply_row = staticmethod(apply_row)
serve(
    Arithmetic(
        add=FUNCTIONS["add"],
        clone=FUNCTIONS["clone"],
        plus=plus,
        add_in_place=add_in_place,
        copy=copy,
        sum_to=lambda x, shape: apply_structured(sum_to_size, (x,), {"size": tuple(shape)}),
        as_kind=lambda x, kind: convert(x, kind.dtype, kind.device),
        has_nan=_has_nan,
    )
)
