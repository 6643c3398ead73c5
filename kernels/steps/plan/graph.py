"""The values of a step: expressions over elements of memory, each written once.

A value is one scalar, or one for each place of a loop of `n` places; places are counted in
row-major order, so that loops of different shapes and as many places can be one. Equal values are
one object. `reads` says which versions of which buffers a value is computed from, `rates` whether
it depends on a number that changes from step to step.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from ...source.program import Reduce
from ...source.scalar import parse

Shape = tuple[int, ...]
Version = tuple[int, int]  # of a buffer: its number, how often it was written
HEAVIEST = 1000  # weights are not counted further
NOTHING: frozenset[Version] = frozenset()


@dataclass(frozen=True, eq=False, slots=True)
class Value:
    """Base: the `dtype` of the register, what it reads, the `extents` of a loop over its places."""

    dtype: str
    extents: Shape = field(default=(), kw_only=True)
    reads: frozenset[Version] = field(default=NOTHING, kw_only=True, repr=False)
    rates: bool = field(default=False, kw_only=True, repr=False)
    # What computing it costs, in additions a place, beyond loads and scalars.
    weight: int = field(default=0, kw_only=True, repr=False)

    @property
    def n(self) -> int:
        """The number of places."""
        return math.prod(self.extents)


@dataclass(frozen=True, eq=False, slots=True)
class Literal(Value):
    """A number; `text` is Python."""

    text: str


@dataclass(frozen=True, eq=False, slots=True)
class Rate(Value):
    """The number of this step in column `slot` of the table."""

    slot: int


@dataclass(frozen=True, eq=False, slots=True)
class Element(Value):
    """An element of a buffer: from `offset`, by `strides` over `extents`, none for a single one."""

    buffer: int
    version: int
    offset: int
    strides: Shape
    stored: str


@dataclass(frozen=True, eq=False, slots=True)
class Apply(Value):
    """A scalar formula over named values, as `program.Instr`; without one, a conversion."""

    formula: str
    args: tuple[tuple[str, Value], ...]
    compute: str
    kept: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, slots=True)
class Folded(Value):
    """All places of `value` folded into one, by a task; so it reads no memory where it is used."""

    reduce: Reduce
    value: Value


# Reading programs


class Graph:
    """Makes values, each once; `origin` is what is said of those made from now on, for people."""

    def __init__(self) -> None:
        self.made: dict[Any, Value] = {}
        self.origins: dict[Value, str] = {}
        self.origin = ""

    def _once(self, key: tuple[Any, ...], make: Any) -> Any:
        found = self.made.get(key)
        if found is None:
            found = self.made[key] = make()
            self.origins[found] = self.origin
        return found

    def literal(self, number: Any, dtype: str) -> Value:
        """A Python number as a value of type `dtype`."""
        text = repr(number) if isinstance(number, (int, float)) else str(number)
        if text.startswith("-") and dtype.startswith("float"):
            text = f"({text})"
        return self._once((Literal, text, dtype), lambda: Literal(dtype, text))  # type: ignore[no-any-return]

    def rate(self, slot: int) -> Value:
        """A number that changes between steps."""
        return self._once((Rate, slot), lambda: Rate("float64", slot, rates=True))  # type: ignore[no-any-return]

    def element(
        self, at: Version, offset: int, pattern: tuple[Shape, Shape], stored: str, dtype: str
    ) -> Value:
        """What memory holds, loaded as `dtype`."""
        extents, strides = pattern
        key = (Element, at, offset, extents, strides, stored, dtype)
        return self._once(  # type: ignore[no-any-return]
            key,
            lambda: Element(
                dtype,
                *at,
                offset,
                strides,
                stored,
                extents=extents,
                reads=frozenset([at]),
            ),
        )

    def apply(
        self,
        formula: str,
        args: tuple[tuple[str, Value], ...],
        compute: str,
        dtype: str,
        kept: tuple[str, ...] = (),
    ) -> Value:
        """`formula` over `args`, in simpler form where there is one."""
        if formula:
            args = tuple(arg for arg in args if f"{{{arg[0]}}}" in formula)
            if not args:
                return self.literal(formula, dtype)
        simpler = simplified(self, formula, args, compute, dtype)
        if simpler is not None:
            return simpler
        values = [v for _, v in args]
        extents = common(values)
        weight = cost(formula) + sum(v.weight for v in values) if extents else 0
        key = (Apply, formula, args, compute, dtype, kept)
        return self._once(  # type: ignore[no-any-return]
            key,
            lambda: Apply(
                dtype,
                formula,
                args,
                compute,
                kept,
                extents=extents,
                reads=NOTHING.union(*(v.reads for v in values)),
                rates=any(v.rates for v in values),
                weight=min(weight, HEAVIEST),
            ),
        )

    def convert(self, value: Value, dtype: str) -> Value:
        """`value` as type `dtype`."""
        if value.dtype == dtype:
            return value
        if isinstance(value, Literal) and dtype != "bool" and value.dtype != "bool":
            text = value.text
            if dtype.startswith("float") or (
                "." not in text and "n" not in text and "e" not in text
            ):
                return self.literal(text, dtype)
        return self.apply("", (("x", value),), dtype, dtype)

    def folded(self, reduce: Reduce, value: Value, n: int) -> Value:
        """`value` folded over `n` places, over which it may be the same."""
        if n == 1:
            return self.unfolded(reduce, value, 1)
        if value.n == 1:
            raise ValueError("a fold of one value over many places")
        return self._once(  # type: ignore[no-any-return]
            (Folded, reduce, value),
            lambda: Folded(reduce.total, reduce, value, rates=value.rates),
        )

    def unfolded(self, reduce: Reduce, value: Value | None, n: int) -> Value:
        """The fold of one place, or of none."""
        t = reduce.total
        acc = self.apply(reduce.init, (), t, t)
        if value is not None:
            acc = self.apply(reduce.step, (("acc", acc), ("x", self.convert(value, t))), t, t)
        return self.apply(reduce.final, (("acc", acc), ("n", self.literal(n, t))), t, t)


# Simpler forms

_PLAIN = (
    ast.BinOp,
    ast.UnaryOp,
    ast.Compare,
    ast.BoolOp,
    ast.IfExp,
    ast.Name,
    ast.Constant,
    ast.operator,
    ast.unaryop,
    ast.cmpop,
    ast.boolop,
    ast.expr_context,
)


def simplified(
    graph: Graph, formula: str, args: tuple[tuple[str, Value], ...], compute: str, dtype: str
) -> Value | None:
    """A value equal to the formula's that costs less: literals computed, x * 1, small powers."""
    values = dict(args)
    if compute == dtype and len(args) == 1 and formula == f"{{{args[0][0]}}}":
        return graph.convert(args[0][1], dtype)
    if not formula or not compute.startswith("float"):
        return None
    tree = parse(formula)
    if {"inf", "nan"} & {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}:
        return None
    if args and all(isinstance(v, Literal) for v in values.values()):
        return _computed(graph, tree, values, compute, dtype)
    if isinstance(tree, ast.IfExp) and isinstance(tree.test, ast.Name):
        return _chosen(graph, tree, values, compute)
    match tree:
        case ast.BinOp(ast.Name(id=a), ast.Mult(), ast.Name(id=b)) if a != b:
            return _times(graph, values[a], values[b], compute)
        case ast.BinOp(ast.Name(id=a), ast.Div(), ast.Name(id=b)) if _is(values[b], 1):
            return graph.convert(values[a], compute)
        case ast.Call(ast.Name(id="pow"), [ast.Name(id=a), ast.Name(id=b)]):
            return _power(graph, graph.convert(values[a], compute), values[b], compute)
        case ast.UnaryOp(ast.USub(), ast.Name(id=a)):
            return _negated(graph, values[a], formula, compute)
    return None


