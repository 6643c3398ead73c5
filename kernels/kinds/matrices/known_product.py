"""Products of which it is known where their operands lie: what `blas.product` would choose.

`product` itself is run, on names in place of arrays, and what it calls in the end is noted. So most
of it need not be compiled: a product that BLAS does is one call.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np

from ...libraries import blas
from ...source.matrices import Problem
from ...source.writer import indent

PARAMETERS = ("gemm", "a", "b", "out")
ENDS = ("call_gemm", "rows", "sums")
MANY = 4  # from so many in a batch on they are rather a loop


class _UndecidedError(Exception):
    """What is to be done is more than a few calls."""


def text(problem: Problem, dtype: str) -> str:
    """The module of a kernel(gemm, a, b, out) that does these calls; "" where they are many."""
    found = calls(blas.gemm(dtype) != 0, problem)
    if not found:
        return ""
    known = blas.texts(blas.find().form)
    ends = dict.fromkeys(name for name, _ in found)
    lines = [blas.DECORATOR, "def kernel(gemm, a, b, out):", *indent([line for _, line in found])]
    parts = ["\n".join(blas.IMPORTS), *(known[end] for end in ends), "\n".join(lines)]
    return "\n\n\n".join(parts) + "\n"


def calls(gemm: bool, problem: Problem) -> list[tuple[str, str]]:
    """Functions of `blas.texts`, and calls of them, that are the product; none, if they are many.

    The calls mention `PARAMETERS`. `gemm`: there is a BLAS.
    """
    found: list[tuple[str, str]] = []

    def noting(name: str) -> Callable[..., None]:
        def note(*given: Any) -> None:
            found.append((name, f"{name}({', '.join(map(_text, given))})"))

        return note

    scope = {**vars(blas), **{name: noting(name) for name in ENDS}, "packed": _undecided}
    for function in (blas.by_loops, blas.by_gemm, blas.product):
        scope[function.__name__] = FunctionType(function.__code__, scope)
    p = problem
    address, a, b, out = PARAMETERS
    try:
        scope["product"](
            address if gemm else 0, p.batch, p.m, p.n, p.k, a, *p.a, b, *p.b, out, *p.out
        )
    except (_UndecidedError, OverflowError):  # steps backwards are no unsigned numbers here
        return []
    return found if len(found) <= MANY else []


def _undecided(*given: Any) -> None:
    raise _UndecidedError


def _text(x: Any) -> str:
    """An argument as source, in the type that it has within `product`."""
    match x:
        case tuple():
            return f"({', '.join(map(_text, x))})"
        case bool() | str():
            return str(x)
        case np.unsignedinteger():
            return f"np.uint64({x})"
    return f"np.int64({x})"
