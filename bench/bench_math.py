"""Elementary functions in a loop: ours, NumPy's, PyTorch's on one thread, and Numba's own.

    python -m pytest bench/bench_math.py --benchmark-group-by=group

A group is one function, dtype and size; compilation happens before the clock starts, and every form
writes into an array that exists.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from microgrest.kernels.cpu import names

pytest.importorskip("pytest_benchmark")

FUNCTIONS = ("exp", "expm1", "log", "log1p", "sin", "cos", "tan", "tanh", "atan", "erf")
BLOCK = 4096
Loop = Callable[[Any, Any], object]


@cache
def ours(name: str, dtype: str) -> Loop:
    """The loop of a generated kernel; where the fast form is limited, block by block."""
    function = names.scalar(name, dtype)
    near = names.vector(name, dtype)
    lines = [
        "@njit(error_model='numpy', fastmath={'contract'})",
        "def loop(x, out):",
        "    for i in range(x.size):",
        f"        out[i] = {function}(x[i])",
    ]
    if near:
        lines = [
            *lines[:2],
            f"    for start in range(0, x.size, {BLOCK}):",
            f"        xs, outs, near = x[start:start + {BLOCK}], out[start:start + {BLOCK}], True",
            f"        for i in range(xs.size): near &= {near[1]}(xs[i])",
            "        if near:",
            f"            for i in range(xs.size): outs[i] = {near[0]}(xs[i])",
            "        else:",
            f"            for i in range(xs.size): outs[i] = {function}(xs[i])",
        ]
    from numba import njit

    scope: dict[str, Any] = {"np": np, "math": math, "njit": njit}
    for text in names.helpers([function, *(near or ())]):
        exec(f"{names.DECORATOR}\n{text}", scope)
    exec("\n".join(lines), scope)
    return scope["loop"]  # type: ignore[no-any-return]


@cache
def library(name: str, dtype: str) -> Loop:
    """The same loop over the platform's library, which is what Numba calls by itself."""
    from numba import njit

    scope: dict[str, Any] = {"math": math, "njit": njit}
    text = f"def loop(x, out):\n    for i in range(x.size):\n        out[i] = math.{name}(x[i])"
    exec(f"@njit(error_model='numpy', fastmath={{'contract'}})\n{text}", scope)
    return scope["loop"]  # type: ignore[no-any-return]


def peer(module: ModuleType, name: str) -> Loop:
    """A library's own function, into an array that exists."""
    function = getattr(module, {"atan": "arctan"}.get(name, name))
    return lambda x, out: function(x, out=out)


@pytest.fixture
def torch_one_thread() -> Any:
    """PyTorch, on one thread while the test runs."""
    torch = pytest.importorskip("torch")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield torch
    torch.set_num_threads(threads)


def arguments(name: str, dtype: str, n: int) -> tuple[Any, Any]:
    """Arguments of ordinary size, and the array for the values."""
    low = 0.1 if name.startswith("log") else -3.0
    x = np.random.default_rng(0).uniform(low, 3, n).astype(dtype)
    return x, np.empty_like(x)


@pytest.mark.parametrize("form", ["ours", "numba", "numpy", "torch"])
@pytest.mark.parametrize("n", [4096, 1_000_000])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_function(
    benchmark: Any, request: pytest.FixtureRequest, name: str, dtype: str, n: int, form: str
) -> None:
    x, out = arguments(name, dtype, n)
    if form == "torch":
        torch = request.getfixturevalue("torch_one_thread")
        x, out = torch.from_numpy(x), torch.from_numpy(out)
        loop = peer(torch, name)
    elif form == "numpy":
        if name == "erf":
            pytest.skip("NumPy has no erf")
        loop = peer(np, name)
    else:
        loop = (ours if form == "ours" else library)(name, dtype)
    loop(x, out)
    benchmark.group = f"{name} {dtype} {n}"
    rounds = max(20, 4_000_000 // n // 16)
    benchmark.pedantic(loop, (x, out), rounds=rounds, iterations=max(1, 65536 // n))
    benchmark.extra_info["ns per element"] = benchmark.stats.stats.median / n * 1e9
