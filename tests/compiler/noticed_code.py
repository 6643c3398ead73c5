"""Code, classes, modules and optimizers, as they are replaced or written to."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

from noticed import X, case, item, put

import microgrest as mg
from microgrest import nn, optim

# Code


def doubled(x: Any, *given: Any) -> Any:
    """x * 2"""
    return (x if isinstance(x, mg.Tensor) else given[-1]) * 2


def tripled(x: Any, *given: Any) -> Any:
    """x * 3"""
    return (x if isinstance(x, mg.Tensor) else given[-1]) * 3


def fresh(f: Any) -> Any:
    """The same function, another object."""
    return types.FunctionType(f.__code__, f.__globals__, f.__name__)


@case
def code_of_the_function() -> Any:
    f = fresh(doubled)
    return f, put(f, __code__=tripled.__code__), X


@case
def code_of_a_helper() -> Any:
    f = fresh(doubled)
    return (lambda: f(X)), put(f, __code__=tripled.__code__)


@case
def code_of_a_function_in_a_dict() -> Any:
    d = {"f": fresh(doubled)}
    return (lambda: d["f"](X)), put(d["f"], __code__=tripled.__code__)


@case
def code_of_a_hook() -> Any:
    f, model = fresh(doubled), nn.Tanh()
    model.register_forward_hook(f)
    return (lambda: model(X)), put(f, __code__=tripled.__code__)


def times(x: Any, k: float = 2.0, *, more: float = 1.0) -> Any:
    """x k more"""
    return x * (k * more)


def with_defaults() -> Any:
    """A function that reads its defaults."""
    f = fresh(times)
    f.__defaults__, f.__kwdefaults__ = (2.0,), {"more": 1.0}
    return f


@case
def defaults_of_a_helper() -> Any:
    f = with_defaults()
    return (lambda: f(X)), put(f, __defaults__=(3.0,))


@case
def keyword_defaults_of_a_helper() -> Any:
    f = with_defaults()
    return (lambda: f(X)), put(f, __kwdefaults__={"more": 2.0})


@case
def keyword_default_of_a_helper_in_place() -> Any:
    f = with_defaults()
    return (lambda: f(X)), item(f.__kwdefaults__, "more", 2.0)


@case
def defaults_of_a_method() -> Any:
    f = with_defaults()
    cls = type("C", (), {"f": staticmethod(f)})
    c = cls()
    return (lambda: c.f(X)), put(f, __defaults__=(3.0,))


@case
def defaults_of_a_hook() -> Any:
    model, hook = nn.Tanh(), with_defaults()
    hook.__code__ = (lambda m, given, y, k=2.0, *, more=1.0: y * (k * more)).__code__
    model.register_forward_hook(hook)
    return (lambda: model(X)), put(hook, __defaults__=(3.0,))


def classes() -> tuple[Any, Any]:
    """Two classes that have the method `f` in other ways."""
    return type("C", (), {"f": fresh(doubled)}), type("D", (), {"f": fresh(tripled)})


def networks() -> tuple[Any, Any]:
    """Two modules that have `forward` in other ways."""
    kinds = [type("N", (nn.Module,), {"forward": fresh(f)}) for f in (doubled, tripled)]
    return kinds[0], kinds[1]


@case
def code_of_a_method() -> Any:
    cls, other = classes()
    c = cls()
    return (lambda: c.f(X)), put(cls.f, __code__=other.f.__code__)


@case
def code_of_a_forward() -> Any:
    cls, other = networks()
    model = cls()
    return (lambda: model(X)), put(cls.forward, __code__=other.forward.__code__)


@case
def method_that_is_replaced() -> Any:
    cls, _ = classes()
    c = cls()
    return (lambda: c.f(X)), put(cls, f=fresh(tripled))


@case
def forward_that_is_replaced() -> Any:
    cls, _ = networks()
    model = cls()
    return (lambda: model(X)), put(cls, forward=fresh(tripled))


@case
def method_that_an_object_gets() -> Any:
    cls, _ = classes()
    c = cls()
    return (lambda: c.f(X)), put(c, f=fresh(tripled))


@case
def function_of_a_python_module() -> Any:
    m: Any = types.ModuleType("helpers")
    m.f = fresh(doubled)
    return (lambda: m.f(X)), put(m, f=fresh(tripled))


@case
def class_of_an_object() -> Any:
    cls, other = classes()
    c = cls()
    return (lambda: c.f(X)), put(c, __class__=other)


@case
def class_of_a_module() -> Any:
    cls, other = networks()
    model = cls()
    return (lambda: model(X)), put(model, __class__=other)


@case
def class_of_a_module_of_ours() -> Any:
    model = nn.Sequential(nn.ReLU())
    return (lambda: model(-X)), put(model[0], __class__=nn.Tanh)


@case
def builtin_that_is_shadowed() -> Any:
    scope: dict[str, Any] = {"X": X}
    return eval("lambda: X * max(1, 2)", scope), item(scope, "max", min)


# Modules and optimizers


class Scaled(nn.Module):
    """A module with a number."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = 2.0

    def forward(self, x: Any) -> Any:
        return x * self.scale


@case
def dict_of_a_module() -> Any:
    model = Scaled()
    return (lambda: model(X)), item(vars(model), "scale", 3.0)


@case
def attribute_around_a_module() -> Any:
    model = Scaled()
    return (lambda: model(X)), lambda: object.__setattr__(model, "scale", 3.0)


def training(**options: Any) -> tuple[Any, Callable[[], Any]]:
    """An optimizer whose group is a plain dict, and a step of it."""
    w = mg.ones(1, requires_grad=True)
    rule = optim.SGD([w], lr=0.1, **options)
    rule.param_groups[0] = dict(rule.param_groups[0])

    def step() -> Any:
        rule.zero_grad()
        w.sum().backward()
        rule.step()
        return w.detach().clone()

    return rule.param_groups[0], step


@case
def flag_in_a_plain_group() -> Any:
    group, step = training(momentum=0.9)
    return step, item(group, "nesterov", True)


@case
def zero_in_a_plain_group() -> Any:
    group, step = training(momentum=0.9)
    return step, item(group, "weight_decay", 0.5)
