"""PyTorch's spellings: aliases of parameters, sizes by keyword, named results, constants."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import microgrest as mg

X = np.arange(6.0).reshape(2, 3)
REDUCED = ["sum", "mean", "prod", "amax", "amin", "var", "std", "all", "any", "argmax", "norm"]


@pytest.mark.parametrize("name", REDUCED)
def test_axis_is_dim_and_keepdims_keepdim(name: str) -> None:
    x = mg.tensor(X)
    for function, given in ((getattr(mg, name), (x,)), (getattr(x, name), ())):
        kept = function(*given, axis=1, keepdims=True)
        assert kept.shape == (2, 1)
        assert mg.equal(kept, function(*given, dim=1, keepdim=True))
        assert mg.equal(function(*given, axis=0), function(*given, dim=0))


def test_axis_where_tensors_are_joined_and_compared() -> None:
    x = mg.tensor(X)
    assert mg.cat([x, x], axis=1).shape == (2, 6)
    assert mg.stack([x, x], axis=2).shape == (2, 3, 2)
    assert mg.max(x, axis=0).indices.tolist() == [1, 1, 1]
    with pytest.raises(TypeError):
        x.sum(0, axes=1)


@pytest.mark.parametrize(
    ("name", "keyword", "value", "expected"),
    [
        ("view", "size", (3, 2), X.reshape(3, 2)),
        ("reshape", "shape", (3, -1), X.reshape(3, 2)),
        ("permute", "dims", (1, 0), X.T),
        ("expand", "size", (2, 2, 3), np.broadcast_to(X, (2, 2, 3))),
        ("broadcast_to", "size", (2, 2, 3), np.broadcast_to(X, (2, 2, 3))),
        ("repeat", "repeats", (1, 2), np.tile(X, (1, 2))),
        ("tile", "dims", (2,), np.tile(X, 2)),
        ("flip", "dims", (0,), X[::-1]),
    ],
)
def test_sizes_by_keyword(name: str, keyword: str, value: Any, expected: Any) -> None:
    x = mg.tensor(X)
    for found in (getattr(x, name)(**{keyword: value}), getattr(x, name)(*value)):
        np.testing.assert_array_equal(found.numpy(), expected)


def test_results_print_as_named_ones() -> None:
    x = mg.tensor([[1.0, 5.0], [7.0, 2.0]])
    assert repr(x.max(1)) == (
        "microgrest.return_types.max(\nvalues=tensor([5., 7.]),\nindices=tensor([1, 0]))"
    )
    assert repr(x.min(0)).startswith("microgrest.return_types.min(\nvalues=tensor([1., 2.])")
    assert str(x.aminmax()) == (
        "microgrest.return_types.aminmax(\nmin=tensor(1.),\nmax=tensor(7.))"
    )
    values, indices = x.max(1)
    assert (values.tolist(), indices.tolist()) == ([5.0, 7.0], [1, 0])


def test_constants() -> None:
    assert (mg.pi, mg.e, mg.inf, mg.newaxis) == (math.pi, math.e, math.inf, None)
    assert math.isnan(mg.nan)


def test_limits_print() -> None:
    assert repr(mg.iinfo(mg.int8)) == "iinfo(min=-128, max=127, dtype=int8)"
    assert repr(mg.finfo(mg.float32)) == (
        "finfo(resolution=1e-06, min=-3.40282e+38, max=3.40282e+38, eps=1.19209e-07, "
        "smallest_normal=1.17549e-38, tiny=1.17549e-38, dtype=float32)"
    )


def test_old_constructor_takes_data_or_a_shape() -> None:
    assert mg.Tensor([2, 3]).tolist() == [2.0, 3.0]
    assert mg.Tensor(2, 3).shape == mg.Tensor(mg.Size([2, 3])).shape == (2, 3)
    assert mg.Tensor(2).shape == (2,)
    assert mg.Tensor().shape == (0,)
