"""x[...] and x[...] = v, against NumPy's own indexing where the two agree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import microgrest as mg

pytestmark = pytest.mark.devices

Array = np.ndarray[Any, Any]
Index = tuple[Any, ...]
settings.register_profile("kernels", deadline=None, max_examples=150)
settings.load_profile("kernels")

shapes = st.lists(st.integers(0, 4), max_size=4).map(tuple)


@st.composite
def slices(draw: Any, n: int) -> slice:
    bound = st.none() | st.integers(-n - 2, n + 2)
    return slice(draw(bound), draw(bound), draw(st.none() | st.integers(1, 3)))


@st.composite
def basic(draw: Any, shape: tuple[int, ...]) -> Index:
    """Numbers, slices, None and `...`: what makes a view."""
    used = draw(st.integers(0, len(shape)))
    items: list[Any] = []
    for n in shape[:used]:
        number = [st.integers(-n, n - 1)] if n else []
        items.append(draw(st.one_of(slices(n), *number)))
    for _ in range(draw(st.integers(0, 2))):
        items.insert(draw(st.integers(0, len(items))), None)
    if draw(st.booleans()):
        items.append(Ellipsis)
    return tuple(items)


@st.composite
def pickers(draw: Any, shape: tuple[int, ...]) -> Index:
    """Index arrays that broadcast, masks and slices, mixed: what makes a copy."""
    lead = draw(st.sampled_from([(2,), (3,), (2, 3), (1,), (0,)]))
    items: list[Any] = []
    masked = False
    for n in shape:
        kind = draw(st.sampled_from(["slice", "array", "mask", "number"]))
        if kind == "array" and n and not masked:
            dims = draw(st.sampled_from([lead, lead[-1:], (1,)]))
            entries = draw(st.lists(st.integers(-n, n - 1), min_size=8, max_size=8))
            items.append(np.resize(np.array(entries), dims))
        elif kind == "mask" and not any(isinstance(i, np.ndarray) for i in items):
            items.append(np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)), bool))
            masked = True
        elif kind == "number" and n and not any(isinstance(i, np.ndarray) for i in items):
            items.append(slice(0, draw(st.integers(1, n))))
        else:
            items.append(draw(slices(n)))
    return tuple(items)


@st.composite
def indexed(draw: Any, index: Any) -> tuple[Array, Index]:
    shape = draw(shapes)
    values = np.arange(1.0, 1.0 + np.prod(shape)).reshape(shape)
    return values, draw(index(shape))


def ours(index: Index) -> Index:
    """The index with tensors in place of arrays."""
    return tuple(mg.tensor(i.copy()) if isinstance(i, np.ndarray) else i for i in index)


def layouts(values: Array) -> list[Any]:
    """The same values contiguous, and as every second element of something transposed."""
    spread = np.zeros([2 * n for n in values.shape[::-1]])
    spread[(*(slice(None, None, 2) for _ in values.shape), ...)] = values.T
    seconds = spread.T[(*(slice(None, None, 2) for _ in values.shape), ...)]
    return [mg.tensor(values.copy()), mg.tensor(seconds)]


@given(indexed(basic))
def test_basic_indices_make_views(case: tuple[Array, Index]) -> None:
    values, index = case
    for x in layouts(values):
        y = x[index]
        np.testing.assert_array_equal(y.cpu().numpy(), values[index])
        assert y.dtype is mg.float64
        assert y._base is not None
        if y.numel():
            y.fill_(-1)
            expected = values.copy()
            expected[index] = -1
            np.testing.assert_array_equal(x.cpu().numpy(), expected)
            assert x._version == y._version == 1


@given(indexed(pickers))
def test_index_tensors_make_copies(case: tuple[Array, Index]) -> None:
    values, index = case
    for x in layouts(values):
        y = x[ours(index)]
        np.testing.assert_array_equal(y.cpu().numpy(), values[index])
        y.fill_(-1)
        if any(isinstance(i, np.ndarray) for i in index):
            np.testing.assert_array_equal(x.cpu().numpy(), values)


@given(indexed(lambda shape: basic(shape) | pickers(shape)), st.randoms(use_true_random=False))
def test_reading_sends_gradients_back(case: tuple[Array, Index], rng: Any) -> None:
    values, index = case
    picked = np.asarray(values[index])
    weights = np.array([rng.randint(1, 9) for _ in range(picked.size)], float).reshape(picked.shape)
    expected = np.zeros_like(values)
    np.add.at(expected, index, weights)
    for x in layouts(values):
        x.requires_grad_()
        x[ours(index)].backward(mg.tensor(weights))
        np.testing.assert_array_equal(x.grad.cpu().numpy(), expected)


@given(indexed(lambda shape: basic(shape) | pickers(shape)), st.booleans(), st.booleans())
def test_writing(case: tuple[Array, Index], one: bool, view: bool) -> None:
    values, index = case
    shape = () if one else np.shape(values[index])
    written = np.asarray(-np.arange(1.0, 1.0 + np.prod(shape)).reshape(shape))
    expected = values.copy()
    expected[index] = written  # where indices repeat, both keep the last
    for start in layouts(values):
        x = start.detach()[...] if view else start
        x[ours(index)] = mg.tensor(written)
        np.testing.assert_array_equal(start.cpu().numpy(), expected)
        assert x.dtype is mg.float64


@given(indexed(lambda shape: basic(shape) | pickers(shape)))
def test_writing_sends_gradients_back(case: tuple[Array, Index]) -> None:
    values, index = case
    kept = np.ones(values.shape, bool)
    kept[index] = False
    weights = np.arange(2.0, 2.0 + values.size).reshape(values.shape)
    for start in layouts(values):
        base = start.requires_grad_()
        written = mg.ones(np.shape(values[index]), dtype=mg.float64, requires_grad=True)
        x = base * 1
        x[ours(index)] = written
        x.backward(mg.tensor(weights))
        if kept.any():
            np.testing.assert_array_equal(base.grad.cpu().numpy(), np.where(kept, weights, 0))
        if written.grad is not None:
            np.testing.assert_array_equal(written.grad.cpu().numpy(), weights[index])


@given(indexed(pickers), st.booleans())
def test_index_put(case: tuple[Array, Index], accumulate: bool) -> None:
    values, index = case
    index = tuple(
        i if isinstance(i, np.ndarray) else np.arange(n).reshape(-1, *[1] * (values.ndim - d - 1))
        for d, (i, n) in enumerate(zip(index, values.shape, strict=True))
    )
    if any(i.dtype == bool for i in index) or not index:
        return
    try:
        shape = np.broadcast_shapes(*(i.shape for i in index))
    except ValueError:
        return
    written = np.arange(1.0, 1.0 + np.prod(shape)).reshape(shape)
    expected = values.copy()
    if accumulate:
        np.add.at(expected, index, written)
    else:
        expected[index] = written
    x = mg.tensor(values.copy())
    assert x.index_put_(ours(index), mg.tensor(written), accumulate=accumulate) is x
    np.testing.assert_array_equal(x.cpu().numpy(), expected)


@pytest.mark.parametrize("name", ["bool", "uint8", "int16", "int64", "float16", "float32"])
def test_every_dtype(name: str) -> None:
    values = np.arange(12).reshape(3, 4).astype(name)
    x = mg.tensor(values.copy())
    picked = x[mg.tensor([2, 0]), 1:]
    assert picked.dtype is getattr(mg, name)
    np.testing.assert_array_equal(picked.cpu().numpy(), values[[2, 0], 1:])
    x[mg.tensor([2, 0]), 1:] = 1
    x[1] = 0
    values[[2, 0], 1:] = 1
    values[1] = 0
    np.testing.assert_array_equal(x.cpu().numpy(), values)


def test_gradients_of_float32_are_float32() -> None:
    x = mg.ones(3, requires_grad=True)
    x[[0, 0, 2]].sum().backward()
    assert x.grad.dtype is mg.float32
    assert x.grad.tolist() == [2, 0, 1]


def test_what_indexes_is_not_written_to() -> None:
    rows, mask = np.array([1, -1]), np.array([True, False])
    for array in (rows, mask):
        array.flags.writeable = False
    x = mg.arange(6).view(2, 3)
    assert x[rows].tolist() == [[3, 4, 5], [3, 4, 5]]
    assert x[mask].tolist() == [[0, 1, 2]]


@pytest.mark.parametrize(
    ("index", "error", "message"),
    [
        (2, IndexError, "index 2 out of range|out of bounds"),
        ((0, 0, 0), IndexError, "too many indices for tensor of dimension 2"),
        ([5], IndexError, "index 5 is out of bounds for dimension 0 with size 2"),
        (([0, 1], [0, 1, 2]), IndexError, "could not be broadcast together with shapes"),
        (mg.tensor([True, False, True]), IndexError, "shape of the mask .* at index 0"),
        (mg.tensor([1.0]), IndexError, "must be long, int, byte or bool tensors"),
        (1.0, IndexError, "only integers, slices"),
        ("a", TypeError, "invalid index"),
        (slice(None, None, -1), ValueError, "step must be greater than zero; use flip"),
        (slice(None, None, 0), ValueError, "step must be greater than zero"),
        ((..., 0, ...), IndexError, "single ellipsis"),
    ],
    ids=repr,
)
def test_errors(index: Any, error: type[Exception], message: str) -> None:
    x = mg.zeros(2, 3)
    with pytest.raises(error, match=message):
        x[index]
    with pytest.raises(error, match=message):
        x[index] = 1
    assert x.tolist() == [[0, 0, 0], [0, 0, 0]]
    assert x._version == 0


def test_errors_of_what_is_written() -> None:
    x = mg.zeros(2, 3)
    with pytest.raises(RuntimeError, match=r"shape mismatch: value tensor of shape \[2\]"):
        x[[0, 1]] = mg.ones(2)
    with pytest.raises(
        RuntimeError, match=r"doesn't match the broadcast shape|must match the size"
    ):
        x[0] = mg.ones(2)
    with pytest.raises(TypeError, match=r"can't assign a NoneType to a microgrest.*FloatTensor"):
        x[0] = None
    with pytest.raises(RuntimeError, match="source and destination dtypes match"):
        x.index_put_((mg.tensor([0]),), mg.tensor(1))
    assert x._version == 0


@pytest.mark.parametrize("dtype", ["float32", "int64", "uint8"])
@pytest.mark.parametrize("index", [0, slice(1), [0], "mask"])
def test_a_number_beyond_the_type_is_refused_by_every_kind_of_index(index: Any, dtype: str) -> None:
    x = mg.zeros(3, dtype=getattr(mg, dtype))
    index = mg.tensor([True, False, False]) if index == "mask" else index
    with pytest.raises(RuntimeError, match="without overflow"):
        x[index] = 1e300
    assert x.tolist() == [0, 0, 0]


@pytest.mark.parametrize("pick", ["x[i]", "x.index_select(0, i)", "x[:, i]", "x[i.reshape(2, 1)]"])
def test_an_index_that_is_written_before_backward_is_noticed(pick: str) -> None:
    x = mg.ones(3, 3, requires_grad=True)
    i = mg.tensor([0, 2])
    y = eval(pick, {"x": x, "i": i}).square().sum()
    i += 1
    with pytest.raises(RuntimeError, match="inplace"):
        y.backward()


@pytest.mark.parametrize(
    "pick",
    [
        lambda x, index: x.take(index),
        lambda x, index: x.take_along_dim(index, 0),
        lambda x, index: x.put(index, mg.zeros(2)),
        lambda x, index: x[index],
    ],
)
def test_a_write_to_an_index_that_a_gradient_needs_is_noticed(pick: Callable[..., Any]) -> None:
    x, index = mg.ones(3, requires_grad=True), mg.tensor([0, 2])
    y = pick(x, index)
    index.fill_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()
