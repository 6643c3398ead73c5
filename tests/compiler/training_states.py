"""Trainings of modules, and whose parameters come and go, are frozen, replaced, of many kinds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trainings import Problem, Training, fit, kind, leaf

import microgrest as mg
from microgrest import nn, optim
from microgrest.optim import lr_scheduler as schedulers


@kind
def resumed() -> Training:
    """The optimizer goes back to a saved state, then the parameters do."""
    problem = Problem()
    optimizer = optim.Adam(problem.params, lr=0.02)
    scheduler = schedulers.StepLR(optimizer, 9, 0.5)
    saved: dict[str, Any] = {}

    def save() -> None:
        saved["optimizer"] = mg_copy(optimizer.state_dict())
        saved["scheduler"] = dict(scheduler.state_dict())
        saved["params"] = [p.detach().clone() for p in problem.params]

    def load() -> None:
        optimizer.load_state_dict(saved["optimizer"])
        scheduler.load_state_dict(saved["scheduler"])

    @mg.no_grad()
    def put_back() -> None:
        for p, old in zip(problem.params, saved["params"], strict=True):
            p.copy_(old)

    between = {12: save, 25: load, 40: put_back}
    step = fit(problem, optimizer, scheduler)
    return Training(step, optimizer, scheduler, between=between, recordings=2)


def mg_copy(value: Any) -> Any:
    """A copy of a state dict: tensors, and containers of them."""
    if isinstance(value, mg.Tensor):
        return value.clone()
    if isinstance(value, dict):
        return {key: mg_copy(inner) for key, inner in value.items()}
    return list(map(mg_copy, value)) if isinstance(value, list) else value


@kind
def group_added() -> Training:
    problem = Problem()
    optimizer = optim.Adam(problem.params[:2], lr=0.02)

    def add() -> None:
        optimizer.add_param_group({"params": [problem.gain], "lr": 0.1})

    return Training(
        fit(problem, optimizer), optimizer, problem.gain, between={20: add}, recordings=2
    )


@kind
def begun_in_mid_training() -> Training:
    """A parameter comes into the group of a rule whose state begins with the rate, a tensor."""
    problem = Problem()
    optimizer = optim.Rprop(problem.params[:2], lr=mg.tensor(0.02))

    def exchange() -> None:
        optimizer.param_groups[0]["params"][0] = problem.gain

    return Training(fit(problem, optimizer), optimizer, between={20: exchange}, recordings=2)


@kind
def frozen_for_a_while() -> Training:
    problem = Problem()
    optimizer = optim.Adam(problem.params, lr=0.02)
    between = {
        20: lambda: problem.b.requires_grad_(False),
        35: lambda: problem.b.requires_grad_(True),
    }
    # At each change with the last gradients still there, then without; later with other counts.
    return Training(fit(problem, optimizer), optimizer, between=between, recordings=5)


@kind
def unused_for_a_while() -> Training:
    """A parameter takes part from the twentieth step on, and has fewer steps than the others."""
    problem, use = Problem(), {"extra": False}
    extra = leaf([0.5, 1.5])
    optimizer = optim.Adam([*problem.params, extra], lr=0.02)

    def step() -> Any:
        optimizer.zero_grad()
        loss = problem.loss()
        if use["extra"]:
            loss = loss + (extra.sin() ** 2).sum()
        loss.backward()
        optimizer.step()
        return loss

    between = {20: lambda: use.update(extra=True), 35: lambda: use.update(extra=False)}
    return Training(step, optimizer, extra, between=between, recordings=4)


class Network(nn.Module):
    """Two layers, dropout between them, a shared weight, and a buffer that follows the output."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(2, 4)
        self.again = nn.Linear(4, 4)
        self.drop = nn.Dropout(0.4)
        self.register_buffer("mean", mg.zeros(()))

    def forward(self, x: Any) -> Any:
        h = self.drop(mg.tanh(self.first(x)))
        h = mg.tanh(self.again(self.drop(mg.tanh(self.again(h)))))
        if self.training:
            with mg.no_grad():
                self.mean.mul_(0.9).add_(h.mean() * 0.1)
        return h.sum(1) - self.mean


