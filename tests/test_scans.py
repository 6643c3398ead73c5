"""Running sums, products and extrema beside NumPy's, their derivatives beside differences."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from microgrest.kernels.cpu import parallel

import microgrest as mg
from microgrest.ops.folds import scan as rows

pytestmark = pytest.mark.devices

Array = np.ndarray[Any, Any]
STEP = 1e-5
SHAPES = [((), 0), ((5,), 0), ((3, 4), 1), ((3, 4), 0), ((2, 3, 4), -2), ((0,), 0), ((2, 0, 3), 1)]
SHAPES += [((150,), 0), ((2, 70), -1), ((2, 130, 2), 1), ((9, 2), 1), ((3, 300), 0)]
REFERENCES: dict[str, Callable[[Array, int], Array]] = {
    "cumsum": lambda x, dim: np.cumsum(x, dim),
    "cumprod": lambda x, dim: np.cumprod(x, dim),
    "logcumsumexp": lambda x, dim: np.logaddexp.accumulate(x, dim),
    "cummax": lambda x, dim: np.maximum.accumulate(x, dim),
    "cummin": lambda x, dim: np.minimum.accumulate(x, dim),
}
by_name = pytest.mark.parametrize("name", REFERENCES)


def sample(shape: tuple[int, ...], dtype: str = "float64", seed: int = 0) -> Array:
    """Numbers of either sign around one in size, few different ones where they are integers."""
    rng = np.random.default_rng(seed)
    if not dtype.startswith("float"):
        return np.asarray(rng.integers(0 if dtype in ("bool", "uint8") else -2, 3, shape), dtype)
    return np.asarray(rng.uniform(0.7, 1.4, shape) * rng.choice([-1, 1], shape), dtype)


def values(name: str, *args: Any, **options: Any) -> Any:
    """The op's result, of two the first."""
    found = getattr(mg, name)(*args, **options)
    return found if isinstance(found, mg.Tensor) else found.values


def reference(name: str, x: Array, dim: int) -> Array:
    """NumPy's result, for a 0-d array too."""
    return REFERENCES[name](x.reshape(x.shape or (1,)), dim).reshape(x.shape)


@by_name
@pytest.mark.parametrize(("shape", "dim"), SHAPES)
def test_shapes(name: str, shape: tuple[int, ...], dim: int) -> None:
    x = sample(shape)
    y = values(name, mg.tensor(x), dim)
    assert (y.dtype, tuple(y.shape)) == (mg.float64, shape)
    np.testing.assert_allclose(y.cpu().numpy(), reference(name, x, dim), 1e-12, 1e-12)


@by_name
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 2e-6), ("float16", 5e-3)])
def test_short_floats(name: str, dtype: str, tolerance: float) -> None:
    x = sample((3, 70), dtype)
    y = values(name, mg.tensor(x), 1)
    assert y.dtype is getattr(mg, dtype)
    wanted = reference(name, x.astype("float64"), 1)
    np.testing.assert_allclose(y.cpu().numpy(), wanted, tolerance, 10 * tolerance)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "int16", "int32", "int64"])
@pytest.mark.parametrize("name", ["cumsum", "cumprod", "cummax", "cummin"])
def test_integers(name: str, dtype: str) -> None:
    x = sample((3, 70), dtype)
    for dim in (0, 1):
        y = values(name, mg.tensor(x), dim)
        widens = name in ("cumsum", "cumprod")
        assert y.dtype is (mg.int64 if widens else getattr(mg, dtype.replace("bool", "bool_")))
        wanted = reference(name, x.astype("int64") if widens else x, dim)
        np.testing.assert_array_equal(y.cpu().numpy(), wanted)


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64"])
def test_ends_of_integers(dtype: str) -> None:
    limits = np.iinfo(dtype)
    for name, end in (("cummax", limits.min), ("cummin", limits.max)):
        found = getattr(mg, name)(mg.full((9,), int(end), dtype=getattr(mg, dtype)), 0)
        assert found.values.tolist() == [end] * 9
        assert found.indices.tolist() == list(range(9))


