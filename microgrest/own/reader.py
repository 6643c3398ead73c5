"""A scalar function of plain Python, read as an expression over rows.

The tree of the function is evaluated on Symbols: what is known while reading, constants and loops
over them, is computed; what is not becomes a Symbol. Of `if`, in any form, both arms are read, and
every name that they set is chosen between. Globals and closures have the values that they have now.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from ..ops.trace import Symbol
from .expressions import MISSING, Count, Expressions, is_number, plain
from .meanings import choose, is_symbol
from .source import python_function, source_of


def read(f: Any, args: Sequence[Any], like: Symbol, what: str, *, scalar: bool = False) -> Any:
    """What `f` returns for `args`, Symbols, numbers and tuples of these.

    That is a Symbol, or a number if it is known; or, unless a `scalar` is wanted, a tuple of these,
    or whatever else it returns. Numbers that stand alone get the type of `like`.
    NotImplementedError for what cannot be read, TypeError for a call that does not fit, OSError
    without source; `what` stands for the caller in messages.
    """
    source = source_of(python_function(f, what), what)
    reader = Reader(source, like, what, Count(), 0)
    found = reader.run(args)
    return reader.scalar(source.tree, found) if scalar else found


class Reader(Expressions):
    """One call of one function, statement by statement."""

    def run(self, args: Sequence[Any]) -> Any:
        """What the function returns for these arguments."""
        self.local = dict(zip(self.source.parameters, args, strict=True))
        tree = self.source.tree
        if isinstance(tree, ast.Lambda):
            return self.value(tree.body)
        found = self.block(tree.body)
        if found is None:
            raise self.refuse(tree, "it does not return a number on every way through it")
        return found[0]

    # Statements. Each gives None, or what is returned in a tuple of one.

    def block(self, statements: Sequence[ast.stmt]) -> tuple[Any] | None:
        """Statements one after the other, until one returns."""
        for i, statement in enumerate(statements):
            self.step(statement)
            if isinstance(statement, ast.Return):
                if statement.value is None:
                    raise self.refuse(statement, "it has to return a number")
                return (self.value(statement.value),)
            if isinstance(statement, ast.If):
                found = self.branch(statement, statements[i + 1 :])
                if found is not None:
                    return found[0]
            elif isinstance(statement, ast.For):
                found = self.loop(statement)
                if found is not None:
                    return found[0]
            else:
                self.simple(statement)
        return None

    def branch(self, node: ast.If, rest: Sequence[ast.stmt]) -> tuple[tuple[Any] | None] | None:
        """An `if`; where an arm may return, the `rest` of the block belongs to each that does not.

        None: go on behind it. Else what the whole block comes to.
        """
        condition, ends = self.condition(node.test), _returns(node)
        if not is_symbol(condition):
            arm = node.body if condition else node.orelse
            found = self.block([*arm, *rest] if ends else arm)
            return (found,) if ends else None
        before, results, after = self.local, [], []
        for arm in (node.body, node.orelse):
            self.local = dict(before)
            results.append(self.block([*arm, *rest] if ends else arm))
            after.append(self.local)
        self.local = self.merged(condition, *after)
        if not ends:
            return None
        yes, no = results
        if yes is None and no is None:
            return (None,)
        if yes is None or no is None:
            raise self.refuse(node, "it does not return a number on every way through it")
        return ((self.chosen(node, condition, yes[0], no[0]),),)

    def merged(self, condition: Any, a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
        """Local variables behind an `if`, by what they are on either side."""
        found = {}
        for name in {**a, **b}:
            x, y = a.get(name, MISSING), b.get(name, MISSING)
            known = x is y or (not is_symbol(x) and not is_symbol(y) and _same(x, y))
            if known:
                found[name] = x
            elif is_number(x) and is_number(y):
                found[name] = choose(condition, plain(x), plain(y), self.like)
            else:
                found[name] = MISSING
        return found

    def loop(self, node: ast.For) -> tuple[tuple[Any]] | None:
        """A loop over what is known, turn by turn."""
        if node.orelse:
            raise self.refuse(node, "`else` of a loop is not supported")
        turns = self.value(node.iter)
        if is_symbol(turns) or not isinstance(
            turns, (range, tuple, list, zip, enumerate, reversed)
        ):
            raise self.refuse(node, "a loop has to run over constants, as in range(3)")
        for turn in turns:
            self.assign(node.target, turn)
            found = self.block(node.body)
            if found is not None:
                return (found,)
        return None

    def simple(self, node: ast.stmt) -> None:
        """A statement without others in it."""
        if isinstance(node, ast.Assign):
            value = self.value(node.value)
            for target in node.targets:
                self.assign(target, value)
        elif isinstance(node, ast.AnnAssign):
            if node.value is not None:
                self.assign(node.target, self.value(node.value))
        elif isinstance(node, ast.AugAssign):
            if not isinstance(node.target, ast.Name):
                raise self.refuse(node, "only names can be assigned to")
            left = self._Name(ast.copy_location(ast.Name(node.target.id), node))
            self.assign(node.target, self.binary(node, node.op, left, self.value(node.value)))
        elif not isinstance(node, ast.Pass) and not _is_text(node):
            if isinstance(node, ast.Expr):
                self.value(node.value)
                raise self.refuse(node, "a statement without effect")
            raise self.unknown(node)

    def assign(self, target: ast.expr, value: Any) -> None:
        """Give a name, or names in a tuple, a value."""
        if isinstance(target, ast.Name):
            self.local[target.id] = value
        elif isinstance(target, (ast.Tuple, ast.List)) and isinstance(value, (tuple, list)):
            if len(target.elts) != len(value):
                raise self.refuse(target, f"{len(target.elts)} names for {len(value)} values")
            for each, part in zip(target.elts, value, strict=True):
                self.assign(each, part)
        else:
            raise self.refuse(target, "only names can be assigned to")


def _returns(node: ast.AST) -> bool:
    """Whether a statement has a `return` in it."""
    return any(isinstance(n, ast.Return) for n in ast.walk(node))


def _same(x: Any, y: Any) -> bool:
    """Whether two known values are one, in type too."""
    return type(x) is type(y) and is_number(x) and repr(x) == repr(y)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
