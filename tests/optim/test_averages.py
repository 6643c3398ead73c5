"""`optim.swa_utils`: averages of weights, in eager mode and in compiled steps."""

from __future__ import annotations

import pytest

import microgrest as torch
from microgrest import nn, optim
from microgrest.optim import swa_utils

pytestmark = pytest.mark.devices


def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1)).double()


def test_the_mean_of_what_the_parameters_were():
    model = nn.Linear(2, 1).double()
    averaged, seen = swa_utils.AveragedModel(model), []
    for k in range(5):
        with torch.no_grad():
            model.weight.add_(0.1 * k)
        seen.append(model.weight.detach().clone())
        averaged.update_parameters(model)
    mean = torch.stack(seen).mean(0)
    assert torch.allclose(averaged.module.weight, mean, rtol=1e-14)
    assert averaged.n_averaged.item() == 5
    x = torch.ones(1, 2, dtype=torch.float64)
    assert torch.allclose(averaged(x), x @ mean.T + model.bias)


@pytest.mark.parametrize(
    ("averages", "use_buffers"),
    [({}, False), ({"multi_avg_fn": swa_utils.get_ema_multi_avg_fn(0.8)}, True)],
    ids=["mean", "decaying"],
)
def test_in_compiled_steps(averages, use_buffers):
    def trained(compiled):
        model = net()
        ema = swa_utils.AveragedModel(model, use_buffers=use_buffers, **averages)
        opt = optim.SGD(model.parameters(), lr=0.1)
        x = torch.linspace(-1, 1, 12, dtype=torch.float64).reshape(6, 2)

        def step():
            opt.zero_grad()
            loss = (model(x) - x.sum(1, keepdim=True)).square().mean()
            loss.backward()
            opt.step()
            ema.update_parameters(model)
            return loss

        step = torch.compile(step) if compiled else step
        for _ in range(6):
            step()
        return {name: t.cpu().tolist() for name, t in ema.state_dict().items()}

    ours, eager = trained(True), trained(False)
    assert ours["n_averaged"] == 6
    for name, value in eager.items():
        assert torch.allclose(torch.tensor(ours[name]), torch.tensor(value), rtol=1e-10), name


def test_statistics_of_one_pass():
    model = net()
    batches = [torch.randn(8, 2, dtype=torch.float64) for _ in range(3)]
    model.eval()
    swa_utils.update_bn([(x, None) for x in batches], model)
    norm, outputs = model[1], [model[0](x).detach() for x in batches]
    assert not model.training and norm.momentum == 0.1 and norm.num_batches_tracked.item() == 3
    mean = torch.stack([y.mean(0) for y in outputs]).mean(0)
    assert torch.allclose(norm.running_mean, mean, rtol=1e-12)
    swa_utils.update_bn([], nn.Linear(1, 1))  # without a BatchNorm nothing is done


def test_refused():
    model = net()
    with pytest.raises(AssertionError, match="Only one of avg_fn and multi_avg_fn"):
        swa_utils.AveragedModel(model, avg_fn=min, multi_avg_fn=min)
    with pytest.raises(ValueError, match=r"Invalid decay value 1.5"):
        swa_utils.get_ema_multi_avg_fn(1.5)
    with pytest.raises(ValueError):
        swa_utils.AveragedModel(model).update_parameters(model[0])
    opt = optim.SGD(model.parameters())
    with pytest.raises(ValueError, match="anneal_strategy must be one of"):
        swa_utils.SWALR(opt, 0.1, anneal_strategy="sin")
    with pytest.raises(ValueError, match="anneal_epochs must be"):
        swa_utils.SWALR(opt, 0.1, anneal_epochs=-1)
    with pytest.raises(ValueError, match="swa_lr must have the same length"):
        swa_utils.SWALR(opt, [0.1, 0.2])
    with pytest.raises(TypeError, match="is not an Optimizer"):
        swa_utils.SWALR(model, 0.1)
