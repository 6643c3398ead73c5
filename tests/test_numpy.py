"""NumPy's functions on tensors: NumPy's numbers, in the graph, or a TypeError by name."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgrest as mg

X = np.array([[0.5, -1.0, 2.0], [3.0, 0.25, -0.75]])
V = np.array([0.2, 0.9, 0.4])

# What is called on an array, and in the same words on a tensor.
CALLS: dict[str, Callable[[Any], Any]] = {
    "sum": np.sum,
    "sum of rows": lambda x: np.sum(x, axis=1, keepdims=True),
    "sum kept": lambda x: np.sum(x, keepdims=True),
    "mean": lambda x: np.mean(x, 0),
    "max": lambda x: np.max(x, 1),
    "min": np.min,
    "argmax": lambda x: np.argmax(x, 0),
    "all": lambda x: np.all(x > 0, 1),
    "prod": np.prod,
    "std": np.std,
    "std of columns": lambda x: np.std(x, 0, ddof=1),
    "var": lambda x: np.var(x, axis=1, keepdims=True),
    "cumsum": np.cumsum,
    "cumprod of rows": lambda x: np.cumprod(x, 1),
    "sort": np.sort,
    "concatenate": lambda x: np.concatenate([x, X]),
    "concatenate flat": lambda x: np.concatenate([x, x], axis=None),
    "stack": lambda x: np.stack([X, x], 1),
    "where": lambda x: np.where(x > 0, x, 0.0),
    "where of arrays": lambda x: np.where(x > 0, X, -x),
    "clip": lambda x: np.clip(x, -0.5, 1.0),
    "round": lambda x: np.round(x * 1.2345, 2),
    "nan_to_num": np.nan_to_num,
    "reshape": lambda x: np.reshape(x, (3, 2)),
    "ravel": np.ravel,
    "squeeze": lambda x: np.squeeze(x[None]),
    "transpose": np.transpose,
    "transpose by axes": lambda x: np.transpose(x[None], (1, 0, 2)),
    "expand_dims": lambda x: np.expand_dims(x, 1),
    "swapaxes": lambda x: np.swapaxes(x, 0, 1),
    "moveaxis": lambda x: np.moveaxis(x, 0, 1),
    "broadcast_to": lambda x: np.broadcast_to(x, (2, 2, 3)),
    "flip": np.flip,
    "flip of rows": lambda x: np.flip(x, 1),
    "repeat": lambda x: np.repeat(x, 2),
    "repeat of rows": lambda x: np.repeat(x, 2, 0),
    "tile": lambda x: np.tile(x, (2, 1)),
    "diagonal": np.diagonal,
    "trace": np.trace,
    "tril": lambda x: np.tril(x, -1),
    "dot": lambda x: np.dot(x, V),
    "inner": lambda x: np.inner(x, x),
    "kron": lambda x: np.kron(x, x),
    "tensordot": lambda x: np.tensordot(x, x, 2),
    "norm": np.linalg.norm,
    "ones_like": np.ones_like,
    "full_like": lambda x: np.full_like(x, 2.5),
    "copy": np.copy,
    "sin": np.sin,
    "maximum": lambda x: np.maximum(x, 0.7),
    "arctan2": lambda x: np.arctan2(x, 0.7),
    "power": lambda x: np.power(2.0, x),
    "matmul": lambda x: np.matmul(X.T, x),
    "array first": lambda x: X + x,
    "number first": lambda x: np.float64(2) * x,
    "isnan": np.isnan,
}


@pytest.mark.host
@pytest.mark.parametrize("name", CALLS)
def test_numbers(name: str) -> None:
    call = CALLS[name]
    found = call(mg.tensor(X))
    assert isinstance(found, mg.Tensor)
    expected = np.asarray(call(X))
    assert found.shape == expected.shape
    np.testing.assert_allclose(found.cpu().numpy(), expected, rtol=1e-12)


CONSTANT = {"argmax", "all", "ones_like", "full_like", "isnan"}


@pytest.mark.host
@pytest.mark.parametrize("name", sorted(CALLS.keys() - CONSTANT))
def test_gradients(name: str) -> None:
    """The gradient of a weighted sum is that of its differences."""
    call = CALLS[name]
    x = mg.tensor(X, requires_grad=True)
    y = call(x)
    weights = np.cos(np.arange(y.numel())).reshape(y.shape)
    (y * mg.tensor(weights)).sum().backward()
    assert x.grad is not None
    h, numeric = 1e-6, np.zeros_like(X)
    for i in np.ndindex(*X.shape):
        step = np.zeros_like(X)
        step[i] = h
        numeric[i] = np.sum(weights * (call(X + step) - call(X - step))) / (2 * h)
    # `round` and its like jump; nothing else here does at these numbers.
    if name != "round":
        np.testing.assert_allclose(x.grad.numpy(), numeric, rtol=1e-6, atol=1e-6)


def test_facts() -> None:
    x = mg.tensor(X)
    assert (np.ndim(x), np.shape(x), np.size(x), np.size(x, 1)) == (2, (2, 3), 6, 3)
    assert np.allclose(x, x)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("np.split", lambda x: np.split(x, 2)),
        ("np.median", np.median),
        ("np.sum", lambda x: np.sum(x, dtype=np.float32)),
        ("np.dot", lambda x: np.dot(x[None], x[None])),
        ("np.add.reduce", np.add.reduce),
        ("np.sin", lambda x: np.sin(x, out=np.zeros((2, 3)))),
        ("np.cbrt", np.cbrt),
        ("np.reshape", lambda x: np.reshape(x, (3, 2), "F")),
        ("np.where", lambda x: np.where(x > 0)),
        ("np.pad", lambda x: np.pad(x, 1)),
        ("np.linalg.solve", lambda x: np.linalg.solve(np.eye(2), x)),
    ],
)
def test_what_is_refused(name: str, call: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match=rf"{name}\(\) does not take microgrest tensors"):
        call(mg.tensor(X))


@pytest.mark.host
def test_arrays_of_tensors() -> None:
    x = mg.tensor(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.shares_memory(np.asarray(x), x.numpy())
        assert not np.shares_memory(np.array(x), x.numpy())
    assert np.asarray(x, dtype=np.float32).dtype == np.float32
    with pytest.raises(RuntimeError, match=r"Use tensor.detach\(\).numpy\(\)"):
        np.asarray(mg.tensor(X, requires_grad=True))


def test_functions_of_scipy() -> None:
    """Those of which there are rows, under SciPy's names, too."""
    special = pytest.importorskip("scipy.special")
    x = mg.tensor(V, requires_grad=True)
    for name in ("erf", "gammaln", "expit", "psi", "xlogy"):
        arguments = (x, x) if name == "xlogy" else (x,)
        found = getattr(special, name)(*arguments)
        wanted = getattr(special, name)(*[V] * len(arguments))
        np.testing.assert_allclose(found.detach().cpu().numpy(), wanted, rtol=1e-6)
        assert mg.autograd.grad(found.sum(), x)[0].isfinite().all()
    with pytest.raises(TypeError, match=r"^j0\(\) does not take microgrest tensors"):
        special.j0(x)


@pytest.mark.host
def test_any_array_is_an_operand() -> None:
    """What a tensor cannot share is copied, and nobody is told: operands are only read."""
    frozen = np.arange(3.0)
    frozen.flags.writeable = False
    t = mg.ones(3, dtype=mg.float64)
    for array in (frozen, np.arange(3.0)[::-1], np.arange(3.0).astype(">f8")):
        expected = (1 + array).tolist()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert (t + array).tolist() == (array + t).tolist() == np.add(array, t).tolist()
            assert (array + t).tolist() == expected
            assert np.matmul(array, t).item() == array.sum()