def _is(value: Value, number: float) -> bool:
    return isinstance(value, Literal) and _number(value) == number


def _number(value: Literal) -> Any:
    """The number that a literal is, in its type."""
    plain = eval(value.text, {"inf": math.inf, "nan": math.nan})  # our own text
    return np.dtype("bool" if value.dtype == "bool" else value.dtype).type(plain)


def _computed(
    graph: Graph, tree: ast.expr, values: dict[str, Value], compute: str, dtype: str
) -> Value | None:
    """The literal that arithmetic on literals gives."""
    if not all(isinstance(node, _PLAIN) for node in ast.walk(tree)):
        return None
    kind = np.dtype(compute).type
    held = {
        k: _number(v) if v.dtype == "bool" else kind(_number(v))
        for k, v in values.items()
        if isinstance(v, Literal)
    }

    class Typed(ast.NodeTransformer):
        def visit_Constant(self, node: ast.Constant) -> ast.expr:
            call = ast.Call(ast.Name("kind", ast.Load()), [node], [])
            return node if isinstance(node.value, bool) else call

    typed = ast.fix_missing_locations(
        ast.Expression(Typed().visit(ast.parse(ast.unparse(tree), mode="eval").body))
    )
    with np.errstate(all="ignore"):
        found = eval(compile(typed, "<formula>", "eval"), {"kind": kind, **held})
    if not np.isfinite(found):
        return None
    return graph.literal(bool(found) if dtype == "bool" else found.item(), dtype)


