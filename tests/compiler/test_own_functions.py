"""Functions of a user's own in a step: recorded if they are made of ops, refused if not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import microgrest as mg
from microgrest.autograd import Function
from microgrest.autograd.function import once_differentiable


class Leaky(Function):
    """A leaky relu that saves its output, too, and has a number and a mask as attributes."""

    @staticmethod
    def forward(ctx: Any, x: Any, slope: float) -> Any:
        y = mg.where(x > 0, x, slope * x)
        ctx.save_for_backward(y)
        ctx.slope, ctx.mask = slope, x > 0
        return y

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (y,) = ctx.saved_tensors
        return mg.where(ctx.mask, g, ctx.slope * g) + 0 * y, None


class Rotation(Function):
    """Two outputs from two inputs, with its context set up apart."""

    @staticmethod
    def forward(x: Any, y: Any) -> Any:
        return x * x - y, 2 * x * y

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, a: Any, b: Any) -> Any:
        x, y = ctx.saved_tensors
        return 2 * x * a + 2 * y * b, 2 * x * b - a


class Halve(Function):
    """In place."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.mark_dirty(x)
        return x.mul_(0.5)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Any) -> Any:
        return g / 2


class Reverse(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return -g


def several(p: Any, x: Any) -> Any:
    a, b = Rotation.apply(p * x, x)
    return (Leaky.apply(a, 0.1) + Halve.apply(b * 1) * Reverse.apply(p)).sum()


def only_one(p: Any, x: Any) -> Any:
    return (Rotation.apply(p * x, x)[1] * p).sum()


def penalty(p: Any, x: Any) -> Any:
    a, b = Rotation.apply(p, x)
    (g,) = mg.autograd.grad((a * b).sum(), p, create_graph=True)
    return (g * g).sum() * 1e-3


@pytest.mark.parametrize("loss_of", [several, only_one, penalty])
def test_like_eager(loss_of: Any) -> None:
    x = mg.tensor([1.0, -2.0, 0.5])

    def trained(compiled: bool) -> list[Any]:
        p = mg.tensor([0.3, 0.7, -1.1], requires_grad=True)
        rule = mg.optim.SGD([p], lr=0.01, momentum=0.9)

        def step() -> Any:
            rule.zero_grad()
            loss = loss_of(p, x)
            loss.backward()
            rule.step()
            return loss

        run = mg.compile(step) if compiled else step
        losses = [run().item() for _ in range(6)]
        assert not compiled or len(run.recordings) == 1
        return [*losses, *p.tolist(), *p.grad.tolist()]

    np.testing.assert_allclose(trained(True), trained(False), rtol=2e-5)


class Rounds(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return mg.from_numpy(np.round(x.detach().numpy()))

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g


class Scales(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return Reverse.apply(x)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g * g.abs().max().item()


class Picks(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x[x > 0]

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g


@pytest.mark.parametrize(
    ("function", "what", "part"),
    [
        (Rounds, "takes the values of a tensor to Python", "forward"),
        (Scales, "takes the values of a tensor to Python", "backward"),
        (Picks, "makes a shape that depends on values", "forward"),
    ],
)
def test_refused(function: Any, what: str, part: str) -> None:
    """The error names the Function and the line; the function itself still works."""
    p = mg.ones(3, requires_grad=True)

    def fn() -> None:
        p.grad = None
        function.apply(p * 2).sum().backward()

    step = mg.compile(fn)
    step()
    name = f"{function.__name__}.{part}"
    line = getattr(function, part).__code__.co_firstlineno + 2
    with pytest.raises(RuntimeError) as caught:
        step()
    message = str(caught.value)
    assert f"{what} in {name} at " in message and f"test_own_functions.py:{line}," in message
    assert message.endswith(f"write {name} by ops on tensors, for a step consists of those")
    fn()
    assert p.grad is not None


def test_a_refusal_elsewhere_names_no_function() -> None:
    step = mg.compile(lambda x: Reverse.apply(x).sum().item())
    step(mg.ones(2))
    with pytest.raises(RuntimeError, match=r"^item\(\) takes the values of a tensor to Python at"):
        step(mg.ones(2))
