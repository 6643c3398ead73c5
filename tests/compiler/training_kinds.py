"""Trainings whose options change, and that do all that people do with gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trainings import STEPS, Problem, Training, fit, kind

import microgrest as mg
from microgrest import nn, optim
from microgrest.optim import lr_scheduler as schedulers

# Options that change


@kind
def options_change() -> Training:
    problem = Problem()
    optimizer = optim.Adam([{"params": problem.params[:1]}, {"params": problem.params[1:]}])
    first, second = optimizer.param_groups
    return Training(
        fit(problem, optimizer),
        optimizer,
        between={
            5: lambda: first.update(lr=0.05),
            11: lambda: second.update(lr=0.02, betas=(0.5, 0.9)),
            30: lambda: first.update(eps=1e-2, betas=(0.8, 0.8)),
            31: lambda: second.update(lr=0.0),
        },
    )


@kind
def options_that_change_the_rule() -> Training:
    problem = Problem()
    optimizer = optim.SGD(problem.params, lr=0.05)
    group = optimizer.param_groups[0]
    return Training(
        fit(problem, optimizer),
        optimizer,
        between={
            10: lambda: group.update(momentum=0.9),
            20: lambda: group.update(weight_decay=0.1),
            30: lambda: group.update(nesterov=True),
            40: lambda: group.update(maximize=True),
        },
        recordings=5,
    )


@kind
def numbers_that_steer_the_rule() -> Training:
    problem = Problem()
    optimizer = optim.Muon([problem.w], lr=0.02)
    group = optimizer.param_groups[0]
    return Training(
        fit(problem, optimizer),
        optimizer,
        between={
            10: lambda: group.update(ns_steps=2),
            20: lambda: group.update(eps=10.0),
            30: lambda: group.update(lr=0.01, momentum=0.5),
        },
        recordings=3,
    )


@kind
def rate_in_a_tensor() -> Training:
    problem, rate = Problem(), mg.tensor(0.05, dtype=mg.float64)
    optimizer = optim.Adam(problem.params, lr=rate)
    return Training(fit(problem, optimizer), optimizer, between={17: lambda: rate.mul_(0.1)})


@kind
def rate_in_a_tensor_with_a_scheduler() -> Training:
    problem, rate = Problem(), mg.tensor(0.05, dtype=mg.float64)
    optimizer = optim.SGD(problem.params, lr=rate, momentum=0.5)
    scheduler = schedulers.ExponentialLR(optimizer, 0.9)
    return Training(fit(problem, optimizer, scheduler), optimizer, scheduler, rate)


@kind
def rate_set_in_the_step() -> Training:
    problem = Problem()
    optimizer = optim.SGD(problem.params, lr=0.1)
    group = optimizer.param_groups[0]
    usual = fit(problem, optimizer)

    def step() -> Any:
        if group["lr"] > 0.08:
            group["lr"] *= 0.95
        return usual()

    # Whatever reads a rate is recorded anew with each.
    return Training(step, optimizer, recordings=5)


# Gradients


def clipped(clip: Callable[[Any], Any]) -> Training:
    """Gradients are clipped, some of the time, and what `clip` returns is returned, too."""
    problem = Problem()
    optimizer = optim.SGD(problem.params, lr=0.1, momentum=0.9)

    def step() -> Any:
        optimizer.zero_grad()
        loss = problem.loss()
        loss.backward()
        norm = clip(problem.params)
        optimizer.step()
        return loss, norm

    return Training(step, optimizer)


for order in (1.0, 2.0, 3.5, "inf"):
    kind(
        clipped,
        lambda params, order=order: nn.utils.clip_grad_norm_(params, 0.8, order),
        title=f"clipped to a norm of order {order}",
    )
kind(clipped, lambda params: nn.utils.clip_grad_value_(params, 0.2), title="clipped elements")


def zeroed(zero: Callable[[Problem, Any], object], first: bool) -> Training:
    """Gradients are forgotten before or after everything else."""
    problem = Problem()
    optimizer = optim.Adam(problem.params, lr=0.01)

    def step() -> Any:
        if first:
            zero(problem, optimizer)
        loss = problem.loss()
        loss.backward()
        optimizer.step()
        if not first:
            zero(problem, optimizer)
        return loss

    return Training(step, optimizer)


for first in (True, False):
    when = "first" if first else "last"
    kind(zeroed, lambda p, o: o.zero_grad(), first, title=f"gradients dropped {when}")
    kind(zeroed, lambda p, o: o.zero_grad(False), first, title=f"gradients zeroed {when}")
kind(zeroed, lambda p, o: None, True, title="gradients kept")
kind(zeroed, lambda p, o: setattr(p.w, "grad", None), False, title="one gradient dropped")


@kind
def two_backwards() -> Training:
    problem = Problem()
    optimizer = optim.RMSprop(problem.params, lr=0.01)

    def step() -> Any:
        optimizer.zero_grad()
        first = problem.loss()
        first.backward()
        second = (problem.w**2).mean() * 0.1
        second.backward()
        optimizer.step()
        return first, second

    return Training(step, optimizer)


@kind
def one_graph_twice() -> Training:
    problem = Problem()
    optimizer = optim.SGD(problem.params, lr=0.02)

    def step() -> Any:
        optimizer.zero_grad()
        loss = problem.loss()
        loss.backward(retain_graph=True)
        loss.backward()
        optimizer.step()
        return loss

    return Training(step, optimizer)


@kind
def updates_at_every_third_call() -> Training:
    problem, due = Problem(), {"now": False}
    optimizer = optim.Adam(problem.params, lr=0.05)

    def step() -> Any:
        loss = problem.loss()
        (loss / 3).backward()
        if due["now"]:
            optimizer.step()
            optimizer.zero_grad()
        return loss

    def count(k: int) -> Callable[[], object]:
        return lambda: due.update(now=k % 3 == 2)

    # Without gradients, before and after there is state; with gradients; with an update.
    between = {k: count(k) for k in range(STEPS)}
    return Training(step, optimizer, between=between, recordings=4)


@kind
def gradients_changed_by_hand() -> Training:
    problem = Problem()
    optimizer = optim.SGD(problem.params, lr=0.02)

    def step() -> Any:
        loss = problem.loss()
        loss.backward()
        optimizer.step()
        return loss

    def drop() -> None:
        problem.b.grad = None

    def replace() -> None:
        problem.b.grad = mg.ones_like(problem.b)

    between = {10: drop, 20: replace, 30: lambda: problem.w.grad.zero_(), 40: optimizer.zero_grad}
    return Training(step, optimizer, between=between, recordings=3)


@kind
def hooks() -> Training:
    problem = Problem()
    problem.w.register_hook(lambda grad: grad * 0.5)
    problem.gain.register_hook(lambda grad: grad.clamp(-0.1, 0.1))
    optimizer = optim.Adagrad(problem.params, lr=0.05)
    return Training(fit(problem, optimizer), optimizer)


@kind
def penalty_of_gradients() -> Training:
    problem = Problem()
    optimizer = optim.Adam(problem.params, lr=0.01)

    def step() -> Any:
        optimizer.zero_grad()
        loss = problem.loss()
        grads = mg.autograd.grad(loss, problem.params, create_graph=True)
        (loss + 0.1 * sum((g * g).sum() for g in grads)).backward()
        optimizer.step()
        return loss

    return Training(step, optimizer)
