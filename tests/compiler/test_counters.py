"""Plain values that a step changes and finds again: counters, flags, what containers hold."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from changed import Buffers, Make, agree, row, same
from trainings import flat

import microgrest as mg
from microgrest import optim


class Counting:
    def __init__(self) -> None:
        self.i, self.first, self.kept = 0, True, {"n": 0}


def nonlocal_pointer() -> tuple[Callable[..., Any], Any]:
    kept, at = mg.zeros(4, 2), 0

    def fn(x: Any) -> Any:
        nonlocal at
        kept[at] = x
        at = (at + 1) % 4
        return kept.sum()

    return fn, lambda: [kept, at]


def accumulation() -> tuple[Callable[..., Any], Any]:
    w, s = mg.tensor([1.0, 2.0], requires_grad=True), Counting()
    rule = optim.SGD([w], lr=0.01, momentum=0.9)

    def fn(x: Any) -> Any:
        loss = (w * w * x).sum()
        loss.backward()
        s.i = (s.i + 1) % 4
        if s.i == 0:
            rule.step()
            rule.zero_grad()
        return loss

    return fn, lambda: [w, rule, s.i]


def turns() -> tuple[Callable[..., Any], Any]:
    w, n = mg.ones(2), 0

    def fn(x: Any) -> Any:
        nonlocal n
        n = (n + 1) % 3
        if n == 0:
            w.mul_(2)
        return w.sum()

    return fn, lambda: [w, n]


def toggle() -> tuple[Callable[..., Any], Any]:
    places = mg.zeros(2, 2)
    p = [1]

    def fn(x: Any) -> Any:
        p[0] = 1 - p[0]
        places[p[0]] += x
        return places * 1

    return fn, lambda: [places, p]


def rotation() -> tuple[Callable[..., Any], Any]:
    q, d = [1.0, 2.0, 3.0], deque([1.0, 2.0])

    def fn(x: Any) -> Any:
        q.append(q.pop(0))
        d.rotate(1)
        return x * q[0] * d[0]

    return fn, lambda: [q, list(d)]


def growth() -> tuple[Callable[..., Any], Any]:
    q: list[Any] = []
    names: set[int] = set()

    def fn(x: Any) -> Any:
        q.append((len(q), [2]))
        names.add(len(q))
        if len(q) == 3:
            q.clear()
            names.clear()
        return x * len(q) + len(names)

    return fn, lambda: [q, sorted(names)]


def dicts() -> tuple[Callable[..., Any], Any]:
    s = Counting()

    def fn(x: Any) -> Any:
        s.kept["n"] = (s.kept["n"] + 1) % 2
        if s.kept["n"]:
            s.kept["more"] = 5
        else:
            del s.kept["more"]
        return x * len(s.kept) + s.kept["n"]

    return fn, lambda: s.kept


def tensors_in_turn() -> tuple[Callable[..., Any], Any]:
    a, b, s = mg.zeros(2), mg.ones(2), SimpleNamespace(u=mg.ones(2), v=mg.zeros(2))

    def fn(x: Any) -> Any:
        nonlocal a, b
        a, b = b, a
        s.u, s.v = s.v, s.u
        a.add_(x)
        s.u.mul_(2)
        s.v.sub_(a)
        return a - b + s.u

    return fn, lambda: [a, b, s.u, s.v]


def first_of_an_epoch() -> tuple[Callable[..., Any], Any]:
    s, calls = Counting(), 0

    def fn(x: Any) -> Any:
        if s.first:
            s.first = False
            return x * 10
        return x

    def state() -> Any:
        nonlocal calls
        calls += 1
        before, s.first = s.first, calls % 3 == 0
        return before

    return fn, state


def module_flags() -> tuple[Callable[..., Any], Any]:
    model = Buffers(lambda s, x: x * (1 if s.training else 2))
    model.n = 0

    def fn(x: Any) -> Any:
        y = model(x) + model.n
        model.train(not model.training)
        model.n = (model.n + 1) % 3
        return y

    return fn, lambda: [model.training, model.n]


def frozen_in_turn() -> tuple[Callable[..., Any], Any]:
    p = mg.tensor([1.0, 2.0], requires_grad=True)
    w = mg.tensor([3.0, 4.0], requires_grad=True)

    def fn(x: Any) -> Any:
        p.grad = w.grad = None
        loss = (p * p * w * w * x).sum()
        loss.backward()
        p.requires_grad_(not p.requires_grad)
        return loss

    return fn, lambda: [w, p.requires_grad, p.grad is None]


def numpy_counter() -> tuple[Callable[..., Any], Any]:
    n = np.zeros(2, np.int64)

    def fn(x: Any) -> Any:
        n[1] = (n[1] + 1) % 3
        return x * float(n[1])

    return fn, lambda: [n.tolist()]


def shapes() -> tuple[Callable[..., Any], Any]:
    s = SimpleNamespace(shape=None, kind=mg.Tensor, steps=[])

    def fn(x: Any) -> Any:
        twice = s.shape is None and len(s.steps) < 5
        s.shape = x.shape if twice else None
        s.kind = float if s.kind is int else int
        s.steps = [s.kind.__name__, {"twice": twice}]
        return x * (2.0 if twice else 1.0)

    return fn, lambda: [s.shape is None, s.kind.__name__, s.steps]


def own_class_counter() -> tuple[Callable[..., Any], Any]:
    class Trainer:
        n = 0

        def step(self, x: Any) -> Any:
            self.n = (self.n + 1) % 2
            return x * self.n

    trainer = Trainer()
    return trainer.step, lambda: trainer.n


CHANGES = [
    *(nonlocal_pointer, accumulation, turns, toggle, rotation, growth, dicts, tensors_in_turn),
    *(first_of_an_epoch, module_flags, frozen_in_turn, numpy_counter, shapes),
    own_class_counter,
]


@pytest.mark.parametrize("make", CHANGES)
def test_values_that_a_step_changes(make: Make) -> None:
    calls = 24
    step = agree(make, calls)
    assert len(step.recordings) <= 8


@pytest.mark.parametrize("make", CHANGES)
def test_values_that_repeated_steps_change(make: Make) -> None:
    (eager, one), (fn, two) = make(), make()
    x, steps = row(1), 30
    for _ in range(steps):
        expected = eager(x)
    found = mg.compile(fn).repeat(steps, x)
    np.testing.assert_allclose(found.numpy(), expected.detach().numpy(), 1e-5)
    same(dict(flat("", two())), dict(flat("", one())))


def test_a_global_that_a_step_changes() -> None:
    scope: dict[str, Any] = {}
    exec("n = 0\ndef fn(x):\n    global n\n    n = (n + 1) % 3\n    return x * n", scope)
    step = mg.compile(scope["fn"])
    results = [step(mg.ones(1)).item() for _ in range(12)]
    assert results == [1.0, 2.0, 0.0] * 4
    assert len(step.recordings) == 3


class Thing:
    k = 2.0


def test_new_objects_are_not_served_stale() -> None:
    s = SimpleNamespace(thing=None)

    def fn(x: Any) -> Any:
        made = s.thing is None
        if made:
            s.thing = Thing()
        return x * (3.0 if made else s.thing.k)

    step, x = mg.compile(fn), mg.ones(1)
    for i in range(12):
        if i % 3 == 1:
            s.thing = None
        assert step(x).item() == (3.0 if i % 3 in (0, 1) and (i == 0 or i % 3 == 1) else 2.0)
        assert isinstance(s.thing, Thing)


def test_schedulers_count_by_themselves() -> None:
    w = mg.ones(2, requires_grad=True)
    rule = optim.SGD([w], lr=1.0)
    scheduler = optim.lr_scheduler.StepLR(rule, 2, 0.5)

    def fn(x: Any) -> Any:
        rule.zero_grad()
        (w * x).sum().backward()
        rule.step()
        scheduler.step()

    step = mg.compile(fn)
    for _ in range(8):
        step(mg.ones(2))
    assert scheduler.last_epoch == 8
    assert len(step.recordings) == 1
    assert step.recordings[0].repeats


@pytest.mark.parametrize("make", CHANGES)
def test_verify_knows_what_a_step_changes(make: Make) -> None:
    (eager, one), (fn, two) = make(), make()
    step = mg.compile(fn, verify=1)
    for i in range(14):
        eager(row(i)), step(row(i))
        same(dict(flat("", two())), dict(flat("", one())))


def test_a_nan_after_a_counter_came_back() -> None:
    w, n = mg.ones(2), 0

    def fn(x: Any) -> Any:
        nonlocal n
        n = (n + 1) % 3
        if n == 0:
            w.mul_(1e10)
        return (w * x).sum()

    with pytest.raises(FloatingPointError, match=r"at step 12: the first infinity came from mul"):
        mg.compile(fn).repeat(200, mg.ones(2))
    assert n == 0
