"""Sorts and searches beyond what op_info says of them: order of equals, NaN, errors, composites."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgrest as mg

pytestmark = pytest.mark.devices

DTYPES = ["float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8", "bool"]


def test_results_have_names() -> None:
    x = mg.tensor([3.0, 1.0, 2.0])
    found = mg.sort(x)
    assert type(found) is mg.return_types.sort
    assert found.values.tolist() == [1.0, 2.0, 3.0]
    assert found.indices.tolist() == [1, 2, 0]
    values, indices = x.sort(descending=True)
    assert (values.tolist(), indices.tolist()) == ([3.0, 2.0, 1.0], [0, 2, 1])
    assert repr(found).startswith("microgrest.return_types.sort(\nvalues=tensor([1., 2., 3.]")


def test_nan_is_largest_and_zeros_are_equal() -> None:
    x = mg.tensor([math.nan, 0.0, -0.0, math.inf, -math.nan, -0.0, -math.inf])
    assert x.sort().indices.tolist() == [6, 1, 2, 5, 3, 0, 4]
    assert x.sort(descending=True).indices.tolist() == [0, 4, 3, 1, 2, 5, 6]
    signs = [math.copysign(1, v) for v in x.sort().values.tolist()[1:4]]
    assert signs == [1.0, -1.0, -1.0]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("descending", [False, True])
def test_ends_of_types(dtype: str, descending: bool) -> None:
    kind = np.dtype(dtype).kind
    limits: Any = np.finfo(dtype) if kind == "f" else None if kind == "b" else np.iinfo(dtype)
    ends = [False, True] if limits is None else [limits.min, limits.max, 0, 1]
    x = np.array(ends * 30, dtype)
    got = mg.tensor(x).sort(descending=descending).values.cpu().numpy()
    np.testing.assert_array_equal(got, np.sort(x)[:: -1 if descending else 1])


@pytest.mark.parametrize("shape", [(100_000,), (300, 400), (3, 2, 30_000)])
def test_many_elements(shape: tuple[int, ...]) -> None:
    """By several threads where lines are many, by several digits where they are long."""
    if mg.get_default_device().type == "cuda" and mg.cuda.get_device_name().startswith("Numba"):
        pytest.skip("takes the simulator minutes")
    x = np.random.default_rng(0).integers(-(2**40), 2**40, shape)
    for dim in range(len(shape)):
        values, indices = mg.tensor(x).sort(dim)
        order = np.argsort(x, dim, kind="stable")
        np.testing.assert_array_equal(indices.cpu().numpy(), order)
        np.testing.assert_array_equal(values.cpu().numpy(), np.take_along_axis(x, order, dim))


def test_composites() -> None:
    x = mg.tensor([[3.0, 1.0], [2.0, 5.0]])
    assert mg.argsort(x, 0).tolist() == [[1, 0], [0, 1]]
    assert x.argsort(descending=True, stable=True).tolist() == [[0, 1], [1, 0]]
    assert mg.msort(x).tolist() == [[2.0, 1.0], [3.0, 5.0]]
    assert mg.msort(mg.tensor(2)).item() == 2
    edges = mg.tensor([1, 3, 5])
    assert mg.bucketize(mg.tensor([[1, 2], [3, 9]]), edges).tolist() == [[0, 1], [1, 3]]
    assert mg.bucketize(3, edges, right=True).item() == 2
    assert mg.bucketize(2.5, edges, out_int32=True).dtype is mg.int32


def test_searches() -> None:
    row = mg.tensor([1.0, 3.0, 3.0, 5.0])
    assert mg.searchsorted(row, 3.0).item() == 1
    assert mg.searchsorted(row, 3, side="right").item() == 3
    assert mg.searchsorted(row, mg.tensor([[0, 4], [9, 1]])).tolist() == [[0, 3], [4, 0]]
    assert mg.searchsorted(mg.tensor([1, 2, 3]), 2.5).item() == 2
    assert mg.searchsorted(row, math.nan).item() == 4
    assert mg.searchsorted(mg.ones(2, 0), mg.ones(2, 3)).tolist() == [[0] * 3] * 2
    rows = mg.tensor([[1.0, 2.0], [5.0, 6.0]])
    assert mg.searchsorted(rows, mg.tensor([[1.5, 9.0, 0.0], [1.5, 9.0, 6.0]])).tolist() == [
        [1, 2, 0],
        [0, 2, 1],
    ]


def test_sorters() -> None:
    rows = mg.tensor([[2.0, 1.0, 3.0], [6.0, 7.0, 5.0]])
    x = mg.tensor([[1.5, 2.5], [5.5, 9.0]])
    assert mg.searchsorted(rows, x, sorter=rows.argsort()).tolist() == [[1, 2], [1, 3]]
    step = mg.compile(lambda s: mg.searchsorted(rows, x, sorter=s))
    for _ in range(3):
        assert step(rows.argsort()).tolist() == [[1, 2], [1, 3]]
    with pytest.raises((RuntimeError, IndexError), match="out of range"):
        step(mg.tensor([[0, 1, 3], [0, 1, 2]]))  # in range of all rows, but not of its own


def test_gradients_reach_each_element_once() -> None:
    x = mg.tensor([2.0, 2.0, 1.0], requires_grad=True)
    values, indices = x.sort()
    assert not indices.requires_grad
    (values * mg.tensor([1.0, 10.0, 100.0])).sum().backward()
    assert x.grad.tolist() == [10.0, 100.0, 1.0]


def test_out() -> None:
    x = mg.tensor([2, 1])
    values, indices = mg.empty(0, dtype=mg.int64), mg.empty(0, dtype=mg.int64)
    found = mg.sort(x, out=(values, indices))
    assert found.values is values
    assert (values.tolist(), indices.tolist()) == ([1, 2], [1, 0])
    places = mg.empty(0, dtype=mg.int32)
    mg.searchsorted(x, x, out_int32=True, out=places)
    assert mg.argsort(x, out=indices) is indices


ERRORS: list[tuple[str, type[Exception], Callable[[Any, Any], Any]]] = [
    ("must be Tensor", TypeError, lambda t, x: t.sort([1.0])),
    ("must be bool", TypeError, lambda t, x: t.sort(x, dim=0, descending=1)),
    ("must be int", TypeError, lambda t, x: t.sort(x, True)),
    ("must be int", TypeError, lambda t, x: t.sort(x, "a")),
    ("positional", TypeError, lambda t, x: t.sort(x, 0, True, True)),
    ("unexpected", TypeError, lambda t, x: t.sort(x, wrong=0)),
    ("missing", TypeError, lambda t, x: t.sort()),
    ("out of range", IndexError, lambda t, x: t.sort(x, 2)),
    ("tuple of 2", TypeError, lambda t, x: t.sort(x, out=x)),
    ("dtype", RuntimeError, lambda t, x: t.sort(x, out=(t.empty(0), t.empty(0)))),
    ("side can only be", RuntimeError, lambda t, x: t.searchsorted(x[0], x, side="up")),
    (
        "opposites",
        RuntimeError,
        lambda t, x: t.searchsorted(x[0], x, right=True, side="left"),
    ),
    ("positive dimension", RuntimeError, lambda t, x: t.searchsorted(x[0, 0], x)),
    ("must match", RuntimeError, lambda t, x: t.searchsorted(x, x[0])),
    ("must match", RuntimeError, lambda t, x: t.searchsorted(x, t.ones(3, 4))),
    ("must match", RuntimeError, lambda t, x: t.searchsorted(x, 1.0)),
    ("bool", NotImplementedError, lambda t, x: t.searchsorted(x[0] > 0, x > 0)),
    ("same size", RuntimeError, lambda t, x: t.searchsorted(x[0], x, sorter=t.tensor([0]))),
    ("long dtype", RuntimeError, lambda t, x: t.searchsorted(x[0], x, sorter=x[0])),
    (
        "out of range",
        RuntimeError,
        lambda t, x: t.searchsorted(x[0], x, sorter=t.tensor([0, 1, 4])),
    ),
    (
        "out of range",
        RuntimeError,
        lambda t, x: t.searchsorted(x[0], x, sorter=t.tensor([0, 1, -1])),
    ),
    ("dtype", RuntimeError, lambda t, x: t.searchsorted(x[0], x, out=t.empty(0))),
    ("must be Tensor", TypeError, lambda t, x: t.searchsorted([1.0], x)),
    ("must be", TypeError, lambda t, x: t.searchsorted(x[0], [1.0])),
    ("1 dimension", RuntimeError, lambda t, x: t.bucketize(x, x)),
    ("out of range", IndexError, lambda t, x: t.argsort(x, 2)),
]


@pytest.mark.parametrize(("text", "error", "call"), ERRORS)
def test_errors(text: str, error: type[Exception], call: Callable[[Any, Any], Any]) -> None:
    with pytest.raises(error, match=text):
        call(mg, mg.ones(2, 3))


@pytest.mark.host
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8"])
@pytest.mark.parametrize("n", [1, 7, 16, 17, 66, 128, 129, 700])
def test_lines_of_any_length(n: int, dtype: str) -> None:
    """By insertion, counting or digits, and what is kept of blocks: many equal ones, and NaN."""
    rng = np.random.default_rng(n)
    x = rng.integers(-9, 90, (3, n)).clip(0 if dtype == "uint8" else -9).astype(dtype)
    if dtype.startswith("float"):
        x[rng.random(x.shape) < 0.05] = np.nan
        x[2] = np.arange(n)
    elif dtype == "int64":
        x *= 1 << 33
    ascending = np.argsort(x, -1, kind="stable")
    descending = n - 1 - np.argsort(x[:, ::-1], -1, kind="stable")[:, ::-1]
    for given, dim in ((x, 1), (np.ascontiguousarray(x.T), 0)):
        t = mg.tensor(given)
        for order, down in ((ascending, False), (descending, True)):
            places = order if dim else order.T
            values, indices = t.sort(dim, descending=down)
            np.testing.assert_array_equal(indices.numpy(), places)
            np.testing.assert_array_equal(values.numpy(), np.take_along_axis(given, places, dim))
            for k in (1, 5, 8, 9, 40):
                if k <= n:
                    found = t.topk(k, dim, largest=down).indices.numpy()
                    np.testing.assert_array_equal(found, places[:, :k] if dim else places[:k])
