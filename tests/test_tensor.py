"""What a tensor is: geometry, views, conversions to Python and NumPy, its attributes."""

from __future__ import annotations

import copy
import gc
import operator
import pickle
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import microgrest as mg

pytestmark = pytest.mark.devices

Array = np.ndarray[Any, Any]
shapes = st.lists(st.integers(0, 4), max_size=4).map(tuple)


@st.composite
def views(draw: Any) -> tuple[Any, Array, Any]:
    """A tensor, NumPy's view of such an array, and the tensor it is a view of: after random ops."""
    shape = draw(shapes)
    base = mg.arange(float(np.prod(shape)), dtype=mg.float64)
    array = np.arange(float(np.prod(shape))).reshape(shape)
    t = base.view(shape)
    for _ in range(draw(st.integers(0, 4))):
        t, array = draw(st.sampled_from(STEPS))(draw, t, array)
    return t, array, base


def _transpose(draw: Any, t: Any, a: Array) -> Any:
    if a.ndim < 2:
        return t, a
    i, j = (draw(st.integers(-a.ndim, a.ndim - 1)) for _ in range(2))
    return t.transpose(i, j), a.swapaxes(i, j)


def _permute(draw: Any, t: Any, a: Array) -> Any:
    order = draw(st.permutations(range(a.ndim)))
    return t.permute(*order), a.transpose(order)


def _unsqueeze(draw: Any, t: Any, a: Array) -> Any:
    d = draw(st.integers(-a.ndim - 1, a.ndim))
    return t.unsqueeze(d), np.expand_dims(a, d)


def _squeeze(draw: Any, t: Any, a: Array) -> Any:
    return t.squeeze(), a.squeeze()


def _step(draw: Any, t: Any, a: Array) -> Any:
    index = tuple(slice(draw(st.integers(0, 1)), None, draw(st.integers(1, 2))) for _ in a.shape)
    return t[index], a[(*index, ...)]


def _select(draw: Any, t: Any, a: Array) -> Any:
    wide = [d for d, n in enumerate(a.shape) if n]
    if not wide:
        return t, a
    d = draw(st.sampled_from(wide))
    i = draw(st.integers(-a.shape[d], a.shape[d] - 1))
    return t.select(d, i), a[(slice(None),) * d + (i, ...)]


def _diagonal(draw: Any, t: Any, a: Array) -> Any:
    if a.ndim < 2:
        return t, a
    offset = draw(st.integers(-2, 2))
    return t.diagonal(offset, 0, -1), a.diagonal(offset, 0, -1)


STEPS = [_transpose, _permute, _unsqueeze, _squeeze, _step, _select, _diagonal]


