"""The numbers of a rule: of options and the step count alone, one step or many at once."""

from __future__ import annotations

import numpy as np
import pytest

import microgrest as torch
from microgrest import optim, recording
from microgrest.optim.optimizer import Numbers

pytestmark = pytest.mark.devices

RULES = {
    "sgd": (optim.SGD, {"momentum": 0.9, "dampening": 0.1}),
    "rmsprop": (optim.RMSprop, {"momentum": 0.5, "weight_decay": 1}),
    "adam": (optim.Adam, {"amsgrad": True}),
    "adamw": (optim.AdamW, {}),
    "adagrad": (optim.Adagrad, {"lr_decay": 0.1}),
    "adadelta": (optim.Adadelta, {}),
    "adamax": (optim.Adamax, {}),
    "radam": (optim.RAdam, {"betas": (0.9, 0.8)}),
    "nadam": (optim.NAdam, {"momentum_decay": 0.1}),
    "asgd": (optim.ASGD, {"lambd": 0.1, "t0": 5}),
    "rprop": (optim.Rprop, {}),
}
STEPS = np.arange(1, 40)


class Recorder:
    """Takes numbers as the step compiler does, and remembers them."""

    class Known(float):
        """A number that was an input."""

    def __init__(self):
        self.taken, self.schedulers = [], []

    def inputs(self, numbers, source):
        self.taken.append((tuple(numbers), source))
        return tuple(map(self.Known, numbers))

    def scheduled(self, scheduler):
        self.schedulers.append(scheduler)

    def refuse(self, what, remedy):
        raise RuntimeError(f"{what}: {remedy}")


@pytest.fixture
def recorder(monkeypatch):
    recorder = Recorder()
    monkeypatch.setattr(recording.state, "recorder", recorder)
    return recorder


def leaf():
    p = torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
    p.grad = torch.tensor([0.5, 0.25], dtype=torch.float64)
    return p


def made(rule, **more):
    kind, options = RULES[rule]
    opt = kind([leaf()], **{**options, **more})
    return opt, opt.param_groups[0]


@pytest.mark.parametrize("rule", RULES)
def test_many_steps_at_once_are_the_steps_one_by_one(rule):
    opt, group = made(rule)
    rates = np.linspace(0.1, 1.0, len(STEPS))
    table = Numbers(opt, group, {}).at(STEPS, lr=rates)
    for i, step in enumerate(STEPS.tolist()):
        row = [float(np.broadcast_to(column, STEPS.shape)[i]) for column in table]
        group["lr"] = float(rates[i])
        np.testing.assert_allclose(row, opt._numbers(group, step), rtol=1e-14)


def test_betas_of_many_steps():
    opt, group = made("adam")
    first = np.linspace(0.95, 0.8, len(STEPS))
    table = Numbers(opt, group, {}).at(STEPS, betas=(first, 0.99))
    for i in (0, 17, 38):
        row = opt._numbers({**group, "betas": (first[i], 0.99)}, i + 1)
        np.testing.assert_allclose([np.broadcast_to(c, STEPS.shape)[i] for c in table], row)


@pytest.mark.parametrize("rule", RULES)
def test_a_recorder_is_given_the_numbers_and_gives_them_back(rule, recorder, monkeypatch):
    opt, group = made(rule)
    seen = []
    monkeypatch.setattr(opt, "_update", lambda *a: seen.append(a[-1]))
    opt.step()
    opt.step()
    assert len(recorder.taken) == 2
    for count, (numbers, source) in enumerate(recorder.taken, 1):
        expected = opt._numbers(group, None if rule == "sgd" else count)
        assert numbers == expected and (source.optimizer, source.group) == (opt, group)
    assert all(type(number) is Recorder.Known for numbers in seen for number in numbers)
    assert source.count == (None if rule == "sgd" else 2)


def test_recorded_steps_are_the_same_steps(recorder, monkeypatch):
    opt, group = made("adam")
    opt.step()
    monkeypatch.setattr(recording.state, "recorder", None)
    twin, _ = made("adam")
    twin.step()
    assert group["params"][0].tolist() == twin.param_groups[0]["params"][0].tolist()


def test_options_that_are_tensors_count_by_their_values(monkeypatch):
    rate, recorder = torch.tensor(0.25, dtype=torch.float64), Recorder()
    opt, group = made("adam", lr=rate)
    source = Numbers(opt, group, {})
    for value in (0.25, 0.5):
        rate.fill_(value)
        with monkeypatch.context() as patch:
            patch.setattr(recording.state, "recorder", recorder)
            numbers = source.at(1)
            assert recording.state.recorder is recorder
        assert numbers == opt._numbers({**group, "lr": value}, 1)


def test_parameters_that_stepped_as_often_share_their_numbers():
    p, q = leaf(), leaf()
    opt = optim.Adam([p, q], lr=0.1)
    opt.step()
    q.grad = None
    opt.step()
    q.grad = torch.tensor([0.5, 0.25], dtype=torch.float64)
    opt.step()
    alone = optim.Adam([leaf()], lr=0.1)
    alone.step()
    alone.step()
    assert [opt.state[t]["step"] for t in (p, q)] == [3, 2]
    assert q.tolist() == alone.param_groups[0]["params"][0].tolist()
