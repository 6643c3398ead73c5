"""Formulas to typed scalar source.

Numba types a bare literal beside a float32 as float64, and integer arithmetic as int64. So every
literal is written in the type the formula computes in, `f32(0.5)`, and narrow integer results are
wrapped again. Function names become the target's own (`exp` -> `exp_f32`), through its `names`.
"""

from __future__ import annotations

import ast
from functools import cache
from types import ModuleType

from .program import Program

SHORT = {
    "bool": "bool_",
    "uint8": "u8",
    "int8": "i8",
    "int16": "i16",
    "int32": "i32",
    "int64": "i64",
    "float16": "f16",
    "float32": "f32",
    "float64": "f64",
}
# Integers that Numba's arithmetic widens to 64 bits.
NARROW = ("uint8", "int8", "int16", "int32")


def cast(text: str, source: str, target: str) -> str:
    """`text`, a value of type `source`, as a value of type `target`."""
    if source == target:
        return text
    return f"({text} != 0)" if target == "bool" else f"{SHORT[target]}({text})"


class _Typed(ast.NodeTransformer):
    """Puts typed operands, literals and function names into a parsed formula."""

    def __init__(
        self,
        operands: dict[str, str],
        dtype: str,
        names: ModuleType,
        guards: list[str] | None = None,
    ) -> None:
        self.operands, self.dtype, self.names, self.guards = operands, dtype, names, guards

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        return node if isinstance(node.value, bool) else self._literal(repr(node.value))

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        """The least integer of a type is a literal, but no negative of one."""
        number = getattr(node.operand, "value", None)
        if isinstance(node.op, ast.USub) and type(number) is int:
            return self._literal(f"-{number}")
        return self.generic_visit(node)  # type: ignore[return-value]

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in ("inf", "nan"):
            return self._literal(f"np.{node.id}")
        return ast.Name(self.operands[node.id])

    def visit_Call(self, node: ast.Call) -> ast.expr:
        assert isinstance(node.func, ast.Name)
        name = node.func.id
        arguments = [self.visit(a) for a in node.args]
        near = None if self.guards is None else self.names.vector(name, self.dtype)
        if near:
            name, predicate = near
            call = ast.Call(ast.Name(predicate), arguments, [])
            self.guards.append(ast.unparse(call))  # type: ignore[union-attr]
        elif name != "abs":
            name = self.names.scalar(name, self.dtype)
        return ast.Call(ast.Name(name), arguments, [])

    def _literal(self, text: str) -> ast.expr:
        typed = self.dtype not in ("int64", "bool")
        return ast.Name(f"{SHORT[self.dtype]}({text})" if typed else text)


def tree(formula: str) -> ast.expr:
    """The formula as an expression tree; operands are the names that stood in braces."""
    return ast.parse(formula.replace("{", "").replace("}", ""), mode="eval").body


parse = cache(tree)  # for those who leave the tree as it is


def render(
    formula: str,
    operands: dict[str, str],
    dtype: str,
    names: ModuleType,
    guards: list[str] | None = None,
) -> str:
    """The formula as source text, computing in `dtype`, with `operands` in place of its names.

    With `guards`, functions take the form that vectorizes, and what that needs is added there.
    """
    return ast.unparse(_Typed(operands, dtype, names, guards).visit(tree(formula)))


def statements(
    program: Program, names: ModuleType, loaded: list[str], near: bool = False
) -> tuple[list[str], list[str]]:
    """The body as assignments, and the expression of each output's value.

    `loaded` holds the source names of the inputs' values, in registers already. With `near` the
    body clears a variable `near` where a function that vectorizes was used beyond its range.
    """
    values, lines = list(loaded), []
    for instr in program.body:
        operands = {
            name: values[v]
            if name in instr.kept
            else cast(values[v], program.dtype(v), instr.compute)
            for name, v in instr.args
        }
        guards: list[str] | None = [] if near else None
        text = render(instr.formula, operands, instr.compute, names, guards)
        lines += [f"near &= {guard}" for guard in guards or ()]
        if instr.dtype in NARROW:
            text = f"{SHORT[instr.dtype]}({text})"
        if instr.args:
            name = f"t{len(values) - len(loaded)}"
            lines.append(f"{name} = {text}")
            text = name
        values.append(text)
    return lines, [values[out.value] for out in program.outputs]


@cache
def functions(formula: str) -> frozenset[str]:
    """The names of the scalar functions that a formula calls."""
    calls = (n.func for n in ast.walk(parse(formula)) if isinstance(n, ast.Call))
    return frozenset(f.id for f in calls if isinstance(f, ast.Name)) - {"abs"}
