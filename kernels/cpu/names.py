"""What the scalar functions of formulas are called in generated CPU source.

`exp` of a float32 is `exp_f32`, a helper whose text (`vecmath`) the generated file carries; `sqrt`
is `np.sqrt`, which LLVM has an instruction for. Names in a formula are those of Python's `math`.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..source.codegen import interpreted
from ..source.program import Reduce
from ..vecmath.texts import SUFFIX, closure, find, sources as sources

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
# LLVM's own functions of floats, which `source.writer` defines.
LOWERED = {"larger", "smaller"}
# What says whether the vectorizing form of a function, near_*, holds at its arguments.
PREDICATES = {"sin": "near", "cos": "near", "tan": "near", "fmod": "near_ratio"}


def scalar(name: str, dtype: str) -> str:
    """The name to call for `name` on values of `dtype` ("float32", "float64"); right everywhere."""
    if name in LOWERED:
        return name + SUFFIX[dtype]
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


def step(fold: Reduce, dtype: str) -> str:
    """The formula by which a fold goes on in `dtype`."""
    return fold.vector if dtype in SUFFIX and fold.vector and not interpreted() else fold.step


def helpers(names: Iterable[str]) -> list[str]:
    """The source of each helper among `names` and of all that they call, callees first."""
    wanted = [name for name in names if name not in DIRECT.values()]
    return closure(sources(), wanted) if wanted else []
