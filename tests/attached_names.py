"""Names that a file attaches to a class or module of another: who attaches them, and who uses them.

No import shows that a file needs what is attached. Two ways find it: the text, where a name can be
nothing else, and a profile of programs, which sees every call. Where a base class that lies below
declares the name, the call goes by that interface and needs the file of the base alone.
"""

from __future__ import annotations

import ast
import builtins
import dis
import inspect
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np
from package_imports import exists, imported

Edges = dict[str, set[str]]
_DECORATOR = "method"  # it attaches to Tensor
# The instructions that call an operator's method.
_OPERATORS = ("BINARY_", "INPLACE_", "COMPARE_", "UNARY_", "STORE_SUBSCR", "GET_ITER", "CONTAINS_")
# What an attribute may be that is no tensor's.
_FOREIGN = {
    name
    for cls in (np.ndarray, np.generic, np.dtype, type(np), *vars(builtins).values())
    if isinstance(cls, type)
    for name in dir(cls)
} | set(dir(np))


@cache
def attached_in(module: str, path: Path, tree: ast.Module) -> set[str]:
    """What a file attaches to others' classes and modules; "*": names that are made as it runs."""
    others = _imported(tree, module, path)
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            found |= {_by_method(d, node.name) for d in node.decorator_list}
        elif isinstance(node, ast.Call) and _named(node.func) == _DECORATOR:
            found.add(_by_method(node, "") or "*")
        elif isinstance(node, ast.Call) and _named(node.func) == "setattr":
            found |= {"*"} if _named(node.args[0]) in others else set()
        elif isinstance(node, ast.Assign):
            targets = (t for t in node.targets if isinstance(t, ast.Attribute))
            found |= {t.attr for t in targets if _named(t.value) in others}
    return found - {""}


def _imported(tree: ast.Module, module: str, path: Path) -> set[str]:
    """The classes and modules of the package that a file imports, by the names they have there."""
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = [*package[: len(package) - node.level + 1], *(node.module or "").split(".")]
            for alias in node.names:
                whole = [part for part in (*base, alias.name) if part]
                if alias.name[0].isupper() or exists(whole):
                    found.add(alias.asname or alias.name)
    return found