@pytest.mark.parametrize("name", ["cummax", "cummin"])
@pytest.mark.parametrize("shape", [(130,), (2, 70), (70, 3)])
def test_extrema_are_where_they_were_last_met(name: str, shape: tuple[int, ...]) -> None:
    x = sample(shape, "int64").astype("float32")
    for dim in range(len(shape)):
        found, at = getattr(mg, name)(mg.tensor(x), dim)
        assert at.dtype is mg.int64
        moved, indices = np.moveaxis(x, dim, 0), np.moveaxis(at.cpu().numpy(), dim, 0)
        best = np.moveaxis(found.cpu().numpy(), dim, 0)
        for i in range(len(moved)):
            hits = moved[: i + 1] == best[i]
            last = i - np.argmax(hits[::-1], 0)
            np.testing.assert_array_equal(indices[i], last)


def test_nan_stays() -> None:
    x = mg.tensor([1.0, math.nan, 3.0, math.nan, -math.inf, 2.0])
    for found in (x.cummax(0), x.cummin(0)):
        assert [math.isnan(v) for v in found.values.tolist()] == [False] + [True] * 5
        assert found.indices.tolist() == [0, 1, 1, 3, 3, 3]
    for y in (x.cumsum(0), x.cumprod(0), x.logcumsumexp(0)):
        assert [math.isnan(v) for v in y.tolist()] == [False] + [True] * 5


def test_infinity() -> None:
    inf = math.inf
    x = mg.tensor([-inf, -inf, 0.0, 1.0, inf, 2.0], dtype=mg.float64, requires_grad=True)
    y = x.logcumsumexp(0)
    wanted = [-inf, -inf, 0.0, math.log1p(math.e), inf, inf]
    assert y.tolist() == pytest.approx(wanted, rel=1e-15)
    y.sum().backward()
    assert x.grad.tolist()[2:4] == pytest.approx([1.2689414213699952, 0.7310585786300049])
    assert mg.tensor([-inf] * 3).cummax(0).indices.tolist() == [0, 1, 2]


def test_no_overflow() -> None:
    x = mg.tensor([1000.0, -1000.0, 1000.0], dtype=mg.float64, requires_grad=True)
    y = x.logcumsumexp(0)
    assert y.tolist() == pytest.approx([1000.0, 1000.0, 1000.0 + math.log(2)])
    y.sum().backward()
    assert x.grad.tolist() == pytest.approx([2.5, 0.0, 0.5])


@by_name
def test_any_strides(name: str) -> None:
    x = sample((4, 3, 10))
    t = mg.tensor(x).permute(2, 0, 1)[::2]
    got = values(name, t, 0)
    assert got.is_contiguous()
    np.testing.assert_allclose(
        got.cpu().numpy(), reference(name, x.transpose(2, 0, 1)[::2], 0), 1e-12
    )


@pytest.mark.parametrize("name", ["cumsum", "cumprod", "logcumsumexp"])
@pytest.mark.parametrize(("shape", "dim"), [((150,), 0), ((3, 5), 1), ((4, 9), 0), ((300, 2), 0)])
def test_backwards(name: str, shape: tuple[int, ...], dim: int) -> None:
    """From the last element to the first, which the rules of cumsum and others need."""
    x = sample(shape)
    y = getattr(rows, name)(mg.tensor(x), dim=dim, reverse=True)
    wanted = np.flip(reference(name, np.flip(x, dim), dim), dim)
    np.testing.assert_allclose(y.cpu().numpy(), wanted, 1e-12, 1e-12)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("n", [1, 7, 150])
