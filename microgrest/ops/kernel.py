"""Rows whose kernel is a kind of `kernels.kinds`, each a function from what is given to a call.

    @kernel(SORT, returns=("values", "indices"), vjp=...)
    def sort(input: Tensor, dim: int = -1, *, stable: bool = False) -> Call:
        ...

The function is the whole row: its name, parameters, defaults and docstring are those that users
see, and what it refuses is refused. It is given tensors, whose shapes and types it may look at and
to which it may apply other rows, and a `dim` that counts from the front. A parameter annotated as a
Tensor, or an Operand, is an input, in the order of the kernel's operands; others are options.

A rule takes g and y as all rules do, the inputs, the results after the first, and the options by
name. Only the first result has a gradient.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from ..kernels.source.kind import Kind
from ..types.dtypes import dtype
from .row import Row


class Tensor(Protocol):
    """What a row may know of a tensor."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The extents."""

    @property
    def dtype(self) -> dtype:
        """The type of the elements."""


class Operand(Tensor, Protocol):
    """A tensor, which users may give as a number."""


class Call(NamedTuple):
    """A call of a kind: the shapes and types of what it writes, and, where the kernel takes other
    tensors than those that were given, `inputs`."""

    params: Any
    results: tuple[tuple[tuple[int, ...], dtype], ...]
    sizes: tuple[int, ...] = ()
    values: tuple[Any, ...] = ()
    inputs: tuple[Any, ...] = ()


def kernel(
    kind: Kind,
    *,
    returns: tuple[str, ...] = (),
    vjp: Callable[..., tuple[Any, ...]] | None = None,
    method: bool = True,
    promote: bool = False,
    internal: bool = False,
    short: bool = False,
    together: Callable[[tuple[bool, ...]], Callable[..., Any] | None] | None = None,
    **facts: Any,
) -> Callable[[Callable[..., Call]], Row]:
    """Register a row whose kernel is a `kind`.

    `returns` are the names of several results. Inputs that `promote` come as tensors of one type,
    numbers too, and float16 as float32. An `internal` row has no function: composites and rules
    call it. What a `short` one does depends on the kinds and shapes of its inputs and on options,
    which are hashable, alone. `together`, given which inputs want gradients, may give a function of
    g and of what the rule saves of the inputs that has the same cotangents sooner, unrecorded.
    """

    def register(function: Callable[..., Call]) -> Row:
        signature = inspect.signature(function)
        inputs = [p.name for p in signature.parameters.values() if is_input(p)]
        extra = {"kind": kind, "call": function, "signature": signature, "inputs": inputs}
        return Row(
            function.__name__,
            "kernel",
            (*inputs, *returns[1:]),
            vjp,
            inspect.getdoc(function) or "",
            method=method,
            extra=extra
            | {"returns": returns, "promote": promote, "internal": internal, "short": short}
            | {"together": together},
            **facts,
        )

    return register


def is_input(parameter: inspect.Parameter) -> bool:
    """Whether a parameter of a row's function is an input."""
    return parameter.annotation in (Tensor.__name__, Operand.__name__)
