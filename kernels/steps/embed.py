"""Kernels that stand in modules of their own, as functions of a larger module."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping


class Embedded:
    """The `texts` that a larger module has of others, callees first, and the `imports` it needs.

    All that a module defines is renamed, its constants too. What is the same text as something that
    is there already, and means the same, is that. Names in `shared` stay: they are the same text
    wherever they stand.
    """

    def __init__(self, shared: Iterable[str]) -> None:
        self.shared = frozenset(shared)
        self.texts: list[str] = []
        self.imports: list[str] = []
        self.known: dict[str, str] = {}  # what is defined, without its name: the name
        self.kernels: dict[str, str] = {}  # sources: the name of the kernel

    def add(self, source: str, label: str) -> str:
        """The name of the function that the kernel of a module is here."""
        if source not in self.kernels:
            self.kernels[source] = self._added(source, f"call{len(self.kernels)}_{label}")
        return self.kernels[source]

    def _added(self, source: str, name: str) -> str:
        renamed: dict[str, str] = {}
        lines = source.splitlines()
        for node in ast.parse(source).body:
            if isinstance(node, ast.ImportFrom) and node.module == "__future__":
                continue
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                text = ast.unparse(node)
                self.imports += [text] if text not in self.imports else []
            elif isinstance(node, (ast.Assign, ast.FunctionDef)):
                own = _defined(node)
                wanted = own if own in self.shared else f"{name}_{own}"
                wanted = name if own == "kernel" else wanted
                renamed[own] = self._define(node, lines, own, wanted, renamed)
        return renamed["kernel"]

    def _define(
        self,
        node: ast.Assign | ast.FunctionDef,
        lines: list[str],
        own: str,
        wanted: str,
        renamed: Mapping[str, str],
    ) -> str:
        """Define something, or find it; its name."""
        key = _text(node, lines, {**renamed, own: ""})
        found = self.known.setdefault(key, wanted)
        if found == wanted:
            text = _text(node, lines, {**renamed, own: wanted})
            self.texts += [text] if text not in self.texts else []
        return found


def _defined(node: ast.Assign | ast.FunctionDef) -> str:
    if isinstance(node, ast.FunctionDef):
        return node.name
    (target,) = node.targets
    assert isinstance(target, ast.Name), "a module of a kernel defines one name at a time"
    return target.id


def _text(node: ast.Assign | ast.FunctionDef, lines: list[str], names: Mapping[str, str]) -> str:
    """The text of a definition, with other names for what its module defines."""
    decorators = node.decorator_list if isinstance(node, ast.FunctionDef) else []
    first = min([node.lineno, *(d.lineno for d in decorators)])
    found = [line.encode() for line in lines[first - 1 : node.end_lineno]]
    for line, start, old in sorted(_uses(node, found, first), reverse=True):
        if old in names:
            text = found[line]
            found[line] = text[:start] + names[old].encode() + text[start + len(old.encode()) :]
    return b"\n".join(found).decode()


def _uses(
    node: ast.Assign | ast.FunctionDef, lines: list[bytes], first: int
) -> Iterator[tuple[int, int, str]]:
    """Where names of the module stand: line, byte, name. Those of a function's own are no such."""
    local: set[str] = set()
    if isinstance(node, ast.FunctionDef):
        line = node.lineno - first
        yield line, lines[line].index(b"def ") + 4, node.name
        local |= {x.arg for x in ast.walk(node) if isinstance(x, ast.arg)}
        local |= {x.id for x in _names(node) if isinstance(x.ctx, ast.Store)}
        local |= {x.name for x in ast.walk(node) if isinstance(x, ast.FunctionDef)} - {node.name}
    for x in _names(node):
        if x.id not in local:
            yield x.lineno - first, x.col_offset, x.id


def _names(node: ast.AST) -> Iterator[ast.Name]:
    return (x for x in ast.walk(node) if isinstance(x, ast.Name))
