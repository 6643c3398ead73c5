"""Making tensors: from data, filled, counted."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import microgrest as mg

pytestmark = pytest.mark.devices

NUMPY = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (3, mg.int64),
        (3.0, mg.float32),
        (True, mg.bool),
        ([], mg.float32),
        ([[], []], mg.float32),
        ([True, 2], mg.int64),
        ([True, 2, 2.5], mg.float32),
        ((1, 2), mg.int64),
        (range(3), mg.int64),
        (bytearray(b"ab"), mg.int64),
        ([2**62, -(2**63)], mg.int64),
        ([1.5, 2**70], mg.float32),
        (np.float64(2), mg.float64),
        ([np.float64(2), 3.0], mg.float64),
        ([np.float16(1), 1], mg.float16),
        ([np.int8(2), np.int32(2)], mg.int32),
        ([np.arange(3.0), np.ones(3)], mg.float64),
        (np.arange(3, dtype=np.int16)[::-1], mg.int16),
        ([mg.tensor(1.0), 2], mg.float32),
        ([1, mg.tensor(2.5)], mg.float32),
        ([[mg.tensor(1, dtype=mg.int8)]], mg.int8),
    ],
    ids=repr,
)
def test_tensor(data: Any, dtype: Any) -> None:
    t = mg.tensor(data)
    assert t.dtype is dtype
    assert t.is_leaf
    assert not t.requires_grad
    assert t.is_contiguous()
    want = np.array(_plain(data)).astype(dtype.numpy)
    np.testing.assert_array_equal(t.cpu().numpy(), want)


def _plain(data: Any) -> Any:
    """`data` with NumPy's arrays for tensors."""
    if isinstance(data, (list, tuple)):
        return [_plain(d) for d in data]
    return data.detach().cpu().numpy() if isinstance(data, mg.Tensor) else data


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ("a", TypeError, "cannot make a tensor of str 'a'"),
        ([1, "a"], TypeError, "cannot make a tensor of str 'a'"),
        (None, RuntimeError, "Could not infer dtype of NoneType"),
        ([[1.0, None]], RuntimeError, "Could not infer dtype of NoneType"),
        ({}, RuntimeError, "Could not infer dtype of dict"),
        pytest.param(
            iter([1]), RuntimeError, "Could not infer dtype of list_iterator", id="iterator"
        ),
        (1j, NotImplementedError, "no complex tensors here, to hold 1j"),
        ([[1], [2, 3]], ValueError, r"expected sequence of length 1 at dim 1 \(got 2\)"),
        (2**63, ValueError, "Overflow when unpacking long"),
        ([2**64], ValueError, "Overflow when unpacking long"),
        (np.array([1j]), TypeError, "can't convert np.ndarray of type complex128"),
        (np.array(["a"]), TypeError, "can't convert np.ndarray of type <U1"),
    ],
    ids=repr,
)
def test_what_makes_no_tensor(data: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        mg.tensor(data)


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (300, "uint8"),
        (-256, "uint8"),
        (-129, "int8"),
        (2**40, "int32"),
        (127.5, "int8"),
        (math.nan, "int32"),
        (math.inf, "int64"),
    ],
)
def test_integers_that_do_not_fit(value: float, dtype: str) -> None:
    d = getattr(mg, dtype)
    for make in (
        lambda: mg.tensor(value, dtype=d),
        lambda: mg.tensor([0, value], dtype=d),
        lambda: mg.full((2,), value, dtype=d),
        lambda: mg.zeros(2, dtype=d).fill_(value),
        lambda: mg.zeros(2, dtype=d).__setitem__(0, value),
    ):
        with pytest.raises(RuntimeError, match=f"cannot be converted to type {dtype} without"):
            make()


def test_data_are_copied() -> None:
    array = np.arange(3.0)
    t = mg.tensor(array)
    t[0] = 9
    assert array[0] == 0
    with pytest.warns(UserWarning, match="To copy construct from a tensor"):
        copy = mg.tensor(t)
    copy[1] = 9
    assert t[1] == 1


def test_requires_grad() -> None:
    t = mg.tensor([1.0], requires_grad=True)
    assert t.requires_grad
    assert t.is_leaf
    for make in (mg.zeros, mg.ones, mg.empty):
        assert make(2, requires_grad=True).requires_grad
        with pytest.raises(RuntimeError, match="only Tensors of floating point dtype can require"):
            make(2, dtype=mg.int64, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"this one is microgrest.int64"):
        mg.tensor(1, requires_grad=True)


