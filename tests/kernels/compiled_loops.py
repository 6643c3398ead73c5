"""The helpers of `names`, compiled as generated kernels compile them, in loops over arrays."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from microgrest.kernels.cpu import names

DTYPES = ("float32", "float64")
MAP, FOLD = frozenset({"contract"}), frozenset({"contract", "reassoc", "arcp", "nsz"})


@cache
def namespace() -> dict[str, Any]:
    """A module with every helper compiled, as a generated file has them."""
    from numba import njit

    texts = names.helpers(names.sources())
    scope: dict[str, Any] = {"np": np, "math": math, "njit": njit}
    exec("\n\n".join(f"{names.DECORATOR}\n{text}" for text in texts), scope)
    return scope


@cache
def kernel(function: str, arity: int = 1, flags: frozenset[str] = MAP) -> Callable[..., None]:
    """out[i] = function(x[i], ...) over contiguous arrays."""
    from numba import njit

    x = ("x", "y")[:arity]
    text = f"def loop({', '.join(x)}, out):\n    for i in range(out.size):\n"
    text += f"        out[i] = {function}({', '.join(f'{v}[i]' for v in x)})\n"
    scope = dict(namespace())
    exec(text, scope)
    return njit(error_model="numpy", fastmath=set(flags))(scope["loop"])  # type: ignore[no-any-return]


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
