"""Calls: whether the loops of a module for the CPU are called with the arrays of the plan's groups.

Loops of equal text are one function, which is called for each of them. The finished source is read:
what a function reads and writes among its parameters, and what it is given, in the order of the
plan.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from .. import trace as t
from ..plan.graph import Element
from ..plan.plan import Group, Plan
from ..plan.tasks import Partial, Store
from .places import Refused, reached

_LOOP = re.compile(r"(loop\d+)(_near|_threads)?")
_FIRST = 5  # steps, numbers, seeds, history, routines: what `run` takes before arrays
Touched = set[tuple[str, bool]]  # arrays that are read (False) and written (True)


def check(plan: Plan, source: str) -> None:
    """Refused, if a call touches other arrays than its group does."""
    tree = ast.parse(source)
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    module = _Module(functions)
    names = _names(plan, [a.arg for a in functions["run"].args.args][_FIRST:])
    groups = [g for g in (*plan.once, *plan.each) if g.n > 1 and not g.other]
    calls = list(module.calls(functions["run"]))
    if len(calls) != len(groups):
        raise Refused(f"{len(groups)} loops are done by {len(calls)} calls")
    for group, call in zip(groups, calls, strict=True):
        if module.given(call) != _met(group, names):
            raise Refused(f"{ast.unparse(call)} is no call for what its loop reads and writes")


def _names(plan: Plan, parameters: list[str]) -> dict[int, str]:
    """What the array of each buffer is called: first arguments, then constants, then scratch."""
    constants = [i for i, b in enumerate(plan.trace.buffers) if b.role == t.CONSTANT]
    lasting = [*plan.trace.arguments, *constants]
    scratch = parameters[len(lasting) :]
    found = dict(zip(lasting, parameters, strict=False))
    return found | {b: scratch[k] for b, k in plan.scratch.items()}


def _met(group: Group, names: dict[int, str]) -> Touched:
    """What a group's places read and write."""
    places = [v for task in group.tasks for v in reached(task) if isinstance(v, Element)]
    read = {(names[v.buffer], False) for v in places if v.n > 1}
    stored = [task for task in group.tasks if isinstance(task, (Store, Partial))]
    return read | {(names[task.buffer], True) for task in stored}


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """All statements, in order."""
    for node in body:
        yield node
        for inner in ("body", "orelse"):
            yield from _statements(getattr(node, inner, []))


def _loop_of(node: object) -> re.Match[str] | None:
    """The name of the loop that is called, in parts."""
    named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    return _LOOP.fullmatch(node.func.id) if named else None  # type: ignore[attr-defined]


class _Module:
    """What the functions of a module touch."""

    def __init__(self, functions: dict[str, ast.FunctionDef]) -> None:
        self.functions = functions
        self.known: dict[str, Touched] = {}

    def calls(self, run: ast.FunctionDef) -> Iterator[ast.Call]:
        """The calls of loops, in order; a block that is done again is the call before once more."""
        tried = ""
        for node in _statements(run.body):
            call = getattr(node, "value", None)
            found = _loop_of(call)
            if not isinstance(call, ast.Call) or not found:
                continue
            text = " ".join([found[1], *map(ast.unparse, call.args)])
            if text != tried:
                yield call
            tried = text if found[2] == "_near" else ""

    def given(self, call: ast.Call) -> Touched:
        """What a call touches, by the names of its arguments."""
        assert isinstance(call.func, ast.Name)
        function = self.functions[call.func.id]
        names = {a.arg: ast.unparse(x) for a, x in zip(function.args.args, call.args, strict=True)}
        return {(names[name], writes) for name, writes in self._touched(function)}

    def _touched(self, function: ast.FunctionDef) -> Touched:
        """The parameters that a function, or one that it calls, reads or writes as arrays."""
        if function.name not in self.known:
            own = {a.arg for a in function.args.args}
            found: Touched = set()
            for node in ast.walk(function):
                if isinstance(node, ast.Subscript):
                    found.add((ast.unparse(node.value), isinstance(node.ctx, ast.Store)))
                elif isinstance(node, ast.Call) and _loop_of(node):
                    found |= self.given(node)
            self.known[function.name] = {(name, writes) for name, writes in found if name in own}
        return self.known[function.name]