def test_the_state_before_an_element(n: int, reverse: bool) -> None:
    x, b = sample((n,)), sample((n,), seed=1)
    order = range(n - 1, -1, -1) if reverse else range(n)
    product, total, state = 1.0, -math.inf, 0.0
    wanted: dict[str, Array] = {
        k: np.empty(n) for k in ("cumprod_before", "logcumsumexp_before", "recurrence")
    }
    for i in order:
        for array, value in zip(wanted.values(), (product, total, state), strict=True):
            array[i] = value
        product, total, state = product * x[i], np.logaddexp(total, x[i]), x[i] * state + b[i]
    for name, array in wanted.items():
        args = (x, b) if name == "recurrence" else (x,)
        y = getattr(rows, name)(*(mg.tensor(a) for a in args), dim=0, reverse=reverse)
        np.testing.assert_allclose(y.cpu().numpy(), array, 1e-11, 1e-11)


def nested(function: Callable[[Any], Any], x: Any, order: int) -> Any:
    """The sum of `function`'s values, each times its place, and so of their gradient, ..."""
    y = function(x)
    for _ in range(order):
        y = mg.autograd.grad((y * y * weights(y)).sum(), x, create_graph=True)[0]
    return (y * weights(y)).sum()


def weights(y: Any) -> Any:
    """A different factor for every element, of its own order of size."""
    return (mg.arange(y.numel(), dtype=y.dtype).reshape(y.shape) + 1) / y.numel()


def check_slope(function: Callable[[Any], Any], x: Array, order: int) -> None:
    """The derivative of `nested` along a random direction is the difference quotient."""
    t = mg.tensor(x, requires_grad=True)
    (g,) = mg.autograd.grad(nested(function, t, order), t)
    along = np.random.default_rng(5).normal(size=x.shape)
    ends = [
        nested(function, mg.tensor(x + h * along, requires_grad=True), order).item()
        for h in (STEP, -STEP)
    ]
    slope = (g.cpu().numpy() * along).sum()
    assert slope == pytest.approx((ends[0] - ends[1]) / (2 * STEP), rel=1e-5, abs=1e-7)


@by_name
@pytest.mark.parametrize("order", [0, 1, 2])
def test_derivatives(name: str, order: int) -> None:
    x = sample((2, 4, 2))
    for dim in range(3) if order < 2 else (1,):
        check_slope(lambda t, dim=dim: values(name, t, dim), x, order)  # type: ignore[misc]


@pytest.mark.parametrize("zeros", [[1], [0, 3], [1, 2], [0, 1, 2, 3, 4]])
@pytest.mark.parametrize("order", [0, 1, 2])
def test_products_with_zeros(zeros: list[int], order: int) -> None:
    x = sample((5,))
    x[zeros] = 0
    check_slope(lambda t: t.cumprod(0), x, order)


@pytest.mark.parametrize("name", ["cumprod_before", "logcumsumexp_before"])
def test_derivatives_of_what_rules_use(name: str) -> None:
    """Of logcumsumexp_before but for the first element, which is constant."""
    for reverse in (False, True):
        row = getattr(rows, name)
        first = int(name.startswith("log"))
        ends = (0, -first or None) if reverse else (first, None)
        check_slope(
            lambda t, r=reverse, e=ends, row=row: row(t, dim=0, reverse=r)[e[0] : e[1]],  # type: ignore[misc]
            sample((5,)),
            1,
        )


def test_extrema_give_their_gradient_to_where_they_are() -> None:
    x = mg.tensor([[1.0, 3.0, 2.0, 3.0, 0.0]], requires_grad=True)
    found = x.cummax(1)
    assert found.values.grad_fn.name() == "CummaxBackward0"
    assert not found.indices.requires_grad
    found.values.backward(mg.tensor([[1.0, 2.0, 4.0, 8.0, 16.0]]))
    assert x.grad.tolist() == [[1.0, 6.0, 0.0, 24.0, 0.0]]
    with mg.no_grad():
        assert not x.cummin(0).values.requires_grad


