"""Steps that read memory in one order and write it in another, or read what they then write.

`python overwritten.py KIND` runs all of a kind, compiled, beside eager mode: "in place", or a third
of the trainings, which are "0", "1" and "2".
"""

from __future__ import annotations

import itertools
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import microgrest as mg
from microgrest import nn, optim

CALLS = 6
EXACT = 1e-12  # relative to the largest element, or to 1
Made = tuple[Callable[..., Any], list[Any]]


def numbers(*shapes: tuple[int, ...]) -> list[Any]:
    """Tensors that are the same each time."""
    mg.manual_seed(0)
    return [mg.rand(shape, dtype=mg.float64) for shape in shapes]


# Memory that is written while something is still to be read from it


def sum_with_a_transposed() -> Made:
    b, c, o = tensors = numbers((3, 3), (3, 3), (3, 3))

    def step() -> None:
        c.mul_(b)
        b.add_(1.0)
        o.copy_(c + b.t())

    return step, tensors


def exchange_of_transposed() -> Made:
    a, b = tensors = numbers((3, 3), (3, 3))

    def step() -> None:
        x, y = b.t() + 0.5, a.t() + 0.25
        a.copy_(x)
        b.copy_(y)

    return step, tensors


def exchange() -> Made:
    a, b = tensors = numbers((5,), (5,))

    def step() -> None:
        x, y = b * 2, a + 0.25
        a.copy_(x)
        b.copy_(y)

    return step, tensors


def round_of_three() -> Made:
    a, b, c = tensors = numbers((2, 2), (2, 2), (2, 2))

    def step() -> None:
        x, y, z = b.t() * 0.5, c.flip(0) + 1, a + b.sum() * 0.1
        a.copy_(x)
        b.copy_(y)
        c.copy_(z)

    return step, tensors


def itself_transposed() -> Made:
    a, s = tensors = numbers((3, 3), ())

    def step() -> None:
        a.copy_(a.t() * 0.5 + a)
        s.copy_(a.sum() + a[0, 1])

    return step, tensors


def strided_after_a_write() -> Made:
    a, o, p = tensors = numbers((4, 3), (4,), (2, 3))

    def step() -> None:
        before = a[:, 1] * 2
        a.mul_(0.5)
        o.copy_(before + a[:, 1])
        p.copy_(a[::2] + a[1::2].flip(1))

    return step, tensors


def expanded_after_a_write() -> Made:
    a, o = tensors = numbers((3,), (3, 3))

    def step() -> None:
        rows = a.expand(3, 3) + a.unsqueeze(1)
        a.add_(rows.sum(0) * 0.1)
        o.copy_(rows + a.expand(3, 3))

    return step, tensors


def one_element_of_many() -> Made:
    a, o = tensors = numbers((4,), (4,))

    def step() -> None:
        a.copy_(a * a[2] + a[0])
        o.copy_(a + a[3])
        a[1] = o.sum()
        a.mul_(0.1)

    return step, tensors


def views_of_one_tensor() -> Made:
    a, o = tensors = numbers((6,), (3,))

    def step() -> None:
        low, high = a[:3], a[3:]
        x, y = high * 0.5, low + 0.25
        low.copy_(x)
        high.copy_(y)
        o.copy_(a[::2] + a[1::2])

    return step, tensors


def two_results_of_one_loop() -> Made:
    (w,) = tensors = [numbers((3, 4))[0].t().detach().requires_grad_()]
    optimizer = optim.SGD(tensors, lr=0.01, momentum=0.9, weight_decay=0.1)

    def step() -> None:
        optimizer.zero_grad()
        (w * w).sum().backward()
        optimizer.step()

    return step, tensors


def many_that_wait_for_one_another() -> Made:
    tensors = numbers(*[(2, 2)] * 40)

    def step() -> None:
        new = [a.t() * 0.5 + b for a, b in itertools.pairwise([*tensors, tensors[0]])]
        for old, fresh in zip(tensors, new, strict=True):
            old.copy_(fresh)

    return step, tensors


IN_PLACE = (
    sum_with_a_transposed,
    exchange_of_transposed,
    exchange,
    round_of_three,
    itself_transposed,
    strided_after_a_write,
    expanded_after_a_write,
    one_element_of_many,
    views_of_one_tensor,
    two_results_of_one_loop,
    many_that_wait_for_one_another,
)

# Nets that are as wide as they are deep, or one wide, and optimizers with all that they keep

