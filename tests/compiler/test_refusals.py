"""What is said of a step that cannot be recorded: who did what, where, and what to do instead."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import pytest

import microgrest as mg
from microgrest import nn, optim


def refused(fn: Callable[[Any], Any]) -> str:
    """What is said when `fn` is to be recorded."""
    step, x = mg.compile(fn), mg.ones(2)
    step(x)
    with pytest.raises(RuntimeError) as caught:
        step(x)
    return str(caught.value)


# Tensors that are kept


def attribute() -> Any:
    o = SimpleNamespace(ema=mg.zeros(2))

    def fn(x: Any) -> Any:
        o.ema = 0.9 * o.ema + x
        return x.sum()

    return fn


def entry() -> Any:
    st = {"h": mg.zeros(2)}

    def fn(x: Any) -> Any:
        st["h"] = st["h"] + x

    return fn


def variable() -> Any:
    h = mg.zeros(2)

    def fn(x: Any) -> Any:
        nonlocal h
        h = mg.tanh(h + x)

    return fn


def parameter() -> Any:
    w = mg.ones(2, requires_grad=True)

    def fn(x: Any) -> Any:
        nonlocal w
        loss = (w * x).sum()
        loss.backward()
        w = (w - 0.1 * w.grad).detach().requires_grad_()

    return fn


def item() -> Any:
    kept: list[Any] = []

    def fn(x: Any) -> Any:
        kept.append(x * 2)

    return fn


def hidden() -> Any:
    @lru_cache
    def model() -> Any:
        return nn.Linear(2, 1)

    def fn(x: Any) -> Any:
        model().zero_grad()
        model()(x).sum().backward()

    return fn


def nowhere() -> Any:
    kept: list[Any] = []

    def keep(x: Any) -> None:
        kept.append(x)

    keeping = SimpleNamespace(keep=keep)

    def fn(x: Any) -> Any:
        getattr(keeping, "ke" + "ep")(x * 2)

    return fn


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (attribute, "is kept as o.ema: write in place, o.ema.copy_(...), or keep it as a buffer"),
        (entry, "is kept as st['h']: write in place, st['h'].copy_(...), or keep it as a buffer"),
        (variable, "is kept in the variable h: write in place, h.copy_(...), or keep it"),
        (parameter, "is kept in the variable w: write in place, inside torch.no_grad(), as in w."),
        (item, "is kept as kept[1]: return it"),
        (hidden, "as the gradient of a tensor that the step does not name: name the model"),
        (nowhere, "by something else than the step's result: return it, or write in place"),
    ],
)
def test_who_keeps_a_tensor(make: Callable[[], Any], text: str) -> None:
    message = refused(make())
    assert message.startswith("a tensor made in the step at test_refusals.py:")
    assert text in message


def test_the_line_is_the_programs_own() -> None:
    model, best = nn.Linear(2, 1), {}

    def fn(x: Any) -> Any:
        loss = model(x).sum()
        best["state"] = copy.deepcopy(model.state_dict())
        return loss

    line = fn.__code__.co_firstlineno + 2
    assert f" at test_refusals.py:{line} is kept as best['state']" in refused(fn)


# Values that leave for Python


def clipped(x: Any) -> Any:
    w = mg.ones(2, requires_grad=True)
    w.grad = mg.ones(2)
    return nn.utils.clip_grad_norm_([w], 1.0, error_if_nonfinite=True)


@pytest.mark.parametrize(
    ("fn", "name", "remedy"),
    [
        (lambda x: mg.add(x, x, alpha=x[0]), "add", "alpha has to be a number: write x + t"),
        (lambda x: x.sub(x, alpha=x[0]), "sub", "alpha has to be a number: write x - t"),
        (lambda x: mg.tensor([x[0], x[1]]), "tensor", "torch.stack"),
        (clipped, "clip_grad_norm_", "leave error_if_nonfinite out"),
        (lambda x: mg.full((2,), x[0]), "full", "t.expand(shape)"),
        (lambda x: mg.arange(x[0]), "arange", "it needs a number"),
        (lambda x: mg.allclose(x, x), "allclose", "choose by where(condition, a, b)"),
        (lambda x: x[0].item(), "item", "return the tensor"),
        (lambda x: x[: x[0].long()], "item", "return the tensor"),
        (lambda x: 1.0 in x, "bool", "choose by where(condition, a, b)"),
    ],
)
def test_what_takes_values(fn: Any, name: str, remedy: str) -> None:
    message = refused(fn)
    assert re.match(rf"{re.escape(name)}\(\) takes the values of a tensor to Python at", message)
    assert remedy in message


def test_options_that_need_a_number_in_a_rule() -> None:
    w = mg.ones(2, requires_grad=True)
    message = refused(lambda x: optim.SGD([w], lr=x[0]))
    assert message.startswith("bool() takes the values")
