"""Expressions of a scalar function, evaluated on Symbols and on what is known while reading."""

from __future__ import annotations

import ast
import inspect
import operator
from collections.abc import Callable, Iterable, Sequence
from types import FunctionType
from typing import Any

import numpy as np

from ..ops.pointwise.rounding import constant
from ..ops.row import Row
from ..ops.trace import Symbol
from .meanings import (
    called,
    choose,
    is_ours,
    is_symbol,
    meaning,
    number,
    power,
    runs_as_it_is,
    truth,
)
from .source import Source, arguments, python_function, source_of, undecorated

DEEPEST = 40  # calls within calls
MOST = 20_000  # steps of reading, loops over constants included

BINARY: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
COMPARE: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
# What to write in place of what is not supported.
INSTEAD = {
    ast.While: "a loop has to run over constants: for ... in range(...)",
    ast.ListComp: "write a for loop over constants",
    ast.GeneratorExp: "write a for loop over constants",
    ast.Try: "a kernel raises nothing",
    ast.Raise: "a kernel raises nothing",
    ast.Assert: "a kernel raises nothing",
    ast.Global: "pass it as an argument",
    ast.Nonlocal: "pass it as an argument",
    ast.JoinedStr: "there is no text in a kernel",
    ast.FunctionDef: "define it outside",
    ast.Lambda: "define it outside",
}


MISSING = object()  # a local variable that is set on one side of an `if` only


class Count:
    """How many steps of reading are left, in all the functions that are read."""

    def __init__(self) -> None:
        self.left = MOST


