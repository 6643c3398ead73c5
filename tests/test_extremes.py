"""Norms and deviations whose squares no number holds, and their gradients, beside mpmath."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgrest as mg

mpmath = pytest.importorskip("mpmath")
F = mg.nn.functional
Row = list[Any]
MOST = 4.0  # units of the last place
SCALES = {"float32": (1.0, 1e30, 1e-37), "float64": (1.0, 1e150, 1e250, 1e-160, 1e-300)}
CASES = [(dtype, scale) for dtype, scales in SCALES.items() for scale in scales]


def norm(x: Row) -> tuple[Row, Row]:
    y = mpmath.sqrt(mpmath.fsum(v * v for v in x))
    return [y], [v / y for v in x]


def std(x: Row) -> tuple[Row, Row]:
    mean = mpmath.fsum(x) / len(x)
    d = [v - mean for v in x]
    y = mpmath.sqrt(mpmath.fsum(v * v for v in d) / (len(x) - 1))
    return [y], [v / y / (len(x) - 1) for v in d]


def layer_norm(x: Row, eps: float) -> Row:
    mean = mpmath.fsum(x) / len(x)
    variance = mpmath.fsum((v - mean) ** 2 for v in x) / len(x)
    return [(v - mean) / mpmath.sqrt(variance + eps) for v in x]


def values(dtype: str, scale: float, shape: tuple[int, ...] = (42,)) -> Any:
    found = np.random.default_rng(0).normal(1, 1, shape).clip(0.01, 2) * scale
    return mg.tensor(found.astype(dtype))


def exact(x: Any) -> Row:
    return [mpmath.mpf(float(v)) for v in x.tolist()]


def near(got: Any, want: Row, dtype: str, most: float = MOST, least: float = 0.0) -> None:
    """Within `most` units of the last place of each, or of `least`."""
    for a, b in zip(exact(got), want, strict=True):
        unit = float(np.spacing(np.asarray(max(abs(float(b)), least), dtype)))
        assert abs(a - b) <= most * unit, (a, b)


NORMS: dict[str, Callable[[Any], Any]] = {
    "norm": lambda x: x.norm(),
    "vector_norm": lambda x: mg.linalg.vector_norm(x, dim=0),
    "frobenius": lambda x: mg.linalg.matrix_norm(x.reshape(7, -1)),
    "norm of columns": lambda x: x.reshape(-1, 1).expand(-1, 3).clone().norm(dim=0)[1],
    "norm of rows": lambda x: x.expand(3, -1).clone().norm(dim=1)[1],
}
STDS: dict[str, Callable[[Any], Any]] = {
    "std": lambda x: x.std(),
    "std of columns": lambda x: x.reshape(-1, 1).expand(-1, 3).clone().std(0)[1],
    "std apart": lambda x: x.reshape(7, 1, 6).expand(7, 2, 6).clone().std((0, 2))[1],
}


@pytest.mark.parametrize(("dtype", "scale"), CASES)
@pytest.mark.parametrize("name", [*NORMS, *STDS])
def test_values_and_gradients(name: str, dtype: str, scale: float) -> None:
    true, ours = (norm, NORMS[name]) if name in NORMS else (std, STDS[name])
    x = values(dtype, scale).requires_grad_()
    y = ours(x)
    y.backward()
    with mpmath.workdps(60):
        want, gradient = true(exact(x))
        near(y.reshape(1), want, dtype)
        near(x.grad, gradient, dtype, 8.0, float(max(map(abs, gradient))))


@pytest.mark.parametrize(("dtype", "scale"), CASES)
def test_compiled(dtype: str, scale: float) -> None:
    x = values(dtype, scale)

    def both(x: Any) -> Any:
        return mg.stack([x.norm(), x.std()])

    step = mg.compile(both)
    with mpmath.workdps(60):
        want = norm(exact(x))[0] + std(exact(x))[0]
        for _ in range(3):
            near(step(x), want, dtype)


@pytest.mark.parametrize("scale", [1e150, 1e250, 1e-160, 1e-300])
def test_layer_norm(scale: float) -> None:
    """Of small numbers with no eps, beside which they are nothing."""
    x = values("float64", scale)
    with mpmath.workdps(60):
        eps = 1e-5 if scale > 1 else 0.0
        near(F.layer_norm(x, x.shape, eps=eps), layer_norm(exact(x), eps), "float64", MOST, 1e-3)
        small = F.layer_norm(x * (1.0 if scale < 1 else 0.0), x.shape)
        assert small.abs().max() < 1e-150


@pytest.mark.parametrize(("dtype", "scale"), CASES)
def test_correlations(dtype: str, scale: float) -> None:
    """They do not depend on the scale, and a gradient is one over it."""
    given = values(dtype, scale, (2, 50))
    x, one = given.clone().requires_grad_(), (given.double() / scale).requires_grad_()
    for t in (x, one):
        mg.corrcoef(t)[0, 1].backward()
    close = 2e-5 if dtype == "float32" else 1e-12
    assert mg.allclose(mg.corrcoef(x).double(), mg.corrcoef(one), rtol=close)
    assert mg.allclose(x.grad.double() * scale, one.grad, rtol=close, atol=close)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_infinite_and_none(dtype: str) -> None:
    d, inf = getattr(mg, dtype), float("inf")
    assert mg.tensor([inf, 1.0], dtype=d).norm().item() == inf
    assert mg.tensor([float("nan"), inf], dtype=d).norm().isnan()
    assert mg.tensor([inf, 1.0], dtype=d).std().isnan()
    assert mg.zeros(3, dtype=d).norm().item() == 0 == mg.zeros(0, dtype=d).norm().item()
    assert mg.full((3,), mg.finfo(d).max, dtype=d).norm().item() == inf
