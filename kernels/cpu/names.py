"""What the scalar functions of formulas are called in generated CPU source.

`exp` of a float32 is `exp_f32`, a helper whose text (`vecmath`) the generated file carries; `sqrt`
is `np.sqrt`, which LLVM has an instruction for. Names in a formula are those of Python's `math`.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable
from functools import cache
from types import ModuleType

from ..vecmath import division, error, exponential, half, inverse, logarithm, power, trigonometric

# A helper has to vanish into its loop: LLVM vectorizes no loop that calls a function.
DECORATOR = '@njit(error_model="numpy", fastmath={"contract"}, forceinline=True)'

DIRECT = {
    "abs": "abs",
    "fabs": "abs",
    "ceil": "np.ceil",
    "copysign": "np.copysign",
    "floor": "np.floor",
    "isfinite": "np.isfinite",
    "isinf": "np.isinf",
    "isnan": "np.isnan",
    "rint": "np.rint",
    "sqrt": "np.sqrt",
    "trunc": "np.trunc",
}
# What says whether the vectorizing form of a function, near_*, holds at its arguments.
PREDICATES = {"sin": "near", "cos": "near", "tan": "near", "fmod": "near_ratio"}
SUFFIX = {"float32": "_f32", "float64": "_f64"}


def scalar(name: str, dtype: str) -> str:
    """The name to call for `name` on values of `dtype` ("float32", "float64"); right everywhere."""
    full = DIRECT.get(name) or find(sources(), name, dtype)
    if full is None:
        raise KeyError(f"no scalar function {name!r} of {dtype} values")
    return full


def vector(name: str, dtype: str) -> tuple[str, str] | None:
    """(function, predicate): a form of `name` that vectorizes, right where the predicate holds.

    None where `scalar` itself vectorizes: everywhere but for sin, cos, tan and fmod. A loop should
    test the predicate, which takes the same arguments, on a block of them first, and run the one
    form or the other over the block.
    """
    near, suffix = PREDICATES.get(name), SUFFIX.get(dtype)
    return (f"near_{name}{suffix}", near + suffix) if near and suffix else None


def helpers(names: Iterable[str]) -> list[str]:
    """The source of each helper among `names` and of all that they call, callees first."""
    wanted = [name for name in names if name not in DIRECT.values()]
    return closure(sources(), wanted) if wanted else []


@cache
def sources() -> dict[str, str]:
    """The source text of every helper, by name."""
    modules = (division, error, exponential, half, inverse, logarithm, power, trigonometric)
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
