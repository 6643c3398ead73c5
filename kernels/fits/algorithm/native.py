"""The algorithm, compiled once per machine: what the fits of all models import.

Each name below is `kernel` of a module of its own, whose text is that of the functions here that it
consists of. They are plain Python as well, and run as that until they are compiled.
"""

from __future__ import annotations

import ast
import inspect
import re
from functools import cache
from types import ModuleType
from typing import Any

from ... import cache as store
from ...source.codegen import FOLD_FLAGS, MAP_FLAGS, njit
from ...vecmath.texts import closure, functions
from . import losses, marquardt, triangle

TABLE = "float64[:,::1]"
TYPES = {
    "advance": f"(int64, {TABLE}, {TABLE}, {TABLE}, {TABLE}, {TABLE}, float64[::1], int64[::1])",
    "absorb": f"({TABLE}, {TABLE}, int64, int64, int64, float64)",
    "finish": f"({TABLE}, {TABLE}, {TABLE}, {TABLE}, {TABLE}, int64[::1])",
}
_FOLDS = ("take_in", "cost", "length")
_ANNOTATION = re.compile(r": Array\b")


@cache
def text(name: str) -> str:
    """The module whose `kernel` is the function `name`."""
    known = {f: t for module in _modules() for f, t in functions(module).items()}
    parts = closure(known, [name])
    parts[-1] = re.sub(r"^def \w+", "def kernel", parts[-1])
    head = f'"""{name}: of least squares"""\n\nimport numpy as np\nfrom numba import njit\n\n'
    return "\n\n\n".join([head + "\n".join(constants()), *map(_compiled, parts)]) + "\n"


@cache
def constants() -> tuple[str, ...]:
    """The names of numbers that the algorithm goes by, as assignments."""
    found: list[str] = []
    for module in _modules():
        for node in ast.parse(inspect.getsource(module)).body:
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                found.append(ast.unparse(node))
    return tuple(found)


def importing(names: list[str]) -> str:
    """The import of these functions into a generated module, at this version of them."""
    digest = store.digest(*(text(name) for name in names))
    return f"from {__name__} import {', '.join(names)}  # {digest}"


def __getattr__(name: str) -> Any:
    """A function, as Numba has compiled it or will at its first call."""
    if name not in TYPES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found = store.load(text(name), name).kernel
    return found


def _modules() -> tuple[ModuleType, ...]:
    return triangle, losses, marquardt


def _compiled(function: str) -> str:
    name = re.match(r"def (\w+)", function)
    folds = name is not None and name[1] in _FOLDS
    return f"{njit(FOLD_FLAGS if folds else MAP_FLAGS)}\n{_ANNOTATION.sub('', function)}"
