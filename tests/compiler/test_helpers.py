"""Functions that a step calls: the tensors, modules and optimizers that only they name."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgrest as mg
from microgrest.compiler.guards.guards import Guards


class Trainer:
    """A model and how it is trained, by a method of its own or by a function."""

    def __init__(self) -> None:
        mg.manual_seed(0)
        self.model = mg.nn.Sequential(mg.nn.Linear(2, 3), mg.nn.Dropout(0.5), mg.nn.Linear(3, 1))
        self.optimizer = mg.optim.Adam(self.model.parameters(), lr=0.05)
        self.x = mg.linspace(-1, 1, 8).reshape(4, 2)

    def train(self) -> Any:
        self.optimizer.zero_grad()
        loss = (self.model(self.x) - 1).square().mean()
        loss.backward()
        self.optimizer.step()
        return loss

    def function(self) -> Callable[[], Any]:
        return lambda: self.train()

    def weights(self) -> Any:
        return np.concatenate([p.detach().numpy().reshape(-1) for p in self.model.parameters()])


WAYS: dict[str, Callable[[Trainer], Callable[[], Any]]] = {
    "method": lambda trainer: trainer.train,
    "function": lambda trainer: trainer.function(),
    "partial": lambda trainer: functools.partial(Trainer.train, trainer),
    "no_grad off": lambda trainer: mg.enable_grad()(trainer.function()),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_step_that_only_calls_another_function(way: str) -> None:
    eager, ours = Trainer(), Trainer()
    mg.manual_seed(1)
    losses = [eager.train().item() for _ in range(8)]
    train = WAYS[way](ours)
    step = mg.compile(lambda: train())
    mg.manual_seed(1)
    assert [step().item() for _ in range(8)] == pytest.approx(losses, rel=1e-5)
    np.testing.assert_allclose(ours.weights(), eager.weights(), rtol=1e-5)
    assert len(step.recordings) == 1
    first = ours.model[0].weight
    assert first.grad is not None and ours.optimizer.state[first]["step"] == 8


@pytest.mark.parametrize("way", WAYS)
def test_changes_of_what_it_uses_are_seen(way: str) -> None:
    trainer = Trainer()
    train = WAYS[way](trainer)
    guards = Guards.of(lambda: train(), (), {})
    assert guards.hold((), {})
    trainer.model.eval()
    assert "training" in guards.why((), {}) and not guards.hold((), {})
    trainer.model.train()
    assert guards.hold((), {})
    trainer.model[0].weight = mg.nn.Parameter(mg.ones(3, 2))
    assert "weight is another object" in guards.why((), {})


def test_another_function_and_plain_values() -> None:
    k, inner = 2, [mg.ones(2)]

    def scaled(x: Any) -> Any:
        return x * k + inner[0]

    helpers: list[Any] = [scaled]
    helpers.append(helpers)  # which ends somewhere
    guards = Guards.of(lambda x: helpers[0](x), (mg.ones(2),), {})
    k = 3  # a plain value of other code: frozen
    assert guards.hold((mg.ones(2),), {})
    inner[0] = mg.zeros(2)
    assert not guards.hold((mg.ones(2),), {})
    helpers[0] = abs
    assert "helpers[0] is another object" in guards.why((mg.ones(2),), {})


def test_functions_of_libraries_are_not_followed() -> None:
    compute, wrap = mg.nn.functional.softplus, functools.wraps
    lines = Guards.of(lambda x: (compute(x), wrap), (mg.ones(2),), {}).describe()
    found = [line.partition(":")[0] for line in lines]
    parts = [f"<lambda>.{part}" for part in ("__code__", "__defaults__", "__kwdefaults__")]
    own = ["argument x", "compute", "wrap", *parts]
    assert sorted(found[:-4]) == sorted(own)  # the last four are modes
