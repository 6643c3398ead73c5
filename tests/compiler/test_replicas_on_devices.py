"""Replicas where the tensors are: on a GPU a block each, bit for bit what each would be alone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from microgrest.kernels.steps.cuda import choice

import microgrest as mg
from microgrest import nn, optim

pytestmark = pytest.mark.devices
N, STEPS = 3, 2


def training() -> SimpleNamespace:
    """One layer with dropout, a count, and momentum, over shared data."""
    mg.manual_seed(3)
    net = nn.Sequential(nn.Linear(2, 1), nn.Dropout(0.25))
    calls, x = mg.zeros(1), mg.randn(3, 2)
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)

    @mg.compile
    def step(y: Any) -> Any:
        optimizer.zero_grad()
        loss = (net(x)[:, 0] - y).square().mean()
        loss.backward()
        optimizer.step()
        with mg.no_grad():
            calls.add_(1)
        return loss

    return SimpleNamespace(net=net, x=x, calls=calls, optimizer=optimizer, step=step)


def numpy(t: Any) -> Any:
    return t.detach().cpu().numpy().copy()


def values(made: SimpleNamespace) -> list[Any]:
    """All that a step changes."""
    tensors = [*made.net.parameters(), *(p.grad for p in made.net.parameters()), made.calls]
    momenta = [made.optimizer.state[p]["momentum_buffer"] for p in made.net.parameters()]
    return [numpy(t) for t in (*tensors, *momenta)]


def test_each_is_as_it_is_alone() -> None:
    """Own starts, rates, streams, and own data; shared data that change between two calls."""
    y = mg.randn(N, 3)
    starts, rates = np.random.default_rng(0).normal(size=(N, 1, 2)), [0.1, 0.05, 0.2]
    made = training()
    made.step(y[0])
    made.step(y[0])  # momenta have come to be
    begun = values(made)
    weight = made.net[0].weight
    many = made.step.replicas(
        N, {weight: starts.astype(np.float32), "lr": rates}, y, in_dims=0, seed=7
    )
    assert all(np.array_equal(a, b) for a, b in zip(values(made), begun, strict=True))
    _, history = many.repeat(STEPS, history=1)
    before = numpy(made.x)
    made.x.mul_(2)
    losses = many.repeat(1)
    for i in (0, 2):
        alone = training()
        alone.step(y[0])
        alone.step(y[0])
        with mg.no_grad():
            alone.net[0].weight.copy_(mg.tensor(starts[i].astype(np.float32)))
        alone.optimizer.param_groups[0]["lr"] = rates[i]
        alone.x.copy_(mg.tensor(before))
        mg.manual_seed(7 + i)
        _, wanted = alone.step.repeat(STEPS, y[i], history=1)
        np.testing.assert_array_equal(history[i], np.asarray(wanted))
        alone.x.mul_(2)
        np.testing.assert_array_equal(losses[i], numpy(alone.step(y[i])))
        np.testing.assert_array_equal(many[weight][i], numpy(alone.net[0].weight))
        loss = many.load(i)
        np.testing.assert_array_equal(numpy(loss), losses[i])
        for got, want in zip(values(made), values(alone), strict=True):
            np.testing.assert_array_equal(got, want)


def test_starts_by_a_function_and_one_that_diverges() -> None:
    """A replica that comes to infinity ends, and no other does."""
    weight, x = mg.ones(2, requires_grad=True), mg.tensor([1.0, 2.0])
    optimizer = optim.SGD([weight], lr=0.1)

    @mg.compile
    def step() -> Any:
        optimizer.zero_grad()
        loss = (weight * x - 1).square().sum()
        loss.backward()
        optimizer.step()
        return loss

    def init(i: int) -> None:
        with mg.no_grad():
            weight.fill_(float(i))
        optimizer.param_groups[0]["lr"] = 1e30 if i == 1 else 0.05

    many = step.replicas(N, init)
    many.repeat(9)
    assert [*many.errors] == [1] and isinstance(many.errors[1], FloatingPointError)
    assert many.done[[0, 2]].tolist() == [9, 9] and many.done[1] < 9
    assert many.best() in (0, 2)
    np.testing.assert_allclose(many[weight][[0, 2]], [[1, 0.5]] * 2, atol=0.5)
    assert numpy(weight).tolist() == [1, 1]


def test_a_position_out_of_range() -> None:
    table = mg.zeros(4, 2, requires_grad=True)
    optimizer = optim.SGD([table], lr=0.5)

    @mg.compile
    def step(where: Any) -> Any:
        optimizer.zero_grad()
        loss = (nn.functional.embedding(where, table) - 1).square().sum()
        loss.backward()
        optimizer.step()
        return loss

    where = mg.tensor([[0, 1], [2, 9], [3, 3]])
    step(where[0])
    step(where[0])
    many = step.replicas(N, None, where, in_dims=0)
    many.repeat(2)
    assert [*many.errors] == [1] and isinstance(many.errors[1], IndexError)
    assert many.done.tolist() == [2, 0, 2]


def test_a_step_of_many_kernels_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "LARGEST", 1)
    weight = mg.zeros(2, requires_grad=True)
    if weight.device.type == "cpu":
        pytest.skip("needs a GPU, or the simulator of one")
    optimizer = optim.SGD([weight], lr=0.1)

    @mg.compile
    def step() -> Any:
        optimizer.zero_grad()
        loss = weight.sum()
        loss.backward()
        optimizer.step()
        return loss

    with pytest.raises(NotImplementedError, match="replicas on a GPU are a block each"):
        step.replicas(N)
