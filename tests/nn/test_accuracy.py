"""Softmax, its relatives, and layer_norm within 4 units of the last place of the true value.

Softmax's sum of float32 adds up in fewer lanes where there is no AVX-512, and rounds more: 5 there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from llvmlite import binding

import microgrest as mg

mpmath = pytest.importorskip("mpmath")
F = mg.nn.functional
Rows = list[list[float]]
MOST = 4.0
WIDE = binding.get_host_cpu_features().get("avx512f", False)
SUMMED = {} if WIDE else {("softmax", "float32"): 5.0}


def rows(dtype: str) -> Rows:
    """Rows that are usual, far apart, nearly equal, equal, tiny, large, and with infinities."""
    rng = np.random.default_rng(0)
    large = 1e30 if dtype == "float32" else 1e150
    found = [
        [0.0, -50.3],
        [0.0, -16.1, -17.3],
        [3.25, 3.25, 3.25],
        [-1.7] * 9,
        [0.1] * 300,
        [1e-30, -1e-30, 0.0],
        [large, -large, large / 3],
        [1e4, 1e4 + 1, 1e4 - 3],
        [-1e4, -1e4 - 1, -1e4 + 3.5],
        [-80.5, 20.25, -1.5, 7.0],
        [-float("inf"), 1.0, 2.5],
        [100.5, -3.2, 99.25],
        *[rng.normal(0, scale, n).tolist() for scale in (1e-3, 1, 10, 60) for n in (5, 90, 700)],
    ]
    return [np.asarray(row, dtype).astype(float).tolist() for row in found]


def error(got: Any, want: Any, dtype: str, least: float = 0.0) -> float:
    """How far `got` is from the true value, in units of its last place, or of that of `least`."""
    if abs(want) == mpmath.inf:
        return 0.0 if float(got) == float(want) else float("inf")
    unit = float(np.spacing(np.asarray(max(abs(float(want)), least), dtype)))
    return float(abs(mpmath.mpf(float(got)) - want) / unit)


def exps(row: list[float]) -> list[Any]:
    top = max(map(mpmath.mpf, row))
    return [mpmath.exp(mpmath.mpf(x) - top) for x in row]


def softmax(row: list[float]) -> list[Any]:
    e = exps(row)
    return [x / mpmath.fsum(e) for x in e]


def log_softmax(row: list[float]) -> list[Any]:
    """By log1p, where the largest is all but alone."""
    top = max(row)
    rest = mpmath.fsum(exps(row)) - 1
    return [mpmath.mpf(x) - mpmath.mpf(top) - mpmath.log1p(rest) for x in row]


def logsumexp(row: list[float]) -> list[Any]:
    return [mpmath.mpf(max(row)) + mpmath.log(mpmath.fsum(exps(row)))]


def layer_norm(row: list[float]) -> list[Any]:
    x = [mpmath.mpf(v) for v in row]
    mean = mpmath.fsum(x) / len(x)
    variance = mpmath.fsum((v - mean) ** 2 for v in x) / len(x)
    return [(v - mean) / mpmath.sqrt(variance + mpmath.mpf("1e-5")) for v in x]


OPS: dict[str, tuple[Callable[[Any], Any], Callable[[list[float]], list[Any]]]] = {
    "softmax": (lambda x: x.softmax(-1), softmax),
    "log_softmax": (lambda x: x.log_softmax(-1), log_softmax),
    "logsumexp": (lambda x: x.logsumexp(-1, True), logsumexp),
    "cross_entropy": (
        lambda x: F.cross_entropy(x.expand(x.numel(), -1), mg.arange(x.numel()), reduction="none"),
        lambda row: [-y for y in log_softmax(row)],
    ),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", OPS)
def test_of_rows(name: str, dtype: str) -> None:
    ours, true = OPS[name]
    most = SUMMED.get((name, dtype), MOST)
    with mpmath.workdps(60):
        for row in rows(dtype):
            found = ours(mg.tensor(row, dtype=getattr(mg, dtype))).tolist()
            for got, want in zip(found, true(row), strict=True):
                assert error(got, want, dtype) <= most, (row[:4], got, want)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_layer_norm(dtype: str) -> None:
    """Of elements that are all but at the mean those of a thousandth of the deviation."""
    with mpmath.workdps(60):
        for row in rows(dtype):
            if not np.isfinite(row).all():
                continue
            x = mg.tensor(row, dtype=getattr(mg, dtype))
            found = F.layer_norm(x, (len(row),)).tolist()
            for got, want in zip(found, layer_norm(row), strict=True):
                assert error(got, want, dtype, 1e-3) <= MOST, (row[:4], got, want)


POINTS = [0.0, 1e-30, -1e-30, 1e-3, -1e-3, 0.5, -0.5, 1, -1, 5.25, -5.25, 17.3, -17.3, 30.5, -30.5]
POINTS += [60.25, -60.25, 85.5, -85.5, 1e4, -1e4, 1e30, -1e30]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_softplus_and_logits(dtype: str) -> None:
    d = getattr(mg, dtype)
    points = np.asarray([*POINTS, *np.linspace(-40, 40, 301)], dtype).astype(float).tolist()
    x = mg.tensor(points, dtype=d)
    with mpmath.workdps(60):
        up = [mpmath.log1p(mpmath.exp(mpmath.mpf(v))) for v in points]
        down = [mpmath.log1p(mpmath.exp(-mpmath.mpf(v))) for v in points]
        for target in (0.0, 1.0, 0.5, 0.25):
            t = mg.full_like(x, target)
            found = F.binary_cross_entropy_with_logits(x, t, reduction="none").tolist()
            for got, a, b in zip(found, up, down, strict=True):
                want = (1 - mpmath.mpf(target)) * a + mpmath.mpf(target) * b
                assert error(got, want, dtype) <= MOST
        for got, want, v in zip(F.softplus(x).tolist(), up, points, strict=True):
            assert v > 20 or error(got, want, dtype) <= MOST  # from 20 on it is x by definition
    inf = float("inf")
    ends = mg.tensor([inf, -inf], dtype=d)
    for target, want in ((0.0, [inf, 0.0]), (1.0, [0.0, inf])):
        t = mg.full_like(ends, target)
        assert F.binary_cross_entropy_with_logits(ends, t, reduction="none").tolist() == want
