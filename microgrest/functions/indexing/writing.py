"""Writes at flat positions, as functions and in place: one plan serves both."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple, ParamSpec

from ...creation import full
from ...dispatch.common import number_as
from ...dispatch.elementwise import call
from ...dispatch.families.gathering import put, put_slices
from ...dispatch.structured import apply
from ...dispatch.writes.target import check_writable
from ...ops.pointwise.convert import copy as copy_row
from ...ops.row import Row
from ...tensor import Tensor
from ...tensor.methods import method
from ..views.shapes import expand, reshape

P = ParamSpec("P")


class Write(NamedTuple):
    """`source`, which broadcasts to the positions `places`, written, or added, there.

    With a `dim` it is slices along that, and `places` are their numbers.
    """

    row: Row
    source: Tensor
    places: Tensor
    accumulate: bool = False
    dim: int | None = None


def written(x: Tensor, plan: Write) -> Tensor:
    """A copy of `x` after the write."""
    row, source, places, accumulate, dim = plan
    if dim is not None:
        return apply(row, (x, source, places), {"dim": dim, "accumulate": accumulate})
    if source._shape != places._shape:
        source = expand(source, places._shape)
    flat = source if source.ndim == 1 else reshape(source, -1)
    return apply(row, (x, flat, places), {"accumulate": accumulate})


def writing(plan: Callable[P, Write | Tensor]) -> Callable[P, Tensor]:
    """The function that does what `plan` says, and attach it and its in-place form to Tensor.

    A plan that is the result itself is copied to the tensor in place.
    """

    @wraps(plan)
    def function(*args: Any, **kwargs: Any) -> Tensor:
        found, x = plan(*args, **kwargs), args[0] if args else kwargs["input"]
        return found if isinstance(found, Tensor) else written(x, found)

    @wraps(plan)
    def in_place(input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        wanted = any(isinstance(a, Tensor) and a._requires_grad for a in (input, *args))
        x = input.clone() if copied and wanted else input  # a rule may read what it was
        try:
            found = plan(x, *args, **kwargs)  # type: ignore[arg-type]
        except (IndexError, RuntimeError):
            check_writable(plan.__name__, input)  # of two errors PyTorch has this one
            raise
        if isinstance(found, Tensor):
            return call(copy_row, (input, found), in_place=True)
        row, source, places, accumulate, dim = found
        if dim is None:
            put(input, source, places, accumulate, row, plan.__name__)
        else:
            name = plan.__name__
            put_slices(input, source, places, row, name, dim=dim, accumulate=accumulate)
        return input

    copied = inspect.signature(plan).return_annotation != "Write"
    signature = inspect.signature(plan).replace(return_annotation="Tensor")
    for made in (function, in_place):
        made.__signature__ = signature  # type: ignore[attr-defined]
    method(function)
    method(name=f"{plan.__name__}_")(in_place)
    return function


def number(x: Tensor, value: Any) -> Tensor:
    """A number as a 0-d tensor beside `x`, of its type."""
    return full((), number_as(x.dtype, value), dtype=x.dtype, device=x.device)


def check_tensors(name: str, **given: Any) -> None:
    """TypeError unless all that was given is a tensor."""
    for argument, value in given.items():
        if not isinstance(value, Tensor):
            raise TypeError(
                f"{name}(): argument {argument!r} must be Tensor, not {type(value).__name__}"
            )


def same_type(name: str, x: Tensor, source: Tensor) -> Tensor:
    """`source` if it is of the type of `x`, else RuntimeError."""
    if source.dtype is not x.dtype:
        raise RuntimeError(
            f"{name}(): Expected self.dtype to be equal to src.dtype, but got {x.dtype!r} and "
            f"{source.dtype!r}"
        )
    return source
