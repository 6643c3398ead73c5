"""A compiled step that another one calls is a part of it, and one that is copied another one."""

from __future__ import annotations

import copy
import pickle
import types
from collections.abc import Callable
from typing import Any

import pytest
from interpreter import build

import microgrest as mg
from microgrest import nn
from microgrest.compiler.call.step import Step


def compiled(fn: Callable[..., Any], verify: int = 0) -> Any:
    """`fn` over the interpreter of traces."""
    return Step(fn, verify=verify, build=build)


def plain(fn: Callable[..., Any], verify: int = 0) -> Any:
    return fn


def fitted(kind: Any, verify: int = 0) -> list[float]:
    """Losses of a training whose loss is computed by an inner step."""
    mg.manual_seed(0)
    model = nn.Linear(2, 1)
    optimizer = mg.optim.SGD(model.parameters(), lr=0.1)
    inner = kind(lambda x: model(x).square().mean(), verify)

    def outer(x: Any) -> Any:
        optimizer.zero_grad()
        loss = inner(x)
        loss.backward()
        optimizer.step()
        return loss

    step, x = kind(outer, verify), mg.ones(3, 2)
    return [step(x).item() for _ in range(6)]


@pytest.mark.parametrize("verify", [0, 1])
def test_the_loss_of_a_training(verify: int) -> None:
    assert fitted(compiled, verify) == pytest.approx(fitted(plain), rel=1e-6)


def trained(kind: Any) -> tuple[list[float], Any]:
    """Sums of losses of two trainings in a step that names neither model nor optimizer."""
    mg.manual_seed(0)
    model = nn.Linear(2, 1)
    optimizer = mg.optim.Adam(model.parameters(), lr=0.1)

    def train(x: Any) -> Any:
        optimizer.zero_grad()
        loss = model(x).square().mean()
        loss.backward()
        optimizer.step()
        return loss.detach()

    inner = kind(train)
    step, x = kind(lambda x: inner(x) + inner(x)), mg.ones(3, 2)
    return [step(x).item() for _ in range(6)], step


def test_trainings_in_a_step() -> None:
    found, step = trained(compiled)
    assert found == pytest.approx(trained(plain)[0], rel=1e-6)
    assert len(step.recordings) == 1


def test_a_compiled_module_in_a_training() -> None:
    def losses(kind: Any) -> list[float]:
        mg.manual_seed(0)
        model = kind(nn.Linear(2, 1))
        optimizer = mg.optim.SGD(model.parameters(), lr=0.1)

        def train(x: Any) -> Any:
            optimizer.zero_grad()
            loss = model(x).square().mean()
            loss.backward()
            optimizer.step()
            return loss

        step, x = kind(train), mg.ones(3, 2)
        found = [step(x).item() for _ in range(5)]
        if kind is compiled:
            names = [line.partition(":")[0] for line in step.recordings[0].guards.describe()]
            assert "model.weight" in names
        return found

    assert losses(compiled) == pytest.approx(losses(plain), rel=1e-6)


def test_where_a_nan_of_an_inner_step_comes_from() -> None:
    w = mg.ones(2, requires_grad=True)
    inner = mg.compile(lambda: (w - 2).sqrt().sum())

    @mg.compile
    def outer() -> Any:
        w.grad = None
        inner().backward()
        return w.grad

    with pytest.raises(FloatingPointError, match=r"the first NaN came from sqrt at test_nesting"):
        outer.repeat(5)


def test_an_inner_step_of_a_python_module() -> None:
    k, steps = [2.0], types.ModuleType("steps")
    steps.inner = compiled(lambda x: x * k[0])  # type: ignore[attr-defined]
    outer = compiled(lambda x: steps.inner(x))
    assert [outer(mg.ones(1)).item() for _ in range(3)] == [2.0] * 3
    k[0] = 3.0
    assert outer(mg.ones(1)).item() == 3.0


def test_what_an_inner_step_names_is_guarded() -> None:
    k, flags = [2.0], {"sign": 1}
    inner = compiled(lambda x: x * k[0] * flags["sign"])
    steps = {"step": inner}
    for step in (compiled(lambda x: inner(x) + 1), compiled(lambda x: steps["step"](x) + 1)):
        k[0], flags["sign"] = 2.0, 1
        x = mg.ones(2)
        assert [step(x).tolist() for _ in range(3)] == [[3.0, 3.0]] * 3
        k[0] = 3.0
        assert step(x).tolist() == [4.0, 4.0]
        flags["sign"] = -1
        assert step(x).tolist() == [-2.0, -2.0]
        assert len(step.recordings) == 3


