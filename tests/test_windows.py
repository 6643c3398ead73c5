"""Windows: convolutions, pooling, other sizes, by plain NumPy, by differences, in steps."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

import microgrest as mg
import microgrest.nn.functional as F
from microgrest import nn
from microgrest.functions.windows.pooling import _means, _shares
from microgrest.functions.windows.resampling import _bands
from microgrest.ops.products.bands import Bands
from tests.windows_cases import CASES, ERRORS, Array, Case

pytestmark = pytest.mark.devices

by_name = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
RANDOM = np.random.default_rng(9)


def array(t: Any) -> Array:
    """The elements of a tensor."""
    found: Array = t.detach().cpu().numpy()
    return found


def windows_of(x: Array, kernel: Any, step: Any, spread: Any) -> Array:
    """(..., *counts, *kernel), each window's elements."""
    n = len(kernel)
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, spread, strict=True)]
    found = sliding_window_view(x, reach, tuple(range(x.ndim - n, x.ndim)))
    every = [slice(None, None, s) for s in step] + [slice(None, None, d) for d in spread]
    return found[(..., *every)]


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64"])
def test_convolution_is_a_sum_over_windows(n: int, dtype: str) -> None:
    for step, pad, spread, groups in product((1, 2), (0, 2), (1, 2), (1, 2)):
        x = RANDOM.integers(-3, 4, (2, 4, *(6, 5, 7)[:n])).astype(dtype)
        w = RANDOM.integers(-3, 4, (6, 4 // groups, *(2, 3, 2)[:n])).astype(dtype)
        padded = np.pad(x, ((0, 0), (0, 0), *((pad, pad),) * n))
        found = windows_of(padded, w.shape[2:], (step,) * n, (spread,) * n)
        letters = "def"[:n], "hjk"[:n]
        parts = [
            np.einsum(f"nc{''.join(letters)},oc{letters[1]}->no{letters[0]}", a, b)
            for a, b in zip(np.split(found, groups, 1), np.split(w, groups), strict=True)
        ]
        conv = getattr(mg, f"conv{n}d")
        y = conv(mg.tensor(x), mg.tensor(w), None, step, pad, spread, groups)
        np.testing.assert_array_equal(array(y), np.concatenate(parts, 1))


@pytest.mark.parametrize(
    "case", [c for c in CASES if c.name.startswith("conv2d")], ids=lambda case: case.name
)
def test_transposed_convolution_is_the_adjoint(case: Case) -> None:
    """The gradient by the image, and that by the weight, in the same sum."""
    x, w = (mg.tensor(a).requires_grad_() for a in case.arrays()[:2])
    y = case.op(F, x, w)
    g = mg.tensor(RANDOM.standard_normal(tuple(y.shape)))
    total = float((y * g).sum())
    for leaf, bar in zip((x, w), mg.autograd.grad((y * g).sum(), (x, w)), strict=True):
        np.testing.assert_allclose(float((bar * leaf).sum()), total, 1e-10, 1e-10)


def slopes(case: Case, of: Callable[[list[Any]], Any], arrays: list[Array]) -> None:
    """The gradient of `of` along one direction, beside a difference."""
    leaves = [mg.tensor(a).requires_grad_() for a in arrays]
    ways = [RANDOM.standard_normal(a.shape) for a in arrays]
    found = mg.autograd.grad(of(leaves), leaves)
    slope = sum(float((array(g) * way).sum()) for g, way in zip(found, ways, strict=True))
    ends = []
    for h in (1e-6, -1e-6):
        moved = [a + h * way for a, way in zip(arrays, ways, strict=True)]
        ends.append(float(of([mg.tensor(a).requires_grad_() for a in moved])))
    np.testing.assert_allclose(slope, (ends[0] - ends[1]) / 2e-6, 1e-5, 1e-5 * abs(ends[0]) + 1e-7)


@by_name
def test_derivatives(case: Case) -> None:
    """Of a weighted sum of squares, and of the sum of its gradients' squares."""
    arrays = case.arrays()
    shape = case.op(F, *map(mg.tensor, arrays)).shape
    weights = mg.tensor(np.cos(np.arange(int(np.prod(shape)))).reshape(tuple(shape)))

    def first(leaves: list[Any]) -> Any:
        y = case.op(F, *leaves)
        return (weights * y * y).sum()

    def second(leaves: list[Any]) -> Any:
        found = mg.autograd.grad(first(leaves), leaves, create_graph=True)
        return sum((g * g).sum() for g in found)

    slopes(case, first, arrays)
    slopes(case, second, arrays)


# The first of each function, of two extents where there are several.
FIRST = {c.name.split()[0]: c for c in reversed(CASES)}
FEW = [c for name, c in FIRST.items() if "1d" not in name and "3d" not in name]


@pytest.mark.parametrize("case", FEW, ids=lambda case: case.name)
def test_steps(case: Case) -> None:
    """A compiled step does what eager execution does, with other numbers as well."""

    def fn(*leaves: Any) -> Any:
        y = case.op(F, *leaves)
        return (y, *mg.autograd.grad((y * y).sum(), leaves))

    step = mg.compile(fn)
    for k in range(3):
        arrays = [a + 0.1 * k for a in case.arrays("float32")]
        results = [f(*[mg.tensor(a).requires_grad_() for a in arrays]) for f in (step, fn)]
        for got, want in zip(*results, strict=True):
            np.testing.assert_allclose(array(got), array(want), 1e-4, 1e-4)
    assert len(step.recordings) == 1


# Pooling


def test_the_first_of_equal_and_the_last_undefined_are_the_largest() -> None:
    x = np.array([[[1.0, 3, 3, 0], [3, np.nan, 0, np.nan], [-np.inf, -np.inf, 2, 2]]])
    values, places = F.max_pool1d(mg.tensor(x), 2, return_indices=True)
    np.testing.assert_array_equal(array(values), [[[3, 3], [np.nan, np.nan], [-np.inf, 2]]])
    assert array(places).tolist() == [[[1, 2], [1, 3], [0, 2]]]


def test_a_maximum_alone_has_the_gradient() -> None:
    x = mg.tensor([[[1.0, 2, 2, 5, 4]]]).requires_grad_()
    F.max_pool1d(x, 3, 1).sum().backward()
    assert array(x.grad).tolist() == [[[0, 1, 0, 2, 0]]]


def test_a_window_of_padding_alone_is_refused() -> None:
    with pytest.raises(RuntimeError, match="a window has no element"):
        F.max_pool2d(mg.zeros(1, 1, 1, 1), 2, 1, 1, 2)


def test_what_is_undefined_stays_where_it_is() -> None:
    """No weight of 0 multiplies what is outside of a window."""
    x = np.zeros((1, 1, 6))
    x[0, 0, 3] = np.nan
    given = mg.tensor(x)
    for y in (F.avg_pool1d(given, 2), F.adaptive_avg_pool1d(given, 3)):
        assert np.isnan(array(y)).tolist() == [[[False, True, False]]]
    assert np.isnan(array(F.interpolate(given, 12))).sum() == 2


def test_places_outside_are_refused_in_a_step() -> None:
    step = mg.compile(lambda x, i: F.max_unpool1d(x, i, 2))
    x, places = mg.ones(1, 1, 2), mg.tensor([[[0, 3]]])
    for _ in range(3):
        assert array(step(x, places)).tolist() == [[[1, 0, 0, 1]]]
    with pytest.raises((RuntimeError, IndexError)):
        step(x, mg.tensor([[[0, 4]]]))


# Other sizes


def matrix(bands: Bands) -> Array:
    """As a dense matrix."""
    dense = np.zeros((bands.rows, bands.extent))
    for i in range(bands.rows):
        low, n = bands.low[i], bands.count[i]
        dense[i, low : low + n] = bands.weights[i, :n]
    return dense


@pytest.mark.parametrize("extent", [1, 2, 5, 9])
@pytest.mark.parametrize("n", [1, 2, 4, 13])
def test_the_transpose_of_a_banded_matrix(extent: int, n: int) -> None:
    found = [_shares(extent, n), _means(extent, 2, 1, 1, n, "inside")]
    for mode, corners, antialias in product(
        ("nearest", "bilinear", "bicubic"), (False, True), (False, True)
    ):
        if not antialias or mode != "nearest":
            found.append(_bands(extent, n, None, mode, corners, True, antialias))
    for bands in found:
        np.testing.assert_array_equal(matrix(bands.transposed), matrix(bands).T)
        assert bands.transposed.transposed is bands


@pytest.mark.parametrize("mode", ["linear", "bicubic"])
def test_a_line_stays_a_line(mode: str) -> None:
    """Where corners are aligned, and for cubics away from the ends."""
    line = np.arange(9.0)
    x = mg.tensor(line[None, None] if mode == "linear" else np.tile(line, (1, 1, 1, 1)))
    size: Any = 17 if mode == "linear" else (1, 17)
    y = array(F.interpolate(x, size, mode=mode, align_corners=True)).ravel()
    np.testing.assert_allclose(y[4:-4], np.arange(17)[4:-4] / 2, 1e-12)


def test_columns_fold_to_how_often_each_element_is_in_a_window() -> None:
    x = mg.ones(1, 2, 5, 4)
    columns = F.unfold(x, (2, 3), padding=1)
    counts = np.zeros((7, 6))
    for i, j in product(range(6), range(4)):
        counts[i : i + 2, j : j + 3] += 1
    found = array(F.fold(columns, (5, 4), (2, 3), padding=1))
    np.testing.assert_array_equal(found, np.broadcast_to(counts[1:-1, 1:-1], (1, 2, 5, 4)))


def test_pixels_and_back() -> None:
    x = mg.tensor(RANDOM.standard_normal((2, 8, 3, 5)))
    shuffled = F.pixel_shuffle(x, 2)
    assert float(shuffled[1, 1, 5, 4]) == float(x[1, 4 + 2, 2, 2])
    np.testing.assert_array_equal(array(F.pixel_unshuffle(shuffled, 2)), array(x))
    mixed = F.channel_shuffle(F.channel_shuffle(x, 2), 4)
    np.testing.assert_array_equal(array(mixed), array(x))


# Operands


def test_operands_that_lie_apart() -> None:
    """Transposed and expanded operands; none is written to."""
    x = mg.tensor(RANDOM.standard_normal((5, 6, 3, 2))).permute(3, 2, 1, 0)
    w = mg.tensor(RANDOM.standard_normal((4, 3, 1, 1))).expand(4, 3, 2, 2)
    before = array(x).copy(), array(w).copy()
    for op in (
        lambda x: mg.conv2d(x, w),
        lambda x: F.conv_transpose2d(x, w[:3]),
        lambda x: F.max_pool2d(x, 2),
        lambda x: F.avg_pool2d(x, 2),
        lambda x: F.unfold(x, 2),
    ):
        np.testing.assert_array_equal(array(op(x)), array(op(x.contiguous())))
    np.testing.assert_array_equal(array(x), before[0])
    np.testing.assert_array_equal(array(w), before[1])


def test_float16_is_computed_in_float32() -> None:
    x, w = RANDOM.standard_normal((1, 3, 5, 5)), RANDOM.standard_normal((2, 3, 3, 3))
    half, single = (
        [mg.tensor(a.astype("float16")).to(d) for a in (x, w)] for d in (mg.float16, mg.float32)
    )
    for op in (
        lambda x, w: mg.conv2d(x, w, padding=1),
        lambda x, w: F.max_pool2d(x, 2),
        lambda x, w: F.avg_pool2d(x, 3),
        lambda x, w: F.interpolate(x, 9, mode="bicubic"),
    ):
        y = op(*half)
        assert y.dtype is mg.float16
        np.testing.assert_array_equal(array(y), array(op(*single).to(mg.float16)))


@pytest.mark.parametrize(("text", "error", "wrong"), ERRORS)
def test_errors(text: str, error: type[Exception], wrong: Callable[..., Any]) -> None:
    with pytest.raises(error):
        wrong(F, mg.ones(2, 3, 5, 5), mg.ones(4, 3, 3, 3), mg)


def test_a_network_learns() -> None:
    """Vertical and horizontal bars, by a convolution, a pool and a line."""
    mg.manual_seed(0)
    x = mg.zeros(8, 1, 6, 6)
    for k in range(4):
        x[k, 0, :, k + 1], x[4 + k, 0, k + 1, :] = 1, 1
    wanted = mg.tensor([[1.0]] * 4 + [[-1.0]] * 4)
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 1)
    )
    optimizer = mg.optim.SGD(net.parameters(), lr=0.1)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = F.mse_loss(net(x), wanted)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.01 < losses[0]


def test_the_gradient_of_no_means_is_zero() -> None:
    x = mg.ones(1, 1, 4, requires_grad=True)
    (g,) = mg.autograd.grad(F.adaptive_avg_pool1d(x, 0).sum(), x, create_graph=True)
    assert g.tolist() == [[[0, 0, 0, 0]]]