@settings(deadline=None)
@given(views())
def test_views_are_numpys(case: tuple[Any, Array, Any]) -> None:
    t, array, base = case
    assert tuple(t.shape) == array.shape
    assert t.is_contiguous() == array.flags.c_contiguous
    np.testing.assert_array_equal(t.cpu().numpy(), array)
    assert t.tolist() == array.tolist()
    assert (t.ndim, t.numel(), t.nbytes) == (array.ndim, array.size, array.size * 8)
    if all(n > 1 for n in array.shape):
        assert t.stride() == tuple(s // 8 for s in array.strides)
    assert not t.numel() or t.data_ptr() == base.data_ptr() + t.storage_offset() * 8


@settings(deadline=None)
@given(views())
def test_ops_on_views(case: tuple[Any, Array, Any]) -> None:
    t, array, base = case
    before = base.tolist()
    for ours, theirs in (
        (t * 2 + t, array * 2 + array),
        (t.contiguous(), array),
        (t.clone(), array),
        (t.reshape(-1), array.reshape(-1)),
        (t.sum(), array.sum()),
        (t.to(mg.int64), array.astype(int)),
        (t.flatten(), array.flatten()),
    ):
        np.testing.assert_array_equal(ours.cpu().numpy(), theirs)
    assert t.contiguous().is_contiguous()
    assert base.tolist() == before


@settings(deadline=None)
@given(views(), st.floats(-4, 4))
def test_writes_to_views(case: tuple[Any, Array, Any], value: float) -> None:
    t, array, base = case
    expected = np.array(base.tolist())
    twin = np.ndarray(
        array.shape, array.dtype, expected, t.storage_offset() * 8, [s * 8 for s in t.stride()]
    ) if array.size else expected[:0]  # fmt: skip
    twin += value
    t.add_(value)
    np.testing.assert_array_equal(base.tolist(), expected)


@settings(deadline=None)
@given(views())
def test_gradients_through_views(case: tuple[Any, Array, Any]) -> None:
    t, array, base = case
    leaf = mg.arange(float(base.numel()), dtype=mg.float64, requires_grad=True)
    again = leaf.as_strided(t.shape, t.stride(), t.storage_offset())
    weights = np.arange(1.0, 1.0 + array.size).reshape(array.shape)
    again.backward(mg.tensor(weights))
    expected = np.zeros(base.numel())
    np.add.at(expected, np.asarray(array, int), weights)
    np.testing.assert_array_equal(leaf.grad.cpu().numpy(), expected)


def test_a_dimension_of_one_has_any_stride() -> None:
    column = mg.arange(3).view(3, 1)
    assert column.T.is_contiguous()
    assert column.T.contiguous() is not column
    assert column.expand(3, 1).is_contiguous()
    assert not column.expand(3, 2).is_contiguous()
    assert mg.zeros(0, 3).T.is_contiguous()
    row = column.T
    assert (row + row).tolist() == [[0, 2, 4]]
    assert (row + mg.ones(2, 1, dtype=mg.int64)).tolist() == [[1, 2, 3], [1, 2, 3]]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda t: t.view(4), RuntimeError, r"shape '\[4\]' is invalid for input of size 6"),
        (lambda t: t.view(-1, -1), RuntimeError, "only one dimension can be inferred"),
        (lambda t: t.T.view(6), RuntimeError, r"view size is not compatible .* Use .reshape"),
        (lambda t: t[:0].view(-1, 0), RuntimeError, "is ambiguous"),
        (lambda t: t.size(2), IndexError, r"expected to be in range of \[-2, 1\], but got 2"),
        (lambda t: t.unsqueeze(4), IndexError, r"\[-3, 2\], but got 4"),
        (lambda t: t.expand(4, 3), RuntimeError, r"expanded size of the tensor \(4\) must match"),
        (lambda t: t.expand(3), RuntimeError, "number of sizes provided"),
        (lambda t: t.permute(0), RuntimeError, "dims"),
        (lambda t: t.permute(0, 0), RuntimeError, "duplicate dims are not allowed"),
        (lambda t: t.select(0, 2), IndexError, "index 2 out of range"),
        (lambda t: t.narrow(1, 2, 2), (RuntimeError, IndexError), "exceeds|out of"),
        (
            lambda t: t.as_strided((9,), (1,)),
            RuntimeError,
            "out of bounds for storage|storage of 6",
        ),
        (
            lambda t: t.sum_to_size(5),
            RuntimeError,
            r"size \[5\] is not expandable to size \[2, 3\]",
        ),
        (lambda t: t.sum_to_size(1, 1, 1), RuntimeError, "is not expandable to size"),
        (lambda t: t[0].mT, RuntimeError, "mT is only supported on matrices"),
        (lambda t: t + mg.ones(2), RuntimeError, r"size of tensor a \(3\) must match"),
        (lambda t: t + "a", TypeError, "unsupported operand type.* and .str"),
        (lambda t: t + None, TypeError, "unsupported operand type.* and .NoneType"),
        (lambda t: [0][t], TypeError, "only integer tensors of a single element"),
        (lambda t: "a" in t, RuntimeError, "only supports Tensor or scalar"),
        (lambda t: bool(t), RuntimeError, "more than one value is ambiguous"),
        (lambda t: bool(t[:0]), RuntimeError, "no values is ambiguous"),
        (lambda t: float(t), ValueError, "only one element tensors can be converted"),
        (
            lambda t: t.item(),
            RuntimeError,
            "a Tensor with 6 elements cannot be converted to Scalar",
        ),
        (lambda t: len(t[0, 0]), TypeError, "len.. of a 0-d tensor"),
        (lambda t: iter(t[0, 0]), TypeError, "iteration over a 0-d tensor"),
        (lambda t: format(t, ".2f"), TypeError, "unsupported format string"),
    ],
)
def test_errors(call: Callable[[Any], Any], error: Any, message: str) -> None:
    t = mg.arange(6.0).view(2, 3)
    with pytest.raises(error, match=message):
        call(t)


def test_python_numbers() -> None:
    t = mg.tensor([[3.75]])
    assert (float(t), int(t), bool(t), complex(t), t.item()) == (3.75, 3, True, 3.75, 3.75)
    assert [10, 20, 30][mg.tensor(1)] == 20
    assert type(mg.tensor(True).item()) is bool
    assert type(mg.tensor(2, dtype=mg.uint8).item()) is int
    assert f"{mg.tensor(2.5):.2f} {mg.tensor(7):d} end" == "2.50 7 end"
    assert "%.1f" % mg.tensor(2.5) == "2.5"  # noqa: UP031 - as in many PyTorch programs
    assert mg.tensor(1.5, dtype=mg.float16).item() == 1.5


