"""The helpers of `names`, compiled as generated kernels compile them, in loops over arrays."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from microgrest.kernels.cpu import helpers, names

DTYPES = ("float32", "float64")
MAP, FOLD = frozenset({"contract"}), frozenset({"contract", "reassoc", "arcp", "nsz"})


@cache
def kernel(function: str, arity: int = 1, flags: frozenset[str] = MAP) -> Callable[..., None]:
    """out[i] = function(x[i], ...) over contiguous arrays, kept in the kernel cache."""
    x = ("x", "y")[:arity]
    needed = names.helpers([function]) if function in names.sources() else []
    parts = [
        f'"""{function} of arrays."""\n\nimport math\n\nimport numpy as np\nfrom numba import njit',
        *(f"{names.DECORATOR}\n{text}" for text in needed),
        f'@njit(error_model="numpy", fastmath={{{", ".join(map(repr, sorted(flags)))}}})\n'
        f"def kernel({', '.join(x)}, out):\n    for i in range(out.size):\n"
        f"        out[i] = {function}({', '.join(f'{v}[i]' for v in x)})\n",
    ]
    return helpers.load("\n\n\n".join(parts), function).kernel  # type: ignore[no-any-return]


def holds(predicate: str, *x: Any) -> Any:
    """Where a predicate of arrays of one dtype is true."""
    out = np.empty(x[0].shape, bool)
    kernel(predicate, len(x))(*x, out)
    return out


def compute(function: str, *x: Any, flags: frozenset[str] = MAP) -> Any:
    """`function` of arrays of one dtype."""
    out = np.empty_like(x[0])
    kernel(function, len(x), flags)(*x, out)
    return out


@cache
def plain(function: str) -> Callable[..., Any]:
    """The helper under the interpreter."""
    scope: dict[str, Any] = {"np": np, "math": math}
    exec("\n\n".join(names.helpers([function])), scope)
    return scope[function]  # type: ignore[no-any-return]


def bits(dtype: str, n: int, seed: int = 0) -> Any:
    """Finite numbers of random bit patterns."""
    unsigned = np.dtype(f"u{np.dtype(dtype).itemsize}")
    rng = np.random.default_rng(seed)
    x = rng.integers(0, np.iinfo(unsigned).max, n, unsigned, endpoint=True).view(dtype)
    return x[np.isfinite(x)]


def same(got: Any, want: Any) -> bool:
    """Equal, the sign of zero included; any NaN equals any NaN."""
    if np.isnan(want):
        return bool(np.isnan(got))
    return bool(got == want and np.signbit(got) == np.signbit(want))
