"""Texts of scalar functions, for generated modules to carry: of a name and of all that it calls."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable
from functools import cache
from types import ModuleType

from .elementary import exponential, inverse, logarithm, power, trigonometric
from .numbers import digits, division, half, sums
from .special import bessel, digamma, error, gamma, normal, zeta

SUFFIX = {"float32": "_f32", "float64": "_f64"}


@cache
def sources() -> dict[str, str]:
    """The source text of every helper, by name."""
    modules = (
        bessel,
        digamma,
        digits,
        division,
        error,
        exponential,
        gamma,
        half,
        inverse,
        logarithm,
        normal,
        power,
        sums,
        trigonometric,
        zeta,
    )
    return {name: text for module in modules for name, text in functions(module).items()}


def functions(module: ModuleType) -> dict[str, str]:
    """The source text of each function that `module` defines."""
    text = inspect.getsource(module)
    lines = text.splitlines()
    defs = (node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef))
    return {node.name: "\n".join(lines[node.lineno - 1 : node.end_lineno]) for node in defs}


def find(known: dict[str, str], name: str, dtype: str) -> str | None:
    """The helper for `name` on values of `dtype`; the float16 conversions have no suffix."""
    candidates = (name + SUFFIX[dtype], name) if dtype in SUFFIX else (name,)
    return next((c for c in candidates if c in known), None)


def closure(known: dict[str, str], names: Iterable[str]) -> list[str]:
    """The texts of `names` and of what they call, each once, callees first."""
    found: dict[str, str] = {}

    def add(name: str) -> None:
        if name not in found:
            for callee in sorted(calls(known[name]) & known.keys()):
                add(callee)
            found[name] = known[name]

    for name in names:
        add(name)
    return list(found.values())


@cache
def calls(text: str) -> frozenset[str]:
    """The plain names that a function's text calls."""
    called = (node.func for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
    return frozenset(func.id for func in called if isinstance(func, ast.Name))