def test_as_a_container() -> None:
    t = mg.tensor([[1, 2], [3, 4]])
    assert len(t) == 2
    assert [row.tolist() for row in t] == [[1, 2], [3, 4]]
    assert 3 in t
    assert 5 not in t
    assert {t: "identity"}[t] == "identity"
    assert (t == None) is False  # noqa: E711
    assert (t != "a") is True


def test_size() -> None:
    size = mg.zeros(2, 3).shape
    assert isinstance(size, tuple)
    assert size == (2, 3) == mg.Size([2, 3])
    assert hash(size) == hash((2, 3))
    assert size.numel() == 6
    assert repr(size) == "microgrest.Size([2, 3])"
    one = (1,)
    for other in (size[1:], size + one, one + size, size * 2, 2 * size):
        assert type(other) is mg.Size
    assert mg.zeros(2, 3).size() == size
    assert [mg.zeros(2, 3).size(d) for d in (0, -1)] == [2, 3]


@pytest.mark.host
@pytest.mark.parametrize("operation", [operator.add, operator.mul, np.add, np.multiply])
def test_numpy_operands_join_the_graph(operation: Callable[[Any, Any], Any]) -> None:
    x = mg.tensor([1.0, 2.0], dtype=mg.float64, requires_grad=True)
    array = np.array([3.0, 4.0])
    for y in (operation(x, array), operation(array, x), operation(x, np.float64(2))):
        assert isinstance(y, mg.Tensor)
        assert y.requires_grad


@pytest.mark.host
def test_numpy_functions_raise_by_name() -> None:
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    assert np.sin(x).grad_fn.name() == "SinBackward0"
    assert np.sum(x).grad_fn.name() == "SumBackward0"
    with pytest.raises(TypeError, match=r"np.linalg.*|np.svd\(\) does not take microgrest"):
        np.linalg.svd(mg.ones(2, 2))
    with pytest.raises(TypeError, match=r"np.add.reduce\(\) does not take microgrest tensors"):
        np.add.reduce(x)
    with pytest.raises(RuntimeError, match=r"Can't call numpy\(\) on Tensor that requires grad"):
        np.asarray(x)


@pytest.mark.host
def test_the_array_protocol() -> None:
    t = mg.arange(3.0)
    assert np.shares_memory(np.asarray(t), t.numpy())
    assert np.asarray(t, dtype=np.float64).dtype == np.float64
    assert not np.shares_memory(np.array(t), t.numpy())
    with pytest.raises(ValueError, match="unable to avoid a copy"):
        np.array(t, dtype=np.int64, copy=False)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))])
def test_copies(duplicate: Callable[[Any], Any]) -> None:
    t = mg.arange(6.0).view(2, 3).T.detach().requires_grad_()
    t.label = "mine"
    twin = duplicate(t)
    assert twin.tolist() == t.tolist()
    assert twin.is_leaf
    assert twin.requires_grad
    assert twin.data_ptr() != t.data_ptr()


def test_a_shallow_copy_shares_memory() -> None:
    t = mg.ones(2, requires_grad=True)
    t.label = "mine"
    twin = copy.copy(t)
    assert twin.label == "mine"
    assert twin.requires_grad
    twin.data[0] = 5
    assert t.tolist() == [5, 1]


def test_deepcopy_of_a_result() -> None:
    with pytest.raises(RuntimeError, match=r"graph leaves.* support the deepcopy protocol"):
        copy.deepcopy(mg.ones(2, requires_grad=True) * 2)


def test_tensors_are_freed_without_the_collector() -> None:
    gc.disable()
    try:
        x = mg.ones(3, requires_grad=True)
        y = (x * 2)[1:]
        y.retain_grad()
        z = y.exp()
        z.sum().backward()
        z.register_hook(lambda g: g)
        remains = [weakref.ref(t) for t in (x, y, z)]
        del x, y, z
        assert [r() for r in remains] == [None, None, None]
    finally:
        gc.enable()


@pytest.mark.host
def test_numpy_times_tensor() -> None:
    """np.ndarray @ Tensor is our product, in the graph."""
    x = mg.tensor([1.0, 2.0], dtype=mg.float64, requires_grad=True)
    (np.ones((3, 2)) @ x).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_deepcopy_keeps_attributes() -> None:
    x = mg.ones(2)
    x.tag = ["a"]
    y = copy.deepcopy(x)
    assert y.tag == ["a"]
    assert y.tag is not x.tag


@pytest.mark.parametrize("on", [1, "yes", None])
def test_requires_grad_is_a_bool(on: Any) -> None:
    with pytest.raises(RuntimeError, match="must be a bool"):
        mg.ones(2).requires_grad = on
