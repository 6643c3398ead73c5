"""Tokens: what stands for numbers where only their origin matters.

A token is an element of the field of integers modulo a prime, chosen at random for whatever comes
from outside. Sums, products and quotients of tokens are those of the field, so two formulas that
are equal by the rules of algebra have equal tokens, exactly; and two that are not have them once in
two thousand million cases (J. T. Schwartz, "Fast probabilistic algorithms for verification of
polynomial identities", 1980). Every other function of tokens is a hash of them. Numbers that the
program names are also known as numbers, and computed with as numbers, in the type of the formula:
0.1 + 0.2 is what a computer makes of it, and a condition on them chooses.
"""

from __future__ import annotations

import ast
import math
import zlib
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]
PRIME = (1 << 31) - 1
_MIX = np.uint64(0x9E3779B97F4A7C15)
_SHIFT, _FEW = np.uint64(29), np.uint64(3)
_MODULUS = np.uint64(PRIME)


class Tokens(NamedTuple):
    """Tokens. If some are `known` to be numbers, `number` has these."""

    code: Array
    number: Array | None = None
    known: Array | None = None

    def take(self, at: Any) -> Tokens:
        """Some of them."""
        if self.number is None or self.known is None:
            return Tokens(self.code[at])
        return Tokens(self.code[at], self.number[at], self.known[at])

    def over(self, shape: tuple[int, ...]) -> Tokens:
        """Repeated, where one stands for many."""
        if self.code.shape == shape:
            return self
        return Tokens(*(x if x is None else np.broadcast_to(x, shape) for x in self))  # type: ignore[arg-type]


def origin(*key: object) -> int:
    """Where something comes from, as a number."""
    return zlib.crc32(repr(key).encode())


def fresh(seed: int, at: Array) -> Tokens:
    """A token for each number in `at`, as good as random, the same for the same seed."""
    return Tokens(_hash(seed, (at,)))


def _hash(seed: int, parts: Sequence[Array]) -> Array:
    state: Any = np.array([seed], np.uint64) * _MIX
    for part in parts:
        state = (state ^ part.astype(np.uint64)) * _MIX
        state = state ^ (state >> _SHIFT)
    found: Array = (state * _MIX >> _FEW) % _MODULUS
    return found.astype(np.int64)


@cache
def known(number: float) -> Tokens:
    """The token of a number."""
    return Tokens(np.array([_embedded(number)]), np.array([float(number)]), np.array([True]))


@cache
def _embedded(number: float) -> int:
    """A number in the field, exactly."""
    if not math.isfinite(number):
        return origin(str(number)) % PRIME
    mantissa, exponent = math.frexp(number)
    return int(mantissa * (1 << 53)) * pow(2, exponent - 53, PRIME) % PRIME


def opaque(name: str, *given: Tokens) -> Tokens:
    """A function of tokens, of which nothing is known but that it is one."""
    return Tokens(_hash(origin(name), [x.code for x in given]))


def computed(code: Array, compute: Callable[..., Any], dtype: str, *given: Tokens) -> Tokens:
    """`code`, but for what is computed from known numbers: that is a number, in its type."""
    numbers = [x.over(code.shape) for x in given]
    some = np.ones(code.shape, np.bool_)
    for x in numbers:
        if x.known is None:
            return Tokens(code)
        some &= x.known
    if not some.any():
        return Tokens(code)
    kind = np.dtype(dtype if dtype.startswith("float") else "float64")
    with np.errstate(all="ignore"):
        found = compute(*(np.asarray(x.number, kind) for x in numbers))
    return _settled(code, found.astype(np.float64), some)


def _settled(code: Array, numbers: Array, some: Array) -> Tokens:
    embedded = np.array(
        [_embedded(x) if k else 0 for x, k in zip(numbers.flat, some.flat, strict=True)]
    )
    return Tokens(np.where(some, embedded.reshape(code.shape), code), numbers, some)


# Arithmetic


def add(dtype: str, x: Tokens, y: Tokens) -> Tokens:
    """x + y"""
    return computed((x.code + y.code) % PRIME, np.add, dtype, x, y)


def subtract(dtype: str, x: Tokens, y: Tokens) -> Tokens:
    """x - y"""
    return computed((x.code - y.code) % PRIME, np.subtract, dtype, x, y)


def multiply(dtype: str, x: Tokens, y: Tokens) -> Tokens:
    """x * y"""
    return computed(x.code * y.code % PRIME, np.multiply, dtype, x, y)


def divide(dtype: str, x: Tokens, y: Tokens) -> Tokens:
    """x / y; of a division by zero nothing is known."""
    inverse = np.array([pow(c, PRIME - 2, PRIME) for c in y.code.tolist()])
    code = x.code * inverse % PRIME
    if not y.code.all():
        code = np.where(y.code == 0, opaque("/", x).code, code)
    return computed(code, np.true_divide, dtype, x, y)


def negative(dtype: str, x: Tokens) -> Tokens:
    """-x"""
    return computed(-x.code % PRIME, np.negative, dtype, x)