def _chosen(graph: Graph, tree: ast.IfExp, values: dict[str, Value], compute: str) -> Value | None:
    """The arm that a literal condition chooses, where it is a plain operand."""
    assert isinstance(tree.test, ast.Name)
    test = values[tree.test.id]
    if not isinstance(test, Literal):
        return None
    arm = tree.body if _number(test) else tree.orelse
    return graph.convert(values[arm.id], compute) if isinstance(arm, ast.Name) else None


def _times(graph: Graph, a: Value, b: Value, compute: str) -> Value | None:
    for one, other in ((a, b), (b, a)):
        if _is(one, 1):
            return graph.convert(other, compute)
    return None


def _power(graph: Graph, x: Value, exponent: Value, compute: str) -> Value | None:
    """x to a literal power: products for 1 to 4, which is what a person would write."""
    if not isinstance(exponent, Literal) or _number(exponent) not in (0, 1, 2, 3, 4):
        return None
    k = int(_number(exponent))
    text = " * ".join(["{x}"] * k) if k else "1.0"
    return x if k == 1 else graph.apply(text, (("x", x),) if k else (), compute, compute)


def _negated(graph: Graph, value: Value, formula: str, compute: str) -> Value | None:
    same = isinstance(value, Apply) and value.formula == formula and value.compute == compute
    return value.args[0][1] if same and isinstance(value, Apply) else None


# Looking at values


def operands(value: Value) -> Iterable[Value]:
    """The values that this one is computed from, in the same loop."""
    return [v for _, v in value.args] if isinstance(value, Apply) else ()


def beneath(value: Value) -> Iterable[Value]:
    """The values that this one is computed from, in its loop and in those before."""
    return (value.value,) if isinstance(value, Folded) else operands(value)


def ordered(
    values: Iterable[Value],
    stop: Any = frozenset(),
    below: Callable[[Value], Iterable[Value]] = operands,
) -> Iterator[Value]:
    """Every value that `values` need, operands first; not beyond those in `stop`."""
    done: set[Value] = set()
    stack = [(v, False) for v in reversed(list(values))]
    while stack:
        value, ready = stack.pop()
        if value in done:
            continue
        if ready or value in stop:
            done.add(value)
            yield value
        else:
            stack.append((value, True))
            stack.extend((v, False) for v in below(value) if v not in done)


_COSTS = {"abs": 1, "sqrt": 5, "floor": 1, "ceil": 1, "trunc": 1, "rint": 1, "isnan": 1, "isinf": 1}


@cache
def cost(formula: str) -> int:
    """About how many additions a formula takes the time of."""
    if not formula:
        return 1
    total = 0
    for node in ast.walk(parse(formula)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            total += _COSTS.get(node.func.id, 20)
        elif isinstance(node, ast.BinOp):
            total += 5 if isinstance(node.op, (ast.Div, ast.Mod, ast.FloorDiv)) else 1
        elif isinstance(node, (ast.Compare, ast.IfExp, ast.UnaryOp)):
            total += 1
    return max(total, 1)


# Patterns: how memory is walked, in the order of the places.


def pattern(shape: Shape, strides: Shape) -> tuple[Shape, Shape]:
    """The fewest extents, and their strides, that walk the same elements in the same order."""
    extents: list[int] = []
    steps: list[int] = []
    for n, step in zip(shape, strides, strict=True):
        if n == 1:
            continue
        if extents and steps[-1] == step * n:
            extents[-1], steps[-1] = extents[-1] * n, step
        else:
            extents.append(n)
            steps.append(step)
    return ((), ()) if not any(steps) else (tuple(extents), tuple(steps))


def refined(a: Shape, b: Shape) -> Shape | None:
    """The extents that both walks, of as many places, divide into; None where there are none."""
    x, y = list(a), list(b)
    found: list[int] = []
    while x and y:
        small, large = (x, y) if x[-1] <= y[-1] else (y, x)
        last = small.pop()
        if large[-1] % last:
            return None
        found.append(last)
        large[-1] //= last
        if large[-1] == 1:
            large.pop()
    return tuple(reversed(found))


def common(values: Iterable[Value]) -> Shape:
    """The extents of a loop over the places of all `values`. ValueError where there is none."""
    found: Shape = ()
    for v in values:
        if v.extents and v.extents != found:
            both = refined(found, v.extents) if found else v.extents
            if both is None:
                raise ValueError(f"places of {found} and {v.extents} in one loop")
            found = both
    return found


def spread(extents: Shape, strides: Shape, over: Shape) -> Shape:
    """The strides over finer extents."""
    steps: list[int] = []
    left = list(over)
    for n, step in zip(reversed(extents), reversed(strides), strict=True):
        while n > 1:
            inner = left.pop()
            steps.append(step)
            step, n = step * inner, n // inner
    return tuple(reversed(steps))