@pytest.mark.host
@pytest.mark.parametrize("name", NUMPY)
def test_from_numpy_shares_memory(name: str) -> None:
    array = np.arange(24).reshape(2, 3, 4).astype(name)
    for view in (array, array.T, array[:, ::2, 1:], array[1:1], array[0, 0, 0:1]):
        t = mg.from_numpy(view)
        assert t.dtype is getattr(mg, name)
        assert tuple(t.shape) == view.shape
        np.testing.assert_array_equal(t.cpu().numpy(), view)
        assert view.size == 0 or np.shares_memory(t.cpu().numpy(), array)
        if view.size:
            t.zero_()
            assert not view.any()


@pytest.mark.host
def test_from_numpy_refuses() -> None:
    with pytest.raises(ValueError, match="stride in the given numpy array is negative"):
        mg.from_numpy(np.arange(3.0)[::-1])
    with pytest.raises(TypeError, match=r"expected np.ndarray \(got list\)"):
        mg.from_numpy([1])  # type: ignore[arg-type]
    for bad in (np.array(["a"]), np.array([1j]), np.array([None]), np.array([1], np.uint16)):
        with pytest.raises(TypeError, match=r"can't convert np.ndarray of type .* supported types"):
            mg.from_numpy(bad)


@pytest.mark.host
def test_from_numpy_copies_what_it_cannot_share() -> None:
    frozen = np.arange(3.0)
    frozen.flags.writeable = False
    swapped = np.arange(3, dtype=">i4")
    unaligned = np.frombuffer(bytearray(25), np.uint8)[1:].view("f8")
    for array in (frozen, swapped, unaligned):
        with pytest.warns(UserWarning, match="not writable, aligned or of the machine's byte"):
            t = mg.from_numpy(array)
        before = array.copy()
        np.testing.assert_array_equal(t.cpu().numpy(), array)
        t.add_(1)
        np.testing.assert_array_equal(array, before)


@pytest.mark.host
def test_as_tensor() -> None:
    array = np.arange(3.0)
    assert np.shares_memory(mg.as_tensor(array).cpu().numpy(), array)
    t = mg.ones(2)
    assert mg.as_tensor(t) is t
    assert mg.as_tensor(t, dtype=mg.float64).dtype is mg.float64
    assert mg.as_tensor([1, 2]).dtype is mg.int64


@pytest.mark.host
def test_dlpack_shares_memory_both_ways() -> None:
    array = np.arange(6.0).reshape(2, 3)
    t = mg.from_dlpack(array)
    t[0, 0] = 7
    assert array[0, 0] == 7
    back = np.from_dlpack(t.T)
    back[2, 1] = 8
    assert t[1, 2] == 8
    assert t.__dlpack_device__() == (1, 0)
    with pytest.raises(BufferError, match=r"require gradient, use tensor.detach"):
        np.from_dlpack(mg.ones(2, requires_grad=True))


@pytest.mark.parametrize("name", NUMPY)
@pytest.mark.parametrize(("function", "value"), [(mg.zeros, 0), (mg.ones, 1)])
def test_filled(function: Callable[..., Any], value: int, name: str) -> None:
    for shape in ((), (0,), (3,), (2, 3)):
        t = function(shape, dtype=getattr(mg, name))
        assert t.cpu().numpy().dtype == name
        np.testing.assert_array_equal(t.cpu().numpy(), np.full(shape, value, name))
        np.testing.assert_array_equal(t.new_full(shape, value).cpu().numpy(), t.cpu().numpy())
        for like in (mg.zeros_like, mg.ones_like, mg.empty_like):
            assert like(t).dtype is t.dtype
            assert like(t.T).shape == t.T.shape
            assert like(t, dtype=mg.float64).dtype is mg.float64


