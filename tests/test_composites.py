"""Moments, norms, comparisons and products built of other ops, beside NumPy."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import microgrest as mg
from tests.test_movement import Array, several

pytestmark = pytest.mark.devices

STEP = 1e-6


class Composite(NamedTuple):
    """A differentiable function of (3, 4) tensors, as a call on a library, and in NumPy."""

    name: str
    op: Callable[..., Any]
    ref: Callable[..., Any]
    operands: int = 1


COMPOSITES = [
    Composite("var", lambda t, x: x.var(), lambda x: x.var(ddof=1)),
    Composite(
        "var dim", lambda t, x: t.var(x, 1, keepdim=True), lambda x: x.var(1, ddof=1, keepdims=True)
    ),
    Composite("var biased", lambda t, x: x.var(unbiased=False), lambda x: x.var()),
    Composite("var corrected", lambda t, x: x.var(0, correction=2), lambda x: x.var(0, ddof=2)),
    Composite("std", lambda t, x: x.std(0), lambda x: x.std(0, ddof=1)),
    Composite("var_mean", lambda t, x: t.var_mean(x, 0), lambda x: (x.var(0, ddof=1), x.mean(0))),
    Composite("std_mean", lambda t, x: t.std_mean(x), lambda x: (x.std(ddof=1), x.mean())),
    Composite("norm", lambda t, x: x.norm(), np.linalg.norm),
    Composite("norm fro", lambda t, x: x.norm("fro", 1), lambda x: np.linalg.norm(x, axis=1)),
    Composite("norm 1", lambda t, x: x.norm(1, 0, True), lambda x: abs(x).sum(0, keepdims=True)),
    Composite("norm 3", lambda t, x: t.norm(x, 3), lambda x: (abs(x) ** 3).sum() ** (1 / 3)),
    Composite("norm inf", lambda t, x: x.norm(math.inf, 1), lambda x: abs(x).max(1)),
    Composite("norm -inf", lambda t, x: x.norm(-math.inf), lambda x: abs(x).min()),
    Composite("dist", lambda t, x, y: t.dist(x, y), lambda x, y: np.linalg.norm(x - y), 2),
    Composite("nansum", lambda t, x: x.nansum(0), lambda x: np.nansum(x, 0)),
    Composite("nanmean", lambda t, x: x.nanmean(1), lambda x: np.nanmean(x, 1)),
    Composite("aminmax", lambda t, x: t.aminmax(x, dim=0), lambda x: (x.min(0), x.max(0))),
    Composite("inner", lambda t, x, y: t.inner(x, y), np.inner, 2),
    Composite(
        "inner of a number", lambda t, x, y: t.inner(x[0, 0], y), lambda x, y: x[0, 0] * y, 2
    ),
    Composite("vdot", lambda t, x, y: t.vdot(x[0], y[1]), lambda x, y: x[0] @ y[1], 2),
    Composite(
        "outer", lambda t, x, y: x[0].outer(y[:, 0]), lambda x, y: np.outer(x[0], y[:, 0]), 2
    ),
    Composite("kron", lambda t, x, y: t.kron(x, y), np.kron, 2),
    Composite("kron of a vector", lambda t, x, y: x[0].kron(y), lambda x, y: np.kron(x[0], y), 2),
    Composite(
        "cross", lambda t, x, y: t.cross(x, y, dim=0), lambda x, y: np.cross(x, y, axis=0), 2
    ),
    Composite(
        "block_diag",
        lambda t, x, y: t.block_diag(x, y[0], y[0, 0]),
        lambda x, y: np.block(
            [
                [x, np.zeros((3, 5))],
                [np.zeros((1, 4)), y[:1], np.zeros((1, 1))],
                [np.zeros((1, 8)), y[:1, :1]],
            ]
        ),
        2,
    ),
    Composite(
        "renorm",
        lambda t, x: t.renorm(x, 2, 1, 1.0),
        lambda x: x * np.minimum(1, 1 / (np.linalg.norm(x, axis=0) + 1e-7)),
    ),
    Composite("tensordot", lambda t, x, y: t.tensordot(x, y.t(), 1), lambda x, y: x @ y.T, 2),
    Composite("tensordot all", lambda t, x, y: t.tensordot(x, y), lambda x, y: (x * y).sum(), 2),
    Composite(
        "tensordot dims",
        lambda t, x, y: t.tensordot(x, y, dims=([0], [-2])),
        lambda x, y: np.tensordot(x, y, ([0], [0])),
        2,
    ),
    Composite(
        "addmm",
        lambda t, x, y: t.addmm(x[:, :3], x, y.t(), beta=0.5, alpha=2),
        lambda x, y: 0.5 * x[:, :3] + 2 * x @ y.T,
        2,
    ),
    Composite(
        "addmm, a row", lambda t, x, y: x[0, :3].addmm(x, y.t()), lambda x, y: x[0, :3] + x @ y.T, 2
    ),
    Composite("addmv", lambda t, x, y: x[:, 0].addmv(x, y[0]), lambda x, y: x[:, 0] + x @ y[0], 2),
    Composite(
        "addr", lambda t, x, y: x.addr(y[:, 0], y[0]), lambda x, y: x + np.outer(y[:, 0], y[0]), 2
    ),
    Composite(
        "baddbmm",
        lambda t, x, y: t.baddbmm(x[None, :, :3], x[None], y.t()[None], beta=2),
        lambda x, y: 2 * x[None, :, :3] + (x @ y.T)[None],
        2,
    ),
]
by_name = pytest.mark.parametrize("case", COMPOSITES, ids=lambda case: case.name)


def samples(case: Composite, dtype: str = "float64") -> list[Array]:
    """Random operands."""
    rng = np.random.default_rng(0)
    return [rng.normal(size=(3, 4)).astype(dtype) for _ in range(case.operands)]


@by_name
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_forward(case: Composite, dtype: str) -> None:
    arrays = samples(case, dtype)
    tolerance = 1e-5 if dtype == "float32" else 1e-13
    results = several(case.op(mg, *(mg.tensor(a) for a in arrays)))
    for y, reference in zip(results, several(case.ref(*arrays)), strict=True):
        assert y.dtype is getattr(mg, dtype)
        assert tuple(y.shape) == np.shape(reference)
        np.testing.assert_allclose(y.cpu().numpy(), reference, tolerance, tolerance)


def total(case: Composite, library: Any, arrays: list[Any]) -> Any:
    """The sum of everything that the case returns, each element times its place."""
    found = several(case.op(library, *arrays))
    return sum((y.reshape(-1) * (library.arange(y.numel()) + 1)).sum() for y in found)


@by_name
def test_gradients(case: Composite) -> None:
    """Along a random direction, by central differences."""
    arrays = samples(case)
    tensors = [mg.tensor(a.copy()).requires_grad_() for a in arrays]
    gradients = mg.autograd.grad(total(case, mg, tensors), tensors, allow_unused=True)
    rng = np.random.default_rng(1)
    for i, g in enumerate(gradients):
        along = rng.normal(size=(3, 4))
        ends = []
        for h in (STEP, -STEP):
            moved = [a + h * along if k == i else a for k, a in enumerate(arrays)]
            ends.append(total(case, mg, [mg.tensor(a) for a in moved]).item())
        slope = 0.0 if g is None else (g * mg.tensor(along)).sum().item()
        assert slope == pytest.approx((ends[0] - ends[1]) / (2 * STEP), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("p", [1, 2, 3, math.inf])
def test_gradient_of_a_norm_at_zero_is_zero(p: float) -> None:
    x = mg.zeros(3, requires_grad=True)
    x.norm(p).backward()
    assert x.grad.tolist() == [0.0, 0.0, 0.0]


def test_not_a_number() -> None:
    x = mg.tensor([[1.0, math.nan], [math.nan, math.nan]], requires_grad=True)
    assert x.nansum().item() == 1
    assert x.nansum(1).tolist() == [1.0, 0.0]
    assert x.nanmean(1).tolist()[0] == 1
    assert math.isnan(x.nanmean(1).tolist()[1])
    x.nansum().backward()
    assert x.grad.tolist() == [[1.0, 0.0], [0.0, 0.0]]
    bad = mg.full((2, 2), math.nan)
    assert mg.addmm(bad, mg.ones(2, 2), mg.ones(2, 2), beta=0).tolist() == [[2.0, 2.0]] * 2


def test_aminmax_has_names() -> None:
    found = mg.arange(6).reshape(2, 3).aminmax()
    assert (found.min.item(), found.max.item()) == (0, 5)


def test_comparisons() -> None:
    x = mg.tensor([1.0, math.inf, math.nan])
    assert x.equal(x) is False
    assert x[:2].equal(x[:2].clone()) is True
    assert x.equal(x[:2]) is False
    assert x.isclose(x).tolist() == [True, True, False]
    assert x.isclose(x, equal_nan=True).tolist() == [True, True, True]
    assert x.isclose(-x).tolist() == [False, False, False]
    assert mg.tensor([100.0]).isclose(mg.tensor([101.0]), rtol=0.01).tolist() == [True]
    assert (
        mg.tensor([1, 200], dtype=mg.uint8)
        .isclose(mg.tensor([2, 199], dtype=mg.uint8), atol=1)
        .all()
    )
    assert mg.allclose(x[:2], x[:2] + 1e-9) is True
    assert mg.allclose(mg.zeros(0), mg.zeros(0)) is True


ERRORS: list[tuple[str, type[Exception], Callable[[Any, Any], Any]]] = [
    ("did not match", RuntimeError, lambda t, x: x.isclose(x.double())),
    ("must be Tensor", TypeError, lambda t, x: x.isclose(1.0)),
    ("must be Tensor", TypeError, lambda t, x: x.equal(1.0)),
    ("greater than or equal to zero", RuntimeError, lambda t, x: x.isclose(x, rtol=-1.0)),
    ("floating point", RuntimeError, lambda t, x: t.norm(t.tensor([1]))),
    ("floating point", RuntimeError, lambda t, x: t.var(t.tensor([1, 2]))),
    ("last dimension must match", RuntimeError, lambda t, x: t.inner(x, x.t())),
    ("need to match", RuntimeError, lambda t, x: t.tensordot(x, x, 1)),
    ("dims >= 0", RuntimeError, lambda t, x: t.tensordot(x, x, -1)),
    ("must have length 3", RuntimeError, lambda t, x: t.cross(x, x, dim=1)),
    ("1-D", RuntimeError, lambda t, x: t.outer(x, x)),
    ("cannot be multiplied", RuntimeError, lambda t, x: t.addmm(x, x, x)),
    ("2-D|at least", RuntimeError, lambda t, x: t.addmv(x[0], x[0], x[0])),
]


@pytest.mark.parametrize(("text", "error", "call"), ERRORS)
def test_errors(text: str, error: type[Exception], call: Callable[[Any, Any], Any]) -> None:
    with pytest.raises(error, match=text):
        call(mg, mg.ones(3, 4))


@pytest.mark.parametrize(
    "op",
    [
        lambda x: x.clamp(0, 300),
        lambda x: x.clamp(max=300),
        lambda x: x.clamp_(-300, 5),
        lambda x: x.masked_fill(x == 0, 300),
        lambda x: mg.where(x == 0, 300, x),
    ],
)
def test_ints_beyond_the_type_are_refused(op: Callable[[Any], Any]) -> None:
    for d in (mg.uint8, mg.int8):
        with pytest.raises(RuntimeError, match=r"to type u?int8 without overflow"):
            op(mg.ones(2, dtype=d))
    assert mg.ones(2, dtype=mg.int8).clamp(0, 300.0).dtype is mg.float32


def test_addr_of_bools() -> None:
    """Factors are as good as bools among bools, and numbers where anything else is one."""
    here, there = mg.tensor([True, False]), mg.tensor([False, True])
    found = mg.addr(mg.tensor(False), here, there, beta=3, alpha=2)
    assert found.tolist() == [[False, True], [False, False]]
    assert mg.addr(mg.tensor(1), here, there, beta=3, alpha=2).tolist() == [[3, 5], [3, 3]]
