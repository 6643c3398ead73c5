"""Reductions where things meet: expanded memory, dtypes asked for, zeros, ties and NaN."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgrest as mg

pytestmark = pytest.mark.devices

MANY = 10**12  # elements that no memory holds

FOLDS: dict[str, Callable[[Any], Any]] = {
    name: lambda x, name=name: getattr(x, name)()
    for name in ("sum", "mean", "prod", "amax", "amin", "all", "any", "max", "argmax", "argmin")
}


def grads(y: mg.Tensor, x: mg.Tensor, **options: Any) -> mg.Tensor:
    return mg.autograd.grad(y.sum(), x, **options)[0]


@pytest.mark.host
def test_expanded_tensors_are_reduced_where_they_lie() -> None:
    _reduce(3)  # compiles
    tracemalloc.start()
    _reduce(MANY)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def _reduce(n: int) -> None:
    x = mg.tensor([1.0, -2.0, 3.0])
    seen = x.expand(n, 3)
    assert seen.sum().item() == pytest.approx(2.0 * n, rel=1e-6)
    assert seen.mean(0).tolist() == x.tolist()
    assert seen[:, 1].amin().item() == -2
    assert seen.max(0).indices.tolist() == [0, 0, 0]
    assert seen.argmax().item() == 2
    assert mg.tensor([-1.0]).expand(2 * n + 1).prod().item() == -1
    assert mg.tensor([3]).expand(n).sum().item() == 3 * n
    assert mg.tensor([True]).expand(n).all().item()
    assert mg.tensor([0, 2]).expand(n, 2).count_nonzero().item() == n


@pytest.mark.parametrize("name", FOLDS)
@pytest.mark.parametrize("dtype", ["float64", "float16", "int64", "int8", "bool"])
@pytest.mark.parametrize("shape", [(1,), (3, 1), (1, 4), (1, 1), (0, 1), (2, 1, 3)], ids=str)
def test_expanded_as_copied(name: str, dtype: str, shape: tuple[int, ...]) -> None:
    numbers = np.random.default_rng(5).integers(-2, 3, shape)
    x = mg.tensor(numbers, dtype=mg.float64).to(getattr(mg, dtype))
    seen = x.expand(2, *(3 if n == 1 else n for n in shape)).transpose(0, -1)
    refused = dtype == "bool" and name.startswith("arg")
    if refused or (name == "mean" and not dtype.startswith("float")) or not seen.numel():
        return
    for dim in (None, *range(seen.ndim)):
        args = () if dim is None else (dim,)
        found, wanted = (getattr(t, name)(*args) for t in (seen, seen.clone()))
        if isinstance(found, tuple):
            assert found[1].tolist() == wanted[1].tolist()
            found, wanted = found[0], wanted[0]
        assert found.dtype is wanted.dtype
        assert found.is_contiguous()
        assert found.tolist() == wanted.tolist()


def test_gradients_reach_expanded_leaves_and_their_bases() -> None:
    base = mg.tensor([2.0, 3.0], requires_grad=True)
    seen = base.expand(2, 2)
    assert grads(seen.prod(), base).tolist() == [36, 24]
    leaf = mg.tensor([2.0]).expand(3).detach().requires_grad_()
    assert grads(leaf.prod(), leaf).tolist() == [4, 4, 4]


def test_the_dtype_asked_for_is_the_result_s() -> None:
    ones = mg.full((300,), 1, dtype=mg.int8)
    assert ones.sum(dtype=mg.int8).item() == 44
    assert ones.sum(0, dtype=mg.uint8).dtype is mg.uint8
    assert (ones * 2).prod(dtype=mg.int32).item() == 0
    assert ones.nansum(dtype=mg.int16).dtype is mg.int16
    assert ones.sum(dtype=mg.bool).item() is True
    assert ones.cumsum(0, dtype=mg.int8)[-1].item() == 44
    assert ones.mean(dtype=mg.float16).dtype is mg.float16
    assert mg.tensor([1.5, 1.5]).sum(dtype=mg.int32).item() == 2


def test_no_dimensions_at_all() -> None:
    x = mg.tensor([[0.0, 1.0], [2.0, 0.0]])
    assert x.any(dim=()).tolist() == [[False, True], [True, False]]
    assert x.all(dim=[]).tolist() == [[False, True], [True, False]]
    assert x.sum(dim=()).item() == 3
    with pytest.raises(TypeError, match="must be int, not tuple"):
        x.prod(dim=())
    with pytest.raises(TypeError, match="must be int, not bool"):
        x.sum(dim=True)


@pytest.mark.parametrize("values", [[0.0, 2.0, 3.0], [0.0, 0.0, 3.0], [1.0, 2.0, 3.0], [0.0] * 3])
@pytest.mark.parametrize("name", ["prod", "cumprod"])
def test_derivatives_of_products_with_zeros(name: str, values: list[float]) -> None:
    x = mg.tensor(values, dtype=mg.float64, requires_grad=True)
    a, b, c = values
    first = grads(getattr(x, name)(0), x, create_graph=True)
    weights = mg.tensor([1.0, 2.0, 3.0], dtype=mg.float64)
    second = grads(first * weights, x)
    if name == "prod":
        assert first.tolist() == [b * c, a * c, a * b]
        assert second.tolist() == [2 * c + 3 * b, c + 3 * a, b + 2 * a]
    else:
        assert first.tolist() == [1 + b + b * c, a + a * c, a * b]
        assert second.tolist() == [2 * (1 + c) + 3 * b, 1 + c + 3 * a, b + 2 * a]


def test_a_product_along_one_dimension_of_several() -> None:
    x = mg.tensor([[0.0, 2.0], [3.0, 4.0]], requires_grad=True)
    assert grads(x.prod(0), x).tolist() == [[3, 4], [0, 2]]
    assert grads(x.prod(1, True), x).tolist() == [[2, 0], [4, 3]]
    assert grads(x.prod(), x).tolist() == [[24, 0], [0, 0]]
    empty = mg.ones(0, requires_grad=True)
    assert grads(empty.prod(), empty).shape == (0,)
    zero = mg.tensor(0.0, requires_grad=True)
    assert grads(zero.prod(), zero).item() == 1


def test_nan_is_an_extremum_whose_gradient_shows() -> None:
    x = mg.tensor([math.nan, 1.0, math.nan], requires_grad=True)
    assert grads(x.max(), x).tolist() == [0.5, 0, 0.5]
    assert grads(x.min(), x).tolist() == [0.5, 0, 0.5]
    assert all(math.isnan(g) for g in grads(x.amax(), x).tolist())
    y = mg.tensor([[1.0, math.nan], [2.0, 2.0]], requires_grad=True)
    assert str(grads(y.amin(1), y).tolist()) == "[[nan, nan], [0.5, 0.5]]"


@pytest.mark.parametrize(
    "norm",
    [
        lambda x: x.std(),
        lambda x: x.std(unbiased=False),
        lambda x: mg.std_mean(x)[0],
        lambda x: x.norm(),
        lambda x: x.norm(0.5),
        lambda x: x.norm(-1),
        lambda x: x.norm(3),
        lambda x: mg.dist(x, mg.zeros_like(x)),
    ],
)
def test_a_subgradient_of_zero_where_there_is_no_derivative(norm: Any) -> None:
    x = mg.zeros(3, requires_grad=True)
    first = grads(norm(x), x, create_graph=True)
    assert first.tolist() == [0, 0, 0]
    assert grads(first, x, allow_unused=True).tolist() == [0, 0, 0]


def test_squares_of_float16_do_not_overflow() -> None:
    x = mg.tensor([300.0, -300.0], dtype=mg.float16)
    assert x.norm().item() == pytest.approx(424.25)
    assert x.std().item() == pytest.approx(424.25)
    assert x.norm().dtype is x.std().dtype is mg.float16


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.prod(),
        lambda x: x.cumprod(0).sum(),
        lambda x: x.expand(4, 3).prod(0).sum(),
        lambda x: x.max() + x.amin(),
        lambda x: x.std() + x.norm(0.5),
        lambda x: mg.stack([x, 2 * x], 1).sum(0).prod(),
        lambda x: sum(row * k for k, row in enumerate(x.unbind())),
    ],
)
def test_in_a_compiled_step(function: Any) -> None:
    x = mg.tensor([0.0, 2.0, -3.0], requires_grad=True)

    def step() -> mg.Tensor:
        x.grad = None
        y = function(x)
        y.backward()
        return y.detach()

    wanted = step().item(), x.grad.tolist()
    compiled = mg.compile(step)
    for _ in range(4):
        assert compiled().item() == pytest.approx(wanted[0])
        assert x.grad.tolist() == pytest.approx(wanted[1])


@pytest.mark.parametrize("n", [2, 3, 7])
def test_variances_of_numbers_that_hardly_differ(n: int) -> None:
    """The mean of two neighbors of float32 is none of them."""
    x = np.random.default_rng(0).uniform(10, 10 + 1e-4, (50, n)).astype(np.float32)
    expected = x.astype(np.float64).var(1, ddof=1)
    rows, columns = mg.tensor(x), mg.tensor(x.T.copy())
    for found in (rows.var(1), mg.var_mean(rows, 1)[0], columns.var(0), rows.std(1).square()):
        np.testing.assert_allclose(found.cpu().numpy(), expected, rtol=1e-6, atol=1e-16)


@pytest.mark.host
@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "uint8"])
@pytest.mark.parametrize("n", [1, 2, 31, 100, 4099])
def test_extrema_along_lines_of_any_length(n: int, dtype: str) -> None:
    """In lanes, blocks and what is left of them: ties, infinities, and NaN wherever it stands."""
    x = np.random.default_rng(n).integers(0, 50, (2, n, 3)).astype(dtype)
    if dtype.startswith("float"):
        x[0, n // 2, :2] = np.inf, -np.inf
        x[1, [0, n // 3, n - 1], [0, 1, 2]] = np.nan, -np.nan, np.nan
    for dim, lines in ((1, x), (-1, np.ascontiguousarray(x.swapaxes(1, 2)))):
        given = mg.tensor(lines)
        for name in ("max", "min"):
            values, places = getattr(given, name)(dim)
            wanted = getattr(np, f"arg{name}")(lines, dim)
            np.testing.assert_array_equal(places.cpu().numpy(), wanted)
            np.testing.assert_array_equal(values.cpu().numpy(), getattr(lines, name)(dim))
            np.testing.assert_array_equal(getattr(given, f"a{name}")(dim).cpu(), values.cpu())
            assert getattr(given, f"arg{name}")().item() == getattr(np, f"arg{name}")(lines)


@pytest.mark.host
@pytest.mark.parametrize("dtype", [mg.float32, mg.float64])
def test_equal_numbers_have_no_variance(dtype: Any) -> None:
    """Nor any covariance, whatever their mean is rounded to; infinite squares stay infinite."""
    x = mg.full((7,), 3.3, dtype=dtype)
    assert [x.var().item(), x.std().item(), x.cov().item()] == [0, 0, 0]
    far = mg.tensor([1.0, 2.0, 4.0], dtype=dtype) * (1e30 if dtype is mg.float32 else 1e200)
    assert far.var().item() == np.inf


def test_covariances_of_numbers_that_hardly_differ() -> None:
    x = (1e4 + np.random.default_rng(0).normal(size=(2, 9)) * 1e-2).astype(np.float32)
    found = mg.cov(mg.tensor(x)).cpu().numpy()
    np.testing.assert_allclose(found, np.cov(x.astype(np.float64)), rtol=1e-6)
