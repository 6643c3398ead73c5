"""Sequential, Linear, Flatten, activations and MSELoss against NumPy and literal text."""

from __future__ import annotations

import math
from collections import OrderedDict

import numpy as np
import pytest

import microgrest as torch
import microgrest.nn.functional as F
from microgrest import nn

pytestmark = pytest.mark.devices

X = np.array([-25.0, -3.5, -1.0, -0.4, 0.0, 0.3, 1.0, 2.5, 7.0, 25.0])


def test_sequential_reads_like_a_list():
    net = nn.Sequential(nn.Linear(1, 2), nn.Tanh(), nn.Linear(2, 1))
    assert len(net) == 3 and net[-1] is net[2] and list(net)[1] is net[1]
    assert [type(m) for m in net[:2]] == [nn.Linear, nn.Tanh]
    assert net[1:][1] is net[2]
    with pytest.raises(IndexError, match="index 3 is out of range"):
        net[3]
    net[1] = nn.ReLU()
    assert repr(net[1]) == "ReLU()"
    del net[0]
    assert [name for name, _ in net.named_children()] == ["0", "1"]
    assert net.append(nn.Tanh()).insert(0, nn.Identity()).extend([nn.Sigmoid()]) is net
    assert [type(m).__name__ for m in net] == ["Identity", "ReLU", "Linear", "Tanh", "Sigmoid"]
    del net[1:4]
    assert [type(m).__name__ for m in net] == ["Identity", "Sigmoid"]
    with pytest.raises(IndexError, match="out of range: 9"):
        net.insert(9, nn.Tanh())


def test_sequential_takes_names():
    net = nn.Sequential(OrderedDict(hidden=nn.Linear(1, 2), out=nn.Linear(2, 1)))
    assert net.hidden is net[0] and next(iter(net.state_dict())) == "hidden.weight"
    assert list(dict(net[1:].named_children())) == ["out"]


def test_empty_sequential_is_the_identity():
    x = torch.ones(2)
    assert nn.Sequential()(x) is x
    assert repr(nn.Sequential()) == "Sequential()"


@pytest.mark.parametrize("shape", [(3,), (5, 3), (2, 5, 3)])
@pytest.mark.parametrize("bias", [True, False])
def test_linear_is_x_w_transposed_plus_b(shape, bias):
    layer = nn.Linear(3, 2, bias=bias, dtype=torch.float64)
    x = np.random.default_rng(0).standard_normal(shape)
    expected = x @ layer.weight.detach().cpu().numpy().T
    expected = expected + (layer.bias.detach().cpu().numpy() if bias else 0.0)
    result = layer(torch.tensor(x))
    assert result.dtype is torch.float64
    np.testing.assert_allclose(result.detach().cpu().numpy(), expected, rtol=1e-13)


def test_linear_gradients():
    layer = nn.Linear(3, 2, dtype=torch.float64)
    x = np.random.default_rng(1).standard_normal((5, 3))
    layer(torch.tensor(x)).sum().backward()
    np.testing.assert_allclose(
        layer.weight.grad.cpu().numpy(), np.tile(x.sum(0), (2, 1)), rtol=1e-13
    )
    assert layer.bias.grad.tolist() == [5.0, 5.0]


def test_linear_starts_within_its_bounds_and_repeats_with_the_seed():
    torch.manual_seed(3)
    one = nn.Linear(100, 50)
    torch.manual_seed(3)
    other = nn.Linear(100, 50)
    weight = one.weight.detach().cpu().numpy()
    assert np.abs(weight).max() <= 0.1 and np.abs(weight).max() > 0.099
    assert abs(weight.std() - 0.1 / math.sqrt(3)) < 2e-3
    assert np.abs(one.bias.detach().cpu().numpy()).max() <= 0.1
    assert one.weight.tolist() == other.weight.tolist()
    assert one.bias.tolist() == other.bias.tolist()


def test_linear_without_bias():
    layer = nn.Linear(3, 2, bias=False)
    assert layer.bias is None and list(layer.state_dict()) == ["weight"]
    assert repr(layer) == "Linear(in_features=3, out_features=2, bias=False)"


def test_flatten():
    x = torch.zeros(2, 3, 4)
    assert nn.Flatten()(x).shape == (2, 12)
    assert nn.Flatten(0, 1)(x).shape == (6, 4)
    assert repr(nn.Flatten(0, 1)) == "Flatten(start_dim=0, end_dim=1)"


def erf(x):
    return np.vectorize(math.erf)(x)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def elu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


