"""From rows to what users call: functions, methods, in-place methods and operators."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..methods import Methods
from ..ops.row import ROWS, Row
from ..tensor import Tensor
from . import (  # noqa: F401 - they declare families
    contraction,
    gathering,
    movement,
    reduction,
    transfer,
)
from .elementwise import apply
from .fast import add_in_place, binary, into, plus, reflected, unary, updating
from .inplace import apply_in_place
from .structured import apply as apply_structured

Function = Callable[..., Tensor]
FUNCTIONS: dict[str, Function] = {}
# The rows that users call, by every name that they have.
PUBLIC: dict[str, Row] = {}
COMPARABLE = (Tensor, int, float, np.generic, np.ndarray)


def bind(row: Row, args: Sequence[Any], kwargs: dict[str, Any]) -> list[Any]:
    """Arguments in the row's order; the first two also answer to PyTorch's `input` and `other`."""
    values = dict(zip(row.args, args, strict=False))
    for key, value in kwargs.items():
        name = key
        if key not in row.args and key in ("input", "other"):
            name = row.args[("input", "other").index(key)]
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


def function(row: Row) -> Function:
    """The public function of an elementwise row, by the short path where the row has one."""
    if len(row.args) == 1:
        return named(unary(row), row.name, row.doc)
    if len(row.args) == 2 and not row.defaults:
        return named(binary(row), row.name, row.doc)

    def op(*args: Any, out: Tensor | None = None, **kwargs: Any) -> Tensor:
        result = apply(row, bind(row, args, kwargs))
        return result if out is None else into(out, result)

    return named(op, row.name, row.doc)


def in_place(row: Row) -> Function:
    """The method name_ of an elementwise row."""
    if len(row.args) == 2 and not row.defaults:
        return named(updating(row), f"{row.name}_", f"In-place form of {row.name}.")

    def op(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return apply_in_place(row, self, bind(row, (self, *args), kwargs)[1:])

    return named(op, f"{row.name}_", f"In-place form of {row.name}.")


def named(op: Function, name: str, doc: str) -> Function:
    """Give a made function the name and docstring of what it does."""
    op.__name__ = op.__qualname__ = name
    op.__doc__ = doc
    return op


def attach(row: Row) -> None:
    """Enter the function of an elementwise row, and its methods and operators on Tensor."""
    op = FUNCTIONS[row.name] = function(row)
    if row.extra.get("internal"):
        return
    for name in (row.name, *row.extra.get("aliases", ())):
        FUNCTIONS[name], PUBLIC[name] = op, row
        if row.method:
            setattr(Methods, name, op)
        if row.inplace:
            setattr(Methods, f"{name}_", in_place(row))
    if row.operator:
        attach_operator(row, op)


def attach_operator(row: Row, op: Function) -> None:
    """x + y, y + x and x += y, or the one form that a unary operator has."""
    name = row.operator

    def compared(self: Tensor, other: Any) -> Any:
        return op(self, other) if isinstance(other, COMPARABLE) else NotImplemented

    setattr(Methods, f"__{name}__", compared if name in ("eq", "ne") else op)
    if len(row.args) == 2 and row.result != "bool":
        setattr(Methods, f"__r{name}__", reflected(row))
        setattr(Methods, f"__i{name}__", updating(row))


def apply_row(row: Row, args: tuple[Any, ...], params: dict[str, Any]) -> Tensor:
    """What calling a row does when its arguments are tensors."""
    if row.kind == "elementwise":
        return FUNCTIONS[row.name](*args, **params)
    return apply_structured(row, args, params)


Tensor._apply_row = staticmethod(apply_row)  # type: ignore[attr-defined]
Tensor._add_in_place = add_in_place  # type: ignore[attr-defined]
Tensor._plus = plus  # type: ignore[attr-defined]
for _row in ROWS.values():
    if _row.kind == "elementwise":
        attach(_row)
