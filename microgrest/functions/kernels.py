"""The functions of rows whose kernel is a kind, made of the rows."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import cache
from types import NoneType
from typing import Any

from .. import return_types
from ..dispatch.families.kernels import SHORT, call
from ..dispatch.writes.target import store
from ..ops.row import ROWS, Row
from ..tensor import Tensor
from ..tensor.methods import Methods
from .aliases import NAMES
from .remembered import remembered

FUNCTIONS: dict[str, Callable[..., Any]] = {}
# What annotations of a row's function stand for.
TYPES: dict[str, tuple[type, ...]] = {
    "Tensor": (Tensor,),
    "Operand": (Tensor, int, float),
    "bool": (bool,),
    "int": (int,),
    "float": (float, int),
    "str": (str,),
    "None": (NoneType,),
}


def function(row: Row) -> Callable[..., Any]:
    """The function that users call: what it is given is bound, looked at, and computed with."""
    several = getattr(return_types, row.name) if row.extra["returns"] else None
    short = SHORT.get(row.name)

    def op(*args: Any, out: Any = None, **kwargs: Any) -> Any:
        options = bound(row, args, kwargs)
        inputs = [options.pop(name) for name in row.extra["inputs"]]
        if "dim" in options:
            options["dim"] = inputs[0]._dim(options["dim"])
        found = short(*inputs, **options) if short else call(row, inputs, options)
        result = several(*found) if several else found[0]
        return result if out is None else store(row.name, out, result, same=True)

    op.__name__ = op.__qualname__ = row.name
    op.__doc__, op.__signature__ = row.doc, with_out(row)  # type: ignore[attr-defined]
    return remembered(op, len(row.extra["inputs"])) if short else op


def bound(row: Row, args: Sequence[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """What was given, by name, and defaults; TypeError for what `row` does not take.

    Python's own binding takes twice as long as a small kernel, and has the words for errors.
    """
    positions, defaults, types = parameters(row)
    named = {NAMES.get(name, name): value for name, value in kwargs.items()} if kwargs else kwargs
    first = dict(zip(positions, args, strict=False))
    given = defaults | first | named
    whole = given.keys() == types.keys() and len(first) == len(args)
    if not whole or not first.keys().isdisjoint(named):
        try:
            row.extra["signature"].bind(*args, **named)
        except TypeError as error:
            raise TypeError(f"{row.name}(): {error}") from None
    for name, accepted in types.items():
        value = given[name]
        if not isinstance(value, accepted) or (value.__class__ is bool and int in accepted[:1]):
            raise _unlike(row, name, value)
    return given


def with_out(row: Row) -> inspect.Signature:
    """The signature of a row's function, with `out`, and with what users get."""
    own: inspect.Signature = row.extra["signature"]
    result, into = ("Any", "Any") if row.extra["returns"] else ("Tensor", "Tensor | None")
    out = inspect.Parameter("out", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=into)
    return own.replace(parameters=[*own.parameters.values(), out], return_annotation=result)


@cache
def parameters(row: Row) -> tuple[list[str], dict[str, Any], dict[str, tuple[type, ...]]]:
    """The names of what may come by position, all defaults, and the types of all."""
    known = row.extra["signature"].parameters.values()
    return (
        [p.name for p in known if p.kind is not p.KEYWORD_ONLY],
        {p.name: p.default for p in known if p.default is not p.empty},
        {p.name: sum((TYPES[t] for t in p.annotation.split(" | ")), ()) for p in known},
    )


def _unlike(row: Row, name: str, value: Any) -> TypeError:
    position = [*row.extra["signature"].parameters].index(name) + 1
    wanted = row.extra["signature"].parameters[name].annotation
    return TypeError(
        f"{row.name}(): argument {name!r} (position {position}) must be {wanted}, not "
        f"{type(value).__name__}"
    )


for _row in ROWS.values():
    if _row.kind == "kernel" and not _row.extra["internal"]:
        FUNCTIONS[_row.name] = function(_row)
        if _row.method:
            setattr(Methods, _row.name, FUNCTIONS[_row.name])
