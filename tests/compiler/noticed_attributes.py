"""Attributes of functions, optimizers, tensors; class patterns."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any

import numpy as np
from noticed import X, case, item, put, space

import microgrest as mg
from microgrest import nn, optim
from microgrest.compiler.call.step import Step


@case
def attribute_of_a_function() -> Any:
    def helper(x: Any) -> Any:
        return x

    helper.k = 2.0  # type: ignore[attr-defined]
    return (lambda: X * helper.k), put(helper, k=3.0)  # type: ignore[attr-defined]


@case
def attribute_that_a_helper_has_itself() -> Any:
    def helper(x: Any) -> Any:
        return x * helper.k  # type: ignore[attr-defined]

    helper.k = 2.0  # type: ignore[attr-defined]
    return (lambda: helper(X)), put(helper, k=3.0)


@case
def attribute_of_the_function_itself() -> Any:
    def fn() -> Any:
        return X * fn.k  # type: ignore[attr-defined]

    fn.k = 2.0  # type: ignore[attr-defined]
    return fn, put(fn, k=3.0)


@case
def attribute_of_a_compiled_step() -> Any:
    step: Any = Step(lambda: X)
    step.k = 2.0
    return (lambda: X * step.k), put(step, k=3.0)


@case
def attribute_of_its_function() -> Any:
    def inner() -> Any:
        return X

    inner.k = 2.0  # type: ignore[attr-defined]
    step: Any = Step(inner)
    return (lambda: X * step.k), put(inner, k=3.0)


@case
def attribute_of_a_partial() -> Any:
    p: Any = functools.partial(lambda x: x, X)
    p.k = 2.0
    return (lambda: p() * p.k), put(p, k=3.0)


@case
def attribute_of_a_method() -> Any:
    class C:
        def f(self, x: Any) -> Any:
            return x * self.f.k  # type: ignore[attr-defined]

    C.f.k = 2.0  # type: ignore[attr-defined]
    c = C()
    return (lambda: c.f(X)), put(C.f, k=3.0)


@case
def attribute_of_an_optimizer() -> Any:
    rule: Any = optim.SGD([mg.ones(1, requires_grad=True)], lr=0.1)
    rule.scale = 2.0
    return (lambda: X * rule.scale), put(rule, scale=3.0)


@case
def default_of_an_optimizer() -> Any:
    rule = optim.SGD([mg.ones(1, requires_grad=True)], lr=0.1)
    return (lambda: X * rule.defaults["lr"]), item(rule.defaults, "lr", 3.0)


@case
def attribute_of_a_tensor() -> Any:
    w: Any = mg.ones(1)
    w.scale = 2.0
    return (lambda: w * w.scale), put(w, scale=3.0)


@case
def attribute_of_a_parameter() -> Any:
    model: Any = nn.Linear(3, 1)
    with mg.no_grad():
        model.weight.fill_(1.0), model.bias.fill_(1.0)
    model.weight.scale = 2.0
    return (lambda: model(X) * model.weight.scale), put(model.weight, scale=3.0)


@case
def object_on_a_tensor() -> Any:
    w: Any = mg.ones(1)
    w.cfg = space(scale=2.0)
    return (lambda: w * w.cfg.scale), put(w.cfg, scale=3.0)


@case
def class_of_a_parameter() -> Any:
    class Own(nn.Parameter):
        scale = 2.0

    w: Any = Own(mg.ones(1))
    return (lambda: w * w.scale), put(Own, scale=3.0)


@case
def attribute_of_an_argument() -> Any:
    x: Any = mg.ones(1)
    x.scale = 2.0
    return (lambda x: x * x.scale), put(x, scale=3.0), x


@case
def object_on_an_argument() -> Any:
    x: Any = mg.ones(1)
    x.cfg = space(scale=2.0)
    return (lambda x: x * x.cfg.scale), put(x.cfg, scale=3.0), x


@case
def attribute_that_an_argument_gets() -> Any:
    x = mg.ones(1)
    return (lambda x: x * getattr(x, "scale", 1.0)), put(x, scale=3.0), x


@case
def attribute_that_a_tensor_gets() -> Any:
    w = mg.ones(1)
    return (lambda: w * (w.scale if hasattr(w, "scale") else 1.0)), put(w, scale=3.0)


@case
def attribute_that_is_caught() -> Any:
    def helper() -> None:
        """Nothing."""

    def fn() -> Any:
        try:
            return X * helper.k  # type: ignore[attr-defined]
        except AttributeError:
            return X

    return fn, put(helper, k=3.0)


class Slotted:
    """An object with places for attributes."""

    __slots__ = ("k",)


@case
def attribute_in_an_empty_slot() -> Any:
    c = Slotted()
    return (lambda: X * getattr(c, "k", 1.0)), put(c, k=3.0)


@case
def attribute_that_a_class_gets() -> Any:
    class C:
        pass

    c = C()
    return (lambda: X * getattr(c, "k", 1.0)), put(C, k=3.0)


class Point:
    """An object that a pattern can take apart."""

    __match_args__ = ("k",)

    def __init__(self, k: float) -> None:
        self.k = k


def matched(c: Any) -> Callable[[], Any]:
    """A step with class patterns."""

    def fn() -> Any:
        match c:
            case Point(k) | types.SimpleNamespace(k=k):
                return X * k
        return X

    return fn


@case
def pattern_with_a_position() -> Any:
    c = Point(2.0)
    return matched(c), put(c, k=3.0)


@case
def pattern_with_a_keyword() -> Any:
    c = space(k=2.0)
    return matched(c), put(c, k=3.0)


@case
def pattern_that_comes_to_fit() -> Any:
    c = space()
    return matched(c), put(c, k=3.0)


def _contained(kind: Any, *given: Any) -> None:
    def make() -> Any:
        c = type("Own", (kind,), {})(*given)
        c.k = 2.0
        return (lambda: X * c.k), put(c, k=3.0)

    make.__name__ = f"attribute_of_an_own_{kind.__name__}"
    case(make)


for _kind, _given in ((list, [1.0]), (dict, {"a": 1.0}), (tuple, (1.0,)), (set, {1.0})):
    _contained(_kind, _given)
_contained(np.ndarray, 2)
