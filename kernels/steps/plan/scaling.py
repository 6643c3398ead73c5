"""Powers of two leave sums: the sum of 2 * x is twice the sum of x, to the last bit.

Gradients are full of them, as of (a - b)**2, and a multiplication at each place becomes one in all.
Only where numbers overflow or vanish does anything differ, and then for the better.
"""

from __future__ import annotations

import ast
import math
import string

from ...source.program import Reduce
from ...source.scalar import parse
from .graph import Apply, Graph, Literal, Value

LINEAR = ("{acc}", "{acc} / {n}")
FLOATS = ("float32", "float64")
NAMES = string.ascii_lowercase


def split(graph: Graph, reduce: Reduce, value: Value) -> tuple[float, Value]:
    """(k, v), where the fold of `value` is k times that of v; (1, `value`) where none is found."""
    if reduce.step != "{acc} + {x}" or reduce.final not in LINEAR:
        return 1.0, value
    factor, rest = _split(graph, value)
    return (factor, rest) if rest.n == value.n else (1.0, value)


def _split(graph: Graph, value: Value) -> tuple[float, Value]:
    """(k, v), `value` being k * v, and k a power of two."""
    leaves = _product(value)
    factor, rest = 1.0, []
    for leaf in leaves:
        k, v = (leaf, None) if isinstance(leaf, float) else _split(graph, leaf)
        factor *= k
        rest += [] if v is None else [v]
    if factor == 1.0 or not 0 < len(rest) < len(NAMES):
        return 1.0, value
    if len(rest) == 1:
        return factor, rest[0]
    args = tuple(zip(NAMES, rest, strict=False))  # the names that products have
    formula = " * ".join(f"{{{name}}}" for name, _ in args)
    return factor, graph.apply(formula, args, value.dtype, value.dtype)


def _product(value: Value) -> list[Value | float]:
    """What is multiplied to `value`, powers of two as numbers; nothing if it is no product."""
    if not isinstance(value, Apply) or value.dtype not in FLOATS or value.compute != value.dtype:
        return []
    values = dict(value.args)
    leaves: list[Value | float] = []
    stack: list[ast.expr] = [parse(value.formula)] if value.formula else []
    while stack:
        match stack.pop():
            case ast.BinOp(left, ast.Mult(), right):
                stack += [right, left]
            case ast.Name(id=name) if values[name].dtype == value.dtype:
                leaves.append(_number(values[name]) or values[name])
            case ast.Constant(float() | int() as number) if _is_power(number):
                leaves.append(float(number))
            case _:
                return []
    return leaves


def _number(value: Value) -> float | None:
    """The number that a literal is, if that is a power of two."""
    number = float(value.text) if isinstance(value, Literal) and value.text[0].isdigit() else 0.0
    return number if _is_power(number) else None


def _is_power(number: object) -> bool:
    return (
        isinstance(number, (int, float)) and 0 < number < math.inf and math.frexp(number)[0] == 0.5
    )