ACTIVATIONS = [
    (nn.Sigmoid(), "Sigmoid()", sigmoid),
    (nn.Tanh(), "Tanh()", np.tanh),
    (nn.Softsign(), "Softsign()", lambda x: x / (1 + np.abs(x))),
    (nn.LogSigmoid(), "LogSigmoid()", lambda x: -np.logaddexp(0, -x)),
    (nn.Tanhshrink(), "Tanhshrink()", lambda x: x - np.tanh(x)),
    (nn.ReLU(), "ReLU()", lambda x: np.maximum(x, 0)),
    (nn.ReLU6(), "ReLU6()", lambda x: np.clip(x, 0, 6)),
    (
        nn.SELU(),
        "SELU()",
        lambda x: 1.0507009873554805 * elu(x, 1.6732632423543772),
    ),
    (nn.SiLU(), "SiLU()", lambda x: x * sigmoid(x)),
    (nn.Mish(), "Mish()", lambda x: x * np.tanh(np.logaddexp(0, x))),
    (nn.Hardsigmoid(), "Hardsigmoid()", lambda x: np.clip(x / 6 + 0.5, 0, 1)),
    (nn.Hardswish(), "Hardswish()", lambda x: x * np.clip(x / 6 + 0.5, 0, 1)),
    (nn.ELU(0.5), "ELU(alpha=0.5)", lambda x: elu(x, 0.5)),
    (nn.CELU(2.0), "CELU(alpha=2.0)", lambda x: 2 * elu(x / 2)),
    (nn.LeakyReLU(), "LeakyReLU(negative_slope=0.01)", lambda x: np.where(x > 0, x, 0.01 * x)),
    (nn.Hardtanh(-2.0), "Hardtanh(min_val=-2.0, max_val=1.0)", lambda x: np.clip(x, -2, 1)),
    (
        nn.Threshold(0.5, -1.0),
        "Threshold(threshold=0.5, value=-1.0)",
        lambda x: np.where(x > 0.5, x, -1.0),
    ),
    (nn.GELU(), "GELU(approximate='none')", lambda x: x * 0.5 * (1 + erf(x / math.sqrt(2)))),
    (
        nn.GELU("tanh"),
        "GELU(approximate='tanh')",
        lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    ),
    (
        nn.Softplus(beta=2.0),
        "Softplus(beta=2.0, threshold=20.0)",
        lambda x: np.where(2 * x > 20, x, np.logaddexp(0, 2 * x) / 2),
    ),
    (
        nn.Softshrink(1.5),
        "Softshrink(1.5)",
        lambda x: np.where(x > 1.5, x - 1.5, np.where(x < -1.5, x + 1.5, 0)),
    ),
    (nn.Hardshrink(), "Hardshrink(0.5)", lambda x: np.where(np.abs(x) > 0.5, x, 0)),
]


@pytest.mark.parametrize(("module", "text", "reference"), ACTIVATIONS, ids=lambda v: str(v)[:24])
def test_activation(module, text, reference):
    assert repr(module) == text
    result = module(torch.tensor(X))
    np.testing.assert_allclose(result.cpu().numpy(), reference(X), rtol=1e-12, atol=1e-15)


def test_activation_arguments():
    assert nn.LeakyReLU(0.2).negative_slope == 0.2
    assert repr(nn.LeakyReLU(0.2, inplace=True)) == "LeakyReLU(negative_slope=0.2, inplace=True)"
    with pytest.raises(TypeError):
        nn.LeakyReLU(slope=0.2)
    with pytest.raises(TypeError):
        nn.Threshold(0.1)


def test_an_activation_can_be_subclassed():
    class Twice(nn.LeakyReLU):
        def forward(self, input):
            return super().forward(input) * 2

    assert Twice(0.5)(torch.tensor([-2.0, 3.0])).tolist() == [-2.0, 6.0]
    assert repr(Twice(0.5)) == "Twice(negative_slope=0.5)"


@pytest.mark.parametrize("module", [nn.ReLU, nn.SiLU, nn.ELU, nn.Hardtanh])
def test_inplace_activation_writes_its_input_and_has_the_same_gradient(module):
    plain, inplace = (torch.tensor(X, requires_grad=True) for _ in range(2))
    module()(plain * 1).sum().backward()
    written = inplace * 1
    result = module(inplace=True)(written)
    assert result.tolist() == written.tolist() == module()(plain).tolist()
    result.sum().backward()
    np.testing.assert_allclose(
        inplace.grad.cpu().numpy(), plain.grad.cpu().numpy(), rtol=1e-12, atol=1e-15
    )


def test_mse_loss():
    x, y = torch.tensor([1.0, 2.0, 4.0], requires_grad=True), torch.tensor([1.0, 0.0, 1.0])
    assert nn.MSELoss()(x, y).item() == pytest.approx(13 / 3)
    assert nn.MSELoss(reduction="sum")(x, y).item() == 13.0
    assert nn.MSELoss(reduction="none")(x, y).tolist() == [0.0, 4.0, 9.0]
    nn.MSELoss(reduction="sum")(x, y).backward()
    assert x.grad.tolist() == [0.0, 4.0, 6.0]
    weight = torch.tensor([1.0, 1.0, 0.0])
    assert F.mse_loss(x, y, weight=weight).item() == 2.0
    assert F.mse_loss(x, y, reduction="sum", weight=weight).item() == 4.0
    assert repr(nn.MSELoss()) == "MSELoss()"


def test_mse_loss_errors_and_warnings():
    x = torch.ones(3)
    with pytest.raises(ValueError, match="median is not a valid value for reduction"):
        F.mse_loss(x, x, reduction="median")
    with pytest.raises(ValueError, match="must have the same size"):
        F.mse_loss(x, x, weight=torch.ones(1))
    with pytest.warns(UserWarning, match="Using a target size .*different to the input size"):
        F.mse_loss(x, torch.ones(1))
    with pytest.warns(UserWarning, match="please use reduction='sum' instead"):
        assert nn.MSELoss(size_average=False).reduction == "sum"
    with pytest.warns(UserWarning, match="reduction='none'"):
        assert nn.MSELoss(reduce=False).reduction == "none"
    with pytest.warns(UserWarning, match="reduction='mean'"):
        assert F.mse_loss(x, x + 2, size_average=True).item() == 4.0
