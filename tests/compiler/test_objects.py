"""What code reads of objects is guarded, in methods that no name leads to as well."""

from __future__ import annotations

import dataclasses
import functools
import types
from collections import UserDict
from collections.abc import Callable
from typing import Any

import pytest
from interpreter import build

import microgrest as mg
from microgrest.compiler.call.step import Step
from microgrest.nn import Module


def check(fn: Callable[..., Any], change: Callable[[], Any], same: Any = None) -> Step:
    """A change is seen, in a new recording, and what is no change is not."""
    x = mg.arange(3.0)
    step = Step(fn, build=build)
    for _ in range(4):
        assert step(x).tolist() == fn(x).tolist()
    before = fn(x).tolist()
    if same is not None:
        same()
        step(x)
    assert len(step.recordings) == 1
    change()
    assert fn(x).tolist() != before
    for _ in range(2):
        assert step(x).tolist() == fn(x).tolist()
    assert len(step.recordings) == 2
    return step


class Scaler:
    """An object whose methods need no name to be called."""

    def __init__(self) -> None:
        self.k, self.n, self.w = 2.0, 2, mg.ones(3)
        self.seen: list[int] = []

    def __call__(self, x: Any) -> Any:
        return x * self.factor() * self.w

    def factor(self) -> float:
        return self.k

    def __getitem__(self, i: int) -> float:
        return self.k + i

    def __mul__(self, x: Any) -> Any:
        return x * self.k

    def __enter__(self) -> Any:
        return self.k

    def __exit__(self, *failed: Any) -> None:
        pass

    def __len__(self) -> int:
        return self.n

    def __bool__(self) -> bool:
        return self.n < 5

    def __float__(self) -> float:
        return self.k

    def __iter__(self) -> Any:
        return iter([self.k, self.n])

    def __getattr__(self, name: str) -> Any:
        if name != "other":
            raise AttributeError(name)
        return self.k

    def __repr__(self) -> str:
        return f"seen {self.seen}"


def entered(o: Any, x: Any) -> Any:
    with o as k:
        return x * k


USES: dict[str, Callable[[Any, Any], Any]] = {
    "call": lambda o, x: o(x),
    "item": lambda o, x: x * o[1],
    "operator": lambda o, x: o * x,
    "with": entered,
    "len": lambda o, x: x * len(o),
    "bool": lambda o, x: x if o else -x,
    "float": lambda o, x: x * float(o),
    "iter": lambda o, x: x * sum(o),
    "getattr": lambda o, x: x * o.other,
}


@pytest.mark.parametrize("use", USES)
def test_special_methods(use: str) -> None:
    o, how = Scaler(), USES[use]

    def change() -> None:
        o.k, o.n = 3.0, 7

    check(lambda x: how(o, x), change, same=lambda: o.seen.append(1))


def test_a_tensor_that_only_a_special_method_reads() -> None:
    o = Scaler()
    check(lambda x: o(x), lambda: setattr(o, "w", mg.ones(3) * 2))


def test_an_object_that_a_module_calls() -> None:
    class Net(Module):
        def __init__(self) -> None:
            super().__init__()
            self.loss = Scaler()

        def forward(self, x: Any) -> Any:
            return self.loss(x)

    net = Net()
    check(lambda x: net(x), lambda: setattr(net.loss, "k", 5.0))


@pytest.mark.parametrize("kind", ["variable", "attribute", "partial"])
def test_bound_methods(kind: str) -> None:
    o = Scaler()
    method: Any = o.__call__
    if kind == "partial":
        method = functools.partial(method)
    held = types.SimpleNamespace(method=method)
    fn = (lambda x: held.method(x)) if kind == "attribute" else (lambda x: method(x))
    check(fn, lambda: setattr(o, "k", 5.0), same=lambda: o.seen.append(1))


def test_a_method_of_the_same_object_by_another_name() -> None:
    class Chosen:
        def __init__(self) -> None:
            self.k, self.how = 2.0, self.scaled

        def scaled(self, x: Any) -> Any:
            return x * self.k

        def step(self, x: Any) -> Any:
            return self.how(x)

    o = Chosen()
    check(o.step, lambda: setattr(o, "k", 3.0))


class Base(Module):
    """A module that reads an object; which attribute of it, only this class says."""

    def __init__(self) -> None:
        super().__init__()
        self.cfg = types.SimpleNamespace(scale=2.0, other=1)

    def forward(self, x: Any) -> Any:
        return x * self.cfg.scale


