"""Outputs of a Function in memory of an input, writes in place, and what that does to the graph."""

from __future__ import annotations

from typing import Any

import pytest

import microgrest as mg
from tests.own_functions import OURS, leaf

pytestmark = pytest.mark.devices


def test_an_input_returned_as_it_is() -> None:
    a = leaf(1.0, 2.0)
    x = a * 1
    y = OURS.Reverse.apply(x)
    assert y is not x and y.data_ptr() == x.data_ptr()
    assert x.grad_fn.name() == "MulBackward0" and y.grad_fn.name() == "ReverseBackward"
    total = (x + 3 * y).sum()
    with pytest.raises(RuntimeError, match="modified inplace"):
        y.mul_(2)
    total.backward()
    assert a.grad.tolist() == [-2.0, -2.0]


@pytest.mark.parametrize("name", ["Reverse", "Flat"])
def test_a_write_to_the_input_ends_the_gradient_of_the_output(name: str) -> None:
    a = leaf(1.0, 2.0)
    x = a * 1
    y = getattr(OURS, name).apply(getattr(OURS, name).apply(x.view(2, 1)))
    before = y.sum()
    x.mul_(3)
    before.backward(retain_graph=True)
    assert a.grad.tolist() == [1.0, 1.0], "what used the output before is as it was"
    with pytest.raises(
        RuntimeError, match=rf"{name}Backward is a view .*test_function_memory.py:\d+"
    ):
        (y * 2).sum().backward()


def test_an_output_twice() -> None:
    class Twice(mg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            y = x * 1
            return y, y

        @staticmethod
        def backward(ctx: Any, a: Any, b: Any) -> Any:
            return a + 10 * b

    x = leaf(1.0)
    a, b = Twice.apply(x)
    (a + 2 * b).backward()
    assert x.grad.item() == 21.0


def test_writes_through_a_function() -> None:
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        OURS.Double.apply(leaf(1.0))
    x = mg.ones(2)
    version = x._version
    assert OURS.Double.apply(x) is x and x.tolist() == [2.0, 2.0] and x._version > version
    a = leaf(1.0, 2.0)
    x = a * 1
    y = x * x
    OURS.Double.apply(x)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_a_write_that_is_not_returned() -> None:
    class Forgets(OURS.Double):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.mark_dirty(x)
            return x * 2

    with pytest.raises(RuntimeError, match=r"marked as dirty .* not returned as output"):
        Forgets.apply(leaf(1.0) * 1)

    class Wrong(Forgets):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            y = x * 2
            ctx.mark_dirty(y)
            return y

    with pytest.warns(UserWarning, match="no input"):
        assert Wrong.apply(leaf(1.0)).requires_grad


def test_a_parameter_returned_is_not_changed() -> None:
    class Constant(mg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return w

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 4

    x, w = leaf(1.0), leaf(2.0)
    y = Constant.apply(x)
    y.backward()
    assert w.is_leaf and w.grad is None and x.grad.item() == 4.0 and y.item() == 2.0
