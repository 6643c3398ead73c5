"""The functions of rows whose kernel is a kind, made of the rows."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import NoneType
from typing import Any

from .. import return_types
from ..dispatch.kernels import call
from ..dispatch.target import store
from ..methods import Methods
from ..ops.row import ROWS, Row
from ..tensor import Tensor
from .aliases import NAMES

FUNCTIONS: dict[str, Callable[..., Any]] = {}
# What annotations of a row's function stand for.
TYPES: dict[str, tuple[type, ...]] = {
    "Tensor": (Tensor,),
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
    "str": (str,),
    "None": (NoneType,),
}


def function(row: Row) -> Callable[..., Any]:
    """The function that users call: what it is given is bound, looked at, and computed with."""
    own: inspect.Signature = row.extra["signature"]
    signature = with_out(own, "Any" if row.extra["returns"] else "Tensor")
    types = {p.name: accepted(p) for p in own.parameters.values()}
    several = getattr(return_types, row.name) if row.extra["returns"] else None

    def op(*args: Any, out: Any = None, **kwargs: Any) -> Any:
        given = own.bind(*args, **{NAMES.get(name, name): value for name, value in kwargs.items()})
        given.apply_defaults()
        options = given.arguments
        for name, value in options.items():
            if not isinstance(value, types[name]) or (value.__class__ is bool and bool not in types[name]):
                raise _unlike(row, name, value)
        inputs = [options.pop(name) for name in row.extra["inputs"]]
        if "dim" in options:
            options["dim"] = inputs[0]._dim(options["dim"])
        found = call(row, inputs, options)
        result = several(*found) if several else found[0]
        return result if out is None else store(row.name, out, result, same=True)

    op.__name__ = op.__qualname__ = row.name
    op.__doc__, op.__signature__ = row.doc, signature  # type: ignore[attr-defined]
    return op


def with_out(own: inspect.Signature, result: str) -> inspect.Signature:
    """The signature of a row's function with `out`, and with what users get."""
    out = inspect.Parameter("out", inspect.Parameter.KEYWORD_ONLY, default=None, annotation="Any")
    return own.replace(parameters=[*own.parameters.values(), out], return_annotation=result)


def accepted(parameter: inspect.Parameter) -> tuple[type, ...]:
    """The types of a parameter's values."""
    return sum((TYPES[name] for name in str(parameter.annotation).split(" | ")), ())


def _unlike(row: Row, name: str, value: Any) -> TypeError:
    position = [*row.extra["signature"].parameters].index(name) + 1
    wanted = row.extra["signature"].parameters[name].annotation
    return TypeError(
        f"{row.name}(): argument {name!r} (position {position}) must be {wanted}, not "
        f"{type(value).__name__}"
    )


for _row in ROWS.values():
    if _row.kind == "kernel":
        FUNCTIONS[_row.name] = function(_row)
        if _row.method:
            setattr(Methods, _row.name, FUNCTIONS[_row.name])
