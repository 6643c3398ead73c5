"""The algorithm, compiled once per machine: the fits of all models call it, and it their code.

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
from ...source.codegen import FOLD_FLAGS, MAP_FLAGS, interpreted, njit
from ...vecmath.texts import closure, functions
from . import calling, driver, losses, marquardt, triangle

TABLE, TABLES = "float64[:,::1]", "float64[:,:,::1]"
ROW, COUNTS = "float64[::1]", "int64[:,::1]"
TYPES = {
    "advance": f"(int64, {TABLE}, {TABLE}, {TABLE}, {TABLE}, {TABLE}, {ROW}, int64[::1])",
    "fit_some": f"(int64, int64, {TABLES}, {TABLES}, {TABLES}, {TABLES}, {ROW}, {TABLES}, {TABLE},"
    f" {COUNTS}, {TABLES}, boolean[::1], int64, int64)",
}
# Calls of code at an address.
CALLS = ("call_rows", "call_fold")
# Sums over the rows of a block, whose order is free.
_FOLDS = ("take_in", "cost")
_ANNOTATION = re.compile(r": (Array|Any)\b")


@cache
def text(name: str) -> str:
    """The module whose `kernel` is the function `name`."""
    parts = texts(name)
    whole = parts.pop(name)
    kernel = re.sub(r"^def \w+", "def kernel", whole)
    called = {call: parts.pop(call) for call in CALLS if call in parts}
    head = f'"""{name}: of least squares"""\n\nimport numpy as np\nfrom numba import njit\n\n'
    calls = [*called.values()] if interpreted() else [calling.text(called)] if called else []
    compiled = [_compiled(part) for part in (*parts.values(), kernel)]
    return "\n\n\n".join([head + "\n".join(constants()), *calls, *compiled]) + "\n"


@cache
def texts(name: str) -> dict[str, str]:
    """The functions that `name` consists of, callees first, without types."""
    known = {f: t for module in _modules() for f, t in functions(module).items()}
    found = (_ANNOTATION.sub("", part) for part in closure(known, [name]))
    return {part.split("(")[0].removeprefix("def "): part for part in found}


@cache
def constants() -> tuple[str, ...]:
    """The names of numbers that the algorithm goes by, as assignments."""
    found: list[str] = []
    for module in _modules():
        for node in ast.parse(inspect.getsource(module)).body:
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                found.append(ast.unparse(node))
    return tuple(found)


def __getattr__(name: str) -> Any:
    """A function, as Numba has compiled it or will at its first call."""
    if name not in TYPES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found = store.load(text(name), name).kernel
    return found


def _modules() -> tuple[ModuleType, ...]:
    return triangle, losses, marquardt, driver


def _compiled(function: str) -> str:
    name = re.match(r"def (\w+)", function)
    folds = name is not None and name[1] in _FOLDS
    decorator = njit(FOLD_FLAGS if folds else MAP_FLAGS, counted=False)
    # Eight tables are seventy words, which each call would store and load.
    also = "nogil=True" if name is not None and name[1] == "kernel" else "forceinline=True"
    return f"{decorator[:-1]}, {also})\n{function}"
