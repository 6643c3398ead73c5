"""Dropout: shares, scale, gradients, generators, modes and errors."""

from __future__ import annotations

import pytest

import microgrest as torch
import microgrest.nn.functional as F
from microgrest import nn

pytestmark = pytest.mark.devices


def ones(n=600, **options):
    return torch.ones(n, **options)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_the_share_that_is_left_out_and_the_scale_of_the_rest(p):
    torch.manual_seed(3)
    out = F.dropout(ones(), p)
    values = set(out.tolist())
    assert len(values) == 2 and 0.0 in values
    assert max(values) == pytest.approx(1 / (1 - p), rel=1e-6)
    assert (out == 0).sum().item() / 600 == pytest.approx(p, abs=4 * (p * (1 - p) / 600) ** 0.5)


def test_what_is_left_out_differs_each_time_and_repeats_with_the_seed():
    draws = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        draws.append([F.dropout(ones(50)).tolist() for _ in range(2)])
    assert draws[0] == draws[1] != draws[2]
    assert draws[0][0] != draws[0][1]


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_dtype_and_shape_stay(dtype):
    out = F.dropout(torch.ones(3, 4, 5, dtype=dtype).transpose(0, 2), 0.25)
    assert out.dtype is dtype and out.shape == (5, 4, 3)
    expected = torch.tensor(1 / 0.75, dtype=dtype).item()
    assert set(out.flatten().tolist()) == {0.0, expected}


def test_the_gradient_is_left_out_where_the_value_was():
    x = ones(100, requires_grad=True)
    out = F.dropout(x * 2, 0.3)
    out.sum().backward()
    assert x.grad.tolist() == pytest.approx(out.tolist())
    assert 0.0 in x.grad.tolist()


def test_in_place():
    x = ones(100)
    out = F.dropout(x, 0.5, inplace=True)
    assert out is x and set(x.tolist()) == {0.0, 2.0}
    leaf = ones(100, requires_grad=True)
    F.dropout(leaf * 1, 0.5, inplace=True).sum().backward()
    assert set(leaf.grad.tolist()) == {0.0, 2.0}
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        F.dropout(leaf, inplace=True)


def test_extremes():
    x = ones(20, requires_grad=True)
    assert F.dropout(x, 0.0) is x and F.dropout(x, 0.5, training=False) is x
    nothing = F.dropout(x, 1.0)
    nothing.sum().backward()
    assert set(nothing.tolist()) == set(x.grad.tolist()) == {0.0}
    assert F.dropout(torch.empty(0)).shape == (0,)


def test_the_module_drops_in_training_only():
    layer, x = nn.Dropout(0.5), ones(50)
    torch.manual_seed(1)
    dropped = layer(x)
    torch.manual_seed(1)
    assert dropped.tolist() == F.dropout(x, 0.5).tolist() and 0.0 in dropped.tolist()
    assert layer.eval()(x) is x
    assert repr(nn.Sequential(nn.Dropout())[0]) == "Dropout(p=0.5, inplace=False)"
    assert nn.Dropout(0.5, inplace=True)(x) is x


def test_the_function_of_the_top_level():
    x = ones(50)
    assert torch.dropout(x, 0.5, False) is x
    assert set(torch.dropout(x, p=0.5, train=True).tolist()) == {0.0, 2.0}


@pytest.mark.parametrize("p", [-0.1, 1.5, float("nan")])
def test_probabilities_that_are_none(p):
    message = "dropout probability has to be between 0 and 1, but got"
    for call in (lambda: F.dropout(ones(), p, training=False), lambda: nn.Dropout(p)):
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(RuntimeError, match=message):
        torch.dropout(ones(), p, True)


def test_integers_are_refused():
    with pytest.raises(RuntimeError, match="dropout takes floating-point tensors"):
        F.dropout(torch.ones(3, dtype=torch.int64))
