"""Formulas of text: models as `--model` has them, and ties among parameters.

A text in the grammar (`grammar.py`) is read over Symbols, as scalar functions are, and comes to a
Program. That computes arrays by NumPy, is an op on tensors, and is what a fit compiles.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ...creation import as_tensor
from ...dispatch.api import function as function_of
from ...dispatch.short_path.several import several
from ...kernels.fits import by_numpy
from ...ops.pointwise.rounding import constant
from ...ops.trace import Lowering, Symbol
from ...own.expressions import Count, plain
from ...own.meanings import number
from ...own.reader import Reader
from ...own.traced import OwnRow, safe, substituted
from ...tensor import Tensor
from ...types.dtypes import float64
from .grammar import (
    CONSTANTS,
    FUNCTIONS,
    ExpressionError as ExpressionError,
    names_in,
    parsed,
    spelled,
)

Array = Any


class _Reading(Reader):
    """A formula's tree over Symbols of its names."""

    def __init__(self, text: str, inputs: Mapping[str, Symbol]) -> None:
        self.text, self.local, self.what = text, {**CONSTANTS, **inputs}, "formula"
        self.like = next(iter(inputs.values()), Symbol("one"))
        self.count, self.depth, self.names = Count(), 0, set()

    def refuse(self, node: ast.AST | None, why: str) -> Any:
        """The error for what does not come to a number."""
        if why.startswith("OverflowError"):
            why = "a number beyond what a float holds"
        return ExpressionError(self.text, why, node)

    def _Call(self, node: ast.Call) -> Any:
        assert isinstance(node.func, ast.Name)
        found = FUNCTIONS[node.func.id]
        args = [plain(self.value(a)) for a in node.args]
        kept = args if found.keeps else self.typed(node, args)
        return found.apply(self.like, *kept)


class Expression:
    """A formula of numbers by name: `Expression("2 * a + b")({"a": 1.0, "b": 3.0})` is 5.0.

    `names` are those of its variables, in the order in which they appear, or as they are given:
    then others are refused. ExpressionError, a ValueError, for what is not in the grammar.
    """

    def __init__(self, text: str, names: Sequence[str] | None = None) -> None:
        tree = parsed(text)
        self.text = " ".join(text.split())
        self.names = tuple(names_in(tree) if names is None else map(spelled, names))
        for name in names_in(tree):
            if name not in self.names:
                known = ", ".join(self.names) or "none"
                raise ExpressionError(self.text, f"unknown name {name!r}; there are: {known}")
        self.inputs = [Symbol(safe(name)) for name in self.names]
        reading = _Reading(self.text, dict(zip(self.names, self.inputs, strict=True)))
        self.result = plain(reading.scalar(tree, number(reading.value(tree), reading.like)))

    def __call__(self, values: Mapping[str, Any]) -> Any:
        """Its value, of numbers a float, of arrays an array; KeyError for a name that is missing.

        What is no number, as 1 / 0 and sqrt(-1), is inf or nan.
        """
        return self.computed([values[name] for name in self.names])

    def at(self, *values: Any) -> Any:
        """The expression with Symbols or numbers in place of its variables, in their order."""
        if not any(type(v) is Symbol for v in values):
            return self.computed(values)
        return substituted(self.result, self.inputs, values)

    def computed(self, values: Sequence[Any]) -> Any:
        """Its value, of numbers, arrays or tensors in the order of `names`."""
        if any(isinstance(v, Tensor) for v in values):
            return self._op(*values)
        arrays = [np.asarray(v, float) for v in values]
        if self._by_numpy is None:
            found = self._op(*(as_tensor(v, device="cpu") for v in arrays)).numpy()
        else:
            (found,) = self._by_numpy(arrays)
        shape = np.broadcast_shapes(*(v.shape for v in arrays))
        found = np.array(np.broadcast_to(found, shape), float)
        return found if shape else found.item()

    @cached_property
    def _by_numpy(self) -> Any:
        """What computes it of arrays; None where NumPy has not all that it asks for."""
        lowering = Lowering([(s, float64, float64) for s in self.inputs])
        program = lowering.program("formula", [(self.result, float64, None)])
        return by_numpy.function(program) if by_numpy.served(program) else None

    @cached_property
    def _op(self) -> Any:
        """What computes it of tensors."""
        result = self.result
        if type(result) is not Symbol:
            result = constant(result, self.inputs[0])
        args = tuple(s.name for s in self.inputs)
        row = OwnRow("formula", args, self.inputs, result, self.text)
        row.function = several(row) if len(args) > 2 else function_of(row)
        return row.function

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.text!r})"

    def __reduce__(self) -> Any:
        return type(self), (self.text, self.names)


class Formula:
    """A model of text: `f = Formula("a * exp(-k * t) + c", ["t"])` is called as `f(t, a, k, c)`.

    `independent` names what it is a function of; `parameters` are all other names, in the order in
    which they appear. It works on numbers, arrays and tensors, and is what `curve_fit`, `fit_many`
    and `Model` take. With several independent variables `f` takes them as rows of its first
    argument, as SciPy's models do. ExpressionError, a ValueError, for what is not in the grammar,
    and for an independent variable that does not appear.
    """

    def __init__(self, text: str, independent: Sequence[str] = ("x",)) -> None:
        given = [independent] if isinstance(independent, str) else independent
        self.independent = tuple(map(spelled, given))
        found = names_in(parsed(text))
        for name in self.independent:
            if name not in found:
                raise ExpressionError(text, f"the independent variable {name!r} is not in it")
        self.parameters = tuple(name for name in found if name not in self.independent)
        self._expression = Expression(text, (*self.independent, *self.parameters))
        self.text, self.at = self._expression.text, self._expression.at
        self.__name__ = "formula"
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        first = "_".join(self.independent)
        self.__signature__ = inspect.Signature(
            [inspect.Parameter(name, kind) for name in (first, *self.parameters)]
        )

    def __call__(self, x: Any, *parameters: Any, **named: Any) -> Any:
        """Its values at x."""
        if named or len(parameters) != len(self.parameters):
            try:
                x, *rest = self.__signature__.bind(x, *parameters, **named).args
            except TypeError as error:
                raise TypeError(f"formula {self.text!r}: {error}") from None
            parameters = tuple(rest)
        first = x if len(self.independent) > 1 else (x,)
        return self._expression.computed([*first, *parameters])

    @property
    def traced(self) -> Formula:
        """What fits find in a model that is read already."""
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Formula) and other.__reduce__() == self.__reduce__()

    def __hash__(self) -> int:
        return hash((self.text, self.independent))

    def __repr__(self) -> str:
        return f"Formula({self.text!r}, {list(self.independent)})"

    def __reduce__(self) -> Any:
        return Formula, (self.text, self.independent)
