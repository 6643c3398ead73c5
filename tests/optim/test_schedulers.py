"""Learning rate schedulers against their formulas; their place beside optimizer and compiler."""

from __future__ import annotations

import math
import warnings

import pytest

import microgrest as torch
from microgrest import optim, recording
from microgrest.optim.lr_scheduler import (
    ChainedScheduler,
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    LRScheduler,
    MultiplicativeLR,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
)

BASE = 0.4


def optimizer(lr=BASE, stepped=True):
    opt = optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr, momentum=0.9)
    if stepped:
        opt.step()
    return opt


def rates(scheduler, steps):
    found = scheduler.get_last_lr()
    for _ in range(steps):
        scheduler.step()
        found = found + scheduler.get_last_lr()
    return found


CURVES = {
    "step": (lambda opt: StepLR(opt, 3, 0.5), lambda t: 0.5 ** (t // 3)),
    "milestones": (
        lambda opt: MultiStepLR(opt, [2, 5, 5], 0.5),
        lambda t: 0.5 ** ((t >= 2) + 2 * (t >= 5)),
    ),
    "constant": (lambda opt: ConstantLR(opt, 0.25, 4), lambda t: 0.25 if t < 4 else 1.0),
    "linear": (lambda opt: LinearLR(opt, 0.5, 1.0, 8), lambda t: min(1.0, 0.5 + t / 16)),
    "exponential": (lambda opt: ExponentialLR(opt, 0.9), lambda t: 0.9**t),
    "polynomial": (lambda opt: PolynomialLR(opt, 9, 2.0), lambda t: max(0, 1 - t / 9) ** 2),
    "cosine": (
        lambda opt: CosineAnnealingLR(opt, 6),
        lambda t: (1 + math.cos(math.pi * t / 6)) / 2,
    ),
    "restarts": (
        lambda opt: CosineAnnealingWarmRestarts(opt, 4),
        lambda t: (1 + math.cos(math.pi * (t % 4) / 4)) / 2,
    ),
    "function": (lambda opt: LambdaLR(opt, lambda t: 1 / (1 + t)), lambda t: 1 / (1 + t)),
    "factors": (lambda opt: MultiplicativeLR(opt, lambda t: 0.9), lambda t: 0.9**t),
    "once": (
        lambda opt: OneCycleLR(opt, BASE, 11, pct_start=0.5, anneal_strategy="linear"),
        lambda t: 0.04 + 0.96 * t / 4.5 if t < 4.5 else 4e-6 + (1 - 4e-6) * (10 - t) / 5.5,
    ),
    "triangles": (
        lambda opt: CyclicLR(opt, 0.0, BASE, 4, 2),
        lambda t: min((t % 6) / 4, (6 - t % 6) / 2),
    ),
}


@pytest.mark.parametrize(("make", "curve"), CURVES.values(), ids=CURVES)
def test_curve(make, curve):
    expected = [BASE * curve(t) for t in range(11)]
    assert rates(make(optimizer()), 10) == pytest.approx(expected, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("make", [make for make, _ in CURVES.values()], ids=CURVES)
def test_a_restored_scheduler_continues_exactly(make):
    opt = optimizer()
    scheduler = make(opt)
    rates(scheduler, 4)
    twin = optimizer()
    restored = make(twin)
    restored.load_state_dict(scheduler.state_dict())
    twin.load_state_dict(opt.state_dict())
    assert "optimizer" not in scheduler.state_dict()
    assert rates(restored, 5) == rates(scheduler, 5)


def test_momentum_goes_against_the_rates():
    opt = optimizer()
    scheduler = OneCycleLR(opt, 1.0, 10, pct_start=0.5, three_phase=False)
    momenta = [opt.param_groups[0]["momentum"]]
    for _ in range(9):
        scheduler.step()
        momenta.append(opt.param_groups[0]["momentum"])
    assert momenta[0] == momenta[-1] == 0.95 and min(momenta) == momenta[4] == 0.85


def test_one_after_the_other_and_all_at_once():
    opt = optimizer()
    parts = [ConstantLR(opt, 0.5, 100), ExponentialLR(opt, 0.5)]
    expected = [0.2, 0.2, 0.2, 0.4, 0.2, 0.1]
    assert rates(SequentialLR(opt, parts, [3]), 5) == pytest.approx(expected)
    opt = optimizer()
    chained = ChainedScheduler([ConstantLR(opt, 0.5, 2), ExponentialLR(opt, 0.5)])
    assert rates(chained, 3) == pytest.approx([0.2, 0.1, 0.1, 0.05])


@pytest.mark.parametrize("combine", ["sequence", "chain"])
def test_restored_combinations(combine):
    def make():
        opt = optimizer()
        parts = [ConstantLR(opt, 0.5, 3), ExponentialLR(opt, 0.5)]
        whole = SequentialLR(opt, parts, [4]) if combine == "sequence" else ChainedScheduler(parts)
        return opt, whole

    (opt, scheduler), (twin, restored) = make(), make()
    rates(scheduler, 3)
    restored.load_state_dict(scheduler.state_dict())
    twin.load_state_dict(opt.state_dict())
    assert rates(restored, 4) == rates(scheduler, 4)


def test_plateau_lowers_rates_when_nothing_improves():
    opt = optimizer()
    scheduler = ReduceLROnPlateau(opt, factor=0.5, patience=2, cooldown=1, min_lr=0.15)
    seen = []
    for loss in [1.0, 0.5, 0.5, 0.6, 0.7, 0.8, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]:
        scheduler.step(torch.tensor(loss))
        seen.append(scheduler.get_last_lr()[0])
    assert seen == pytest.approx([0.4] * 4 + [0.2] * 4 + [0.15] * 5)
    twin = ReduceLROnPlateau(optimizer())
    twin.load_state_dict(scheduler.state_dict())
    assert (twin.best, twin.factor, twin.in_cooldown) == (0.5, 0.5, scheduler.in_cooldown)


def test_plateau_with_a_group_added_later():
    opt = optimizer()
    scheduler = ReduceLROnPlateau(opt, factor=0.5, patience=0, min_lr=[0.0])
    opt.add_param_group({"params": [torch.zeros(1, requires_grad=True)]})
    scheduler.step(1.0)
    with pytest.raises(RuntimeError, match="differs from when `ReduceLROnPlateau` was initialized"):
        scheduler.step(2.0)


def test_a_rate_that_is_a_tensor_is_written_in_place():
    rate = torch.tensor(0.5, dtype=torch.float64)
    opt = optimizer(rate)
    scheduler = ExponentialLR(opt, 0.5)
    scheduler.step()
    assert opt.param_groups[0]["lr"] is rate and rate.item() == 0.25
    last = scheduler.get_last_lr()[0]
    assert last.item() == 0.25 and last is not rate
    assert opt.param_groups[0]["initial_lr"].item() == 0.5


def test_a_schedule_of_the_users_own():
    class Halved(LRScheduler):
        def get_lr(self):
            factor = 1.0 if self.last_epoch == 0 else 0.5
            return [group["lr"] * factor for group in self.optimizer.param_groups]

    scheduler = Halved(optimizer())
    assert rates(scheduler, 2) == [0.4, 0.2, 0.1]
    with pytest.warns(UserWarning, match="deprecated"):
        scheduler.step(7)
    assert scheduler.last_epoch == 7 and scheduler.get_last_lr() == [0.05]
    with pytest.raises(NotImplementedError, match="LRScheduler defines no get_lr"):
        LRScheduler(optimizer())


def test_stepping_before_the_optimizer_warns_once_and_names_the_users_line():
    opt = optimizer(stepped=False)
    scheduler = StepLR(opt, 2)
    with pytest.warns(UserWarning, match=r"before `optimizer.step\(\)`") as caught:
        scheduler.step()
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scheduler.step()
    chained = ChainedScheduler([StepLR(optimizer(stepped=False), 2)])
    with pytest.warns(UserWarning, match=r"before `optimizer.step\(\)`"):
        chained.step()


def test_an_optimizer_with_a_step_of_its_own_is_not_suspected():
    class Own(optim.SGD):
        def step(self, closure=None):
            """Do nothing."""

    scheduler = StepLR(Own([torch.zeros(1, requires_grad=True)]), 2)
    scheduler.step()
    assert scheduler.last_epoch == 1


def test_get_lr_outside_of_a_step_warns():
    scheduler = StepLR(optimizer(), 2)
    with pytest.warns(UserWarning, match=r"please use `get_last_lr\(\)`"):
        assert scheduler.get_lr() == [BASE]


class Recorder:
    """What the step compiler's recorder is told by schedulers."""

    def __init__(self):
        self.schedulers = []

    def scheduled(self, scheduler):
        self.schedulers.append(scheduler)

    def refuse(self, what, remedy):
        raise RuntimeError(f"{what}: {remedy}")


@pytest.fixture
def recorder(monkeypatch):
    recorder = Recorder()
    yield recorder
    recording.state.recorder = None


def test_a_recorder_is_told_of_each_step_once(recorder):
    opt = optimizer()
    single = CosineAnnealingWarmRestarts(opt, 3)
    chained = ChainedScheduler([StepLR(opt, 2), ExponentialLR(opt, 0.9)])
    parts = SequentialLR(opt, [StepLR(opt, 2), ExponentialLR(opt, 0.9)], [3])
    seen = []
    plain = LambdaLR(opt, lambda step: seen.append(recording.state.recorder) or 1.0)
    recording.state.recorder = recorder
    for scheduler in (single, chained, parts, plain):
        scheduler.step()
    assert recorder.schedulers == [single, chained, parts, plain]
    assert recording.state.recorder is recorder and seen == [None, None]


def test_a_plateau_inside_a_recorded_step_is_refused(recorder):
    scheduler = ReduceLROnPlateau(optimizer())
    recording.state.recorder = recorder
    with pytest.raises(RuntimeError, match=r"ReduceLROnPlateau.step .*: call it outside the step"):
        scheduler.step(1.0)
    assert scheduler.last_epoch == 0
