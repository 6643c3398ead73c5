"""Rows whose kernel is a kind, beside PyTorch: values, types, derivatives, names, errors."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgrest as mg
from tests.op_info import KERNELS, KernelInfo
from tests.test_kernel_rows import DIFFERENTIABLE, EMPTY, SHAPES, apart, listed
from tests.test_sorting import ERRORS

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

every = pytest.mark.parametrize("info", KERNELS, ids=str)


def results(library: Any, info: KernelInfo, arrays: Any, options: Any) -> list[Any]:
    """What the op makes of arrays, as arrays."""
    tensors = [library.from_numpy(a.copy()) for a in arrays]
    return [y.numpy() for y in listed(getattr(library, info.name)(*tensors, **options))]


@every
@pytest.mark.parametrize("shape", [*SHAPES, *EMPTY, (3, 2000)], ids=str)
def test_values(info: KernelInfo, shape: tuple[int, ...]) -> None:
    """Sorts of PyTorch that need not be stable are not."""
    for dtype in info.dtypes:
        for options in info.fitting(shape):
            stable = {"stable": True} if "stable" in inspect.signature(info.ref).parameters else {}
            arrays = info.operands(shape, dtype, 1)
            ours, theirs = (results(t, info, arrays, options | stable) for t in (mg, torch))
            for y, wanted in zip(ours, theirs, strict=True):
                assert (y.dtype, y.shape) == (wanted.dtype, wanted.shape)
                np.testing.assert_array_equal(y, wanted)


def derivatives(library: Any, info: KernelInfo, arrays: Any, options: Any) -> list[Any]:
    """The name of the node, the gradient of the cubes' sum, and that of its squares' sum."""
    leaves = [library.from_numpy(a.copy()).requires_grad_() for a in arrays]
    y = listed(getattr(library, info.name)(*leaves, **options))[0]
    first = library.autograd.grad((y * y * y).sum(), leaves, create_graph=True)
    second = library.autograd.grad(sum((g * g).sum() for g in first), leaves)
    return [y.grad_fn.name(), *(g.detach().numpy() for g in (*first, *second))]


@pytest.mark.parametrize("info", DIFFERENTIABLE, ids=str)
@pytest.mark.parametrize("shape", [(), (7,), (3, 4), (2, 3, 2)], ids=str)
def test_derivatives(info: KernelInfo, shape: tuple[int, ...]) -> None:
    for options in info.fitting(shape):
        (name, *ours), (wanted, *theirs) = (
            derivatives(t, info, apart(info, shape), options) for t in (mg, torch)
        )
        assert name.rstrip("01") == wanted.rstrip("01")  # which says whether `stable` was given
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a, b, 1e-12)


def test_searches_of_what_is_not_in_order() -> None:
    """NaN among the elements, and no order at all: the same halves are looked at."""
    rng = np.random.default_rng(3)
    sequence = np.where(rng.random((20, 9)) < 0.3, np.nan, rng.normal(size=(20, 9)))
    x = rng.normal(size=(20, 6))
    for right in (False, True):
        ours, theirs = (
            t.searchsorted(t.from_numpy(sequence), t.from_numpy(x), right=right).numpy()
            for t in (mg, torch)
        )
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("sequence", ["uint8", "int64", "float16", "float32"])
@pytest.mark.parametrize("value", [2, -1, 300, 2.5, True, np.array(2.5), np.array([1, 4])])
def test_types_meet(sequence: str, value: Any) -> None:
    row = np.array([1, 2, 3], sequence)
    ours, theirs = (
        t.searchsorted(
            t.from_numpy(row), t.from_numpy(value) if isinstance(value, np.ndarray) else value
        )
        for t in (mg, torch)
    )
    assert ours.tolist() == theirs.tolist()


@pytest.mark.parametrize(("text", "error", "call"), ERRORS)
def test_errors(text: str, error: type[Exception], call: Callable[[Any, Any], Any]) -> None:
    """The types of errors are PyTorch's."""
    with pytest.raises(error):
        call(torch, torch.ones(2, 3))
