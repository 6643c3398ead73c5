"""Walks along lines: softmax, cross entropy, layer_norm and their kin, on every device."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import microgrest as mg
from tests.op_info import Array

F = mg.nn.functional
pytestmark = pytest.mark.devices

# Rows of every length around the forms' borders, columns, extents of 0, 1 and 2, and no dimension.
SHAPES = [
    ((), 0),
    ((1,), 0),
    ((0,), 0),
    ((7,), 0),
    ((3, 5), 0),
    ((3, 5), 1),
    ((2, 1), 1),
    ((0, 4), 1),
    ((4, 0), 1),
    ((4, 0), 0),
    ((2, 3, 4), 1),
    ((3, 40), 1),
    ((40, 3), 0),
]
LONG = [((2, 257), 1), ((300,), 0), ((2, 1500), 1), ((3, 300), 0), ((2000, 3), 1)]
every_shape = pytest.mark.parametrize(("shape", "dim"), [*SHAPES, *LONG], ids=str)


def numbers(shape: tuple[int, ...], dtype: str = "float64", seed: int = 0) -> Array:
    return np.asarray(np.random.default_rng(seed).normal(0, 4, shape), dtype)


def softmax(x: Array, dim: int) -> Array:
    e = np.exp(x - x.max(dim, keepdims=True, initial=-np.inf))
    return np.asarray(e / e.sum(dim, keepdims=True))


def logsumexp(x: Array, dim: int) -> Array:
    return np.asarray(np.log(np.exp(x).sum(dim)))


def wide(x: Array) -> Array:
    """In float64, with a dimension."""
    return x.astype("float64").reshape(x.shape or (1,))


@every_shape
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_softmax(shape: tuple[int, ...], dim: int, dtype: str) -> None:
    x = numbers(shape, dtype)
    tolerance = {"float64": 1e-13, "float32": 2e-6, "float16": 2e-3}[dtype]
    with np.errstate(all="ignore"):
        whole = softmax(wide(x), dim).reshape(shape)
        summed = logsumexp(wide(x), dim).reshape(x.shape[:dim] + x.shape[dim + 1 :])
        logarithm = np.log(whole)
    t = mg.tensor(x)
    for got, want in (
        (mg.softmax(t, dim), whole),
        (mg.log_softmax(t, dim - max(len(shape), 1)), logarithm),
        (t.logsumexp(dim), summed),
    ):
        assert (got.dtype, tuple(got.shape)) == (t.dtype, want.shape)
        np.testing.assert_allclose(got.cpu().numpy(), want, tolerance, tolerance)


def test_strides() -> None:
    x = numbers((4, 6))
    for t, a in (
        (mg.tensor(x).t(), x.T),
        (mg.tensor(x)[:, ::2], x[:, ::2]),
        (mg.tensor(x[:1]).expand(3, 6), np.repeat(x[:1], 3, 0)),
    ):
        for dim in (0, 1):
            np.testing.assert_allclose(t.softmax(dim).cpu().numpy(), softmax(a, dim), 1e-13)
            np.testing.assert_allclose(t.logsumexp(dim).cpu().numpy(), logsumexp(a, dim), 1e-13)


def test_what_is_no_number() -> None:
    inf, nan = math.inf, math.nan
    row = mg.tensor([inf, 1.0])
    assert all(map(math.isnan, row.softmax(0).tolist() + row.log_softmax(0).tolist()))
    assert row.logsumexp(0).item() == inf
    low = mg.tensor([-inf, -inf])
    assert all(map(math.isnan, low.softmax(0).tolist() + low.log_softmax(0).tolist()))
    assert low.logsumexp(0).item() == -inf
    assert mg.tensor([-inf, 2.0]).softmax(0).tolist() == [0.0, 1.0]
    assert mg.tensor([-inf, 2.0]).log_softmax(0).tolist() == [-inf, 0.0]
    for bad in ([nan, 1.0], [1.0, -nan], [inf, nan], [nan] * 300):
        x = mg.tensor(bad)
        found = [*x.softmax(0).tolist(), *x.log_softmax(0).tolist(), x.logsumexp(0).item()]
        assert all(map(math.isnan, found))


def test_integers_and_types() -> None:
    assert mg.logsumexp(mg.zeros(3, dtype=mg.int64), 0).item() == pytest.approx(math.log(3))
    assert mg.zeros(3, dtype=mg.int64).softmax(0, dtype=mg.float64).dtype is mg.float64
    with pytest.raises(NotImplementedError):
        mg.zeros(3, dtype=mg.bool).softmax(0)
    with pytest.raises(TypeError, match="must be Tensor"):
        mg.softmax([1.0, 2.0], 0)
    out = mg.empty(2)
    assert mg.softmax(mg.zeros(2), dim=0, out=out) is out and out.tolist() == [0.5, 0.5]


@pytest.mark.parametrize(("shape", "dim"), [((4, 3), 1), ((2, 5, 4), 1), ((3, 300), 1), ((5,), 0)])
def test_cross_entropy(shape: tuple[int, ...], dim: int) -> None:
    x = numbers(shape)
    n, rest = shape[dim], shape[:dim] + shape[dim + 1 :]
    target = np.asarray(np.random.default_rng(1).integers(0, n, rest))
    counts = np.ones(rest)
    if rest:
        target.ravel()[0] = -100
        counts.ravel()[0] = 0
    chosen = np.expand_dims(np.where(target == -100, 0, target), dim)
    logarithms = np.log(softmax(x, dim))
    losses = -np.take_along_axis(logarithms, chosen, dim).squeeze(dim) * counts
    t, y = mg.tensor(x, requires_grad=True), mg.tensor(target)
    np.testing.assert_allclose(
        F.cross_entropy(t, y, reduction="none").detach().cpu().numpy(), losses, 1e-12
    )
    loss = F.cross_entropy(t, y)
    assert loss.item() == pytest.approx(losses.sum() / counts.sum(), rel=1e-12)
    loss.backward()
    one = np.zeros(shape)
    np.put_along_axis(one, chosen, 1, dim)
    want = (softmax(x, dim) - one) * np.expand_dims(counts, dim) / counts.sum()
    np.testing.assert_allclose(t.grad.cpu().numpy(), want, 1e-10, 1e-14)


def test_targets_out_of_bounds() -> None:
    for shape in ((2, 3), (2, 300), (2, 3, 2)):
        x = mg.zeros(shape)
        target = mg.zeros(shape[0], *shape[2:], dtype=mg.int64)
        target[-1] = shape[1]
        with pytest.raises(IndexError, match=f"Target {shape[1]} is out of bounds"):
            F.cross_entropy(x, target)
        target[-1] = -1
        with pytest.raises(IndexError, match="Target -1 is out of bounds"):
            F.cross_entropy(x, target)
    assert math.isnan(F.cross_entropy(mg.zeros(1, 3), mg.tensor([-100])).item())


def test_targets_out_of_bounds_in_a_step() -> None:
    x = mg.zeros(2, 3)
    step = mg.compile(lambda target: F.cross_entropy(x, target))
    for _ in range(4):
        assert step(mg.tensor([0, 2])).item() == pytest.approx(math.log(3))
    with pytest.raises(RuntimeError, match="a target is out of bounds"):
        step(mg.tensor([0, 3]))
    assert step(mg.tensor([1, -100])).item() == pytest.approx(math.log(3))


def normal(x: Array, eps: float = 1e-5) -> Array:
    d = x - x.mean(-1, keepdims=True)
    return np.asarray(d / np.sqrt((d * d).mean(-1, keepdims=True) + eps))


@pytest.mark.parametrize("shape", [(5,), (3, 4), (2, 3, 7), (2, 300), (2, 1500), (0, 3), (3, 1)])
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_layer_norm(shape: tuple[int, ...], dtype: str) -> None:
    x, w, b = numbers(shape, dtype), numbers(shape[-1:], dtype, 1), numbers(shape[-1:], dtype, 2)
    tolerance = {"float64": 1e-12, "float32": 1e-5, "float16": 1e-2}[dtype]
    whole = normal(wide(x))
    t, weight, bias = map(mg.tensor, (x, w, b))
    for got, want in (
        (F.layer_norm(t, shape[-1:]), whole),
        (F.layer_norm(t, shape[-1:], weight, bias), whole * w.astype(float) + b),
    ):
        assert got.dtype is t.dtype
        np.testing.assert_allclose(got.cpu().numpy(), want, tolerance, tolerance)


def test_layer_norm_keeps_what_elements_differ_by() -> None:
    """Elements that are equal, and large ones that differ by little."""
    for dtype in (mg.float32, mg.float64):
        equal = F.layer_norm(mg.full((2, 7), 0.1, dtype=dtype), (7,))
        assert equal.tolist() == [[0.0] * 7] * 2
        near = mg.tensor([1e6 + 1, 1e6 + 2, 1e6 + 3], dtype=dtype)
        assert F.layer_norm(near, (3,)).tolist() == pytest.approx(
            [-1.2247357, 0, 1.2247357], abs=1e-6
        )


def cases() -> Iterator[tuple[str, Any]]:
    """Functions of a (6, 5) tensor."""
    target = mg.tensor([0, 4, -100, 2, 1, 1])
    yield "softmax", lambda x: x.softmax(1)
    yield "softmax of columns", lambda x: x.softmax(0)
    yield "log_softmax", lambda x: x.log_softmax(-1)
    yield "logsumexp", lambda x: x.logsumexp(1)
    yield "cross_entropy", lambda x: F.cross_entropy(x, target)
    yield "cross_entropy none", lambda x: F.cross_entropy(x, target, reduction="none")
    yield "layer_norm", lambda x: F.layer_norm(x, (5,), x[0], x[1])
    yield "layer_norm plain", lambda x: F.layer_norm(x, (6, 5))


@pytest.mark.parametrize("which", range(8))
def test_steps(which: int) -> None:
    """A compiled step does what eager execution does, forward and backward."""
    (_, op) = list(cases())[which]
    x = mg.tensor(numbers((6, 5), "float32")).requires_grad_()

    def fn(scale: Any) -> Any:
        y = op(x * scale)
        (g,) = mg.autograd.grad((y * y).sum(), x, create_graph=True)
        return y.detach(), g.detach(), mg.autograd.grad((g * g).sum(), x)[0]

    step = mg.compile(fn)
    for k in range(5):
        scale = mg.tensor(0.5 + k)
        for got, want in zip(step(scale), fn(scale), strict=True):
            np.testing.assert_allclose(got.cpu().numpy(), want.cpu().numpy(), 1e-4, 1e-4)
    assert len(step.recordings) == 1
