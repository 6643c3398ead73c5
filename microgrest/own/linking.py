"""The text of a module that has a user's function and all that it uses: a kernel's source.

Functions keep their text and their `fastmath`; other options of Numba's decorators are ours to
choose. Constants have the values that they have now. Names that would mean something else beside
the library's own text are refused.
"""

from __future__ import annotations

import ast
import builtins
import math
import textwrap
from collections.abc import Iterator, Mapping
from importlib import import_module
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from ..kernels.source.scalar import SHORT
from ..kernels.vecmath.texts import sources
from .source import Source, python_function, source_of

LARGEST = 256  # elements of an array that is a constant
# What users' names may stand for parts of, and what generated modules call it.
ROOTS = {"numpy": "np", "math": "math", "cmath": "cmath", "numba": "numba"}
FIXED = ("np", "math", "cmath", "numba", "njit", "prange", "cuda")
TAKEN = ("kernel", "loop", "place", "u64", *SHORT.values())


class Linked:
    """Definitions, callees first, and imports, for functions that are added one by one."""

    def __init__(self, what: str, decorator: str) -> None:
        self.what, self.decorator = what, decorator
        self.imports: dict[str, str] = {}
        self.constants: dict[str, str] = {}
        self.functions: dict[str, tuple[FunctionType, str]] = {}

    @property
    def text(self) -> str:
        """All of it."""
        parts = ["\n".join(self.imports.values()), "\n".join(self.constants.values())]
        return "\n\n\n".join([p for p in parts if p] + [t for _, t in self.functions.values()])

    def add(self, source: Source, options: dict[str, Any], name: str = "") -> None:
        """Define a function, as `name`, and before it all that it uses."""
        self.uses(source)
        text = f"{self._decorated(options)}\n{definition(source, name or source.name)}"
        self.functions[name or source.name] = source.function, text

    def uses(self, source: Source) -> None:
        """Define all that a function uses."""
        for node, used in global_names(source):
            self._use(source, node, used)

    def _decorated(self, options: Mapping[str, Any]) -> str:
        """The decorator, with those of the user's options that decide on numbers and threads."""
        flags, found = options.get("fastmath"), self.decorator
        if flags:
            shown = True if flags is True else "{" + ", ".join(sorted(map(repr, flags))) + "}"
            found = found.replace(")", f", fastmath={shown})")
        return found.replace(")", ", parallel=True)") if options.get("parallel") else found

    def _use(self, source: Source, node: ast.AST, name: str) -> None:
        """Have the name stand for what it does in the user's function."""
        try:
            value = source.global_value(name)
        except NameError:
            raise self.refused(source, node, f"the name {name!r} is not defined yet") from None
        if value is getattr(builtins, name, self):
            return
        target = library_text(value)
        if target:
            root = target.partition(".")[0]
            if root in ("cmath", "numba"):
                self.imports[root] = f"import {root}"
            if name != target:
                self._once(source, node, name, target)
        elif isinstance(value, FunctionType) or hasattr(value, "py_func"):
            self._function(source, node, name, value)
        else:
            text = constant_text(value)
            if text is None:
                kind = type(value).__name__
                raise self.refused(source, node, f"{name!r} is {kind}, which no kernel can use")
            self._once(source, node, name, text)

    def _function(self, source: Source, node: ast.AST, name: str, value: Any) -> None:
        own = python_function(value, self.what)
        known = self.functions.get(name)
        if known is not None and known[0] is not own:
            raise self.refused(source, node, f"{name!r} stands for two functions")
        if own is source.function or known is not None:
            return
        self._check(source, node, name)
        self.add(source_of(own, self.what), getattr(value, "targetoptions", {}), name)

    def _once(self, source: Source, node: ast.AST, name: str, text: str) -> None:
        self._check(source, node, name)
        line = f"{name} = {text}"
        if self.constants.setdefault(name, line) != line:
            raise self.refused(source, node, f"{name!r} stands for two values")

    def _check(self, source: Source, node: ast.AST, name: str) -> None:
        if name in TAKEN or name in FIXED or name in sources():
            raise self.refused(source, node, f"another name than {name!r} is needed there")

    def refused(self, source: Source, node: ast.AST, why: str) -> NotImplementedError:
        """The error for what a kernel cannot have."""
        return NotImplementedError(f"{self.what}: {source.at(node)}: {why}")


