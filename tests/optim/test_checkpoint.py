"""state_dict and load_state_dict of optimizers: training goes on as if nothing had happened."""

from __future__ import annotations

import pytest

import microgrest as torch
from microgrest import optim

pytestmark = pytest.mark.devices

MAKERS = {
    "sgd": lambda p: optim.SGD(p, lr=0.002, momentum=0.9, nesterov=True),
    "rmsprop": lambda p: optim.RMSprop(p, lr=0.01, momentum=0.5, centered=True),
    "adam": lambda p: optim.Adam(p, lr=0.05, amsgrad=True),
    "adamw": lambda p: optim.AdamW(p, lr=0.05),
    "adagrad": lambda p: optim.Adagrad(p, lr=0.05, lr_decay=0.1),
    "adadelta": lambda p: optim.Adadelta(p),
    "adamax": lambda p: optim.Adamax(p, lr=0.05),
    "radam": lambda p: optim.RAdam(p, lr=0.05, betas=(0.9, 0.8)),
    "nadam": lambda p: optim.NAdam(p, lr=0.05),
    "asgd": lambda p: optim.ASGD(p, lambd=0.1, t0=2),
    "rprop": lambda p: optim.Rprop(p),
}


def start():
    return [
        torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True),
        torch.tensor(3.0, dtype=torch.float64, requires_grad=True),
    ]


def train(params, opt, steps):
    for _ in range(steps):
        opt.zero_grad()
        loss = (params[0] ** 4).sum() + (params[1] * params[0]).sum() ** 2
        loss.backward()
        opt.step()


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_restored_optimizer_continues_exactly(make):
    params = start()
    opt = make(params)
    train(params, opt, 5)
    twins = [p.detach().clone().requires_grad_() for p in params]
    restored = make(twins)
    restored.load_state_dict(opt.state_dict())
    train(params, opt, 5)
    train(twins, restored, 5)
    assert [p.tolist() for p in twins] == [p.tolist() for p in params]


def test_what_is_saved():
    params = start()
    opt = optim.Adam([{"params": params[:1]}, {"params": params[1:], "lr": 0.5}])
    train(params, opt, 3)
    saved = opt.state_dict()
    assert set(saved) == {"state", "param_groups"} and set(saved["state"]) == {0, 1}
    assert set(saved["state"][0]) == {"step", "exp_avg", "exp_avg_sq"}
    assert saved["state"][1]["step"] == 3
    assert [g["params"] for g in saved["param_groups"]] == [[0], [1]]
    assert [g["lr"] for g in saved["param_groups"]] == [1e-3, 0.5]


def test_nothing_is_saved_of_parameters_that_never_stepped():
    opt = optim.SGD(start(), lr=0.1, momentum=0.9)
    opt.step()
    assert opt.state_dict()["state"] == {}


def test_loading_copies_and_takes_the_saved_options():
    params, others = start(), start()
    opt = optim.SGD(params, lr=0.1, momentum=0.9)
    train(params, opt, 2)
    restored = optim.SGD(others, lr=0.7)
    restored.load_state_dict(opt.state_dict())
    group = restored.param_groups[0]
    assert (group["lr"], group["momentum"]) == (0.1, 0.9)
    assert group["params"] == others
    before = restored.state[others[0]]["momentum_buffer"].tolist()
    train(params, opt, 1)
    assert restored.state[others[0]]["momentum_buffer"].tolist() == before


def test_loaded_tensors_take_the_dtype_of_their_parameter_and_steps_become_numbers():
    p = torch.tensor([1.0, 2.0], requires_grad=True)
    opt = optim.Adam([p])
    state = {
        "step": torch.tensor(7.0),
        "exp_avg": torch.ones(2, dtype=torch.float64),
        "exp_avg_sq": torch.ones(2, dtype=torch.float64),
    }
    opt.load_state_dict({"state": {0: state}, "param_groups": opt.state_dict()["param_groups"]})
    assert opt.state[p]["step"] == 7 and isinstance(opt.state[p]["step"], int)
    assert opt.state[p]["exp_avg"].dtype is torch.float32


def test_a_state_that_does_not_fit_is_refused():
    opt, other = optim.SGD(start()), optim.SGD(start()[:1])
    with pytest.raises(ValueError, match="doesn't match the size of optimizer's group"):
        opt.load_state_dict(other.state_dict())
    opt.add_param_group({"params": start()})
    with pytest.raises(ValueError, match="different number of parameter groups"):
        opt.load_state_dict(other.state_dict())
