"""fmod, exact over all floating-point numbers, and powers of integers."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from compiled_loops import DTYPES, FOLD, MAP, bits, compute, holds, kernel, plain
from microgrest.kernels.cpu import names

INF, NAN = float("inf"), float("nan")
N = 20_000


def extremes(dtype: str) -> tuple[Any, Any]:
    """Every pair of zeros, infinities, NaN, the largest numbers, the smallest."""
    info = np.finfo(dtype)
    ends = [info.max, info.max / 3, info.tiny, info.smallest_subnormal, 3 * info.smallest_subnormal]
    values = [0, -0.0, 1, -1, 0.7, INF, -INF, NAN, 2.0**24, -(2.0**29), *ends, -info.max]
    x, y = zip(*product(values, values), strict=True)
    return np.array(x, dtype), np.array(y, dtype)


def multiples(dtype: str, steps: int) -> tuple[Any, Any]:
    """Numbers `steps` units of the last place from integer multiples of others."""
    rng = np.random.default_rng(1)
    y = bits(dtype, N, seed=2)
    with np.errstate(all="ignore"):
        x = (y * np.floor(2.0 ** rng.uniform(0, 31, y.size))).astype(dtype)
        for _ in range(abs(steps)):
            x = np.nextafter(x, np.array(np.copysign(INF, steps), dtype))
    return x, y


def small(dtype: str) -> tuple[Any, Any]:
    """Subnormal numbers, and the largest over them."""
    info = np.finfo(dtype)
    x, y = np.random.default_rng(3).integers(1, 2**21, (2, N)).astype(dtype)
    x[::2] *= info.smallest_subnormal
    x[1::200] = info.max
    return x, y * info.smallest_subnormal


def large(dtype: str) -> tuple[Any, Any]:
    """Numbers near overflow."""
    rng = np.random.default_rng(4)
    top = np.finfo(dtype).max
    x, y = rng.uniform(0.2, 1, N), 2.0 ** -rng.uniform(0, 26, N)
    return (top * x).astype(dtype), (top * y).astype(dtype)


CASES = {
    "extremes": extremes,
    "multiples": lambda dtype: multiples(dtype, 0),
    "below multiples": lambda dtype: multiples(dtype, -1),
    "above multiples": lambda dtype: multiples(dtype, 1),
    "halves": lambda dtype: (multiples(dtype, 0)[0] / 2, multiples(dtype, 0)[1]),
    "any bits": lambda dtype: (bits(dtype, N, 5)[:19_000], bits(dtype, N, 6)[:19_000]),
    "small": small,
    "large": large,
}


def assert_equal(got: Any, want: Any) -> None:
    """Equal, the signs of zeros included."""
    np.testing.assert_array_equal(got, want)
    signs = [np.signbit(a) | np.isnan(a) for a in (got, want)]
    np.testing.assert_array_equal(*signs)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CASES)
def test_fmod(case: str, dtype: str) -> None:
    x, y = CASES[case](dtype)
    with np.errstate(all="ignore"):
        want = np.fmod(x, y)
    function = names.scalar("fmod", dtype)
    assert_equal(compute(function, x, y), want)
    assert_equal(compute(function, x, y, flags=FOLD), want)
    # Without fused operations, and on NumPy scalars.
    with np.errstate(all="ignore"):
        some = slice(0, 400)
        got = [plain(function)(*pair) for pair in zip(x[some], y[some], strict=True)]
    assert_equal(np.array(got), want[some])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CASES)
def test_the_form_that_vectorizes_holds_where_it_says(case: str, dtype: str) -> None:
    x, y = CASES[case](dtype)
    function, predicate = names.vector("fmod", dtype) or ("", "")
    near = holds(predicate, x, y)
    x, y = x[near], y[near]
    with np.errstate(all="ignore"):
        want = np.fmod(x, y)
    assert_equal(compute(function, x, y), want)


@pytest.mark.parametrize(("dtype", "bits_of_ratio"), [("float32", 29), ("float64", 24)])
def test_where_the_form_that_vectorizes_holds(dtype: str, bits_of_ratio: int) -> None:
    _, predicate = names.vector("fmod", dtype) or ("", "")
    edge = np.array(2.0**bits_of_ratio, dtype)
    beyond = np.nextafter(edge, np.array(INF, dtype))
    one, zero, tiny = (np.array(v, dtype)[()] for v in (1, 0, np.finfo(dtype).smallest_subnormal))
    top = np.finfo(dtype).max
    pairs = [(edge[()], one), (beyond, one), (top, tiny), (top, zero), (INF * one, one)]
    x, y = (np.array(v) for v in zip(*pairs, (NAN * one, one), (one, NAN * one), strict=True))
    assert holds(predicate, x, y).tolist() == [True, False, False, True, True, True, True]


BASES = [0, 1, -1, 2, -2, 3, 10, 2**31, -(2**63), 2**63 - 1, 6364136223846793005]
EXPONENTS = [0, 1, 2, 3, 7, 62, 63, 64, 65, 65537, 10**6, 2**62 + 1, 2**63 - 1]


def test_powers_of_integers_wrap() -> None:
    x, n = np.array(list(product(BASES, EXPONENTS)), "int64").T.copy()
    got = compute(names.scalar("ipow", "int64"), x, n)
    want = [pow(int(a), int(b), 2**64) for a, b in zip(x, n, strict=True)]
    assert got.astype("uint64").tolist() == want


def test_powers_of_narrow_integers() -> None:
    x, n = np.array(list(product([-128, -3, 2, 127], [0, 1, 2, 5, 127])), "int8").T.copy()
    out = np.empty(x.size, "int64")
    kernel("ipow", 2, MAP)(x, n, out)
    want = [pow(int(a), int(b), 2**64) for a, b in zip(x, n, strict=True)]
    assert out.astype("uint64").tolist() == want
