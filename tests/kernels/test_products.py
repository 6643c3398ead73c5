"""Products that are decided when code is written: the calls that are left, and what they do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from microgrest.kernels import cache
from microgrest.kernels.kinds.matrices import known_product as products
from microgrest.kernels.libraries import blas
from microgrest.kernels.source.matrices import Place, Problem


def problem(batch: int, m: int, n: int, k: int, turned: bool = False) -> Problem:
    """(m, k) times (k, n), or times (n, k) turned, each of `batch`."""
    b = Place(0, n * k, k, 1) if turned else Place(0, n * k, 1, n)  # from column to column, to row
    return Problem(batch, m, n, k, batch * k, Place(0, m * k, k, 1), b, Place(0, m * n, n, 1))


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("sizes", [(1, 40, 16, 30), (1, 2, 3, 4), (1, 1, 5, 6), (3, 8, 9, 10)])
def test_what_is_left_is_the_product(sizes: tuple[int, ...], turned: bool) -> None:
    p = problem(*sizes, turned=turned)
    for gemm in {False, blas.gemm("float64") != 0}:
        found = products.calls(gemm, p)
        assert found
        assert {name for name, _ in found} <= set(products.ENDS)
        assert np.allclose(compiled(found, p), expected(p))


def test_a_large_one_is_a_single_call_of_gemm() -> None:
    ((name, text),) = products.calls(True, problem(1, 40, 16, 30))
    assert name == "call_gemm" and text.startswith("call_gemm(gemm, (False, False), ")


def test_what_takes_more_is_left_to_product() -> None:
    assert not products.calls(True, problem(products.MANY + 1, 8, 9, 10))
    neither = problem(1, 40, 16, 30)._replace(a=Place(0, 0, 90, 3))  # to be packed
    assert not products.calls(True, neither)
    backwards = problem(1, 2, 3, 4)._replace(a=Place(4, 0, -4, 1))
    assert not products.calls(False, backwards)


def operands(p: Problem) -> tuple[Any, Any]:
    """Flat memory."""
    random = np.random.default_rng(0)
    return random.random(p.batch * p.m * p.k), random.random(p.batch * p.k * p.n)


def expected(p: Problem) -> Any:
    """By NumPy, flat."""
    a, b = operands(p)
    turned = p.b.step == 1
    right = b.reshape(p.batch, *((p.n, p.k) if turned else (p.k, p.n)))
    right = right.swapaxes(1, 2) if turned else right
    return (a.reshape(p.batch, p.m, p.k) @ right).ravel()


def compiled(calls: list[tuple[str, str]], p: Problem) -> Any:
    """By the calls, in a module that has what they need."""
    texts = blas.texts(blas.find().form)
    needed = [texts[name] for name in dict.fromkeys(name for name, _ in calls)]
    lines = "\n".join(f"    {line}" for _, line in calls)
    kernel = f"@njit\ndef kernel(gemm, a, b, out):\n{lines}\n"
    module = cache.load("\n\n\n".join(["\n".join(blas.IMPORTS), *needed, kernel]), "products")
    out = np.empty(p.batch * p.m * p.n)
    module.kernel(blas.gemm("float64"), *operands(p), out)
    return out