OPTIMIZERS: dict[str, Callable[[Any], Any]] = {
    "sgd": lambda p: optim.SGD(p, lr=0.01, weight_decay=0.01),
    "momentum": lambda p: optim.SGD(p, lr=0.01, momentum=0.9, weight_decay=0.01),
    "dampening": lambda p: optim.SGD(p, lr=0.01, momentum=0.9, dampening=0.5, maximize=True),
    "nesterov": lambda p: optim.SGD(p, lr=0.01, momentum=0.9, weight_decay=0.1, nesterov=True),
    "adam": lambda p: optim.Adam(p, lr=0.01, weight_decay=0.01),
    "amsgrad": lambda p: optim.Adam(p, lr=0.01, amsgrad=True, maximize=True),
    "adamw": lambda p: optim.AdamW(p, lr=0.01, weight_decay=0.1),
    "adagrad": lambda p: optim.Adagrad(p, lr=0.01, lr_decay=0.01, weight_decay=0.1),
    "rmsprop": lambda p: optim.RMSprop(p, lr=0.01, momentum=0.9, centered=True, weight_decay=0.01),
    "adadelta": lambda p: optim.Adadelta(p, lr=0.5, weight_decay=0.01),
    "radam": lambda p: optim.RAdam(p, lr=0.01, weight_decay=0.01),
    "adamax": lambda p: optim.Adamax(p, lr=0.01, weight_decay=0.01),
    "rprop": lambda p: optim.Rprop(p, lr=0.01),
}
WIDTHS = (1, 2, 3)
ORDERS = ((1, 2, 8), (8, 1, 2), (2, 8, 1))


def training(optimizer: str, width: int, bias: bool) -> Made:
    """A net of two layers, that are `width` wide in between, trained by batches."""
    mg.manual_seed(1)
    sizes = (4, width, 2)
    layers = [nn.Linear(m, n, bias=bias, dtype=mg.float64) for m, n in itertools.pairwise(sizes)]
    model = nn.Sequential(*layers)
    rule = OPTIMIZERS[optimizer](model.parameters())

    def step(x: Any, y: Any) -> Any:
        rule.zero_grad()
        loss = (model(x) - y).pow(2).mean(0).sum()
        loss.backward()
        rule.step()
        return loss

    return step, list(model.parameters())


def frozen_in_mid_training() -> Made:
    """A weight that is frozen while its gradient stays goes on to be updated."""
    (w, v), (x,) = numbers((3, 3), (3, 3)), numbers((3, 3))
    tensors = [w.requires_grad_(), v.requires_grad_()]
    optimizer = optim.Adagrad(tensors, lr=0.01, weight_decay=0.1)
    calls = itertools.count()

    def step() -> None:
        (x @ w @ v).square().sum().backward()
        optimizer.step()

    def call(function: Callable[[], None]) -> None:
        if next(calls) == 4:
            w.requires_grad_(False)
        function()

    step.call = call  # type: ignore[attr-defined]
    return step, tensors


# Comparisons


def distance(ours: list[Any], theirs: list[Any]) -> float:
    """How far tensors are apart, at most."""
    return max(
        (a - b).abs().max().item() / max(1.0, b.abs().max().item())
        for a, b in zip(ours, theirs, strict=True)
    )


def compare(make: Callable[[], Made], arguments: list[tuple[Any, ...]]) -> None:
    """Each call of a step, compiled, leaves what eager mode does."""
    (eager, theirs), (fn, ours) = make(), make()
    call, same = (getattr(f, "call", lambda function, *args: function(*args)) for f in (fn, eager))
    step = mg.compile(fn)
    for number, args in enumerate(arguments):
        same(eager, *args)
        call(step, *args)
        with mg.no_grad():
            worst = distance(ours, theirs)
        assert worst <= EXACT, f"{make}, call {number}: {worst}"


def batches(order: tuple[int, ...]) -> list[tuple[Any, ...]]:
    """Data of these sizes, again and again."""
    data = {n: numbers((n, 4), (n, 2)) for n in order}
    return [tuple(data[n]) for n in order] * 4


def trainings(third: int) -> Iterator[tuple[Callable[[], Made], list[tuple[Any, ...]]]]:
    """A third of all, with each optimizer at each width, and with each order of batches."""
    for i, (optimizer, width, order) in enumerate(itertools.product(OPTIMIZERS, WIDTHS, ORDERS)):
        if (i + i // 3 + i // 9) % 3 != third:
            continue
        bias = order[0] == 2

        def make(optimizer: str = optimizer, width: int = width, bias: bool = bias) -> Made:
            return training(optimizer, width, bias)

        yield make, batches(order)


def main(kind: str) -> None:
    """Compare all of a kind."""
    warnings.simplefilter("ignore", RuntimeWarning)  # NumPy's, of positions that wrap around
    if kind == "in place":
        for make in (*IN_PLACE, frozen_in_mid_training):
            compare(make, [()] * (2 * CALLS))
    else:
        for make, arguments in trainings(int(kind)):
            compare(make, arguments)


if __name__ == "__main__":
    main(sys.argv[1])
