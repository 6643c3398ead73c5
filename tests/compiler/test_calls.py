"""What a call of a compiled step looks at, and what it may skip."""

from __future__ import annotations

import weakref
from collections import OrderedDict, defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from interpreter import build

import microgrest as mg
from microgrest.compiler.call.step import Step


class Walk:
    """A compiled method, of which every object has its own."""

    def __init__(self) -> None:
        self.w = mg.zeros(3)

    def step(self, x: Any) -> Any:
        self.w += x
        return self.w.sum()


Walk.step = Step(Walk.step, build=build)  # type: ignore[assignment, method-assign]


def test_a_compiled_method_knows_its_object() -> None:
    one, two = Walk(), Walk()
    x = mg.ones(3)
    for _ in range(3):
        one.step(x)
    step: Any = two.step
    assert step.repeat(5, x).item() == 15
    assert one.w.tolist() == [3.0] * 3
    assert two.w.tolist() == [5.0] * 3
    assert step.name == "step"
    assert "compiled step" in repr(step)


def test_a_compiled_method_explains_and_exports_its_object(tmp_path: Any) -> None:
    class Own:
        w = mg.zeros(3)

        @mg.compile
        def step(self, x: Any) -> Any:
            self.w += x
            return self.w.sum()

    own: Any = Own()
    for _ in range(3):
        own.step(mg.ones(3))
    assert "step" in str(own.step.explain(mg.ones(3)))
    assert "def run" in own.step.source()
    own.step.export(tmp_path / "own.py", mg.ones(3))
    assert (tmp_path / "own.py").read_text()


def scaled() -> tuple[Step, Any, Any]:
    """A step with a gradient, called until it serves again."""
    w = mg.tensor([1.0, 2.0], requires_grad=True)
    x = mg.tensor([3.0, 4.0])

    def fn(x: Any) -> Any:
        w.grad = None
        loss = (w * x * x).sum()
        loss.backward()
        return loss

    step = Step(fn, build=build)
    for _ in range(5):
        step(x)
    return step, w, x


def test_a_gradient_that_nobody_holds_serves_again() -> None:
    step, w, x = scaled()
    first = id(w.grad)
    x += 1
    step(x)
    assert id(w.grad) == first
    assert w.grad.tolist() == [16.0, 25.0]


@pytest.mark.parametrize(
    "hold",
    [
        lambda g: g,
        lambda g: g.detach(),
        lambda g: g.numpy(),
        lambda g: g[1:],
        lambda g: memoryview(g.numpy()),
    ],
)
def test_a_gradient_that_somebody_holds_keeps_its_values(hold: Any) -> None:
    step, w, x = scaled()
    held = hold(w.grad)
    before = np.array(held if not isinstance(held, mg.Tensor) else held.numpy())
    for _ in range(3):
        x += 1
        step(x)
    np.testing.assert_array_equal(held if not isinstance(held, mg.Tensor) else held.numpy(), before)
    assert w.grad.tolist() == [36.0, 49.0]


def test_two_steps_that_set_the_same_gradient() -> None:
    one, w, x = scaled()

    def fn() -> None:
        w.grad = None
        (w * 2).sum().backward()

    two = Step(fn, build=build)
    for _ in range(4):
        two()
        assert w.grad.tolist() == [2.0, 2.0]
        one(x)
        assert w.grad.tolist() == [9.0, 16.0]
    assert len(one.recordings) == len(two.recordings) == 1


def test_a_gradient_that_eager_code_set_is_replaced() -> None:
    step, w, x = scaled()
    other = mg.tensor([5.0, 5.0])
    w.grad = other
    step(x)
    assert w.grad.tolist() == [9.0, 16.0]
    assert other.tolist() == [5.0, 5.0]


def replace(w: Any, x: Any) -> None:
    w.data = mg.tensor([10.0, 20.0])


def swap(w: Any, x: Any) -> None:
    x.data = mg.tensor([1.0, 1.0])


