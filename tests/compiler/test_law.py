"""The law of guards: the quick look, `hold()`, sees all that `why()` can see.

Every kind of thing that a recording rests on is changed once (`noticed`). Both are asked, twice,
because a look that sees a change must not take it for what was there; and the compiled step does
what eager execution does, called or repeated. Then every kind of row, of which a quick look
consists, has a change that no other row notices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import noticed_attributes  # noqa: F401
import noticed_memory  # noqa: F401
import noticed_ways  # noqa: F401
import numpy as np
import pytest
from interpreter import build
from noticed import CASES, X, item, put, space, two
from noticed_code import networks

import microgrest as mg
from microgrest import nn, optim
from microgrest.compiler.call.step import Step
from microgrest.compiler.guards.guards import Guards
from microgrest.compiler.guards.quick_look import SeenPlaces, SeenTensors
from microgrest.recording import world


def result(call: Callable[..., Any], *args: Any) -> list[Any]:
    """What a call returns, as numbers."""
    numbers: list[Any] = np.ravel(call(*args).detach().numpy()).tolist()
    return numbers


@pytest.mark.parametrize("name", CASES)
def test_the_quick_look_sees_what_why_sees(name: str) -> None:
    fn, change, args = CASES[name]()
    fn(*args)  # gradients come into being
    guards = Guards.of(fn, args, {})
    assert guards.hold(args, {}) and guards.hold(args, {})
    assert guards.why(args, {}) == ""
    change()
    assert not guards.hold(args, {})
    assert guards.why(args, {}) != ""
    assert not guards.hold(args, {})


@pytest.mark.parametrize("repeated", [False, True], ids=["called", "repeated"])
@pytest.mark.parametrize("name", CASES)
def test_a_step_notices(name: str, repeated: bool) -> None:
    eager, change, args = CASES[name]()
    expected = [result(eager, *args) for _ in range(4)]
    change()
    expected += [result(eager, *args) for _ in range(4)]

    fn, change, args = CASES[name]()
    step = Step(fn, build=build)
    found = [result(step, *args) for _ in range(4)]
    change()
    guards = step.recordings[0].guards
    assert not guards.hold(args, {}) and not guards.hold(args, {})
    assert guards.why(args, {}) != ""
    found += [result(step, *args)]
    if repeated:
        step.repeat(2, *args)
        del expected[5:7]
    found += [result(step, *args) for _ in range(len(expected) - len(found))]
    assert found == expected


# Each row by itself


class Number:
    """An object with a number."""

    k = 2.0


def _group(**options: Any) -> tuple[Callable[[], Any], Any]:
    rule = optim.SGD([mg.ones(1, requires_grad=True)], lr=0.1, **options)
    return (lambda: rule.step()), rule.param_groups[0]


def _slot() -> Any:
    class Slotted:
        __slots__ = ("k",)

    c = Slotted()
    return (lambda: getattr(c, "k", 1.0)), put(c, k=2.0)


def _cell() -> Any:
    k = 2.0

    def change() -> None:
        nonlocal k
        k = 3.0

    return (lambda: k), change


def _input() -> Any:
    fn, group = _group(momentum=0.9)
    return fn, item(group, "momentum", 0.0)


def _function() -> Any:
    def helper() -> float:
        return 2.0

    return (lambda: helper()), put(helper, __code__=(lambda: 3.0).__code__)


def _absent() -> Any:
    scope: dict[str, Any] = {}
    return eval("lambda: max(1, 2)", scope), item(scope, "max", min)


def _held(value: Any, change: Callable[[Any], Any]) -> Callable[[], Any]:
    return lambda: ((lambda: value), lambda: change(value))


ROWS: dict[str, Callable[[], Any]] = {
    "entries": lambda: (lambda d: ((lambda: d[0]), item(d, 0, 3.0)))([2.0]),
    "attributes": lambda: (lambda c: ((lambda: c.k), put(c, k=3.0)))(space(k=2.0)),
    "missing": _slot,
    "absent": _absent,
    "cells": _cell,
    "functions": _function,
    "sizes": lambda: (lambda d: ((lambda: d), lambda: d.append(1.0)))([2.0]),
    "orders": lambda: (lambda d: ((lambda: d), item(d, "k", 1.0)))({}),
    "sets": lambda: (lambda d: ((lambda: d), lambda: d.add(1.0)))({2.0}),
    "arrays": lambda: (lambda a: ((lambda: a), lambda: a.fill(1.0)))(np.zeros(2)),
    "inputs": _input,
}


@pytest.mark.parametrize("kind", ROWS)
def test_a_change_that_one_row_alone_notices(kind: str) -> None:
    fn, change = ROWS[kind]()
    whole, blind = Guards.of(fn, (), {}), Guards.of(fn, (), {})
    for rows in (blind.seen.always, blind.seen.steady):
        getattr(rows, kind).clear()
    assert whole.hold((), {}) and blind.hold((), {})
    change()
    assert blind.hold((), {})
    assert not whole.hold((), {})
    assert whole.why((), {}) != ""


def test_every_kind_of_row_is_there() -> None:
    kinds = {name for name, value in vars(SeenPlaces(())).items() if isinstance(value, list)}
    assert kinds == set(ROWS)


def _leaf(**made: Any) -> Any:
    w = mg.ones(2, **made)
    if made:
        w.grad = mg.ones(2)
    return w


TENSORS: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "data": (_leaf, lambda w: w.requires_grad_()),
    "fresh": (lambda: mg.ones(2, requires_grad=True), lambda w: put(w, grad=mg.ones(2))()),
    "grown": (lambda: _leaf(requires_grad=True), lambda w: w.requires_grad_(False)),
    "others": (lambda: mg.ones(2, requires_grad=True) * 1, lambda w: w.detach_()),
    "grads": (lambda: _leaf(requires_grad=True), lambda w: put(w.grad, data=w.data)()),
}


@pytest.mark.parametrize("kind", TENSORS)
def test_a_change_of_a_tensor_that_one_row_alone_notices(kind: str) -> None:
    make, change = TENSORS[kind]
    w = make()
    whole, blind = Guards.of(lambda: w, (), {}), Guards.of(lambda: w, (), {})
    getattr(blind.seen.watched, kind).clear()
    assert whole.hold((), {}) and blind.hold((), {})
    change(w)
    assert blind.hold((), {})
    assert not whole.hold((), {}) and not whole.hold((), {})
    assert whole.why((), {}) != ""


def test_every_kind_of_tensor_is_there() -> None:
    assert set(vars(SeenTensors(()))) == set(TENSORS)


@contextmanager
def float64() -> Iterator[None]:
    """Another default dtype."""
    mg.set_default_dtype(mg.float64)
    try:
        yield
    finally:
        mg.set_default_dtype(mg.float32)


@pytest.mark.parametrize("mode", [mg.no_grad, mg.inference_mode, float64, lambda: mg.device("cpu")])
def test_modes(mode: Any) -> None:
    guards = Guards.of(lambda: X, (), {})
    assert guards.hold((), {})
    with mode():
        assert not guards.hold((), {}) and guards.why((), {}) != ""
    assert guards.hold((), {}) and guards.why((), {}) == ""


# What is no change


@pytest.mark.parametrize(
    "change",
    [
        lambda model, v, w: put(v, data=w.data.clone())(),
        lambda model, v, w: put(v, grad=mg.zeros(1))(),
        lambda model, v, w: model.eval().train(),
        lambda model, v, w: v.requires_grad_(False).requires_grad_(),
        lambda model, v, w: [put(model, kept=7)(), delattr(model, "kept")],
        lambda model, v, w: [delattr(model, "n"), put(model, n=1)()],
        lambda model, v, w: put(w, note=3)(),
        lambda model, v, w: put(fn_of(v), note=3)(),
    ],
)
def test_what_is_no_change(change: Callable[..., Any]) -> None:
    (v, w), model = two(wanted=True), nn.Sequential(nn.Tanh())
    model.n, model.m = 1, 2
    v.grad = mg.zeros(1)

    def fn() -> Any:
        return model(v * w)

    guards = Guards.of(fn, (), {})
    assert guards.hold((), {})
    change(model, v, w)
    assert guards.why((), {}) == ""
    assert guards.hold((), {})


def fn_of(v: Any) -> Callable[[], Any]:
    """A function that nobody holds."""
    return lambda: v


def test_a_look_again_that_fails_is_not_remembered() -> None:
    v, w = two()
    guards = Guards.of(lambda: (v, w), (), {})
    kept = v.data
    for _ in range(3):
        v.data = w.data
        assert [guards.hold((), {}) for _ in range(3)] == [False] * 3
        v.data = kept
        assert guards.hold((), {})


def test_classes_of_modules_count() -> None:
    """A module's class is a steady row: its setter counts."""
    cls, other = networks()
    model, version = cls(), world.version
    model.__class__ = other
    assert world.version > version