def test_ways_to_give_a_shape() -> None:
    for t in (
        mg.zeros(2, 3),
        mg.zeros((2, 3)),
        mg.zeros([2, 3]),
        mg.zeros(size=(2, 3)),
        mg.zeros(mg.Size([2, 3])),
        mg.zeros(np.int64(2), mg.tensor(3)),
        mg.ones(1).new_zeros(2, 3),
        mg.full_like(mg.empty(2, 3), 0),
    ):
        assert t.shape == (2, 3)
        assert t.tolist() == [[0, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: mg.zeros(), TypeError, "missing 1 required positional argument: 'size'"),
        (lambda: mg.zeros(2.0), TypeError, "float"),
        (lambda: mg.zeros((2,), 3), TypeError, "tuple"),
        (lambda: mg.ones("a"), TypeError, "str"),
        (lambda: mg.zeros(2, foo=1), TypeError, "unexpected keyword argument 'foo'"),
        (lambda: mg.zeros(2, -3), RuntimeError, r"negative dimension -3: \[2, -3\]"),
        (lambda: mg.zeros(1, device="tpu"), RuntimeError, "tpu"),
        (lambda: mg.arange(), TypeError, "missing 1 required positional argument: 'end'"),
        (lambda: mg.arange(0, 3, 0), RuntimeError, "step must be nonzero"),
        (lambda: mg.arange(3, 0), RuntimeError, "inconsistent with step sign"),
        (lambda: mg.arange(math.nan), RuntimeError, "unsupported range"),
        (lambda: mg.arange(math.inf), RuntimeError, "unsupported range"),
        (lambda: mg.linspace(0, 1, -1), RuntimeError, "steps must be non-negative, got -1"),
        (lambda: mg.eye(-1), RuntimeError, "greater or equal to 0, got -1"),
    ],
)
def test_bad_arguments(make: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("arguments", "want"),
    [
        ((5,), [0, 1, 2, 3, 4]),
        ((1, 5, 2), [1, 3]),
        ((5, 0, -2), [5, 3, 1]),
        ((0,), []),
        ((0.5, 2), [0.5, 1.5]),
        ((0, 1, 0.25), [0, 0.25, 0.5, 0.75]),
        ((mg.tensor(3),), [0, 1, 2]),
    ],
    ids=repr,
)
def test_arange(arguments: tuple[Any, ...], want: list[float]) -> None:
    t = mg.arange(*arguments)
    assert t.tolist() == want
    whole = all(isinstance(a, (int, mg.Tensor)) for a in arguments)
    assert t.dtype is (mg.int64 if whole else mg.float32)


def test_arange_of_a_given_dtype() -> None:
    assert mg.arange(end=3, dtype=mg.float64).tolist() == [0, 1, 2]
    assert mg.arange(2.5, dtype=mg.int64).tolist() == [0, 1]
    assert mg.arange(3, dtype=mg.uint8).dtype is mg.uint8


@settings(deadline=None)
@given(
    st.floats(-1e3, 1e3, width=32),
    st.floats(-1e3, 1e3, width=32),
    st.integers(1, 50),
    st.sampled_from(["float32", "float64"]),
)
def test_linspace(start: float, end: float, steps: int, name: str) -> None:
    t = mg.linspace(start, end, steps, dtype=getattr(mg, name))
    assert t.cpu().numpy().dtype == name
    got, want = t.cpu().numpy(), np.linspace(start, end, steps)
    np.testing.assert_allclose(got, want, atol=2e3 * np.finfo(name).eps)
    assert got[0] == start
    assert steps == 1 or got[-1] == end


@pytest.mark.parametrize("real", [np.float32, np.float64])
def test_linspace_rounds_once(real: Any) -> None:
    """Each value is start + i step, or end - (n - 1 - i) step, rounded once, as PyTorch's are."""
    start, end, n = real(-math.pi), real(math.pi), 2000
    step = Fraction(float((end - start) / real(n - 1)))
    down = [Fraction(float(end)) - step * (n - 1 - i) for i in range(n // 2, n)]
    exact = [Fraction(float(start)) + step * i for i in range(n // 2)] + down
    found = mg.linspace(-math.pi, math.pi, n, dtype=getattr(mg, real.__name__))
    assert found.tolist() == [float(real(float(v))) for v in exact]


def test_linspace_over_more_than_the_type_holds() -> None:
    assert mg.linspace(-1e308, 1e308, 3, dtype=mg.float64).shape == (3,)


def test_logspace_eye_and_triangles() -> None:
    assert mg.logspace(0, 3, 4, base=2).tolist() == [1, 2, 4, 8]
    assert mg.eye(2, 3).tolist() == [[1, 0, 0], [0, 1, 0]]
    assert mg.eye(2, dtype=mg.int64).dtype is mg.int64
    rows, columns = mg.tril_indices(3, 3, -1)
    assert (rows.tolist(), columns.tolist()) == ([1, 2, 2], [0, 0, 1])
    assert mg.triu_indices(2, 3, 1).tolist() == [[0, 0, 1], [1, 2, 2]]


def test_like_what_it_is_called_on() -> None:
    t = mg.ones(2, dtype=mg.float64, requires_grad=True)
    for new in (t.new_zeros(3), t.new_ones(3), t.new_empty(3), t.new_tensor([1, 2, 3])):
        assert new.dtype is mg.float64
        assert new.shape == (3,)
        assert not new.requires_grad
    assert t.new_zeros(3, dtype=mg.int8, requires_grad=False).dtype is mg.int8
    assert mg.is_tensor(t)
    assert not mg.is_tensor([1])


def test_permutations_of_less_than_nothing() -> None:
    with pytest.raises(RuntimeError, match="non-negative"):
        mg.randperm(-1)
    assert mg.randperm(0).shape == (0,)
