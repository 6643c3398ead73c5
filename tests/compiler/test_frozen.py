"""What the page lists as frozen is, and `verify` finds it."""

from __future__ import annotations

import builtins
import random
import types
from collections.abc import Callable
from typing import Any

import pytest
from interpreter import build
from noticed import X, put, space

import microgrest as mg
from microgrest import nn
from microgrest.compiler.call.step import Step

Case = tuple[Callable[[], Any], Callable[[], Any]]
NUMBERS = {"k": 2.0}
CHANCE = random.Random(0)


def scaled(x: Any) -> Any:
    """x by another function's global."""
    return x * NUMBERS["k"]


def _global_of_another() -> Case:
    NUMBERS["k"] = 2.0
    return (lambda: scaled(X)), lambda: NUMBERS.update(k=3.0)


def _name_that_is_made() -> Case:
    c, part = space(ab=2.0), "b"
    return (lambda: X * getattr(c, "a" + part)), put(c, ab=3.0)


def _whole_python_module() -> Case:
    settings: Any = types.ModuleType("settings")
    settings.k = 2.0

    def fn() -> Any:
        return X * sum(v for v in vars(settings).values() if isinstance(v, float))

    return fn, put(settings, k=3.0)


def _random_number() -> Case:
    CHANCE.seed(0)
    return (lambda: X * CHANCE.random()), lambda: None


def _text() -> Case:
    class C:
        def __init__(self) -> None:
            self.k = 2.0

        def __str__(self) -> str:
            return str(self.k)

    c = C()
    return (lambda: X * float(str(c))), put(c, k=3.0)


def _module_of_ours() -> Case:
    model = nn.LeakyReLU(0.5)
    return (lambda: model(-X)), lambda: vars(model).update(negative_slope=0.25)


def _class_of_a_tensor() -> Case:
    class Own(mg.Tensor):
        def relu(self) -> Any:
            return self * 3

    w = mg.ones(3)
    return (lambda: w.relu()), put(w, __class__=Own)


def _method_in_front() -> Case:
    class Base:
        def f(self) -> float:
            return 2.0

    class Derived(Base):
        pass

    c = Derived()
    return (lambda: X * c.f()), put(Derived, f=lambda self: 3.0)


def _builtin() -> Case:
    vars(builtins)["mg_two"] = lambda: 2.0
    fn = eval("lambda: X * mg_two()", {"X": X})
    return fn, lambda: vars(builtins).update(mg_two=lambda: 3.0)


CASES = {
    make.__name__[1:]: make
    for make in (
        *(_global_of_another, _name_that_is_made, _whole_python_module, _random_number, _text),
        *(_module_of_ours, _class_of_a_tensor, _method_in_front, _builtin),
    )
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_frozen(name: str) -> None:
    fn, change = CASES[name]()
    step = Step(fn, build=build)
    for _ in range(2):
        step()
    before = step().tolist()
    change()
    assert step().tolist() == before
    assert len(step.recordings) == 1


@pytest.mark.parametrize("name", CASES)
def test_verify_finds_it(name: str) -> None:
    fn, change = CASES[name]()
    step = Step(fn, verify=1, build=build)
    with pytest.raises(RuntimeError, match="is not what eager execution gives"):
        for _ in range(4):
            step()
        change()
        step()


def test_an_iterator_gives_one_element_for_good() -> None:
    it = iter([2.0, 3.0, 4.0, 5.0])
    step = Step(lambda: X * next(it), build=build)
    assert [step()[0].item() for _ in range(6)] == [2.0, 3.0, 3.0, 3.0, 3.0, 3.0]
