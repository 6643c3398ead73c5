"""What a compiled step notices of the things that its function holds."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import microgrest as torch
from microgrest import nn, optim


def agree(step: Any, fn: Callable[[], Any], change: Callable[[], Any], text: str) -> None:
    """After `change` the step does what eager execution does, and says why it was recorded anew."""
    for _ in range(3):
        before = step()
        assert torch.equal(before, fn())
    change()
    latest = step.recordings[0]
    assert text in latest.guards.why((), {})
    now = step()
    assert torch.equal(now, fn())
    assert not torch.equal(now, before)
    assert step.recordings[0] is not latest
    assert torch.equal(step(), fn())


# Optimizers


def trainings(kind: str) -> tuple[list[Any], list[Any], list[Any], list[Any]]:
    """Twice the same: parameters, optimizers, what steps eagerly, and what steps compiled."""
    parameters = [torch.ones(3, requires_grad=True) for _ in range(2)]
    rules = [getattr(optim, kind)([w], lr=0.1) for w in parameters]

    def training(w: Any, rule: Any) -> Callable[[], Any]:
        def step() -> Any:
            rule.zero_grad()
            (w * w).sum().backward()
            rule.step()
            return w * 1

        return step

    steps = [training(w, rule) for w, rule in zip(parameters, rules, strict=True)]
    return parameters, rules, [steps[0]], [torch.compile(steps[1])]


def _zeros(rule: Any, w: Any) -> None:
    rule.state[w]["exp_avg"] = torch.zeros(3)


def _copied(rule: Any, w: Any) -> None:
    rule.state[w] = copy.deepcopy(rule.state[w])


def _group(rule: Any, w: Any) -> None:
    rule.param_groups[0] = {**rule.param_groups[0], "lr": 0.5}


@pytest.mark.parametrize(
    "change",
    [
        _zeros,
        _copied,
        _group,
        lambda rule, w: rule.state.clear(),
        lambda rule, w: rule.state.pop(w),
        lambda rule, w: rule.state[w].clear(),
        lambda rule, w: rule.state.__setitem__(w, dict(rule.state[w])),
        lambda rule, w: rule.state[w].update(exp_avg_sq=torch.ones(3), step=7),
        lambda rule, w: rule.load_state_dict(rule.state_dict()),
    ],
)
def test_state_of_an_optimizer_that_is_replaced_by_hand(change: Callable[..., Any]) -> None:
    parameters, rules, (eager,), (compiled,) = trainings("Adam")
    for i in range(8):
        assert torch.allclose(eager(), compiled(), rtol=1e-6, atol=0)
        if i == 4:
            assert compiled.recordings
            for rule, w in zip(rules, parameters, strict=True):
                change(rule, w)
    assert torch.allclose(*parameters, rtol=1e-6, atol=0)


@pytest.mark.parametrize("name", ["ASGD", "Adam", "SGD"])
def test_state_begins_anew_with_a_rate_that_is_a_tensor(name: str) -> None:
    found = []
    for compiled in (False, True):
        w = torch.ones(3, requires_grad=True)
        rule = getattr(optim, name)([w], lr=torch.tensor(0.125))

        def step(w: Any = w, rule: Any = rule) -> None:
            rule.zero_grad()
            w.square().sum().backward()
            rule.step()

        run = torch.compile(step) if compiled else step
        for call in range(6):
            if call == 3:
                rule.state.clear()
            run()
        found.append(w.detach())
    assert torch.allclose(*found, rtol=1e-6, atol=0)


def test_looking_puts_nothing_into_an_optimizers_state() -> None:
    _, (_, rule), _, (compiled,) = trainings("Adam")
    for _ in range(4):
        compiled()
    rule.state.clear()
    assert not compiled.recordings[0].guards.hold((), {})
    assert not rule.state


def test_counting_steps_is_no_change() -> None:
    *_, (compiled,) = trainings("Adam")
    for _ in range(8):
        compiled()
    assert len(compiled.recordings) == 1


def test_another_parameter_in_a_group() -> None:
    w, v = (torch.ones(3, requires_grad=True) for _ in range(2))
    rule = optim.SGD([w], lr=0.1)

    def step() -> Any:
        rule.zero_grad()
        (w * v).sum().backward()
        rule.step()

    compiled = torch.compile(step)
    for _ in range(3):
        compiled()
    rule.param_groups[0]["params"][0] = v
    before = w.detach().clone()
    compiled()
    assert torch.equal(w, before)
    assert not torch.equal(v, torch.ones(3))


# NumPy arrays


@pytest.mark.parametrize("size", [3, 40_000])
def test_numpy_arrays_count_by_their_contents(size: int) -> None:
    a = np.arange(size, dtype=np.float64)

    def fn() -> Any:
        return torch.tensor(a) * 2

    def change() -> None:
        a[-1] += 1

    agree(torch.compile(fn), fn, change, "a: contents was")


def test_numpy_arrays_as_arguments() -> None:
    a = np.ones(3, np.float32)
    step = torch.compile(lambda b: torch.tensor(b) * 2)
    for _ in range(3):
        step(a)
    a += 1
    assert step(a).tolist() == [4.0, 4.0, 4.0]


def test_memory_that_is_shared_with_numpy_is_read_and_written_anew() -> None:
    a = np.zeros(3, np.float32)

    def fn() -> Any:
        return torch.from_numpy(a).add_(1) * 2

    step = torch.compile(fn)
    for i in range(1, 5):
        assert step().tolist() == [2.0 * i] * 3
    a[:] = 7
    assert step().tolist() == [16.0] * 3
    assert len(step.recordings) == 1


# Objects


class Slotted:
    __slots__ = ("k",)

    def __init__(self, k: float) -> None:
        self.k = k


@dataclass
class Plain:
    k: float


class Base:
    k = 2.0


class Derived(Base):
    pass


@pytest.mark.parametrize("kind", [Slotted, Plain])
def test_attributes_of_objects(kind: Callable[..., Any]) -> None:
    x, config = torch.ones(3), kind(2.0)

    def fn() -> Any:
        return x * config.k

    agree(torch.compile(fn), fn, lambda: setattr(config, "k", 3.0), "config.k: value was 2.0")


@pytest.mark.parametrize("own", [True, False], ids=["shadowed", "changed"])
@pytest.mark.parametrize("instance", [True, False], ids=["object", "class"])
def test_attributes_that_are_inherited(
    instance: bool, own: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, config = torch.ones(3), Derived() if instance else Derived

    def fn() -> Any:
        return x * config.k  # type: ignore[attr-defined]

    def change() -> None:
        monkeypatch.setattr(Derived if own else Base, "k", 3.0, raising=False)

    agree(torch.compile(fn), fn, change, "config.k: value was 2.0")


class Scaled(nn.Module):
    shift = 1.0

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.config = config

    def forward(self, x: Any) -> Any:
        return self._scaled(x) + self.shift

    def _scaled(self, x: Any) -> Any:
        return x * self.config.k


class ScaledMore(Scaled):
    pass


@pytest.mark.parametrize("kind", [Slotted, Plain, SimpleNamespace])
def test_objects_that_a_forward_uses(kind: Callable[..., Any]) -> None:
    x, config = torch.ones(3), kind(k=2.0)
    model = nn.Sequential(ScaledMore(config))

    def fn() -> Any:
        return model(x)

    agree(torch.compile(fn), fn, lambda: setattr(config, "k", 3.0), "config.k: value was 2.0")


class Shifted(Scaled):
    def forward(self, x: Any) -> Any:
        return x + self.config.j


def test_modules_that_share_an_object() -> None:
    x, config = torch.ones(3), SimpleNamespace(k=2.0, j=1.0)
    model = nn.Sequential(Scaled(config), Shifted(config))

    def fn() -> Any:
        return model(x)

    agree(torch.compile(fn), fn, lambda: setattr(config, "j", 3.0), "config.j: value was 1.0")


def test_class_attributes_of_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    x, model = torch.ones(3), ScaledMore(Plain(2.0))

    def fn() -> Any:
        return model(x)

    def change() -> None:
        monkeypatch.setattr(Scaled, "shift", 3.0)

    agree(torch.compile(fn), fn, change, "model.shift: value was 1.0")


def test_defaults_that_are_replaced() -> None:
    x = torch.ones(3)

    def fn(k: float = 2.0) -> Any:
        return x * k

    agree(torch.compile(fn), fn, lambda: setattr(fn, "__defaults__", (3.0,)), "__defaults__[0]")


def test_sets_and_deques_count_by_contents() -> None:
    x, names, past = torch.ones(3), {"a"}, deque([1.0, 2.0], maxlen=2)

    def fn() -> Any:
        return x * len(names) * sum(past)

    agree(torch.compile(fn), fn, lambda: names.add("b"), "names: members")
    agree(torch.compile(fn), fn, lambda: past.append(5.0), "past[0]: value was 1.0, is 2.0")


def test_a_set_on_a_module() -> None:
    x, model = torch.ones(3), Scaled(Plain(2.0))
    model.names = {"a"}

    def fn() -> Any:
        return model(x) * len(model.names)

    agree(torch.compile(fn), fn, lambda: model.names.add("b"), "model.names: members")


@pytest.mark.parametrize("where", ["module", "tensor"])
def test_what_hooks_hold(where: str) -> None:
    x, model, scale = torch.ones(2, 3), nn.Linear(3, 1, bias=False), 2.0
    if where == "module":
        model.register_forward_hook(lambda module, args, out: out * scale)
    else:
        model.weight.register_hook(lambda g: g * scale)

    def fn() -> Any:
        model.weight.grad = None
        loss = model(x).sum()
        loss.backward()
        return model.weight.grad + loss * 0

    def change() -> None:
        nonlocal scale
        scale = 3.0

    agree(torch.compile(fn), fn, change, "scale: value was 2.0, is 3.0")


class Scaling:
    def __init__(self, k: float) -> None:
        self.k = k

    def __call__(self, module: Any, args: Any, out: Any) -> Any:
        return out * self.k


@pytest.mark.parametrize("bound", [True, False])
def test_what_hooks_that_are_objects_hold(bound: bool) -> None:
    x, model, scaling = torch.ones(2, 3), nn.Linear(3, 1), Scaling(2.0)
    model.register_forward_hook(scaling.__call__ if bound else scaling)

    def fn() -> Any:
        return model(x)

    agree(torch.compile(fn), fn, lambda: setattr(scaling, "k", 3.0), "self.k: value was 2.0")