class Trainer:
    """Two compiled methods, of which one calls the other."""

    def __init__(self) -> None:
        self.scale, self.calls = 2.0, 0

    def part(self, x: Any) -> Any:
        return x * self.scale * SIGN["of"]

    def step(self, x: Any) -> Any:
        return self.part(x) + 1


SIGN = {"of": 1}
Trainer.part = compiled(Trainer.part)  # type: ignore[method-assign]
Trainer.step = compiled(Trainer.step)  # type: ignore[method-assign]


def test_a_compiled_method_that_another_one_calls() -> None:
    trainer, x, step = Trainer(), mg.ones(2), Trainer.step
    assert isinstance(step, Step)
    assert [trainer.step(x).tolist() for _ in range(3)] == [[3.0, 3.0]] * 3
    trainer.calls += 1
    trainer.step(x)
    assert len(step.recordings) == 1
    trainer.scale = 3.0
    assert trainer.step(x).tolist() == [4.0, 4.0]
    SIGN["of"] = -1
    assert trainer.step(x).tolist() == [-2.0, -2.0]
    SIGN["of"] = 1


def test_a_function_in_the_place_of_a_compiled_method() -> None:
    trainer, x = Trainer(), mg.ones(2)
    for _ in range(3):
        assert trainer.step(x).tolist() == [3.0, 3.0]
    for k in (4, 5):
        trainer.part = lambda x, k=k: x * k  # type: ignore[method-assign]
        assert trainer.step(x).tolist() == [k + 1.0] * 2


def test_a_compiled_method_by_another_name() -> None:
    trainer = Trainer()
    part = trainer.part
    step = compiled(lambda x: part(x))
    assert [step(mg.ones(2)).tolist() for _ in range(3)] == [[2.0, 2.0]] * 3
    trainer.scale = 3.0
    assert step(mg.ones(2)).tolist() == [3.0, 3.0]


def test_an_inner_step_stays_detached_outside() -> None:
    w = mg.ones(2, requires_grad=True)
    inner = compiled(lambda: w * 2)

    def fails() -> Any:
        inner()
        raise ValueError

    with pytest.raises(ValueError):
        compiled(fails)()
    assert not inner().requires_grad


def test_steps_that_a_module_holds_and_nobody_calls() -> None:
    counts = [0]
    model = nn.Linear(2, 1)
    model.other = compiled(lambda x: x * counts[0])
    step = compiled(lambda x: model(x).sum())
    for _ in range(4):
        step(mg.ones(1, 2))
        counts[0] += 1
    assert len(step.recordings) == 1


# Copies


class Net(nn.Module):
    """A module with a compiled method of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(mg.ones(2))
        self.fast: Any = compiled(self.slow, verify=3)

    def slow(self, x: Any) -> Any:
        return x * self.w


def test_a_copied_module_has_its_own_step() -> None:
    net = Net()
    for _ in range(3):
        net.fast(mg.ones(2))
    twin = copy.deepcopy(net)
    assert twin.fast is not net.fast
    assert twin.fast.fn.__self__ is twin
    assert (twin.fast.recordings, twin.fast.verify) == ([], 3)
    with mg.no_grad():
        twin.w.mul_(5)
    for _ in range(4):
        assert twin.fast(mg.ones(2)).tolist() == [5.0, 5.0]
        assert net.fast(mg.ones(2)).tolist() == [1.0, 1.0]


def test_a_copied_step_is_that_of_the_copied_object() -> None:
    net = Net()
    step = copy.deepcopy(net.fast)
    twin = step.fn.__self__
    assert twin is not net
    assert twin.fast is step


def test_copies_of_functions_and_methods() -> None:
    def fn(x: Any) -> Any:
        return x * 2

    step = compiled(fn)
    step.note = ["kept"]
    for _ in range(3):
        step(mg.ones(2))
    same, deep = copy.copy(step), copy.deepcopy(step)
    assert same.fn is fn and deep.fn is fn
    assert same.recordings == deep.recordings == []
    assert same.note == deep.note == ["kept"]
    assert deep.note is not step.note
    assert [deep(mg.ones(2)).tolist() for _ in range(3)] == [[2.0, 2.0]] * 3

    trainer = Trainer()
    method: Any = trainer.step
    assert copy.copy(method).__self__ is trainer
    held = copy.deepcopy({"trainer": trainer, "method": method})
    assert held["method"].__self__ is held["trainer"] is not trainer
    assert held["method"].__func__ is Trainer.step


def test_steps_are_not_pickled() -> None:
    with pytest.raises(TypeError, match="pickle its function"):
        pickle.dumps(compiled(fitted))
