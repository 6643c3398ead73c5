"""Function: values, derivatives, what ctx keeps, outputs of every sort, errors."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest

import microgrest as mg
from tests.own_functions import (
    OURS,
    Program,
    by_case,
    by_error,
    derivatives,
    leaf,
    numbers,
    reverse,
)

pytestmark = pytest.mark.devices


@by_case
def test_gradients_are_differences(case: Any) -> None:
    """Of what the forward computes; not for a Function whose gradient is another on purpose."""
    if case is reverse:
        return
    x, y = np.array([0.5, -1.2, 2.0]), np.array([1.5, 0.7, -0.3])

    def total(x: Any, y: Any) -> float:
        a, b = (mg.tensor(v, dtype=mg.float64) for v in (x, y))
        return float(numbers((case(mg, OURS, a, b) * weights).sum()))

    weights = mg.tensor([1.0, -2.0, 0.5], dtype=mg.float64)
    step = 1e-6
    for found, place in zip(derivatives(mg, OURS, case)[1:3], (0, 1), strict=True):
        for i in range(3):
            ends = []
            for h in (step, -step):
                moved = [x.copy(), y.copy()]
                moved[place][i] += h
                ends.append(total(*moved))
            np.testing.assert_allclose(
                numbers(found)[i], (ends[0] - ends[1]) / (2 * step), rtol=1e-6, atol=1e-8
            )


def test_third_derivative() -> None:
    x = leaf(2.0)
    y = OURS.Cube.apply(x)
    for want in (12.0, 12.0, 6.0):
        (y,) = mg.autograd.grad(y, x, create_graph=True)
        assert y.item() == want


# The graph


def test_names_and_next_functions() -> None:
    x, y = leaf(1.0, 2.0), leaf(2.0, 3.0)
    z = OURS.Blend.apply(x, y.detach(), 3.0)
    assert z.grad_fn.name() == "BlendBackward" and not z.is_leaf
    (first, number), nothing = z.grad_fn.next_functions
    assert first.variable is x and number == 0 and nothing == (None, 0)
    a, b, _, _ = OURS.Parts.apply(x, y)
    assert a.grad_fn.name() == b.grad_fn.name() == "PartsBackward"
    assert [f.variable for f, _ in b.grad_fn.next_functions] == [x, y]
    assert (b * 1).grad_fn.next_functions == ((b.grad_fn, 1), (None, 0))


def test_no_node_where_no_gradient_is_wanted() -> None:
    x = leaf(1.0, 2.0)
    with mg.no_grad():
        assert OURS.Cube.apply(x).grad_fn is None
        same = OURS.Reverse.apply(x)
    assert same is not x and not same.requires_grad and same.data_ptr() == x.data_ptr()
    y = OURS.Parts.apply(x.detach(), x.detach())[0]
    assert y.grad_fn is None and not y.requires_grad
    assert OURS.Cube.apply(x.detach().requires_grad_()).requires_grad
    with mg.inference_mode():
        assert not OURS.Cube.apply(x).requires_grad


def test_forward_runs_once_without_a_graph_in_whatever_mode() -> None:
    class Modes(mg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            modes.append(mg.is_grad_enabled())
            return x * 1

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            modes.append(mg.is_grad_enabled())
            return g

    modes: list[bool] = []
    x = leaf(1.0)
    mg.autograd.grad(Modes.apply(x), x, create_graph=True)
    mg.autograd.grad(Modes.apply(x), x)
    assert modes == [False, True, False, False] and mg.is_grad_enabled()


def test_a_failing_forward_leaves_the_mode() -> None:
    with pytest.raises(AttributeError):
        OURS.Exp.apply("no tensor")
    assert mg.is_grad_enabled()


def test_hooks_accumulation_and_retained_graphs() -> None:
    x = leaf(1.0, 2.0)
    y, e, _, _ = OURS.Parts.apply(x, x)
    seen: list[Any] = []
    y.register_hook(lambda g: g * 10)
    e.register_hook(lambda g: seen.append(g.tolist()))
    y.retain_grad()
    loss = (y + 0 * e).sum()
    loss.backward(retain_graph=True)
    assert seen == [[0.0, 0.0]] and y.grad.tolist() == [10.0, 10.0]
    assert x.grad.tolist() == [20.0, 40.0]
    loss.backward()
    assert x.grad.tolist() == [40.0, 80.0]
    with pytest.raises(RuntimeError, match=r"a second time \(at PartsBackward"):
        loss.backward()


def test_gradients_with_respect_to_an_output() -> None:
    x = leaf(1.0, 2.0)
    y, e, _, _ = OURS.Parts.apply(x, x)
    found = mg.autograd.grad((y * 3 * e.detach() ** 0).sum(), (y, e, x), allow_unused=True)
    assert [g if g is None else g.tolist() for g in found] == [[3, 3], None, [6, 12]]


def test_outputs_that_no_gradient_reaches() -> None:
    x = leaf(1.0, 2.0)
    for choose in (lambda a, b: a, lambda a, b: b, lambda a, b: a + b):
        choose(*OURS.Given.apply(x)).sum().backward()
    assert OURS.Given.seen == [(False, True), (True, False), (False, False)]
    assert x.grad.tolist() == [6.0, 6.0]


def test_a_saved_output_is_in_the_graph_though_it_is_gone() -> None:
    """The tensor of the second output dies before the backward pass that saves and reads it."""
    x = leaf(1.0)
    product = OURS.Parts.apply(x, x)[0]
    (g,) = mg.autograd.grad(product, x, create_graph=True)
    assert mg.autograd.grad(g, x)[0].item() == pytest.approx(2.0)
    e = OURS.Parts.apply(x, leaf(1.0))[1]
    calls: list[float] = []
    e.register_hook(lambda g: calls.append(g.item()))
    (g,) = mg.autograd.grad(e, x, create_graph=True)
    mg.autograd.grad(g, x)
    assert len(calls) == 2, "the hook is called for the gradient through what was saved, too"


def test_nothing_outlives_the_graph() -> None:
    gc.collect()
    gc.disable()
    try:
        x = leaf(1.0, 2.0)
        outputs = [*OURS.Parts.apply(x, x)[:2], OURS.Exp.apply(x), OURS.Reverse.apply(x * 1)]
        known = [weakref.ref(t.grad_fn) for t in outputs]
        sum(t.sum() for t in outputs).backward()
        del outputs
        assert [k() for k in known] == [None] * 4
    finally:
        gc.enable()


def test_a_deep_chain() -> None:
    x = y = leaf(1.0)
    for _ in range(3000):
        y = OURS.Reverse.apply(y)
    y.backward()
    assert x.grad.item() == 1.0
    del y


# What ctx keeps


def test_saved_tensors_know_their_versions() -> None:
    x = leaf(1.0, 2.0) * 1
    y = OURS.Cube.apply(x)
    x.add_(1)
    with pytest.raises(RuntimeError, match=r"saved by CubeBackward, is at version 1; expected"):
        y.sum().backward()
    y = OURS.Exp.apply(leaf(1.0))
    y.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


def test_an_output_that_is_written_to() -> None:
    x = leaf(1.0, 2.0)
    y = OURS.Cube.apply(x)
    y.mul_(5)
    y.sum().backward()
    assert x.grad.tolist() == [15.0, 60.0]


def test_what_backward_returns_is_not_shared_with_the_gradient() -> None:
    mask = mg.tensor([1.0, 0.0], dtype=mg.float64)
    x, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    for t in (x, x + b):
        OURS.Returns.apply(t, 5, (mask, None, None)).sum().backward()
        x.grad.add_(1)
        b.grad = None
    assert mask.tolist() == [1.0, 0.0]
    kept: list[Any] = []

    class Keeps(mg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 1

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            kept.append(g)
            return g

    x = leaf(1.0, 2.0)
    (Keeps.apply(x) * 2).sum().backward()
    x.grad.add_(1)
    assert kept[0].tolist() == [2.0, 2.0]


def test_a_gradient_that_requires_grad_is_detached() -> None:
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    OURS.Returns.apply(x, 5, (w, None, None)).sum().backward()
    assert not x.grad.requires_grad and x.grad is not w
    y = OURS.Returns.apply(x, 5, (w, None, None)).sum()
    (g,) = mg.autograd.grad(y, x, create_graph=True)
    assert g is not w and mg.autograd.grad(g.sum(), w)[0].tolist() == [1.0, 1.0]


def test_gradients_of_larger_shape_and_other_type_fit() -> None:
    x = leaf(1.0, 2.0)
    large = mg.ones(3, 2, dtype=mg.float32)
    OURS.Returns.apply(x, 5, (large, None, None, None, None)).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0] and x.grad.dtype == mg.float64


def test_attributes_and_numbers_of_ctx() -> None:
    class Step(mg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, flag: Any, other: Any) -> Any:
            assert ctx.needs_input_grad == (True, False, False)
            assert ctx.saved_tensors == ()
            ctx.flag, ctx.other = flag, other
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            assert ctx.flag == {"a": 1} and ctx.other is other
            return g * 7, None, None

    x, other = leaf(1.0), mg.ones(2)
    Step.apply(x, {"a": 1}, other).backward()
    assert x.grad.item() == 7.0


def test_once_differentiable() -> None:
    x = leaf(1.0, 2.0)
    OURS.Opaque.apply(x).sum().backward()
    assert x.grad.tolist() == [2.0, 4.0]
    (g,) = mg.autograd.grad(OURS.Opaque.apply(x).sum(), x, create_graph=True)
    assert g.tolist() == [2.0, 4.0]
    for call in (lambda: mg.autograd.grad(g.sum(), x), lambda: (g * x).sum().backward()):
        with pytest.raises(RuntimeError, match=r"OpaqueBackward twice.*@once_differentiable"):
            call()


@by_error
def test_errors(call: Program, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(mg, OURS, leaf)


def test_keywords_only_by_position() -> None:
    class Scaled(mg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, *, k: float = 2.0) -> Any:
            return x * k

    with pytest.raises(TypeError, match="no keyword-only arguments: k"):
        Scaled.apply(leaf(1.0), k=3.0)


@pytest.mark.host
def test_numpy_inside() -> None:
    """Code that autograd knows nothing of; what comes out of forward need not be a tensor."""

    class Sine(mg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            values = x.detach().numpy()
            ctx.slope = mg.from_numpy(np.cos(values))
            return mg.from_numpy(np.sin(values)), [x], None

        @staticmethod
        @mg.autograd.function.once_differentiable
        def backward(ctx: Any, g: Any, *others: Any) -> Any:
            assert others == (None, None)
            return mg.from_numpy(g.numpy() * ctx.slope.numpy())

    x = leaf(0.0, 1.0)
    y, held, nothing = Sine.apply(x)
    assert held[0] is x and nothing is None
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.cos([0.0, 1.0]))