def test_dtype() -> None:
    x = mg.tensor([100, 100, 100], dtype=mg.int16)
    assert x.cumsum(0).tolist() == [100, 200, 300]
    assert x.cumsum(0, dtype=mg.uint8).tolist() == [100, 200, 44]
    assert x.cumprod(0, dtype=mg.int32).dtype is mg.int32
    assert x.cumsum(0, dtype=mg.float32).dtype is mg.float32
    y = mg.tensor([0.1, 0.2], requires_grad=True)
    z = y.cumprod(axis=0, dtype=mg.float64)
    assert z.dtype is mg.float64
    z.sum().backward()
    assert y.grad.dtype is mg.float32
    assert not y.cumsum(0, dtype=mg.int64).requires_grad


@pytest.mark.large
@pytest.mark.parametrize(
    ("shape", "dim"),
    [((1_000_003,), 0), ((5, 200_001), 1), ((200_001, 3), 0), ((3000, 100), 1), ((20, 70_000), 0)],
)
def test_long_and_many(shape: tuple[int, ...], dim: int) -> None:
    """Integers are exact, by whatever ways sums of parts meet."""
    x = np.random.default_rng(7).integers(-1000, 1000, shape)
    t = mg.tensor(x)
    np.testing.assert_array_equal(t.cumsum(dim).cpu().numpy(), np.cumsum(x, dim))
    found = t.cummax(dim)
    np.testing.assert_array_equal(found.values.cpu().numpy(), np.maximum.accumulate(x, dim))
    at = found.indices.cpu().numpy()
    np.testing.assert_array_equal(np.take_along_axis(x, at, dim), found.values.cpu().numpy())
    assert (np.diff(at, axis=dim) >= 0).all()


@pytest.mark.host
def test_sums_of_float32_do_not_drift() -> None:
    x = np.full(1_000_000, 0.1, np.float32)
    exact = np.arange(1, x.size + 1) * np.float64(np.float32(0.1))
    for shape, dim in (((-1,), 0), ((-1, 2), 0)):
        y = mg.from_numpy(x).reshape(shape).cumsum(dim).numpy()
        scale = exact.reshape(shape) if dim == 0 and len(shape) == 1 else exact[: len(y), None]
        assert (abs(y / scale - 1) < 1e-7).all()


@pytest.mark.host
@by_name
@pytest.mark.parametrize(("shape", "dim"), [((64, 3000), 1), ((64, 3000), 0), ((30, 70, 90), 1)])
def test_threads_change_nothing(name: str, shape: tuple[int, ...], dim: int) -> None:
    t = mg.from_numpy(sample(shape, "float32"))
    threads = parallel.get_num_threads()
    alone = []
    try:
        for n in (1, 1 << 10):
            parallel.set_num_threads(n)
            alone.append(values(name, t, dim).numpy())
    finally:
        parallel.set_num_threads(threads)
    np.testing.assert_array_equal(*alone)


ERRORS: list[tuple[str, type[Exception], Callable[[Any, Any], Any]]] = [
    ("out of range", IndexError, lambda t, x: t.cumsum(x, 2)),
    ("out of range", IndexError, lambda t, x: t.cummax(x, -3)),
    ("must be Tensor", TypeError, lambda t, x: t.cumprod(1.0, 0)),
    ("must be Tensor", TypeError, lambda t, x: t.cummin([1.0], 0)),
    ("must be int", TypeError, lambda t, x: t.cumsum(x, None)),
    ("must be int", TypeError, lambda t, x: t.logcumsumexp(x, 0.5)),
    ("must be int", TypeError, lambda t, x: t.cummax(x, True)),
    ("missing", TypeError, lambda t, x: t.cumsum(x)),
    ("not implemented", RuntimeError, lambda t, x: t.cumsum(x, 0, dtype=t.bool)),
    ("not implemented", RuntimeError, lambda t, x: t.logcumsumexp(x.long(), 0)),
]


@pytest.mark.parametrize(("text", "error", "call"), ERRORS)
def test_errors(text: str, error: type[Exception], call: Callable[[Any, Any], Any]) -> None:
    with pytest.raises(error, match=text):
        call(mg, mg.ones(3, 4))
