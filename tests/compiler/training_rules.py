"""Every optimizer with every option, and every scheduler, in `trainings`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from trainings import Problem, Training, fit, kind

from microgrest import optim
from microgrest.optim import lr_scheduler as schedulers

# Each option alone, then several together.
_ADAM: list[dict[str, Any]] = [
    {},
    {"lr": 0.05},
    {"betas": (0.7, 0.9)},
    {"eps": 0.1},
    {"weight_decay": 0.1},
    {"amsgrad": True},
    {"maximize": True},
    {"foreach": True},
    {"fused": True},
    {"capturable": True},
    {"lr": 0.02, "betas": (0.5, 0.8), "weight_decay": 0.2, "amsgrad": True, "maximize": True},
]
RULES: dict[type[optim.Optimizer], list[dict[str, Any]]] = {
    optim.SGD: [
        {},
        {"lr": 0.1},
        {"momentum": 0.9},
        {"momentum": 0.9, "dampening": 0.3},
        {"momentum": 0.9, "nesterov": True},
        {"weight_decay": 0.1},
        {"maximize": True},
        {"foreach": True},
        {"fused": True},
        {"lr": 0.05, "momentum": 0.8, "dampening": 0.5, "weight_decay": 0.1, "maximize": True},
        {"lr": 0.05, "momentum": 0.8, "nesterov": True, "weight_decay": 0.1},
    ],
    optim.Adam: [*_ADAM, {"weight_decay": 0.3, "decoupled_weight_decay": True}],
    optim.AdamW: [*_ADAM, {"weight_decay": 0}],
    optim.RMSprop: [
        {},
        {"lr": 0.05},
        {"alpha": 0.8},
        {"eps": 0.1},
        {"weight_decay": 0.1},
        {"momentum": 0.9},
        {"centered": True},
        {"maximize": True},
        {"foreach": True},
        {"capturable": True},
        {"lr": 0.005, "alpha": 0.7, "momentum": 0.5, "centered": True, "weight_decay": 0.2},
    ],
    optim.Adagrad: [
        {},
        {"lr": 0.1},
        {"lr_decay": 0.1},
        {"eps": 0.1},
        {"weight_decay": 0.1},
        {"initial_accumulator_value": 0.5},
        {"maximize": True},
        {"foreach": True},
        {"fused": True},
        {"lr": 0.1, "lr_decay": 0.2, "weight_decay": 0.1, "initial_accumulator_value": 0.1},
    ],
    optim.Adadelta: [
        {},
        {"lr": 0.5},
        {"rho": 0.5},
        {"eps": 1e-3},
        {"weight_decay": 0.1},
        {"maximize": True},
        {"foreach": True},
        {"capturable": True},
        {"lr": 0.7, "rho": 0.6, "eps": 1e-4, "weight_decay": 0.2, "maximize": True},
    ],
    optim.Adamax: [
        {},
        {"lr": 0.05},
        {"betas": (0.7, 0.8)},
        {"eps": 0.1},
        {"weight_decay": 0.1},
        {"maximize": True},
        {"foreach": True},
        {"capturable": True},
        {"lr": 0.02, "betas": (0.5, 0.6), "weight_decay": 0.2, "maximize": True},
    ],
    optim.RAdam: [
        {},
        {"lr": 0.05},
        {"betas": (0.7, 0.6)},
        {"eps": 0.1},
        {"weight_decay": 0.1},
        {"weight_decay": 0.1, "decoupled_weight_decay": True},
        {"maximize": True},
        {"foreach": True},
        {"capturable": True},
        {"lr": 0.02, "betas": (0.8, 0.9), "weight_decay": 0.2, "maximize": True},
    ],
    optim.NAdam: [
        {},
        {"lr": 0.05, "betas": (0.8, 0.9), "momentum_decay": 0.1},
        {"weight_decay": 0.1, "maximize": True},
        {"weight_decay": 0.1, "decoupled_weight_decay": True},
        {"eps": 0.1, "foreach": True, "capturable": True},
    ],
    optim.ASGD: [
        {},
        {"lr": 0.03, "lambd": 0.1, "alpha": 0.5, "t0": 8},
        {"foreach": True, "capturable": True},
        {"t0": 0, "weight_decay": 0.1, "maximize": True},
    ],
    optim.Adafactor: [
        {},
        {"lr": 0.1, "beta2_decay": -0.5, "weight_decay": 0.1},
        {"eps": (1e-3, 0.5), "d": 1.5, "maximize": True, "foreach": False},
    ],
    optim.Muon: [
        {},
        {"lr": 0.05, "weight_decay": 0.3, "momentum": 0.8, "nesterov": False},
        {"ns_coefficients": (2.0, -1.5, 0.5), "ns_steps": 3, "eps": 0.1},
        {"adjust_lr_fn": "match_rms_adamw"},
    ],
    optim.Rprop: [
        {},
        {"lr": 0.1},
        {"etas": (0.3, 1.5)},
        {"step_sizes": (0.005, 0.02)},
        {"maximize": True},
        {"foreach": True},
        {"capturable": True},
        {"lr": 0.03, "etas": (0.4, 1.1), "step_sizes": (0.01, 0.1), "maximize": True},
    ],
}


def fitted(rule: type[optim.Optimizer], problem: Problem) -> list[Any]:
    """The parameters that a rule is for."""
    return [p for p in problem.params if rule is not optim.Muon or p.ndim == 2]


def by_rule(rule: type[optim.Optimizer], **options: Any) -> Training:
    """A fit whose learning rate is halved by hand after 20 steps."""
    problem = Problem()
    optimizer = rule(fitted(rule, problem), **options)

    def halve() -> None:
        optimizer.param_groups[0]["lr"] *= 0.5

    return Training(fit(problem, optimizer), optimizer, between={20: halve})


# Every scheduler, stepped inside the step.

SCHEDULES: dict[str, Callable[[Any], Any]] = {
    "StepLR": lambda opt: schedulers.StepLR(opt, 7, 0.5),
    "MultiStepLR": lambda opt: schedulers.MultiStepLR(opt, [3, 10, 10, 30], 0.5),
    "ConstantLR": lambda opt: schedulers.ConstantLR(opt, 0.25, 12),
    "LinearLR": lambda opt: schedulers.LinearLR(opt, 0.1, 0.8, 25),
    "ExponentialLR": lambda opt: schedulers.ExponentialLR(opt, 0.95),
    "PolynomialLR": lambda opt: schedulers.PolynomialLR(opt, 30, 2.0),
    "CosineAnnealingLR": lambda opt: schedulers.CosineAnnealingLR(opt, 12, 1e-3),
    "LambdaLR": lambda opt: schedulers.LambdaLR(opt, lambda step: 1 / (1 + 0.1 * step)),
    "LambdaLR, two": lambda opt: schedulers.LambdaLR(opt, [lambda t: 0.9**t, lambda t: 1.0]),
    "MultiplicativeLR": lambda opt: schedulers.MultiplicativeLR(opt, lambda step: 0.97),
    "CosineAnnealingWarmRestarts": lambda opt: schedulers.CosineAnnealingWarmRestarts(opt, 5, 2),
    "OneCycleLR": lambda opt: schedulers.OneCycleLR(opt, 0.1, 60),
    "OneCycleLR, three": lambda opt: schedulers.OneCycleLR(
        opt, [0.1, 0.2], epochs=6, steps_per_epoch=10, anneal_strategy="linear", three_phase=True
    ),
    "OneCycleLR, lr alone": lambda opt: schedulers.OneCycleLR(opt, 0.1, 60, cycle_momentum=False),
    "CyclicLR": lambda opt: schedulers.CyclicLR(opt, 0.01, 0.1, 4, 6),
    "CyclicLR, halved": lambda opt: schedulers.CyclicLR(opt, 0.01, 0.1, 4, mode="triangular2"),
    "CyclicLR, by step": lambda opt: schedulers.CyclicLR(
        opt, 0.01, 0.1, 4, mode="exp_range", gamma=0.97
    ),
    "CyclicLR, scaled": lambda opt: schedulers.CyclicLR(
        opt, 0.01, 0.1, 4, scale_fn=lambda cycle: 1 / cycle, cycle_momentum=False
    ),
    "SequentialLR": lambda opt: schedulers.SequentialLR(
        opt, [schedulers.LinearLR(opt, 0.1, 1.0, 8), schedulers.ExponentialLR(opt, 0.9)], [10]
    ),
    "ChainedScheduler": lambda opt: schedulers.ChainedScheduler(
        [schedulers.ConstantLR(opt, 0.5, 6), schedulers.StepLR(opt, 10, 0.7)], opt
    ),
}


def scheduled(
    rule: type[optim.Optimizer], schedule: Callable[[Any], Any], **options: Any
) -> Training:
    """A fit of two groups with rates of their own, which a scheduler moves."""
    problem = Problem()
    groups = [{"params": problem.params[:1]}, {"params": problem.params[1:], "lr": 0.02}]
    optimizer = rule(groups, lr=0.05, **options)
    scheduler = schedule(optimizer)
    return Training(fit(problem, optimizer, scheduler), optimizer, scheduler)


for rule, sets in RULES.items():
    for options in sets:
        text = ", ".join(f"{name}={value}" for name, value in options.items())
        kind(partial(by_rule, rule, **options), title=f"{rule.__name__}({text})")
for name, schedule in SCHEDULES.items():
    kind(partial(scheduled, optim.SGD, schedule, momentum=0.9), title=f"{name} of SGD")
for name in ("OneCycleLR", "CyclicLR, by step", "SequentialLR", "StepLR"):
    kind(partial(scheduled, optim.AdamW, SCHEDULES[name]), title=f"{name} of AdamW")
