"""Trainings by several optimizers, groups and schedulers, in many orders."""

from __future__ import annotations

import math
from typing import Any

from trainings import STEPS, Problem, Training, fit, kind

from microgrest import optim
from microgrest.optim import lr_scheduler as schedulers


@kind
def closure() -> Training:
    problem = Problem()
    optimizer = optim.Adam(problem.params, lr=0.05)

    def loss() -> Any:
        optimizer.zero_grad()
        value = problem.loss()
        value.backward()
        return value

    return Training(lambda: optimizer.step(loss), optimizer)


@kind
def several_groups() -> Training:
    problem = Problem()
    w, b, gain = problem.params
    groups = [
        {"params": [w], "weight_decay": 0.1},
        {"params": [b], "lr": 0.1, "betas": (0.5, 0.6)},
        {"params": [gain], "amsgrad": True, "maximize": True},
    ]
    optimizer = optim.Adam(groups, lr=0.02)
    return Training(fit(problem, optimizer), optimizer)


@kind
def several_optimizers() -> Training:
    problem = Problem()
    first = optim.SGD(problem.params[:1], lr=0.05, momentum=0.9)
    second = optim.RMSprop(problem.params[1:], lr=0.01)
    schedule = schedulers.StepLR(second, 8, 0.5)

    def step() -> Any:
        loss = problem.loss()
        loss.backward()
        first.step()
        second.step()
        schedule.step()
        first.zero_grad()
        second.zero_grad()
        return loss

    return Training(step, first, second, schedule)


@kind
def a_parameter_of_two_optimizers() -> Training:
    problem = Problem()
    first = optim.SGD(problem.params[:2], lr=0.05, momentum=0.9)
    second = optim.Adagrad(problem.params[1:], lr=0.05)
    return Training(fit(problem, first, second), first, second)


@kind
def in_turn() -> Training:
    """Two optimizers of one step, the second after gradients at what the first one left."""
    problem = Problem()
    first = optim.Adam([problem.w], lr=0.02)
    second = optim.Adam([problem.b, problem.gain], lr=0.03, maximize=True)
    both = [fit(problem, first), fit(problem, second)]
    return Training(lambda: [step() for step in both], first, second)


@kind
def two_steps_in_one() -> Training:
    problem = Problem()
    optimizer = optim.Adam(problem.params, lr=0.02)
    scheduler = schedulers.ExponentialLR(optimizer, 0.97)
    step = fit(problem, optimizer, scheduler)
    return Training(lambda: (step(), step()), optimizer, scheduler)


@kind
def one_group_steps_twice() -> Training:
    problem = Problem()
    optimizer = optim.Adam(problem.params, lr=0.02)

    def step() -> Any:
        optimizer.zero_grad()
        problem.loss().backward()
        optimizer.step()
        problem.gain.grad = None
        optimizer.step()
        return problem.loss()

    return Training(step, optimizer)


@kind
def two_schedulers() -> Training:
    problem = Problem()
    optimizer = optim.SGD(problem.params, lr=0.1)
    slow = schedulers.StepLR(optimizer, 10, 0.5)
    fast = schedulers.ExponentialLR(optimizer, 0.99)
    return Training(fit(problem, optimizer, slow, fast), optimizer, slow, fast)


@kind
def scheduler_first() -> Training:
    problem = Problem()
    optimizer = optim.Adam(problem.params, lr=0.1)
    scheduler = schedulers.CosineAnnealingLR(optimizer, 20)
    optimizer.step()  # of nothing: there are no gradients yet
    usual = fit(problem, optimizer)

    def step() -> Any:
        scheduler.step()
        return usual()

    return Training(step, optimizer, scheduler)


@kind
def scheduler_outside() -> Training:
    problem = Problem()
    optimizer = optim.SGD(problem.params, lr=0.1, momentum=0.5)
    scheduler = schedulers.CyclicLR(optimizer, 0.01, 0.1, 5)
    between = dict.fromkeys(range(1, STEPS, 3), scheduler.step)
    return Training(fit(problem, optimizer), optimizer, scheduler, between=between)


@kind
def scheduler_and_changes_by_hand() -> Training:
    problem = Problem()
    optimizer = optim.AdamW(problem.params, lr=0.1)
    scheduler = schedulers.ExponentialLR(optimizer, 0.95)
    group = optimizer.param_groups[0]
    between = {15: lambda: group.update(lr=0.2), 30: scheduler.step}
    return Training(fit(problem, optimizer, scheduler), optimizer, scheduler, between=between)


@kind
def scheduler_told_the_epoch() -> Training:
    problem, epoch = Problem(), {"now": 0.0}
    optimizer = optim.SGD(problem.params, lr=0.1)
    scheduler = schedulers.CosineAnnealingWarmRestarts(optimizer, 5)
    usual = fit(problem, optimizer)

    def step() -> Any:
        loss = usual()
        scheduler.step(epoch["now"])
        return loss

    between = {20: lambda: epoch.update(now=1.5), 35: lambda: epoch.update(now=7.0)}
    return Training(step, optimizer, scheduler, between=between, recordings=3)


class Wave(schedulers.LRScheduler):
    """A scheduler of the user's own."""

    def get_lr(self) -> list[float]:
        """The base rates, up and down."""
        return [rate * (1.5 + math.sin(self.last_epoch)) for rate in self.base_lrs]


@kind
def scheduler_of_ones_own() -> Training:
    problem = Problem()
    optimizer = optim.RAdam(problem.params, lr=0.05)
    scheduler = Wave(optimizer)
    return Training(fit(problem, optimizer, scheduler), optimizer, scheduler)
