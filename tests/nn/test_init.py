"""nn.init: bounds, deviations, fans and errors."""

from __future__ import annotations

import math

import pytest

import microgrest as torch
from microgrest import nn

pytestmark = pytest.mark.devices


def spread(tensor):
    values = tensor.detach().cpu().numpy().astype("f8")
    return abs(values).max(), values.std(), values.mean()


@pytest.mark.parametrize(
    ("fill", "bound"),
    [
        (lambda w: nn.init.uniform_(w, -0.5, 0.5), 0.5),
        (lambda w: nn.init.xavier_uniform_(w, gain=2.0), 2 * math.sqrt(6 / 500)),
        (lambda w: nn.init.kaiming_uniform_(w, nonlinearity="relu"), math.sqrt(6 / 300)),
        (lambda w: nn.init.kaiming_uniform_(w, a=1.0), math.sqrt(3 / 300)),
        (lambda w: nn.init.kaiming_uniform_(w, mode="fan_out"), math.sqrt(6 / 200)),
    ],
)
def test_uniform_fills_reach_their_bound_and_no_further(fill, bound):
    torch.manual_seed(0)
    weight = nn.Parameter(torch.empty(200, 300))
    assert fill(weight) is weight and weight.is_leaf and weight.requires_grad
    largest, std, mean = spread(weight)
    assert 0.99 * bound < largest <= bound * (1 + 1e-6)
    assert std == pytest.approx(bound / math.sqrt(3), rel=0.02)
    assert abs(mean) < 0.02 * bound


@pytest.mark.parametrize(
    ("fill", "std"),
    [
        (lambda w: nn.init.normal_(w, 0.0, 3.0), 3.0),
        (lambda w: nn.init.xavier_normal_(w), math.sqrt(2 / 500)),
        (lambda w: nn.init.kaiming_normal_(w, nonlinearity="linear"), math.sqrt(1 / 300)),
        (lambda w: nn.init.kaiming_normal_(w, mode="fan_out"), math.sqrt(2 / 200)),
    ],
)
def test_normal_fills_have_their_deviation(fill, std):
    torch.manual_seed(0)
    _, measured, mean = spread(fill(torch.empty(200, 300)))
    assert measured == pytest.approx(std, rel=0.02)
    assert abs(mean) < 0.02 * std


def test_constants():
    weight = nn.Parameter(torch.empty(2, 2))
    assert nn.init.ones_(weight).tolist() == [[1.0, 1.0], [1.0, 1.0]]
    assert nn.init.zeros_(weight).tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert nn.init.constant_(weight, 2.5).tolist() == [[2.5, 2.5], [2.5, 2.5]]


@pytest.mark.parametrize(
    ("name", "gain"),
    [("linear", 1.0), ("conv2d", 1.0), ("sigmoid", 1.0), ("tanh", 5 / 3), ("relu", 2**0.5)],
)
def test_gains(name, gain):
    assert nn.init.calculate_gain(name) == pytest.approx(gain)


def test_gain_of_leaky_relu_takes_the_slope():
    assert nn.init.calculate_gain("leaky_relu") == pytest.approx(math.sqrt(2 / 1.0001))
    assert nn.init.calculate_gain("leaky_relu", 1.0) == 1.0
    with pytest.raises(ValueError, match="negative_slope True not a valid number"):
        nn.init.calculate_gain("leaky_relu", True)
    with pytest.raises(ValueError, match="Unsupported nonlinearity swish"):
        nn.init.calculate_gain("swish")


def test_receptive_fields_count_into_the_fans():
    torch.manual_seed(0)
    weight = nn.init.kaiming_uniform_(torch.empty(40, 30, 5, 2), nonlinearity="relu")
    assert spread(weight)[0] == pytest.approx(math.sqrt(6 / 300), rel=0.01)


def test_errors():
    with pytest.raises(ValueError, match="fewer than 2 dimensions"):
        nn.init.xavier_uniform_(torch.empty(3))
    with pytest.raises(ValueError, match="Mode fan_x not supported"):
        nn.init.kaiming_uniform_(torch.empty(3, 3), mode="fan_x")
    with pytest.warns(UserWarning, match="zero-element tensors is a no-op"):
        nn.init.kaiming_normal_(torch.empty(0, 3))
