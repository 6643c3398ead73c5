"""The cases of test_scans beside PyTorch: values, indices, types, two derivatives, errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgrest as mg
from tests.test_scans import ERRORS, SHAPES, by_name, sample

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

DTYPES = ["float64", "float32", "float16", "int64", "int32", "int8", "uint8", "bool"]


def results(found: Any) -> list[Any]:
    """One result or two as arrays."""
    several = found if isinstance(found, tuple) else (found,)
    return [y.detach().numpy() for y in several]


@by_name
@pytest.mark.parametrize("dtype", DTYPES)
def test_values(name: str, dtype: str) -> None:
    if name == "logcumsumexp" and not dtype.startswith("float"):
        pytest.skip("of floating-point tensors only")
    tolerance = {"float16": 5e-3, "float32": 2e-6}.get(dtype, 1e-12)
    for shape, dim in SHAPES:
        x = sample(shape, dtype)
        ours = results(getattr(mg, name)(mg.from_numpy(x), dim))
        theirs = results(getattr(torch, name)(torch.from_numpy(x), dim))
        for y, wanted in zip(ours, theirs, strict=True):
            assert (y.dtype, y.shape) == (wanted.dtype, wanted.shape)
            np.testing.assert_allclose(y, wanted, tolerance, tolerance)


def derivatives(library: Any, name: str, x: Any, dim: int) -> list[Any]:
    """The gradient of the squares' sum, and that of the gradient's, where there is one."""
    t = library.from_numpy(x).requires_grad_()
    found = getattr(library, name)(t, dim)
    y = found if name in ("cumsum", "cumprod", "logcumsumexp") else found.values
    (g,) = library.autograd.grad((y * y * y).sum(), t, create_graph=True)
    (h,) = library.autograd.grad((g * g).sum(), t)
    return [y.grad_fn.name(), g, h]


@by_name
@pytest.mark.parametrize("zeros", [0, 1, 2])
def test_derivatives(name: str, zeros: int) -> None:
    x = sample((3, 5, 2))
    x[:, 1 : 1 + zeros] = 0
    for dim in range(3):
        (label, *ours), (wanted, *theirs) = (
            derivatives(library, name, x.copy(), dim) for library in (mg, torch)
        )
        assert label == wanted
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(results(a)[0], results(b)[0], 1e-9, 1e-9)


@pytest.mark.parametrize(("text", "error", "call"), ERRORS)
def test_errors(text: str, error: type[Exception], call: Callable[[Any, Any], Any]) -> None:
    """The types of errors are PyTorch's."""
    with pytest.raises(error):
        call(torch, torch.ones(3, 4))
