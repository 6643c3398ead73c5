"""What the scalar functions of formulas are called in generated CUDA source.

CUDA's own functions, reached through `math`, err by a few ulp at most and branch per thread at no
cost, so most names are theirs. What is missing there is shared with the CPU, as text.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from functools import cache

import numpy as np

from ..source.program import Reduce
from ..vecmath import texts

DECORATOR = "@cuda.jit(device=True)"

OWN = (
    "acos acosh asin asinh atan atan2 atanh ceil copysign cos cosh erf erfc exp expm1 floor fmod "
    "hypot isfinite isinf isnan log log10 log1p log2 pow sin sinh sqrt tan tanh trunc"
)
DIRECT = {"abs": "abs", "fabs": "abs"} | {name: f"math.{name}" for name in OWN.split()}
# CUDA's erfc of float64 errs by 5 ulp (CUDA Math API, accuracy of double precision); ours by 2.
ACCURATE = {("erfc", "float64")}
SHARED = (
    "erfinv", "exp2", "expsub", "less", "lost", "ipow", "half_to_float", "float_to_half", "lgamma",
    "digamma", "polygamma", "zeta", "i0", "i0e", "i1", "i1e", "erfcx", "log_ndtr", "ndtri",
    "nextafter", "exponent", "gcd", "scaled_square",
)  # fmt: skip


def scalar(name: str, dtype: str) -> str:
    """The name to call for `name` on values of `dtype` ("float32", "float64")."""
    shared = name in SHARED or name == "rint" or (name, dtype) in ACCURATE
    full = texts.find(sources(), name, dtype) if shared else DIRECT.get(name)
    if full is None:
        raise KeyError(f"no scalar function {name!r} of {dtype} values on CUDA")
    return full


def vector(name: str, dtype: str) -> tuple[str, str] | None:
    """None: a thread that branches delays no others than those of its warp."""
    return None


def step(fold: Reduce, dtype: str) -> str:
    """The formula by which a fold goes on in `dtype`."""
    return fold.step


def helpers(names: Iterable[str]) -> list[str]:
    """The source of each helper among `names` and of all that they call, callees first."""
    return texts.closure(sources(), (n for n in names if n not in DIRECT.values()))


@cache
def sources() -> dict[str, str]:
    """The source text of every helper, by name: the CPU's, with functions that CUDA has."""
    own = {f.__name__: inspect.getsource(f).rstrip() for f in (rint_f32, rint_f64)}
    shared = (texts.sources() | own).items()
    return {
        name: re.sub(r"\bnp\.(sqrt|copysign|floor)\b", r"math.\1", text) for name, text in shared
    }


def rint_f32(x: np.float32) -> np.float32:
    """The nearest integer, ties to even: above 2**23 a float32 has no fraction left to keep."""
    a = abs(x)
    y = (a + np.float32(8388608.0)) - np.float32(8388608.0)
    y = y if a < np.float32(8388608.0) else a
    return np.float32(np.copysign(y, x))


def rint_f64(x: np.float64) -> np.float64:
    """The nearest integer, ties to even: above 2**52 a float64 has no fraction left to keep."""
    a = abs(x)
    y = (a + 4503599627370496.0) - 4503599627370496.0
    y = y if a < 4503599627370496.0 else a
    return np.float64(np.copysign(y, x))