class Derived(Base):
    def forward(self, x: Any) -> Any:
        return super().forward(x) + 1


def test_methods_of_base_classes() -> None:
    model = Derived()
    check(
        lambda x: model(x),
        lambda: setattr(model.cfg, "scale", 3.0),
        same=lambda: setattr(model.cfg, "other", 2),
    )


class Sums:
    @functools.cached_property
    def kept(self) -> float:
        return 1.0

    @property
    def read(self) -> float:
        return self.k + self.kept

    @staticmethod
    def scaled(o: Any, x: Any) -> Any:
        return x * o.j

    @classmethod
    def again(cls, o: Any, x: Any) -> Any:
        return cls.scaled(o, x) * o.i

    k = j = i = 2.0


@pytest.mark.parametrize("name", ["k", "j", "i"])
def test_properties_and_methods_of_classes(name: str) -> None:
    o = Sums()
    check(lambda x: o.again(o, x) + o.read, lambda: setattr(o, name, 7.0))


def test_fields_of_a_dataclass_that_nobody_reads() -> None:
    @dataclasses.dataclass(order=True)
    class Options:
        scale: float = 1.0
        calls: int = 0

    o = Options()
    check(
        lambda x: x * o.scale,
        lambda: setattr(o, "scale", 2.0),
        same=lambda: setattr(o, "calls", 1),
    )


def test_dicts_of_users() -> None:
    options = UserDict({"k": 2.0})
    check(lambda x: x * options["k"], lambda: options.update(k=3.0))


def test_objects_in_classes_and_python_modules() -> None:
    settings: Any = types.ModuleType("settings")
    settings.options = types.SimpleNamespace(k=2.0)

    class Held:
        options = types.SimpleNamespace(j=2.0)

    def fn(x: Any) -> Any:
        return x * settings.options.k + Held.options.j

    check(fn, lambda: setattr(settings.options, "k", 3.0))
    check(fn, lambda: setattr(Held.options, "j", 3.0))


# Optimizers


class Plain(mg.optim.Optimizer):
    """A rule of the user's, with a number of its own."""

    k = 1.0

    def __init__(self, params: Any) -> None:
        super().__init__(params, {"lr": 0.5})
        self.own = {"k": 2.0}

    def step(self, closure: Any = None) -> None:
        with mg.no_grad():
            for group in self.param_groups:
                for p in group["params"]:
                    p.sub_(group["lr"] * self.own["k"] * self.k * p.grad)


class Rule(mg.optim.Optimizer):
    """The same as a rule."""

    k = 1.0

    def __init__(self, params: Any) -> None:
        super().__init__(params, {"lr": 0.5})
        self.own = {"k": 2.0}

    def _numbers(self, group: Any, step: Any) -> Any:
        return (group["lr"] * self.own["k"],)

    def _update(self, param: Any, grad: Any, state: Any, group: Any, numbers: Any) -> None:
        param.sub_(numbers[0] * self.k * grad)


@pytest.mark.parametrize("kind", [Plain, Rule])
@pytest.mark.parametrize("which", ["own", "k"])
def test_numbers_that_an_optimizer_of_the_users_reads(kind: Any, which: str) -> None:
    w = mg.zeros(2, requires_grad=True)
    optimizer = kind([w])

    def fn() -> Any:
        optimizer.zero_grad()
        w.sum().backward()
        optimizer.step()
        return w.detach().clone()

    step, moved = Step(fn, build=build), []
    for call in range(8):
        if call == 5:
            optimizer.own["k"], optimizer.k = (4.0, 1.0) if which == "own" else (2.0, 2.0)
        moved.append(step()[0].item())
    assert moved == [-1.0, -2.0, -3.0, -4.0, -5.0, -7.0, -9.0, -11.0]
    assert len(step.recordings) == 2


def test_a_count_of_steps_that_code_reads() -> None:
    w = mg.zeros(2, requires_grad=True)
    optimizer = mg.optim.Adam([w], lr=0.1)

    def fn() -> Any:
        optimizer.zero_grad()
        w.sum().backward()
        optimizer.step()
        return w.detach().sum() * 0 + optimizer.state[w]["step"]

    step = Step(fn, build=build)
    assert [step().item() for _ in range(6)] == [1, 2, 3, 4, 5, 6]
