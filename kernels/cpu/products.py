"""Products of sizes that are known when code is written: what `blas.product` would choose.

`product` itself is run, on names in place of arrays, and what it calls in the end is noted. So most
of it need not be compiled: a product that BLAS does is one call.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np

from ..matrices import Problem
from . import blas

ENDS = ("call_gemm", "rows", "sums")
MANY = 4  # from so many in a batch on they are rather a loop


class Operand(NamedTuple):
    """What generated code calls a matrix: its array, and the pointer to it."""

    array: str
    pointer: str


class _UndecidedError(Exception):
    """What is to be done is more than a few calls."""


def calls(
    gemm: str, problem: Problem, a: Operand, b: Operand, out: Operand
) -> list[tuple[str, str]] | None:
    """Functions of `blas.texts`, and calls of them, that are the product; None if they are many.

    `gemm` is the expression of its address, or empty: there is none.
    """
    found: list[tuple[str, str]] = []

    def noting(name: str) -> Callable[..., None]:
        def note(*given: Any) -> None:
            texts = [_text(x, name == "call_gemm") for x in given]
            found.append((name, f"{name}({', '.join(texts)})"))

        return note

    scope = {**vars(blas), **{name: noting(name) for name in ENDS}, "packed": _undecided}
    for function in (blas.by_loops, blas.by_gemm, blas.product):
        scope[function.__name__] = FunctionType(function.__code__, scope)
    p = problem
    try:
        scope["product"](
            gemm or 0, p.batch, p.m, p.n, p.k, a, *p.a, b, *p.b, out, *p.out
        )
    except (_UndecidedError, OverflowError):  # steps backwards are no unsigned numbers here
        return None
    return found if len(found) <= MANY else None


def _undecided(*given: Any) -> None:
    raise _UndecidedError


def _text(x: Any, by_pointer: bool) -> str:
    """An argument as source, in the type that it has within `product`."""
    match x:
        case Operand():
            return x.pointer if by_pointer else x.array
        case tuple():
            return f"({', '.join(_text(y, by_pointer) for y in x)})"
        case bool() | str():
            return str(x)
        case np.unsignedinteger():
            return f"np.uint64({x})"
    return f"np.int64({x})"
