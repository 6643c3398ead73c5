"""Kernels that stand in files of their own, as functions of a larger module."""

from __future__ import annotations

import ast
import re


def functions(source: str, name: str, shared: set[str]) -> list[str]:
    """What a kernel's module defines, callees first, `kernel` being called `name` now.

    Functions in `shared` keep their names; they are the same text wherever they stand.
    """
    tree = ast.parse(source)
    lines = source.splitlines()
    found = []
    own = {"kernel": name}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            found.append(ast.unparse(node))
        if isinstance(node, ast.FunctionDef):
            start = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            found.append("\n".join(lines[start - 1 : node.end_lineno]))
            if node.name not in shared and node.name != "kernel":
                own[node.name] = f"{name}_{node.name}"
    words = re.compile(r"\b(" + "|".join(map(re.escape, own)) + r")\b(?=\()")
    return [words.sub(lambda match: own[match[1]], text) for text in found]
