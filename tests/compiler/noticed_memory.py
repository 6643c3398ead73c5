"""Which tensors share memory, and what NumPy arrays hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from noticed import X, case, put, two

import microgrest as mg
from microgrest import nn

# Which tensors share memory


def added(*tensors: Any) -> Callable[[], Any]:
    """A step that writes to tensors, each in its own way, and returns their sum."""

    def step() -> Any:
        for i, t in enumerate(tensors):
            t.add_(1) if i % 2 else t.mul_(3)
        return sum(t.sum() for t in tensors)

    return step


@case
def data_tied() -> Any:
    v, w = two()
    return added(v, w), lambda: setattr(v, "data", w.data)


@case
def data_untied() -> Any:
    v, w = two()
    v.data = w.data
    return added(v, w), lambda: setattr(v, "data", v.data.clone())


@case
def data_of_three_tied() -> Any:
    u, (v, w) = mg.ones(1), two()
    return added(u, v, w), lambda: setattr(w, "data", u.data)


@case
def data_tied_in_part() -> Any:
    v, w, base = mg.ones(2), mg.ones(2), mg.ones(3)
    v.data = base[:2]
    return added(v, w), lambda: setattr(w, "data", base[:2])


@case
def data_moved_along() -> Any:
    base = mg.ones(4)
    v, w = mg.ones(2), mg.ones(2)
    v.data, w.data = base[:2], base[1:3]
    return added(v, w), lambda: setattr(w, "data", base[2:4])


@case
def data_tied_to_an_argument() -> Any:
    x, w = two()
    return (lambda x: added(x, w)()), lambda: setattr(w, "data", x.data), x


@case
def arguments_tied() -> Any:
    x, y = two()
    return (lambda x, y: added(x, y)()), lambda: setattr(y, "data", x.data), x, y


@case
def storage_of_a_parameter_tied() -> Any:
    a, b = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    with mg.no_grad():
        a.weight.fill_(1.0), b.weight.fill_(1.0)

    def fn() -> Any:
        with mg.no_grad():
            return added(a.weight, b.weight)()

    return fn, lambda: setattr(a.weight, "data", b.weight.data)


def summed(v: Any, w: Any) -> Callable[[], Any]:
    """A step that accumulates gradients."""

    def step() -> Any:
        (v * 3 + w * 2).sum().backward()
        return v.grad + w.grad

    return step


@case
def grads_tied() -> Any:
    v, w = two(wanted=True)
    v.grad, w.grad = mg.zeros(1), mg.zeros(1)

    def change() -> None:
        v.grad = w.grad = mg.zeros(1)

    return summed(v, w), change


@case
def grad_of_another() -> Any:
    v, w = two(wanted=True)
    return summed(v, w), lambda: setattr(v, "grad", w.grad)


@case
def grad_of_another_detached() -> Any:
    v, w = two(wanted=True)
    return summed(v, w), lambda: setattr(v, "grad", w.grad.detach())


@case
def grad_that_is_the_value() -> Any:
    v, w = two(wanted=True)
    return summed(v, w), lambda: setattr(w, "grad", w.detach())


@case
def data_of_a_grad_tied() -> Any:
    v, w = two(wanted=True)
    return summed(v, w), lambda: setattr(v.grad, "data", w.grad.data)


@case
def data_of_a_grad_untied() -> Any:
    v, w = two(wanted=True)
    v.grad = mg.zeros(1)
    w.grad = v.grad.detach()
    return summed(v, w), lambda: setattr(v.grad, "data", v.grad.data.clone())


@case
def strided_grad_with_hook() -> Any:
    v = mg.ones(2, requires_grad=True)
    v.register_hook(lambda g: g * 2)
    v.grad = mg.zeros(2)
    return summed(v, v), lambda: setattr(v, "grad", mg.arange(4.0)[::2])


@case
def strided_grad_of_a_frozen_tensor() -> Any:
    v = mg.ones(2, requires_grad=True)
    v.grad = mg.ones(2)
    v.requires_grad_(False)
    return (lambda: v * v.grad), lambda: setattr(v, "grad", mg.arange(4.0)[::2])


@case
def view_in_place() -> Any:
    w = mg.arange(4.0).reshape(2, 2)
    return (lambda: w * mg.tensor([1.0, 10.0])), lambda: w.t_()


@case
def dimension_in_place() -> Any:
    w = mg.arange(3.0)
    return (lambda: w * 2), lambda: w.unsqueeze_(1)


# NumPy arrays


def numbers(n: int = 3) -> Any:
    """An array of twos."""
    return np.full(n, 2.0, np.float32)


ARRAYS: dict[str, Callable[[Any], Any]] = {
    "element": lambda a: torch_of(a) * float(a[0]),
    "method": lambda a: mg.from_numpy(a) * a.sum().item(),
    "as_tensor": lambda a: mg.as_tensor(a) * float(a[0]),
    "alias": lambda a: mg.from_numpy(a) * float(next(iter(a))),
    "written": lambda a: mg.from_numpy(a).add_(1) * float(a[0]),
}


def torch_of(a: Any) -> Any:
    """A tensor over the memory of an array."""
    return mg.from_numpy(a)


def _array(name: str, given: bool) -> None:
    read = ARRAYS[name]

    def make() -> Any:
        a = numbers()
        if given:
            return read, lambda: a.fill(7.0), a
        return (lambda: read(a)), lambda: a.fill(7.0)

    make.__name__ = f"array_{name}_{'given' if given else 'held'}"
    case(make)


for _name in ARRAYS:
    _array(_name, given=True)
    _array(_name, given=False)


@case
def array_read_through_another() -> Any:
    a = numbers()
    b = a[:1]
    return (lambda: mg.as_tensor(a) * float(b[0])), lambda: a.fill(7.0)


@case
def array_in_a_dict() -> Any:
    d = {"a": numbers()}
    return (lambda: mg.from_numpy(d["a"]) * float(d["a"][0])), lambda: d["a"].fill(3.0)


@case
def array_under_a_tensor() -> Any:
    a = numbers()
    t = mg.from_numpy(a)
    return (lambda: t * float(a[0])), lambda: a.fill(7.0)


@case
def shape_of_an_array() -> Any:
    a = numbers(4)
    return (lambda: X * len(a)), put(a, shape=(2, 2))


@case
def size_of_an_array() -> Any:
    a = numbers(4)
    return (lambda: mg.as_tensor(a).sum()), lambda: a.resize(2, refcheck=False)