def modules(between: Callable[[Any], dict[int, Any]], recordings: int = 1) -> Training:
    """A fit of a Network; `between` gives the changes for it."""
    mg.manual_seed(5)
    model = Network().double()
    x = mg.linspace(-1, 1, 12, dtype=mg.float64).reshape(6, 2)
    y = mg.sin(3 * x).sum(1) + 5
    optimizer = optim.AdamW(model.parameters(), lr=0.01)
    criterion = nn.MSELoss()

    def step() -> Any:
        model.zero_grad()
        found = model(x)
        loss = criterion(found, y)
        loss.backward()
        optimizer.step()
        return loss, found

    changes = between(model)
    return Training(step, model, optimizer, between=changes, recordings=recordings)


kind(modules, lambda model: {}, title="dropout")
kind(modules, lambda model: {20: lambda: mg.manual_seed(7)}, title="dropout, seeded again")
kind(
    modules,
    lambda model: {15: model.eval, 30: model.train, 40: model.drop.eval},
    3,
    title="train and eval",
)
kind(
    modules,
    lambda model: {15: lambda: setattr(model.drop, "p", 0.1), 30: lambda: mg.rand(3)},
    2,
    title="dropout of another share, and draws outside",
)


@kind
def parameter_replaced() -> Training:
    mg.manual_seed(2)
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)).double()
    x = mg.linspace(-1, 1, 12, dtype=mg.float64).reshape(6, 2)

    def step() -> Any:
        model.zero_grad()
        loss = (model(x).sum(1) - 4).square().mean()
        loss.backward()
        with mg.no_grad():
            for p in model.parameters():
                p -= 0.005 * p.grad
        return loss

    def replace() -> None:
        model[2].weight = nn.Parameter(mg.ones(1, 3, dtype=mg.float64))

    def assign() -> None:
        model[0].bias.data = mg.ones(3, dtype=mg.float64)

    # The new parameter has no gradient at first.
    between = {15: replace, 30: assign}
    return Training(step, model, between=between, recordings=3)


@kind
def average_of_parameters() -> Training:
    problem = Problem()
    optimizer = optim.SGD(problem.params, lr=0.05)
    averages = [p.detach().clone() for p in problem.params]
    usual = fit(problem, optimizer)

    def step() -> Any:
        loss = usual()
        with mg.no_grad():
            for average, p in zip(averages, problem.params, strict=True):
                average.mul_(0.9).add_(p, alpha=0.1)
        return loss

    return Training(step, optimizer, averages)


@kind
def two_dtypes() -> Training:
    """float32 and float64 in one group; neither's rounding reaches the other."""
    problem = Problem()
    scale = leaf([0.5, -0.5], mg.float32)
    optimizer = optim.Adam([*problem.params, scale], lr=0.02)

    def step() -> Any:
        optimizer.zero_grad()
        loss, other = problem.loss(), scale.sin().sum()
        (loss + other.double()).backward()
        optimizer.step()
        return loss, other

    return Training(step, optimizer)


@kind
def float32() -> Training:
    problem = Problem(mg.float32)
    optimizer = optim.SGD(problem.params, lr=0.05, momentum=0.9)
    return Training(fit(problem, optimizer), optimizer)


@kind
def other_layouts() -> Training:
    """A parameter that is a transposed view, one of no elements, and one that is a slice."""
    problem = Problem()
    problem.w = problem.w.detach().t().contiguous().t().requires_grad_()
    nothing = leaf([])
    block = mg.linspace(0, 1, 6, dtype=mg.float64)
    part = block[1::2].requires_grad_()
    optimizer = optim.Adam([problem.w, problem.b, nothing, part], lr=0.02)

    def step() -> Any:
        optimizer.zero_grad()
        loss = problem.loss() + nothing.sum() + (part.sin() * problem.b).sum()
        loss.backward()
        optimizer.step()
        return loss

    return Training(step, optimizer, block)
