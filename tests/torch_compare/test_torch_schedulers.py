"""Schedulers against PyTorch's: rates, momenta, state and messages, step for step."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import microgrest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

STEPS = 50


class Warm:
    """A callable with attributes, which a state dict carries."""

    def __init__(self, rate):
        self.rate = rate

    def __call__(self, step):
        return 1 - self.rate**step


CASES = {
    "StepLR": ("StepLR", {"step_size": 7, "gamma": 0.5}),
    "MultiStepLR": ("MultiStepLR", {"milestones": [3, 9, 9, 30], "gamma": 0.3}),
    "ConstantLR": ("ConstantLR", {"factor": 0.25, "total_iters": 6}),
    "LinearLR": ("LinearLR", {"start_factor": 0.2, "end_factor": 0.9, "total_iters": 12}),
    "ExponentialLR": ("ExponentialLR", {"gamma": 0.93}),
    "PolynomialLR": ("PolynomialLR", {"total_iters": 20, "power": 1.7}),
    "CosineAnnealingLR": ("CosineAnnealingLR", {"T_max": 11, "eta_min": 0.01}),
    "LambdaLR": ("LambdaLR", {"lr_lambda": lambda step: 0.9**step}),
    "LambdaLR, two": ("LambdaLR", {"lr_lambda": [Warm(0.9), lambda step: 1 / (1 + step)]}),
    "MultiplicativeLR": ("MultiplicativeLR", {"lr_lambda": lambda step: 0.95}),
    "MultiplicativeLR, two": ("MultiplicativeLR", {"lr_lambda": [Warm(0.9), Warm(0.8)]}),
    "WarmRestarts": ("CosineAnnealingWarmRestarts", {"T_0": 6, "eta_min": 0.001}),
    "WarmRestarts, longer": ("CosineAnnealingWarmRestarts", {"T_0": 3, "T_mult": 2}),
    "OneCycleLR": ("OneCycleLR", {"max_lr": 0.4, "total_steps": 60}),
    "OneCycleLR, three": (
        "OneCycleLR",
        {"max_lr": [0.4, 0.1], "epochs": 6, "steps_per_epoch": 10, "three_phase": True},
    ),
    "OneCycleLR, linear": (
        "OneCycleLR",
        {"max_lr": 0.4, "total_steps": 51, "anneal_strategy": "linear", "pct_start": 0.2},
    ),
    "OneCycleLR, rates only": (
        "OneCycleLR",
        {"max_lr": 0.4, "total_steps": 55, "cycle_momentum": False},
    ),
    "CyclicLR": ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 5}),
    "CyclicLR, 2": (
        "CyclicLR",
        {"base_lr": 0.01, "max_lr": [0.1, 0.3], "step_size_up": 5, "step_size_down": 8}
        | {"mode": "triangular2", "base_momentum": [0.5, 0.6]},
    ),
    "CyclicLR, exp": (
        "CyclicLR",
        {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 4, "mode": "exp_range", "gamma": 0.97},
    ),
    "CyclicLR, scaled": (
        "CyclicLR",
        {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 4, "cycle_momentum": False}
        | {"scale_fn": lambda x: 1 / x, "scale_mode": "cycle"},
    ),
}
CURVES = ("StepLR", "MultiStepLR", "ConstantLR", "LinearLR", "ExponentialLR", "PolynomialLR")
CURVES += ("CosineAnnealingLR", "WarmRestarts", "WarmRestarts, longer", "LambdaLR")


def optimizer_of(lib, rates=(0.1, 0.02), kind="SGD", **options):
    """An optimizer of two groups, which has stepped."""
    options = options or ({"momentum": 0.9} if kind == "SGD" else {})
    params = [lib.zeros(1, requires_grad=True) for _ in rates]
    groups = [{"params": [p], "lr": lr} for p, lr in zip(params, rates, strict=True)]
    return getattr(lib.optim, kind)(groups, **options)


def make(lib, name, options, **more):
    opt = optimizer_of(lib, **more)
    scheduler = getattr(lib.optim.lr_scheduler, name)(opt, **options)
    opt.step()
    return opt, scheduler


def course(opt, scheduler, steps=STEPS, change=None):
    """Rates and momenta before and after each of `steps` steps."""
    rows = []
    for step in range(steps):
        rows.append([[g["lr"], g.get("momentum", 0)] for g in opt.param_groups])
        assert scheduler.get_last_lr() == [g["lr"] for g in opt.param_groups]
        if change is not None:
            change(step, opt)
        scheduler.step()
    return np.array([*rows, [[g["lr"], g.get("momentum", 0)] for g in opt.param_groups]])


@pytest.mark.parametrize(("name", "options"), CASES.values(), ids=CASES)
def test_course(name, options):
    ours, theirs = (course(*make(lib, name, options)) for lib in (microgrest, torch))
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-17)


@pytest.mark.parametrize(("name", "options"), CASES.values(), ids=CASES)
def test_course_where_the_user_changes_rates_too(name, options):
    def change(step, opt):
        if step % 9 == 4:
            opt.param_groups[step % 2]["lr"] *= 1.5

    ours, theirs = (course(*make(lib, name, options), change=change) for lib in (microgrest, torch))
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-17)


@pytest.mark.parametrize("case", [c for c in CASES if "Cyc" in c])
def test_cycles_of_the_first_beta(case):
    name, options = CASES[case]
    ends = []
    for lib in (microgrest, torch):
        opt, scheduler = make(lib, name, options, kind="Adam")
        course(opt, scheduler, 17)
        ends.append([g["betas"] for g in opt.param_groups])
    np.testing.assert_allclose(*ends, rtol=1e-12)


@pytest.mark.parametrize("case", CURVES)
def test_closed_form(case):
    name, options = CASES[case]
    places = [3, 20, 4, 11, 0, 7]
    ends = []
    for lib in (microgrest, torch):
        _, scheduler = make(lib, name, options)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ends.append([(scheduler.step(e), scheduler.get_last_lr())[1] for e in places])
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            scheduler.step(1)
        assert bool(caught) == (not case.startswith("WarmRestarts"))
    np.testing.assert_allclose(*ends, rtol=1e-12, atol=1e-17)


def test_warm_restarts_at_fractions():
    ends = []
    for lib in (microgrest, torch):
        _, scheduler = make(lib, *CASES["WarmRestarts, longer"])
        ends.append([(scheduler.step(e / 3), scheduler.get_last_lr())[1] for e in range(40)])
    np.testing.assert_allclose(*ends, rtol=1e-9)


@pytest.mark.parametrize(("name", "options"), CASES.values(), ids=CASES)
def test_resumed_at_an_epoch(name, options):
    ends = []
    for lib in (microgrest, torch):
        opt, scheduler = make(lib, name, options)
        course(opt, scheduler, 9)
        again = getattr(lib.optim.lr_scheduler, name)(opt, **options, last_epoch=8)
        ends.append(course(opt, again, 12))
    np.testing.assert_allclose(*ends, rtol=1e-12, atol=1e-17)


@pytest.mark.parametrize(("name", "options"), CASES.values(), ids=CASES)
def test_state_dict(name, options):
    states = []
    for lib in (microgrest, torch):
        opt, scheduler = make(lib, name, options)
        course(opt, scheduler, 9)
        states.append(scheduler.state_dict())
    ours, theirs = states
    private = {"_scale_fn_custom", "_schedule_phases", "_phases"}
    private |= {"max_momentums", "base_momentums"}
    if name == "CosineAnnealingWarmRestarts":  # PyTorch's does not count its steps
        private.add("_step_count")
    assert ours.keys() - private == theirs.keys() - private
    for key in theirs.keys() - private:
        if isinstance(theirs[key], (int, float, list)) and key != "lr_lambdas":
            assert ours[key] == pytest.approx(theirs[key], rel=1e-12), key
    if "lr_lambdas" in theirs:
        assert ours["lr_lambdas"] == theirs["lr_lambdas"]


def sequence(lib):
    opt = optimizer_of(lib)
    kinds = lib.optim.lr_scheduler
    parts = [
        kinds.ConstantLR(opt, factor=0.1, total_iters=100),
        kinds.ExponentialLR(opt, gamma=0.9),
        kinds.CosineAnnealingLR(opt, T_max=10),
    ]
    opt.step()
    return opt, kinds.SequentialLR(opt, parts, milestones=[5, 20])


def chain(lib):
    opt = optimizer_of(lib)
    kinds = lib.optim.lr_scheduler
    parts = [kinds.ConstantLR(opt, factor=0.1, total_iters=9), kinds.ExponentialLR(opt, gamma=0.9)]
    opt.step()
    return opt, kinds.ChainedScheduler(parts)


def nested(lib):
    opt = optimizer_of(lib)
    kinds = lib.optim.lr_scheduler
    inner = kinds.SequentialLR(
        opt, [kinds.LinearLR(opt, total_iters=4), kinds.StepLR(opt, 3)], milestones=[4]
    )
    opt.step()
    return opt, kinds.SequentialLR(opt, [inner, kinds.ExponentialLR(opt, 0.8)], milestones=[9])


@pytest.mark.parametrize("build", [sequence, chain, nested])
def test_combined(build):
    ours, theirs = (course(*build(lib)) for lib in (microgrest, torch))
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-17)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"mode": "max", "patience": 1, "factor": 0.5},
        {"patience": 2, "cooldown": 3, "threshold": 0.1, "threshold_mode": "abs"},
        {"patience": 0, "mode": "max", "threshold_mode": "abs", "min_lr": [0.01, 0.001]},
        {"patience": 0, "eps": 1e-2},
    ],
    ids=lambda options: ",".join(options) or "defaults",
)
def test_plateau(options):
    values = np.random.default_rng(0).normal(size=STEPS).cumsum()
    courses = []
    for lib in (microgrest, torch):
        opt = optimizer_of(lib)
        scheduler = lib.optim.lr_scheduler.ReduceLROnPlateau(opt, **options)
        rows = []
        for value in values:
            scheduler.step(lib.tensor(value))
            rows.append([*scheduler.get_last_lr(), scheduler.num_bad_epochs, scheduler.best])
        courses.append(rows)
    np.testing.assert_allclose(*courses, rtol=1e-12)


BAD = {
    "no optimizer": lambda s, opt: s.StepLR(3, 1),
    "plateau without optimizer": lambda s, opt: s.ReduceLROnPlateau(3),
    "resumed": lambda s, opt: s.StepLR(opt, 1, last_epoch=3),
    "lambdas": lambda s, opt: s.LambdaLR(opt, [abs]),
    "not callable": lambda s, opt: s.MultiplicativeLR(opt, [0.5, 0.5]),
    "constant": lambda s, opt: s.ConstantLR(opt, factor=2),
    "linear start": lambda s, opt: s.LinearLR(opt, start_factor=0),
    "linear end": lambda s, opt: s.LinearLR(opt, end_factor=-1),
    "T_0": lambda s, opt: s.CosineAnnealingWarmRestarts(opt, 0),
    "T_mult": lambda s, opt: s.CosineAnnealingWarmRestarts(opt, 2, 0),
    "eta_min": lambda s, opt: s.CosineAnnealingWarmRestarts(opt, 2, eta_min="a"),
    "restart": lambda s, opt: s.CosineAnnealingWarmRestarts(opt, 2).step(-1),
    "no length": lambda s, opt: s.OneCycleLR(opt, 0.1),
    "half a length": lambda s, opt: s.OneCycleLR(opt, 0.1, epochs=3),
    "length": lambda s, opt: s.OneCycleLR(opt, 0.1, total_steps=-2),
    "epochs": lambda s, opt: s.OneCycleLR(opt, 0.1, epochs=0, steps_per_epoch=2),
    "pct_start": lambda s, opt: s.OneCycleLR(opt, 0.1, total_steps=9, pct_start=2.0),
    "strategy": lambda s, opt: s.OneCycleLR(opt, 0.1, total_steps=9, anneal_strategy="x"),
    "max_lr": lambda s, opt: s.OneCycleLR(opt, [0.1], total_steps=9),
    "mode": lambda s, opt: s.CyclicLR(opt, 0.1, 0.2, mode="x"),
    "base_lr": lambda s, opt: s.CyclicLR(opt, [0.1], 0.2),
    "factor": lambda s, opt: s.ReduceLROnPlateau(opt, factor=1.0),
    "plateau mode": lambda s, opt: s.ReduceLROnPlateau(opt, mode="x"),
    "plateau threshold mode": lambda s, opt: s.ReduceLROnPlateau(opt, threshold_mode="x"),
    "min_lr": lambda s, opt: s.ReduceLROnPlateau(opt, min_lr=[0.1]),
    "empty sequence": lambda s, opt: s.SequentialLR(opt, [], []),
    "empty chain": lambda s, opt: s.ChainedScheduler([], opt),
    "milestones": lambda s, opt: s.SequentialLR(opt, [s.StepLR(opt, 2)], [3]),
    "plateau in a sequence": lambda s, opt: s.SequentialLR(opt, [s.ReduceLROnPlateau(opt)], []),
    "plateau in a chain": lambda s, opt: s.ChainedScheduler([s.ReduceLROnPlateau(opt)]),
    "no scheduler": lambda s, opt: s.SequentialLR(opt, [3], []),
}


@pytest.mark.parametrize("call", BAD.values(), ids=BAD)
def test_error(call):
    caught = []
    for lib in (microgrest, torch):
        with pytest.raises((ValueError, TypeError, KeyError)) as error:
            call(lib.optim.lr_scheduler, optimizer_of(lib))
        caught.append((error.type, str(error.value)))
    assert caught[0] == caught[1]


def test_error_past_the_end():
    caught = []
    for lib in (microgrest, torch):
        with pytest.raises(ValueError, match="Tried to step") as error:
            course(*make(lib, "OneCycleLR", {"max_lr": 0.1, "total_steps": 4}), 9)
        caught.append(str(error.value))
    assert caught[0] == caught[1]


def test_error_without_momentum():
    for lib in (microgrest, torch):
        for kind in ("OneCycleLR", "CyclicLR"):
            options = {"total_steps": 5} if kind == "OneCycleLR" else {"base_lr": 0.01}
            with pytest.raises(ValueError, match="must support momentum or beta1"):
                opt = lib.optim.Adagrad([lib.zeros(1, requires_grad=True)])
                getattr(lib.optim.lr_scheduler, kind)(opt, max_lr=0.1, **options)
