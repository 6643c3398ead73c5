"""Value: what formulas and rules are written over, a tensor or a symbol that stands for one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .row import OPERATORS, ROWS

_UNARY = ("neg", "pos", "abs", "invert")
_COMPARE = ("eq", "ne", "lt", "le", "gt", "ge")
_BINARY = (
    *("add", "sub", "mul", "truediv", "floordiv", "mod", "pow"),
    *("and", "or", "xor", "lshift", "rshift"),
)


class Value:
    """The base of tensors and symbols: Python's operators apply the rows that claim them.

    `_apply_row(row, args, params)` is what a row is handed to. A subclass may have quicker ways to
    all of this; whoever calls them need not know.
    """

    __slots__ = ()
    __hash__ = object.__hash__

    _apply_row: Any
    # Many parts along a dimension at once, where there is a quicker way than one by one.
    _each: Any = None
    _cut: Any = None

    def reshape(self, size: Any) -> Any:
        """Another shape; whether that is a view or a copy is all one to a rule."""
        return ROWS["view"](self, size=size)


def _operator(name: str, swapped: bool = False) -> Callable[..., Any]:
    if swapped:
        return lambda self, other: OPERATORS[name](other, self)
    return lambda self, *other: OPERATORS[name](self, *other)


for _name in (*_UNARY, *_COMPARE, *_BINARY):
    setattr(Value, f"__{_name}__", _operator(_name))
for _name in _BINARY:
    setattr(Value, f"__r{_name}__", _operator(_name, swapped=True))
