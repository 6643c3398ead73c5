"""`verify=k`: every k-th call runs eagerly, too; results that differ raise, all else goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from bits import linear_in_parts as linear_in_parts
from interpreter import build

import microgrest as mg
from microgrest.compiler.call.step import Step


def compiled(fn: Callable[..., Any], every: int = 1) -> Step:
    """`fn` over the interpreter of traces, verified."""
    return Step(fn, verify=every, build=build)


class Training:
    """A step with all that has state: an optimizer, a scheduler, random numbers, a buffer."""

    def __init__(self) -> None:
        mg.manual_seed(0)
        self.model = mg.nn.Sequential(mg.nn.Linear(3, 4), mg.nn.Dropout(0.5), mg.nn.Linear(4, 1))
        self.optimizer = mg.optim.Adam(self.model.parameters(), lr=0.05, weight_decay=0.01)
        self.scheduler = mg.optim.lr_scheduler.StepLR(self.optimizer, 2, 0.5)
        self.mean = mg.zeros(())

    def step(self, x: Any) -> Any:
        self.optimizer.zero_grad()
        loss = (self.model(x) + 0.1 * mg.rand(5, 1)).square().mean()
        loss.backward()
        self.optimizer.step()
        self.scheduler.step()
        with mg.no_grad():
            self.mean.mul_(0.9).add_(loss)
        return {"loss": loss}

    def state(self) -> list[Any]:
        parameters = [p.detach().numpy().copy() for p in self.model.parameters()]
        gradients = [p.grad.numpy().copy() for p in self.model.parameters()]
        places = [mg.random.default_generator._offset, self.optimizer.param_groups[0]["lr"]]
        counts = [state["step"] for state in self.optimizer.state.values()]
        return [*parameters, *gradients, *places, *counts, self.mean.item()]


@pytest.mark.parametrize("every", [1, 3])
def test_verified_calls_go_on_as_others_do(every: int) -> None:
    x = mg.linspace(-1, 1, 15).reshape(5, 3)
    states = []
    for kind in ("eager", "verified"):
        plain = Training()
        step: Any = plain.step if kind == "eager" else compiled(plain.step, every)
        losses = [step(x)["loss"].item() for _ in range(12)]
        states.append([losses, *plain.state()])
    for eager, verified in zip(*states, strict=True):
        np.testing.assert_array_equal(eager, verified)


def test_returned_tensors_are_those_of_the_compiled_step() -> None:
    total = mg.zeros(3)

    def step() -> Any:
        total.add_(1)
        return total, total * 2

    checked = compiled(step)
    results = [checked() for _ in range(5)]
    assert all(r[0] is total for r in results)
    assert [r[1][0].item() for r in results] == [2, 4, 6, 8, 10]


class Frozen:
    """Deeper code that reads a number which nothing guards."""

    rate = 1.0


def deeper(x: Any) -> Any:
    return x * Frozen.rate


@pytest.mark.parametrize("every", [1, 2])
def test_what_is_frozen_is_found_out(every: int) -> None:
    total = mg.zeros(3)

    def step() -> Any:
        total.add_(deeper(mg.ones(3)))
        return total.sum()

    Frozen.rate = 1.0
    checked = compiled(step, every)
    for _ in range(2 + 2 * every):
        checked()
    Frozen.rate = 2.0
    for _ in range(every - 1):
        checked()
    with pytest.raises(RuntimeError, match=r"step: the result is not what eager.*difference is 3"):
        checked()
    assert total.tolist() == [2 + 2 * every + (every - 1) + 2.0] * 3


def test_the_tensor_that_differs_is_named() -> None:
    a, b = mg.ones(3, requires_grad=True), mg.zeros(3)

    def in_gradient() -> Any:
        a.grad = None
        deeper(a).sum().backward()
        return mg.ones(3)

    def in_writing() -> Any:
        b.copy_(deeper(mg.ones(3)))
        return mg.ones(3)

    for step, name in ((in_gradient, "a.grad"), (in_writing, "b")):
        Frozen.rate = 1.0
        checked = compiled(step)
        for _ in range(4):
            checked()
        Frozen.rate = 1.5
        with pytest.raises(RuntimeError, match=f"{name} is not what eager execution gives"):
            checked()


def test_repeated_steps_are_verified() -> None:
    total = mg.zeros(3)

    def step() -> Any:
        total.add_(deeper(mg.ones(3)))
        return total.sum()

    Frozen.rate = 1.0
    checked = compiled(step, 3)

    def change(k: int, result: Any) -> None:
        Frozen.rate = 2.0

    with pytest.raises(RuntimeError, match="the result is not what eager"):
        checked.repeat(20, callback=change, every=7)
    assert total.tolist() == [7 + 2.0] * 3


def test_rounding_is_no_difference() -> None:
    from microgrest.compiler.tell.verification import _difference

    x = np.linspace(0, 1, 5, dtype=np.float32)
    assert _difference(x * np.float32(1 + 1e-5), x) == ""
    assert "largest difference is 0.001" in _difference(x * np.float32(1.001), x)
    assert _difference(x.astype(np.float64) * (1 + 1e-8), x.astype(np.float64)) != ""
    assert _difference(np.array([np.nan, np.inf]), np.array([np.nan, np.inf])) == ""
    assert _difference(np.array([1.0, np.nan]), np.array([1.0, 2.0])) != ""
    assert _difference(np.array([1]), np.array([2])) != ""
    assert "eagerly float32" in _difference(x.astype(np.float64), x)
    assert "it is None, eagerly a tensor" in _difference(None, x)
    assert _difference(0.1, 0.2) == "it is 0.1, eagerly 0.2"


def test_options() -> None:
    from microgrest.compiler.call.step import compile

    for wrong in (-1, 1.5, True):
        with pytest.raises(ValueError, match="verify must be a number of calls"):
            compile(deeper, verify=wrong)
