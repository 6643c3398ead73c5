"""Weights in other forms: `weight_norm`, `spectral_norm`, and all parameters as one vector."""

from __future__ import annotations

import pytest

import microgrest as torch
from microgrest import nn
from microgrest.nn import utils

pytestmark = pytest.mark.devices


@pytest.mark.parametrize("make", [utils.weight_norm, utils.spectral_norm])
def test_a_compiled_training_is_the_eager_one(make):
    def trained(compiled):
        torch.manual_seed(0)
        model = nn.Sequential(make(nn.Linear(2, 3)), nn.Tanh(), nn.Linear(3, 1)).double()
        opt = torch.optim.SGD(model.parameters(), lr=0.1)
        x = torch.linspace(-1, 1, 12, dtype=torch.float64).reshape(6, 2)

        def step():
            opt.zero_grad()
            loss = (model(x) - x.sum(1, keepdim=True)).square().mean()
            loss.backward()
            opt.step()
            return loss

        step = torch.compile(step) if compiled else step
        for _ in range(6):
            step()
        return {name: t.tolist() for name, t in model.state_dict().items()}

    ours, eager = trained(True), trained(False)
    for name, value in eager.items():
        assert torch.allclose(torch.tensor(ours[name]), torch.tensor(value), rtol=1e-10), name


def test_the_largest_singular_value_is_one():
    torch.manual_seed(0)
    layer = utils.spectral_norm(nn.Conv2d(2, 3, 3).double(), n_power_iterations=50)
    layer(torch.ones(1, 2, 4, 4, dtype=torch.float64))
    largest = torch.linalg.svdvals(layer.weight.detach().reshape(3, -1))[0].item()
    assert largest == pytest.approx(1.0, rel=1e-6)
    layer.eval()
    before = layer.weight_u.clone()
    layer(torch.ones(1, 2, 4, 4, dtype=torch.float64))
    assert torch.equal(layer.weight_u, before)


@pytest.mark.parametrize(
    ("make", "remove"),
    [
        (utils.weight_norm, utils.remove_weight_norm),
        (utils.spectral_norm, utils.remove_spectral_norm),
    ],
)
def test_removed(make, remove):
    layer, x = make(nn.Linear(3, 2)).eval(), torch.ones(1, 3)
    expected = layer(x)
    with pytest.raises(RuntimeError, match="Cannot register two"):
        make(layer)
    remove(layer)
    assert sorted(layer.state_dict()) == ["bias", "weight"]
    assert torch.allclose(layer(x), expected) and isinstance(layer.weight, nn.Parameter)
    with pytest.raises(ValueError, match="norm of 'weight' not found in Linear"):
        remove(layer)


def test_one_vector_and_back():
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    vector = utils.parameters_to_vector(model.parameters())
    assert vector.shape == (13,) and vector.requires_grad
    utils.vector_to_parameters(torch.arange(13.0), model.parameters())
    assert model[0].bias.tolist() == [6.0, 7.0, 8.0] and model[1].bias.tolist() == [12.0]
    with pytest.raises(ValueError, match="13 elements, and the vector has only 12"):
        utils.vector_to_parameters(torch.zeros(12), model.parameters())
    assert model[1].bias.tolist() == [12.0]
    with pytest.raises(TypeError, match="expected Tensor, but got: list"):
        utils.vector_to_parameters([1.0], model.parameters())
