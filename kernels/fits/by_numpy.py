"""A Program by NumPy, over whole arrays: for models whose kernel is not there yet.

Results are those of the kernel to rounding, not bit for bit.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Sequence
from functools import cache
from types import CodeType
from typing import Any

import numpy as np

from ..source.program import Program
from ..source.scalar import functions, tree

_RENAMED = {
    "acos": "arccos",
    "acosh": "arccosh",
    "asin": "arcsin",
    "asinh": "arcsinh",
    "atan": "arctan",
    "atan2": "arctan2",
    "atanh": "arctanh",
    "pow": "power",
}
_FUNCTIONS = (
    *("abs", "ceil", "copysign", "cos", "cosh", "exp", "exp2", "expm1", "fabs", "floor", "fmod"),
    *("hypot", "isfinite", "isinf", "isnan", "log", "log10", "log1p", "log2", "rint", "sin"),
    *("sinh", "sqrt", "tan", "tanh", "trunc", "where", "logical_and", "logical_or"),
)
_KNOWN: dict[str, Any] = {name: getattr(np, name) for name in _FUNCTIONS}
_KNOWN |= {name: getattr(np, other) for name, other in _RENAMED.items()}
_KNOWN |= {"logical_not": np.logical_not, "inf": np.inf, "nan": np.nan}
_KNOWN |= {name: np.vectorize(getattr(math, name), otypes=[float]) for name in ("erf", "erfc")}
_KNOWN |= {"min": np.minimum, "max": np.maximum}


def served(program: Program) -> bool:
    """Whether NumPy has all that the program asks for."""
    return all(
        functions(i.formula) <= _KNOWN.keys() and i.compute in ("float64", "bool")
        for i in program.body
    )


def function(program: Program) -> Callable[[Sequence[Any]], list[Any]]:
    """What computes the program's outputs from arrays or numbers, one an input."""
    steps = [(_compiled(i.formula), i.args) for i in program.body]

    def run(inputs: Sequence[Any]) -> list[Any]:
        values = list(inputs)
        with np.errstate(all="ignore"):
            for code, args in steps:
                values.append(eval(code, _KNOWN, {name: values[i] for name, i in args}))
        return [values[out.value] for out in program.outputs]

    return run


class _Arrays(ast.NodeTransformer):
    """Choices between numbers as choices between arrays."""

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        """`a if c else b`."""
        self.generic_visit(node)
        return _call("where", node.test, node.body, node.orelse)

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        """`a and b`, `a or b`."""
        self.generic_visit(node)
        name = "logical_and" if isinstance(node.op, ast.And) else "logical_or"
        found = node.values[0]
        for other in node.values[1:]:
            found = _call(name, found, other)
        return found

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        """`not a`."""
        self.generic_visit(node)
        return _call("logical_not", node.operand) if isinstance(node.op, ast.Not) else node


def _call(name: str, *args: ast.expr) -> ast.expr:
    return ast.Call(ast.Name(name, ast.Load()), list(args), [])


@cache
def _compiled(formula: str) -> CodeType:
    text = ast.unparse(_Arrays().visit(tree(formula)))
    return compile(text, formula, "eval")
