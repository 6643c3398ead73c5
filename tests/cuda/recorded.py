"""The traces of steps, recorded on the CPU by eager execution, and compiled for nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

from microgrest.kernels.steps.plan.lower import lower
from microgrest.kernels.steps.plan.plan import Plan
from microgrest.kernels.steps.plan.schedule import plan
from microgrest.kernels.steps.proof import order
from microgrest.kernels.steps.proof.tokens import flow
from microgrest.kernels.steps.trace import Native, Trace

import microgrest as mg
from microgrest.compiler.call.step import Step

sys.path.insert(0, str(Path(__file__).parents[1] / "compiler"))


def trace_of(make: Callable[[], Any]) -> Trace:
    """What the step of `make()` does."""
    found: list[Trace] = []

    def build(trace: Trace) -> Native:
        found.append(deepcopy(trace))
        return Native()

    step = Step(make()[0], build=build)
    step()
    step()
    return found[-1]


def planned(trace: Trace) -> Plan:
    """The plan of a copy of a trace, which lowering adds to; it is proved."""
    trace = deepcopy(trace)
    found = plan(trace, *lower(trace))
    order.check(found)
    flow.check(found)
    return found


def cubic(n: int) -> Callable[[], Any]:
    """A cubic polynomial fitted to n points."""

    def make() -> Any:
        x = mg.linspace(-3.0, 3.0, n)
        y = mg.sin(x)
        weights = [mg.tensor(v, requires_grad=True) for v in (0.1, -0.2, 0.3, -0.4)]
        rule = mg.optim.SGD(weights, lr=1e-6)

        def step() -> Any:
            rule.zero_grad()
            a, b, c, d = weights
            loss = (a + b * x + c * x**2 + d * x**3 - y).pow(2).sum()
            loss.backward()
            rule.step()
            return loss

        return step, weights

    return make


def mlp(rows: int, width: int) -> Callable[[], Any]:
    """Two layers, trained by Adam on one batch."""

    def make() -> Any:
        mg.manual_seed(0)
        x, y = mg.randn(rows, width), mg.randn(rows, 1)
        nn = mg.nn
        model = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1))
        rule = mg.optim.Adam(model.parameters(), lr=1e-3)

        def step() -> Any:
            rule.zero_grad()
            loss = nn.functional.mse_loss(model(x), y)
            loss.backward()
            rule.step()
            return loss

        return step, list(model.parameters())

    return make