class Expressions:
    """One call of one function: its local variables, and what expressions come to."""

    def __init__(self, source: Source, like: Symbol, what: str, count: Count, depth: int) -> None:
        self.source, self.like, self.what = source, like, what
        self.count, self.depth = count, depth
        self.local: dict[str, Any] = {}
        # Names that are set somewhere are local everywhere, as in Python.
        self.names = set(source.function.__code__.co_varnames)

    def run(self, args: Sequence[Any]) -> Any:
        """What the function returns for these arguments."""
        raise NotImplementedError

    def refuse(self, node: ast.AST | None, why: str) -> NotImplementedError:
        """The error for what is not supported, with where it is."""
        return NotImplementedError(f"{self.what}: {self.source.at(node)}: {why}")

    def unknown(self, node: ast.AST) -> NotImplementedError:
        """The error for a kind of statement or expression that is not supported."""
        instead = INSTEAD.get(type(node), "")
        kind = type(node).__name__
        return self.refuse(node, f"{kind} is not supported" + (f"; {instead}" if instead else ""))

    def step(self, node: ast.AST) -> None:
        """Count a step of reading."""
        self.count.left -= 1
        if self.count.left < 0:
            raise self.refuse(node, f"it comes to more than {MOST} operations")

    def value(self, node: ast.expr) -> Any:
        """What an expression comes to."""
        self.step(node)
        visit = getattr(self, f"_{type(node).__name__}", None)
        if visit is None:
            raise self.unknown(node)
        return visit(node)

    def scalar(self, node: ast.AST, value: Any) -> Any:
        """`value`, which has to be a number, known or not."""
        if not is_number(value):
            what = "a variable that is set on one side of an `if` only"
            shown = what if value is MISSING else described(value)
            raise self.refuse(node, f"{shown} in place of a number")
        return plain(value)

    def operand(self, node: ast.expr) -> Any:
        """An expression that is a number."""
        return self.scalar(node, self.value(node))

    def condition(self, node: ast.expr) -> Any:
        """An expression as a condition: a bool, known or not."""
        found = plain(self.value(node))
        return truth(found) if is_symbol(found) else self.known(node, bool, found)

    def _Constant(self, node: ast.Constant) -> Any:
        return node.value

    def _Name(self, node: ast.Name) -> Any:
        if node.id in self.local:
            found = self.local[node.id]
            if found is MISSING:
                self.scalar(node, found)
            return found
        if node.id in self.names:
            raise self.refuse(node, f"{node.id!r} is used before it is set")
        try:
            return self.source.global_value(node.id)
        except NameError:
            raise self.refuse(node, f"the name {node.id!r} is not defined yet") from None

    def _Attribute(self, node: ast.Attribute) -> Any:
        owner = self.value(node.value)
        if is_symbol(owner):
            raise self.refuse(
                node, f"a number has no .{node.attr} here; call functions such as math.exp(x)"
            )
        try:
            return getattr(owner, node.attr)
        except AttributeError as error:
            raise self.refuse(node, str(error)) from None

    def _Subscript(self, node: ast.Subscript) -> Any:
        owner, index = self.value(node.value), self.value(node.slice)
        if is_symbol(owner) or is_symbol(index):
            raise self.refuse(node, "no arrays in a scalar function: index constants by constants")
        try:
            return owner[index]
        except (TypeError, LookupError) as error:
            raise self.refuse(node, str(error)) from None

    def _Tuple(self, node: ast.Tuple | ast.List) -> Any:
        return tuple([self.value(e) for e in node.elts])

    _List = _Tuple

    def _BinOp(self, node: ast.BinOp) -> Any:
        return self.binary(node, node.op, self.value(node.left), self.value(node.right))

    def binary(self, node: ast.AST, op: ast.operator, a: Any, b: Any) -> Any:
        """Arithmetic."""
        a, b = (number(self.scalar(node, v), self.like) for v in (a, b))
        if isinstance(op, ast.Pow) and (is_symbol(a) or is_symbol(b)):
            return power(a, b, self.like)
        apply = operator.pow if isinstance(op, ast.Pow) else BINARY.get(type(op))
        if apply is None:
            raise self.refuse(node, f"the operator {type(op).__name__} is not supported")
        return self.known(node, apply, a, b)

    def _UnaryOp(self, node: ast.UnaryOp) -> Any:
        if isinstance(node.op, ast.Not):
            found = self.condition(node.operand)
            return found == 0 if is_symbol(found) else not found
        x = number(self.operand(node.operand), self.like)
        if isinstance(node.op, ast.Invert):
            raise self.refuse(node, "the operator ~ is not supported; write `not`")
        return -x if isinstance(node.op, ast.USub) else x

    def _Compare(self, node: ast.Compare) -> Any:
        left, found = self.value(node.left), None
        for op, other in zip(node.ops, node.comparators, strict=True):
            right = self.value(other)
            each = self.compared(node, op, left, right)
            found = each if found is None else choose(found, each, found, self.like)
            left = right
        return found

    def compared(self, node: ast.Compare, op: ast.cmpop, a: Any, b: Any) -> Any:
        """One comparison; what is known is compared as Python does, names and all."""
        if not is_symbol(a) and not is_symbol(b) and isinstance(op, (ast.Is, ast.IsNot)):
            return (a is b) == isinstance(op, ast.Is)
        if type(op) not in COMPARE:
            raise self.refuse(node, "`in` and `is` are not supported")
        if not is_symbol(a) and not is_symbol(b):
            return self.known(node, COMPARE[type(op)], a, b)
        a, b = (number(self.scalar(node, v), self.like) for v in (a, b))
        return COMPARE[type(op)](a, b)

    def _BoolOp(self, node: ast.BoolOp) -> Any:
        found = self.value(node.values[0])
        for other in node.values[1:]:
            if is_symbol(found):
                more = self.value(other)
                both = (more, found) if isinstance(node.op, ast.And) else (found, more)
                found = self.chosen(node, truth(found), *both)
            elif bool(found) == isinstance(node.op, ast.And):
                found = self.value(other)
        return found

    def _IfExp(self, node: ast.IfExp) -> Any:
        condition = self.condition(node.test)
        if not is_symbol(condition):
            return self.value(node.body if condition else node.orelse)
        return self.chosen(node, condition, self.value(node.body), self.value(node.orelse))

    def chosen(self, node: ast.AST, condition: Any, a: Any, b: Any) -> Any:
        """One of two values, whichever the condition says."""
        return choose(condition, self.scalar(node, a), self.scalar(node, b), self.like)

    def known(self, node: ast.AST, apply: Callable[..., Any], *args: Any) -> Any:
        """What a function comes to; what goes wrong says where."""
        try:
            return apply(*args)
        except (ArithmeticError, TypeError, ValueError) as error:
            raise self.refuse(node, f"{type(error).__name__}: {error}") from None

    # Calls

    def _Call(self, node: ast.Call) -> Any:
        f = self.value(node.func)
        if any(isinstance(a, ast.Starred) for a in node.args) or None in [
            k.arg for k in node.keywords
        ]:
            raise self.refuse(node, "`*` and `**` in calls are not supported")
        args = [plain(self.value(a)) for a in node.args]
        named = {str(k.arg): plain(self.value(k.value)) for k in node.keywords}
        if is_symbol(f) or not callable(f):
            raise self.refuse(node, f"{described(f)} is no function")
        if runs_as_it_is(f) and not unknown([*args, *named.values()]):
            return plain(self.known(node, lambda: f(*args, **named)))
        row = getattr(f, "row", None)
        if isinstance(row, Row):
            return row(*self.typed(node, self.bound(node, f.traced.function, args, named)))
        own = undecorated(f)
        if inspect.isfunction(own) and not is_ours(own):
            return self.inline(node, f, args, named)
        return self.meant(node, f, args, named)

    def inline(self, node: ast.AST, f: Any, args: list[Any], named: dict[str, Any]) -> Any:
        """A call of another Python function, which is read in turn."""
        if self.depth == DEEPEST:
            raise self.refuse(
                node, f"calls within calls, {DEEPEST} deep: recursion has no end here"
            )
        try:
            source = source_of(python_function(f, self.what), self.what)
        except (TypeError, OSError) as error:
            raise self.refuse(node, str(error)) from None
        given = self.bound(node, source.function, args, named)
        return type(self)(source, self.like, self.what, self.count, self.depth + 1).run(given)

    def bound(
        self, node: ast.AST, f: FunctionType, args: list[Any], named: dict[str, Any]
    ) -> list[Any]:
        """Arguments in the order of the function's parameters, defaults filled in."""
        try:
            return [plain(v) for v in arguments(f, self.what, args, named)]
        except TypeError as error:
            raise self.refuse(node, str(error)) from None

    def typed(self, node: ast.AST, args: Sequence[Any]) -> list[Any]:
        """Arguments of a row; plain numbers among several have the type of the op's inputs."""
        given = [number(self.scalar(node, a), self.like) for a in args]
        return [a if is_symbol(a) or isinstance(a, bool) else constant(a, self.like) for a in given]

    def meant(self, node: ast.AST, f: Any, args: list[Any], named: dict[str, Any]) -> Any:
        """A call of what the library knows by another name."""
        found = meaning(f)
        if found is None:
            raise self.refuse(
                node,
                f"{called(f)} is not supported; of math, NumPy and microgrest what works element "
                "by element is, and functions written in Python out of that",
            )
        names = {"input": found.args[:1], "other": found.args[1:2]}
        renamed = {(*names.get(k, ()), k)[0]: v for k, v in named.items()}
        for name in found.args[len(args) :]:
            if name not in renamed:
                break
            args = [*args, renamed.pop(name)]
        if renamed or not found.least <= len(args) <= found.most:
            raise self.refuse(node, f"{found.name}() does not take these arguments")
        kept = [a if a is None or found.keeps else self.typed(node, [a])[0] for a in args]
        return found.apply(self.like, *kept)


def unknown(values: Iterable[Any]) -> bool:
    """Whether some of `values` is known only when the op runs."""
    return any(is_symbol(v) or (isinstance(v, (tuple, list)) and unknown(v)) for v in values)


def is_number(value: Any) -> bool:
    """Whether a value is a number, known or not."""
    return is_symbol(value) or isinstance(
        value, (bool, int, float, np.bool_, np.integer, np.floating)
    )


def plain(value: Any) -> Any:
    """A scalar of NumPy as Python's."""
    return value.item() if isinstance(value, np.generic) else value


def described(value: Any) -> str:
    """A value that is no number, for messages."""
    if value is None:
        return "None"
    if isinstance(value, (str, tuple, list)) and len(repr(value)) < 40:
        return repr(value)
    if isinstance(value, np.ndarray) or hasattr(type(value), "_apply_row"):
        return f"{type(value).__name__}, which has to be an argument,"
    return called(value) if callable(value) else f"{type(value).__name__}"