def power(dtype: str, x: Tokens, y: Tokens) -> Tokens:
    """x to the power y: a product, where y is a small whole number."""
    k = _whole(y)
    if k is None:
        return opaque("pow", x, y)
    found = known(1.0) if not k else x
    for _ in range(1, k):
        found = multiply(dtype, found, x)
    return found.over(x.code.shape)


def _whole(x: Tokens) -> int | None:
    """The small whole number that all of these are."""
    if x.known is None or x.number is None or not x.known.all():
        return None
    numbers = set(x.number.flat)
    return int(numbers.pop()) if len(numbers) == 1 and numbers <= set(range(9)) else None


def choose(test: Tokens, x: Tokens, y: Tokens) -> Tokens:
    """x if test else y"""
    code = opaque("if", test, x, y).code
    if test.known is None or not test.known.any():
        return Tokens(code)
    known, yes = np.broadcast_to(test.known, code.shape), test.number != 0
    x, y = x.over(code.shape), y.over(code.shape)
    code = np.where(known, np.where(yes, x.code, y.code), code)
    if x.known is None and y.known is None:
        return Tokens(code)
    nothing, none = np.zeros(code.shape), np.zeros(code.shape, np.bool_)
    first, second = (nothing if a.number is None else a.number for a in (x, y))
    sure, certain = (none if a.known is None else a.known for a in (x, y))
    return Tokens(code, np.where(yes, first, second), np.where(yes, sure, certain) & known)


def convert(x: Tokens, source: str, target: str) -> Tokens:
    """`x`, of type `source`, as type `target`: rounding is no matter, what cuts off is."""
    if source == target or _kind(target) == "float":
        return x
    if _kind(target) == "bool":
        return computed(opaque("bool", x).code, lambda a: a != 0, "float64", x)
    if source == "bool" or (_kind(source) == "int" and _width(target) >= _width(source)):
        return x
    return computed(opaque(target, x).code, np.trunc, "float64", x)


def _kind(dtype: str) -> str:
    return dtype.rstrip("0123456789").removeprefix("u")


def _width(dtype: str) -> int:
    return int(dtype.removeprefix("u").removeprefix("int"))


# Formulas

_NUMERIC: dict[type, Any] = {
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
    ast.And: np.logical_and,
    ast.Or: np.logical_or,
    ast.Not: np.logical_not,
}
_FIELD: dict[type, Any] = {
    ast.Add: add,
    ast.Sub: subtract,
    ast.Mult: multiply,
    ast.Div: divide,
    ast.USub: negative,
}
Formula = Callable[[dict[str, Tokens]], Tokens]


@cache
def formula(text: str, dtype: str) -> Formula:
    """A formula over named tokens, that computes in `dtype`."""
    return _compiled(ast.parse(text.replace("{", "").replace("}", ""), mode="eval").body, dtype)


def _compiled(node: ast.expr, dtype: str) -> Formula:
    match node:
        case ast.Name("inf" | "nan" as name):
            value = known(float(name))
            return lambda given: value
        case ast.Name(name):
            return lambda given: given[name]
        case ast.UnaryOp(ast.USub(), ast.Constant(number)):
            negated = known(-float(number))  # type: ignore[arg-type]
            return lambda given: negated
        case ast.Constant(number):
            value = known(float(number))  # type: ignore[arg-type]
            return lambda given: value
        case ast.BinOp(left, op, right):
            return _function(op, [left, right], dtype)
        case ast.UnaryOp(op, x):
            return _function(op, [x], dtype)
        case ast.Compare(left, [op], [right]):
            return _function(op, [left, right], dtype)
        case ast.BoolOp(op, values):
            return _function(op, values, dtype)
        case ast.Call(ast.Name(name), arguments):
            return _call(name, arguments, dtype)
        case ast.IfExp(test, x, y):
            arms = [_compiled(a, dtype) for a in (test, x, y)]
            return lambda given: choose(*(arm(given) for arm in arms))
    parts = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
    return _function(node, parts, dtype)


def _function(op: ast.AST, nodes: Sequence[ast.expr], dtype: str) -> Formula:
    parts = [_compiled(node, dtype) for node in nodes]
    field = _FIELD.get(type(op))
    if field:
        return lambda given: field(dtype, *(part(given) for part in parts))
    name, numeric = _named(op), _NUMERIC.get(type(op))

    def apply(given: dict[str, Tokens]) -> Tokens:
        tokens = [part(given) for part in parts]
        found = opaque(name, *tokens)
        if numeric is None or len(tokens) > 2:
            return found
        return computed(found.code, numeric, dtype, *tokens)

    return apply


def _named(op: ast.AST) -> str:
    """What tells one function from another: not its operands."""
    return " ".join(type(x).__name__ for x in (op, *getattr(op, "ops", ())))


def _call(name: str, nodes: Sequence[ast.expr], dtype: str) -> Formula:
    parts = [_compiled(node, dtype) for node in nodes]
    if name == "pow":
        return lambda given: power(dtype, *(part(given) for part in parts))
    return lambda given: opaque(name, *(part(given) for part in parts))