def write(w: Any, x: Any) -> None:
    with mg.no_grad():
        w.mul_(3)


def hook(w: Any, x: Any) -> None:
    w.register_hook(lambda g: g * 2)


@pytest.mark.parametrize("change", [replace, swap, write, hook])
def test_changes_between_calls_are_seen(change: Any) -> None:
    step, w, x = scaled()
    change(w, x)
    for _ in range(3):
        result, grad = step(x).item(), w.grad.clone()
        w.grad = None
        loss = (w * x * x).sum()
        loss.backward()
        assert result == loss.item()
        assert grad.equal(w.grad)


def test_arguments_that_change_between_calls_are_looked_at() -> None:
    step, w, x = scaled()
    for _ in range(3):
        x.requires_grad_()
        step(x)
        assert x.grad.equal(2 * w.detach() * x.detach())
        x.requires_grad_(False)
        x.grad = None
        step(x)
        assert x.grad is None


def test_an_earlier_argument_is_not_kept() -> None:
    step, _, x = scaled()
    step(x)
    late = mg.ones(2)
    step(late)
    gone = weakref.ref(late)
    del late
    assert gone() is None
    step(mg.ones(2))


# Results of other classes


@dataclass
class Out:
    loss: Any
    parts: Any
    name: str = "out"


@dataclass(frozen=True)
class Frozen:
    loss: Any


@dataclass(frozen=True, slots=True)
class FrozenSlots:
    loss: Any
    size: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.loss is None:
            raise ValueError("a loss has to be a tensor")


class Named(OrderedDict[str, Any]):
    """As results of models often are: entries that are attributes as well."""

    def __getattr__(self, name: str) -> Any:
        if name in self:
            return self[name]
        raise AttributeError(name)


def with_default(loss: Any) -> Any:
    found: Any = defaultdict(list, loss=loss)
    found["many"].append(loss * 2)
    return found


@pytest.mark.parametrize(
    "make",
    [
        lambda loss: Out(loss, {"twice": [loss * 2]}),
        Frozen,
        FrozenSlots,
        lambda loss: [Frozen(Out(loss, ()))],
        lambda loss: OrderedDict(b=loss, a=loss * 2),
        lambda loss: Named(b=loss, a=Frozen(loss * 2)),
        with_default,
    ],
)
def test_results_of_other_classes(make: Any) -> None:
    def fn(x: Any) -> Any:
        return make((x * x).sum())

    step = mg.compile(fn)
    results = [step(mg.ones(2) * i) for i in range(6)]
    for i, result in enumerate(results):
        expected = fn(mg.ones(2) * i)
        assert type(result) is type(expected)
        assert repr(result) == repr(expected)
    assert len({id(result) for result in results}) == 6
    assert len(step.recordings) == 1


def test_results_in_a_dict_with_a_default_have_it() -> None:
    step = mg.compile(lambda x: with_default(x.sum()))
    for _ in range(4):
        result = step(mg.ones(2))
        assert result["nothing"] == []


def test_the_recorded_arguments_are_not_kept() -> None:
    data = mg.arange(1000.0)
    w = mg.ones(10, requires_grad=True)

    def fn(x: Any) -> Any:
        loss = (w * x).sum()
        loss.backward()
        return loss

    step = mg.compile(fn)
    for i in range(5):
        step(data[10 * i : 10 * i + 10])
    memory = weakref.ref(data._storage.array)
    del data
    assert memory() is None
    w.grad = mg.zeros(10)
    assert step(mg.ones(10)).item() == 10


def test_arguments_in_lists_that_were_recorded_are_not_kept() -> None:
    step = mg.compile(lambda xs: xs[0] * xs[1])
    batch = [mg.ones(3), mg.ones(3)]
    gone = [weakref.ref(x) for x in batch]
    for _ in range(3):
        step(batch)
    del batch
    step([mg.ones(3), mg.ones(3)])
    assert [ref() for ref in gone] == [None, None]