def global_names(source: Source) -> Iterator[tuple[ast.AST, str]]:
    """The names in a function that stand for something outside of it, each once."""
    tree = source.tree
    inside = [n for part in getattr(tree, "body", ()) for n in ast.walk(part)]
    local = {n.id for n in inside if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    local |= {a.arg for a in ast.walk(tree) if isinstance(a, ast.arg)}
    local |= {n.name for n in inside if isinstance(n, ast.FunctionDef)}
    seen: set[str] = set()
    for n in inside:
        if isinstance(n, ast.AnnAssign):
            seen |= {m.id for m in ast.walk(n.annotation) if isinstance(m, ast.Name)}
    for n in inside:
        if isinstance(n, ast.Name) and n.id not in local and n.id not in seen:
            seen.add(n.id)
            yield n, n.id


def definition(source: Source, name: str) -> str:
    """The text of a function, word for word but for its head.

    That has neither decorators nor annotations, and defaults are the values that they have.
    """
    tree = source.tree
    assert isinstance(tree, ast.FunctionDef)
    values = [constant_text(v) for v in source.function.__defaults__ or ()]
    if None in values:
        raise NotImplementedError(f"{source.at(tree)}: a default is no number")
    plain = len(source.parameters) - len(values)
    given = [*source.parameters[:plain]]
    given += [f"{n}={v}" for n, v in zip(source.parameters[plain:], values, strict=True)]
    head = f"def {name}({', '.join(given)}):"
    first = tree.body[0]
    before = source.lines[first.lineno - 1].encode()[: first.col_offset]
    if before.strip():  # behind the head, in one line
        return "\n".join([head, *(f"    {ast.unparse(node)}" for node in tree.body)])
    body = "\n".join(source.lines[first.lineno - 1 : tree.end_lineno])
    return f"{head}\n{textwrap.indent(textwrap.dedent(body), '    ')}"


def library_text(value: Any) -> str:
    """What a generated module calls a part of NumPy, math or Numba; "" for anything else."""
    if isinstance(value, ModuleType):
        root, _, rest = value.__name__.partition(".")
        if value.__name__ == "numba.cuda":
            return "cuda"
        return f"{ROOTS[root]}.{rest}".rstrip(".") if root in ROOTS else ""
    if isinstance(value, np.generic) or hasattr(value, "py_func"):
        return ""
    module = "numpy" if isinstance(value, np.ufunc) else getattr(value, "__module__", None) or ""
    root, own = module.partition(".")[0], getattr(value, "__name__", "")
    if root not in ROOTS or not own or getattr(import_module(root), own, None) is not value:
        return ""
    return str(own) if own in FIXED else f"{ROOTS[root]}.{own}"


def constant_text(value: Any) -> str | None:
    """A constant as text, None for what is none."""
    if isinstance(value, (bool, int, float)):
        return number_text(value)
    if isinstance(value, np.generic) and value.dtype.kind in "biuf":
        return f"np.{value.dtype.name.replace('bool', 'bool_')}({number_text(value.item())})"
    if isinstance(value, tuple):
        inner = [constant_text(v) for v in value]
        return None if None in inner else f"({''.join(f'{v}, ' for v in inner)})"
    if isinstance(value, np.ndarray) and value.size <= LARGEST and value.dtype.kind in "iuf":
        parts = [number_text(v) for v in value.ravel().tolist()]
        return f"np.array([{', '.join(parts)}], np.{value.dtype.name}).reshape({value.shape})"
    return None


def number_text(value: float) -> str:
    """A number of Python as text."""
    if isinstance(value, float) and not math.isfinite(value):
        return "np.nan" if math.isnan(value) else "np.inf" if value > 0 else "-np.inf"
    return repr(value)
