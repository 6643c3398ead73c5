"""Tensors that a step replaces by others, of each other's: buffers, `.data` and gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from changed import Buffers, Make, agree, row
from random_programs import Program
from twins import Outcome, check

import microgrest as mg


def delay(s: Any, x: Any) -> Any:
    y = x - 2 * s.a + s.b
    s.b = s.a
    s.a = x.clone()
    return y


def line(s: Any, x: Any) -> Any:
    s.c, s.b, s.a = s.b, s.a, s.a * 0.5 + x
    return (s.a * s.c).sum()


def swap(s: Any, x: Any) -> Any:
    s.a, s.b = s.b, s.a
    return (s.a * x).sum()


def cycle(s: Any, x: Any) -> Any:
    s.a, s.b, s.c = s.b, s.c, s.a
    return (s.a - s.b * s.c).sum()


def returned(s: Any, x: Any) -> Any:
    old = s.a
    s.a, s.b = s.b + x, s.a
    return old, s.a, s.b, old[1:]


def swapped_and_returned(s: Any, x: Any) -> Any:
    s.a, s.b = s.b, s.a
    s.c = s.a * x
    return s.a, {"b": s.b}, s.c


def part(s: Any, x: Any) -> Any:
    both = mg.stack([s.a + x, s.b])
    s.a, s.b = both[1], both[0]
    return both


def argument(s: Any, x: Any) -> Any:
    y = x - s.a
    s.a = x
    return y


def written_before(s: Any, x: Any) -> Any:
    s.a.add_(x)
    s.a, s.b = s.b, s.a
    s.a.mul_(0.5)
    return s.a.sum()


def data(s: Any, x: Any) -> Any:
    s.a.data, s.b.data = s.b.data, s.a.data + x
    return (s.a * x).sum(), s.a


def data_swapped(s: Any, x: Any) -> Any:
    s.a.data, s.b.data = s.b.data, s.a.data
    return (s.a * x).sum()


def data_cycle(s: Any, x: Any) -> Any:
    s.a.data, s.b.data, s.c.data = s.b.data, s.c.data, s.a.data
    return s.a - x


@pytest.mark.parametrize(
    "change",
    [
        *(delay, line, swap, cycle, returned, swapped_and_returned, part, argument),
        *(written_before, data, data_swapped, data_cycle),
    ],
)
def test_buffers_that_replace_each_other(change: Callable[[Any, Any], Any]) -> None:
    def make() -> tuple[Callable[..., Any], Any]:
        model = Buffers(change)
        return lambda x: model(x), lambda: [model.a, model.b, model.c]

    step = agree(make)
    assert len(step.recordings) == 1


@pytest.mark.parametrize("first", ["a", "b"])
def test_leapfrog_by_repeat(first: str) -> None:
    def leapfrog(s: Any, x: Any) -> Any:
        new = 1.9 * s.a - s.b + 0.01 * x
        if first == "a":
            s.b, s.a = s.a, new
        else:
            s.a, s.b = new, s.a
        return new

    one, two = Buffers(leapfrog), Buffers(leapfrog)
    x = row(3)
    for _ in range(50):
        expected = one(x)
    found = mg.compile(lambda x: two(x)).repeat(50, x)
    assert mg.allclose(found, expected, rtol=1e-3)
    assert mg.allclose(two.a, one.a, rtol=1e-3) and mg.allclose(two.b, one.b, rtol=1e-3)


def test_arguments_that_a_module_keeps_stay_as_they_are() -> None:
    model = Buffers(argument)
    step = mg.compile(lambda x: model(x))
    batches = [row(i) for i in range(1, 6)]
    for x in batches:
        step(x)
    assert [x.tolist() for x in batches] == [row(i).tolist() for i in range(1, 6)]


def test_a_tensor_that_is_also_elsewhere_keeps_its_values() -> None:
    def make() -> tuple[Callable[..., Any], Any]:
        model = Buffers(delay)
        first = model.a

        def fn(x: Any) -> Any:
            return model(x) + first

        return fn, lambda: [model.a, model.b, first]

    agree(make)


def gradients(change: Callable[[Any, Any], Any]) -> Make:
    """A step with the gradients of p and q, which `change` is given to change."""

    def make() -> tuple[Callable[..., Any], Any]:
        p, q = (mg.tensor([i, 2.0], requires_grad=True) for i in (1.0, 3.0))
        for t, v in ((p, 0.1), (q, 0.2)):
            t.grad = mg.tensor([v, v])

        def fn(x: Any) -> Any:
            loss = (p * p * x + q * q).sum()
            loss.backward()
            return change(p, q)

        return fn, lambda: [p, q]

    return make


def gradients_swapped(p: Any, q: Any) -> Any:
    p.grad, q.grad = q.grad, p.grad
    return (p.grad * q.grad).sum()


def gradients_shifted(p: Any, q: Any) -> Any:
    p.grad, q.grad = q.grad, p.grad * 0.5
    return p.grad.sum()


def gradients_replaced(p: Any, q: Any) -> Any:
    p.grad, q.grad = q.grad * 0.5, p.grad * 0.25
    return p.grad.sum()


def gradients_returned(p: Any, q: Any) -> Any:
    old = p.grad
    p.grad = old * 0.5
    return old, q.grad.clone()


@pytest.mark.parametrize(
    "change", [gradients_swapped, gradients_shifted, gradients_replaced, gradients_returned]
)
def test_gradients_that_replace_each_other(change: Callable[[Any, Any], Any]) -> None:
    agree(gradients(change))
    make = gradients(change)
    (eager, one), (fn, two) = make(), make()
    x = row(1)
    for _ in range(20):
        eager(x)
    mg.compile(fn).repeat(20, x)
    for a, b in zip(one(), two(), strict=True):
        np.testing.assert_allclose(b.grad.numpy(), a.grad.numpy(), 1e-5)


def test_buffers_and_gradients_that_replace_each_other() -> None:
    def make() -> tuple[Callable[..., Any], Any]:
        model = Buffers(lambda s, x: None)
        w = mg.tensor([1.0, 2.0], requires_grad=True)

        def fn(x: Any) -> Any:
            model.b = model.a
            model.a = w.grad if w.grad is not None else x * 0
            w.grad = None
            (w * w * x).sum().backward()
            return model.b * 1

        return fn, lambda: [model.a, model.b, w]

    agree(make)


@pytest.mark.parametrize("then", ["w.grad = w.grad.tanh()", "w.grad = None", "w.grad.mul_(0.5)"])
def test_whoever_holds_a_gradient_sees_what_is_added_to_it(then: str) -> None:
    setup = ("w, v = mg.tensor([2.0], requires_grad=True), mg.zeros(1)", "w.grad = mg.ones(1)")
    share = tuple((k, "v.grad = w.grad = mg.ones(1)") for k in range(5))
    program = Program(0, setup, ("(w * w).sum().backward()", then), share, calls=5)
    assert check(program) == Outcome("same")


@pytest.mark.parametrize("read", ["", "old = w.grad * 1.0; "])
@pytest.mark.parametrize("grad", ["w.detach()", "v.detach()", "mg.ones(2, 2)[:, :1]", "both[1:]"])
def test_gradients_in_memory_of_others_or_apart(grad: str, read: str) -> None:
    """A gradient that was put there by hand lies in a tensor that the step reads, or has gaps."""
    setup = (
        "w, v = mg.tensor([[0.5], [2.0]], requires_grad=True), mg.ones(2, 1)",
        "both = mg.ones(3, 1)",
        f"w.grad = {grad}",
    )
    body = (f"{read}w.grad = None", "loss = (w * w * 3.0 + v + both[:2]).sum()", "loss.backward()")
    program = Program(0, setup, body, tuple((k, f"w.grad = {grad}") for k in range(5)), calls=5)
    assert check(program) == Outcome("same")
