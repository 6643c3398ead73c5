"""Random training steps: 5 to 50 ops on a few parameters, a loss, gradients, updates.

`RandomStep(seed).make()` makes new tensors, always the same for a seed, and a function of them.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np

import microgrest as mg

SHAPES: list[tuple[int, ...]] = [(), (1,), (7,), (5, 7), (5, 1), (1, 7), (7, 5), (2, 5, 7)]
UNARY = ["sin", "tanh", "exp", "sigmoid", "relu", "neg", "abs", "square", "cos", "atan", "softplus"]
BINARY = ["add", "sub", "mul", "maximum", "minimum", "atan2"]
MOVES = ["transpose", "reshape", "slice", "expand", "flip", "select", "contiguous"]
Tensors = list[Any]


class RandomStep:
    """A random step, chosen by a seed."""

    def __init__(self, seed: int) -> None:
        chance = random.Random(seed)
        self.seed = seed
        self.dtype = chance.choice([mg.float32, mg.float64, mg.float64])
        self.length = chance.randint(5, 50)
        self.shapes = [chance.choice(SHAPES) for _ in range(chance.randint(2, 4))]
        self.choices = [chance.random() for _ in range(12 * self.length)]

    def make(self) -> tuple[Callable[[], Any], Tensors]:
        """The step, and the parameters that it changes."""
        source = np.random.default_rng(self.seed)

        def tensor(shape: tuple[int, ...], *, wanted: bool) -> Any:
            values = source.uniform(-1, 1, shape)
            return mg.tensor(values, dtype=self.dtype, requires_grad=wanted)

        params = [tensor(shape, wanted=True) for shape in self.shapes]
        data = [tensor(shape, wanted=False) for shape in SHAPES]

        def step() -> Any:
            run = _Run(self, [*params, *data])
            loss = run.loss()
            loss.backward()
            with mg.no_grad():
                for k, p in enumerate(params):
                    if p.grad is not None:
                        _update(p, k)
            return {"loss": loss.detach(), "last": run.values[-1].detach()}

        return step, params


def _update(p: Any, k: int) -> None:
    """One of two rules, both with small steps, so that nothing grows without bound."""
    if k % 2:
        p -= 0.01 * p.grad.clamp(-1.0, 1.0)
    else:
        p.mul_(0.99).add_(p.grad.clamp(-1.0, 1.0), alpha=-0.01)
    p.grad = None


class _Run:
    """One run of a step: `values` grows by one tensor an op."""

    def __init__(self, step: RandomStep, values: Tensors) -> None:
        self.step = step
        self.values = values
        self.choices = iter(step.choices)

    def pick(self, options: Any) -> Any:
        """One of the options."""
        return options[int(next(self.choices, 0.0) * len(options))]

    def value(self) -> Any:
        """A tensor, rather a late one."""
        return self.values[-1 - int(next(self.choices, 0.0) ** 2 * len(self.values))]

    def loss(self) -> Any:
        """All ops, then the mean squares of the latest values and of two parameters."""
        first = len(self.values)
        kinds = [self.unary, self.unary, self.binary, self.binary, self.binary, self.reduced]
        kinds += [self.moved, self.moved, self.product, self.chosen, self.scanned, self.written]
        for _ in range(self.step.length):
            self.values.append(self.pick(kinds)())
        used = [v for v in self.values[first:] if v.requires_grad][-4:] + self.values[:2]
        total = mg.zeros((), dtype=self.step.dtype)
        for v in used:
            total = total + v.square().mean()
        return total

    def unary(self) -> Any:
        """f(x)"""
        name, x = self.pick(UNARY), self.value()
        function = getattr(mg, name, None) or getattr(mg.nn.functional, name)
        return function(x.clamp(-3.0, 3.0) if name == "exp" else x)

    def binary(self) -> Any:
        """f(x, y) of tensors that broadcast, or of a tensor and a number"""
        x, y = self.value(), self.value()
        if self.pick([0, 0, 0, 1]):
            return getattr(mg, self.pick(BINARY[:3]))(x, self.pick([2.0, 0.5, -1.0, 1.0, 3]))
        y = y if _broadcast(x.shape, y.shape) else x
        if self.pick([0, 0, 0, 0, 1]):
            return x / (y * y + 1.0)
        return getattr(mg, self.pick(BINARY))(x, y)

    def reduced(self) -> Any:
        """A reduction of one dimension, or of all"""
        x, name = self.value(), self.pick(["sum", "mean", "amax", "amin", "sum", "var"])
        if not x.ndim:
            return x.sum()
        dim, keepdim = self.pick(range(x.ndim)), self.pick([True, False])
        if name == "var" and x.shape[dim] < 2:
            name = "sum"
        if name in ("sum", "mean") and self.pick([0, 1]):
            return getattr(x, name)()
        return getattr(mg, name)(x, dim=dim, keepdim=keepdim)

    def moved(self) -> Any:
        """A view"""
        x, kind = self.value(), self.pick(MOVES)
        if not x.ndim:
            return x.reshape(1)
        views = {
            "transpose": lambda: x.transpose(0, x.ndim - 1),
            "reshape": lambda: x.reshape(-1),
            "slice": lambda: x[: max(1, x.shape[0] - 1)],
            "expand": lambda: x.unsqueeze(0).expand(2, *x.shape) if x.ndim < 3 else x * 1.0,
            "flip": lambda: x.flip(0),
            "select": lambda: x[self.pick([0, -1])],
            "contiguous": lambda: x.transpose(0, x.ndim - 1).contiguous(),
        }
        return views[kind]()

    def product(self) -> Any:
        """A matrix product"""
        x = self.value()
        if x.ndim != 2:
            return x * 0.5
        ones = mg.ones(x.shape[1], dtype=x.dtype)
        return self.pick([lambda: x @ x.T, lambda: x.T @ x, lambda: x @ ones])()

    def chosen(self) -> Any:
        """Elements by positions, or by a condition"""
        x = self.value()
        if x.ndim and self.pick([0, 1]):
            return x.index_select(0, mg.tensor([0, x.shape[0] - 1, 0]))
        return mg.where(x > 0, x, x * 0.1)

    def scanned(self) -> Any:
        """A running sum, or tensors one after the other"""
        x = self.value()
        if not x.ndim:
            return x + 1.0
        return x.cumsum(0) if self.pick([0, 1]) else mg.cat([x, x * 2.0])

    def written(self) -> Any:
        """A copy, written to in place"""
        x = self.value().clone()
        if x.ndim and self.pick([0, 1]):
            x[0] = 0.5
            return x
        return x.mul_(self.pick([0.5, 1.5])).add_(0.1)


def _broadcast(a: Any, b: Any) -> bool:
    return all(m == n or 1 in (m, n) for m, n in zip(reversed(a), reversed(b), strict=False))
