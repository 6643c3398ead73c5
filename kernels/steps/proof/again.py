"""Again: whether a block that is done twice, because it was tried by functions that vectorize but
do not hold everywhere, still finds what it read the first time."""

from __future__ import annotations

import ast

from .places import Refused


def check(source: str) -> None:
    """Refused, if a function of a module that may be done again writes what it reads."""
    if "_near(" not in source:
        return
    tree = ast.parse(source)
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            function = functions.get(node.func.id)
            if function and function.name.endswith("_near"):
                _look(function, [ast.unparse(x) for x in node.args])


def _look(function: ast.FunctionDef, given: list[str]) -> None:
    names = dict(zip((a.arg for a in function.args.args), given, strict=True))
    places = [x for x in ast.walk(function) if isinstance(x, ast.Subscript)]
    read = {names.get(ast.unparse(x.value)) for x in places if isinstance(x.ctx, ast.Load)}
    written = {names.get(ast.unparse(x.value)) for x in places if isinstance(x.ctx, ast.Store)}
    met = (read & written) - {None}
    if met:
        raise Refused(f"{function.name} may be done again, and writes {min(map(str, met))}")
