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


@pytest.mark.parametrize(("a", "b"), [(-2.0, 2.0), (0.5, 1.0), (3.0, 8.0), (-36.0, -35.0)])
@pytest.mark.filterwarnings("ignore:mean is more than 2 std")
def test_truncated_normal_draws(a, b):
    """Their mean is that of the density within the bounds, however far out these are."""
    torch.manual_seed(0)
    weight = nn.init.trunc_normal_(torch.empty(20000, dtype=torch.float64), 0.0, 1.0, a, b)
    assert a <= weight.min().item() and weight.max().item() <= b
    z = torch.linspace(a, b, 100001, dtype=torch.float64)
    density = torch.exp(-(z**2 - min(a * a, b * b)) / 2)
    mean = ((z * density).sum() / density.sum()).item()
    assert weight.mean().item() == pytest.approx(mean, abs=0.03 * min(b - a, 1.0))


@pytest.mark.filterwarnings("ignore:mean is more than 2 std")
def test_truncated_too_far_out():
    with pytest.raises(ValueError, match=r"more than 37 deviations of 2.0 from the mean 1.0"):
        nn.init.trunc_normal_(torch.empty(2), 1.0, 2.0, 80.0, 90.0)


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 2, 3), (1, 1), (0, 2)])
def test_orthogonal(shape):
    weight = nn.init.orthogonal_(torch.empty(shape, dtype=torch.float64), gain=2.0)
    rows = weight.reshape(shape[0], -1) if weight.numel() else weight
    small = rows @ rows.mT if rows.shape[0] <= rows.shape[1] else rows.mT @ rows
    if weight.numel():
        assert torch.allclose(small, 4 * torch.eye(len(small), dtype=torch.float64))


def test_sparse_has_as_many_zeros_in_each_column():
    weight = nn.init.sparse_(torch.empty(10, 4), 0.25)
    assert (weight == 0).sum(0).tolist() == [3, 3, 3, 3]