def _named(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _root(node: ast.expr) -> str:
    """The name that a chain of attributes begins with."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return _named(node)


def _foreign(tree: ast.Module) -> set[str]:
    """The modules of others that a file imports."""
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.Import))
    return {a.asname or a.name.partition(".")[0] for node in imports for a in node.names}


def _by_method(decorator: ast.expr, name: str) -> str:
    """The name that `@method` or `@method(name=...)` attaches, "" for another decorator."""
    if _named(decorator) == _DECORATOR:
        return name
    if isinstance(decorator, ast.Call) and _named(decorator.func) == _DECORATOR:
        return next((k.value.value for k in decorator.keywords if _is_text(k.value)), "")
    return ""


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


class Attached:
    """What is attached to `cls` and its bases in a package whose files are `modules`, parsed."""

    def __init__(self, cls: type, modules: Mapping[str, Path]) -> None:
        self.imports = {module: imported(path, module) for module, path in modules.items()}
        self.paths = modules
        self._given: dict[str, set[str]] = {}
        self.modules = {str(path): module for module, path in modules.items()}
        self.trees = {m: _parsed(p) for m, p in modules.items()}
        self.classes = [c for c in cls.__mro__ if inspect.getmodule(c) and c is not object]
        given = {m: attached_in(m, modules[m], tree) for m, tree in self.trees.items()}
        self.members = {m: _members(tree) - given[m] for m, tree in self.trees.items()}
        self.kernels = {n for m in self.trees if m.startswith("kernels") for n in self.members[m]}
        self.by: dict[str, str] = {n: m for m, names in given.items() for n in names if n != "*"}
        # Names that are made at run time: by the file of the function, or the one that attaches.
        makers = [module for module, names in given.items() if "*" in names]
        self.codes: dict[CodeType, set[str]] = defaultdict(set)
        for owner in self.classes:
            for name, value in vars(owner).items():
                self._note(owner, name, value, makers)

    def _note(self, owner: type, name: str, value: Any, makers: list[str]) -> None:
        value = getattr(value, "fget", None) or getattr(value, "__func__", value)
        code = getattr(value, "__code__", None)
        if code is None or code.co_filename == inspect.getfile(owner):
            return
        home = self.modules.get(code.co_filename)
        if home is None:
            return
        if name not in self.by:
            attacher = [m for m in makers if m == home] or [m for m in makers if m != home]
            self.by[name] = attacher[0]
        self.codes[code].add(name)

    def interface(self, name: str) -> str | None:
        """The module of a class that declares `name`, if one does."""
        for owner in self.classes:
            value = vars(owner).get(name)
            code = getattr(value, "__code__", None)
            own = code is not None and code.co_filename == inspect.getfile(owner)
            if own or name in vars(owner).get("__annotations__", {}):
                return self.modules[inspect.getfile(owner)]
        return None

    def needed(self, name: str) -> str:
        """The module that must be there for `name` to work on every object."""
        return self.interface(name) or self.by[name]

    def in_text(self, modules: Iterable[str] | None = None) -> Edges:
        """Who reads a name as an attribute, where it can be no other class's or module's."""
        edges: Edges = defaultdict(set)
        for module in self.trees if modules is None else modules:
            tree = self.trees[module]
            if module.startswith("kernels"):  # they import nothing of the package, nor meet tensors
                continue
            near = {module, *_reached(module, self.imports)}
            foreign = _imported(tree, module, self.paths[module]) | _foreign(tree)
            others = _FOREIGN.union(self.kernels, *(self.members.get(m, set()) for m in near))
            for node in ast.walk(tree):
                if not isinstance(node, ast.Attribute) or _root(node) in foreign:
                    continue
                if node.attr in self.by.keys() - others:
                    edges[module] |= {self.needed(node.attr)} - {module}
        return edges

    def _passed(self, module: str) -> set[str]:
        """The names of functions that objects have been given, in what `module` imports."""
        if module not in self._given:
            near = {module, *self.imports.get(module, ())} & self.trees.keys()
            self._given[module] = set().union(*(_functions_given(self.trees[m]) for m in near))
        return self._given[module]

    def in_calls(self, programs: Iterable[Callable[[], Any]]) -> Edges:
        """Who calls what is attached, by name or by an operator, while `programs` run."""
        edges: Edges = defaultdict(set)

        def profile(frame: FrameType, event: str, argument: Any) -> None:
            if event != "call" or frame.f_code not in self.codes or frame.f_back is None:
                return
            caller = frame.f_back.f_code
            module = self.modules.get(caller.co_filename)
            if module is None:
                return
            for name in _meant(self.codes[frame.f_code], frame.f_back) - self._passed(module):
                edges[module] |= {self.needed(name)} - {module}

        sys.setprofile(profile)
        try:
            for program in programs:
                program()
        finally:
            sys.setprofile(None)
        return edges


def _meant(names: set[str], caller: FrameType) -> set[str]:
    """Those of `names` by which `caller` calls: of an operator, a builtin, or spelled out."""
    special = {name for name in names if name.startswith("__")}
    code = caller.f_code
    at = next((i for i in dis.get_instructions(code) if i.offset == caller.f_lasti), None)
    if at is not None and at.opname.startswith(_OPERATORS):
        return special
    spelled = set(code.co_names)
    builtin = {n for n in special if n.strip("_") in spelled & set(dir(builtins))}
    return (names & spelled) | builtin


@cache
def _members(tree: ast.Module) -> set[str]:
    """The names that a file's classes have, and its functions."""
    found = {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            found |= {n.name for n in node.body if isinstance(n, ast.FunctionDef)}
            for name in ast.walk(node):
                if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store):
                    found.add(name.id)
                elif isinstance(name, ast.Attribute) and isinstance(name.ctx, ast.Store):
                    found.add(name.attr)
    return found


def _functions_given(tree: ast.Module) -> set[str]:
    """The fields of a file's classes that are functions which somebody gives."""
    bodies = (n.body for n in ast.walk(tree) if isinstance(n, ast.ClassDef))
    fields = (n for body in bodies for n in body if isinstance(n, ast.AnnAssign))
    return {_named(n.target) for n in fields if ast.unparse(n.annotation).startswith("Callable[")}


def _reached(module: str, imports: Mapping[str, Iterable[str]]) -> set[str]:
    """The modules that `module` imports, and they in turn."""
    found: set[str] = set()
    stack = [module]
    while stack:
        for name in imports.get(stack.pop(), ()):
            if name not in found:
                found.add(name)
                stack.append(name)
    return found
