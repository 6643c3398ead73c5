"""backward and grad: their interface, the graph's life, deep graphs, long runs."""

from __future__ import annotations

import gc
import math
import sys
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from microgrest.kernels.cpu import memory

import microgrest as mg

pytestmark = pytest.mark.devices


def leaf(*values: float) -> Any:
    data = values if len(values) > 1 else values[0]
    return mg.tensor(data, dtype=mg.float64, requires_grad=True)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: (x * x).backward(), r"implicitly created only for scalar outputs.*\[2\]"),
        (
            lambda x: (x * x).backward(mg.ones(3)),
            r"Mismatch in shape: grad_output\[0\] has a shape",
        ),
        (
            lambda x: x.detach().sum().backward(),
            "does not require grad and does not have a grad_fn",
        ),
        (lambda x: mg.tensor(1).backward(), "does not require grad and does not have a grad_fn"),
        (lambda x: (x * x).sum().backward(inputs=[]), "'inputs' argument to backward cannot be"),
        (lambda x: mg.autograd.grad(x.sum(), leaf(1.0)), "appears to not have been used in the"),
        (lambda x: mg.autograd.grad(x.sum(), mg.ones(1)), "does not require grad"),
        (lambda x: mg.autograd.grad(x.sum(), []), "`inputs` argument to `grad..` cannot be empty"),
        (lambda x: mg.autograd.grad([x, x], x, [mg.ones(2)]), "got 2 tensors and 1 gradients"),
        (lambda x: mg.autograd.grad(x, x, is_grads_batched=True), "is_grads_batched=True is not"),
        (lambda x: (x * 1).requires_grad_(False), "only change requires_grad flags of leaf"),
        (lambda x: mg.ones(2).retain_grad(), "can't retain_grad on Tensor that has requires_grad"),
        (lambda x: mg.ones(2).register_hook(print), "tensor that doesn't require gradient"),
        (lambda x: setattr(x, "grad", mg.ones(3)), "assigned grad has data of a different size"),
        (lambda x: setattr(x, "grad", mg.ones(2)), "assigned grad has a different dtype or device"),
        (lambda x: setattr(x, "grad", x), "can't assign Variable as its own grad"),
        (lambda x: setattr(x, "data", mg.ones(2).long()), "must be floating point, got .*int64"),
        (
            lambda x: setattr(x.long(), "requires_grad", True),
            "only Tensors of floating point dtype",
        ),
    ],
)
def test_errors(call: Callable[[Any], Any], message: str) -> None:
    x = leaf(2.0, 3.0)
    with pytest.raises(RuntimeError, match=message):
        call(x)
    assert x.grad is None


def test_errors_of_type() -> None:
    x = leaf(2.0)
    with pytest.raises(TypeError, match="gradients can be either Tensors or None, but got float"):
        (x * x).backward(1.0)  # type: ignore[arg-type]
    with pytest.raises(
        TypeError, match="assigned grad expected to be a Tensor or None but got int"
    ):
        x.grad = 5
    with pytest.raises(ValueError, match="Expected allow_unused to be True or not passed"):
        mg.autograd.grad(x * x, x, allow_unused=False, materialize_grads=True)


def test_a_freed_graph_raises_and_names_the_remedy() -> None:
    x = leaf(2.0)
    y = x.sin()
    z = y.exp()
    z.backward()
    with pytest.raises(RuntimeError, match=r"a second time \(at ExpBackward0.*retain_graph=True"):
        z.backward()
    assert x.grad.item() == pytest.approx(math.cos(2) * math.exp(math.sin(2)))


def test_saved_tensors_are_released_as_their_nodes_run() -> None:
    x = mg.ones(4, requires_grad=True)
    y = x.exp()
    saved = weakref.ref(y.grad_fn.saved[0]._storage)
    loss = (y * 2).sum()
    node = y.grad_fn
    del y
    loss.backward(retain_graph=True)
    assert saved() is not None
    loss.backward()
    assert saved() is None
    assert not node.saved


def test_a_hook_may_not_change_what_a_gradient_is() -> None:
    for returned, error, message in (
        (mg.ones(3), RuntimeError, r"hook 'f' has changed the size of value, from \[2\] to \[3\]"),
        (5, TypeError, "expected Variable, but hook 'f' returned 'int'"),
    ):

        def f(g: Any, returned: Any = returned) -> Any:
            return returned

        for start in (leaf(1.0, 2.0), leaf(1.0, 2.0) * 1):
            start.register_hook(f)
            with pytest.raises(error, match=message):
                (start * start).sum().backward()
            assert mg.is_grad_enabled()


def test_a_hook_returns_the_dtype_that_it_was_given() -> None:
    x = leaf(1.0, 2.0)
    x.register_hook(lambda g: mg.tensor([5.0, 6.0]))
    with pytest.raises(RuntimeError, match=r"changed the type of value, from .*64 to .*32"):
        (x * x).sum().backward()


def test_what_a_hook_keeps_is_not_written_to() -> None:
    kept: list[Any] = []
    x = leaf(1.0, 2.0)
    y = x * 1
    for t in (x, y):
        t.register_hook(kept.append)
    for _ in range(2):
        (y * 3).sum().backward(retain_graph=True)
    assert [g.tolist() for g in kept] == [[3, 3]] * 4
    assert x.grad.tolist() == [6, 6]


def test_a_handle_is_a_context() -> None:
    x, calls = leaf(1.0), []
    with x.register_hook(calls.append):
        (x * 2).backward()
    (x * 2).backward()
    assert len(calls) == 1


def test_retain_grad_does_not_keep_the_tensor() -> None:
    x = leaf(1.0)
    y = x * 2
    z = y * y
    y.retain_grad()
    y.retain_grad()
    assert y.retains_grad
    assert not x.retains_grad
    gone = weakref.ref(y)
    z.backward()
    assert y.grad.item() == 4
    z = y = None
    assert gone() is None
    assert x.grad.item() == 8


def test_gradients_of_unused_outputs_do_not_appear() -> None:
    x = leaf(1.0, 2.0)
    a, b = (x * 2), (x * 3)
    a.sum().backward()
    assert x.grad.tolist() == [2, 2]
    assert mg.autograd.grad(b.sum(), [x, a], allow_unused=True)[1] is None


def test_only_what_leads_to_the_inputs_runs() -> None:
    ran: list[str] = []
    x, w = leaf(2.0), leaf(3.0)
    left, right = x * 2, w * 3
    left.register_hook(lambda g: ran.append("left"))
    right.register_hook(lambda g: ran.append("right"))
    mg.autograd.grad(left * right, x)
    assert ran == ["left"]


def test_mixed_dtypes_meet_each_leaf_in_its_own() -> None:
    half = mg.ones(2, dtype=mg.float16, requires_grad=True)
    single = mg.ones(1, requires_grad=True)
    double = mg.ones((), dtype=mg.float64, requires_grad=True)
    (half * single * double * 3).sum().backward()
    for x, total in ((half, [3, 3]), (single, [6]), (double, 6)):
        assert x.grad.dtype is x.dtype
        assert x.grad.tolist() == total


def test_products_with_constants() -> None:
    m, v = np.arange(6.0).reshape(2, 3), np.arange(3.0)
    fixed, wanted = mg.tensor(m), mg.tensor(v).requires_grad_()
    (fixed @ wanted).sum().backward()
    np.testing.assert_array_equal(wanted.grad.cpu().numpy(), m.sum(0))
    (g,) = mg.autograd.grad(wanted.dot(mg.tensor(v.copy())), wanted, create_graph=True)
    np.testing.assert_array_equal(g.detach().cpu().numpy(), v)


def test_every_derivative_of_a_power() -> None:
    x = leaf(1.5)
    y = x**6
    for order in range(1, 7):
        (y,) = mg.autograd.grad(y, x, create_graph=True)
        want = math.perm(6, order) * 1.5 ** (6 - order)
        assert y.item() == pytest.approx(want, rel=1e-12)


def test_newtons_method_finds_a_root_of_the_gradient() -> None:
    x = leaf(3.0)
    for _ in range(8):
        loss = x**4 - 4 * x**2 + x
        (g,) = mg.autograd.grad(loss, x, create_graph=True)
        (h,) = mg.autograd.grad(g, x)
        with mg.no_grad():
            x -= g / h
    assert 4 * x.item() ** 3 - 8 * x.item() + 1 == pytest.approx(0, abs=1e-12)


@pytest.mark.large
def test_the_order_of_sums_repeats() -> None:
    def gradient() -> bytes:
        x = mg.linspace(0.1, 1, 50).requires_grad_()
        terms = [(x * k).sin() * x.exp() for k in range(20)]
        sum(terms[i % 20] * terms[(7 * i) % 20] for i in range(60)).sum().backward()
        return x.grad.cpu().numpy().tobytes()

    assert len({gradient() for _ in range(5)}) == 1


# Depth and duration


def chain(x: Any, n: int) -> Any:
    """x + 0 + 0 + ... with `n` additions, in steps that save nothing and steps that save."""
    y = x
    for _ in range(n // 2):
        y = (y * 1.0) + 0.0
    return y


@pytest.mark.large
@pytest.mark.parametrize("n", [20_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_deep_graphs_go_backward_and_are_freed(n: int) -> None:
    x = mg.ones(1, requires_grad=True)
    assert n > 10 * sys.getrecursionlimit()
    y = chain(x, n)
    y.backward()
    assert x.grad.tolist() == [1]
    node = weakref.ref(y.grad_fn)
    gc.disable()
    try:
        del y
        assert node() is None
    finally:
        gc.enable()
    unused = chain(x, n)
    del unused
    first, second = x * 2, x * 3  # two chains that cross at each step
    for _ in range(n // 4):
        first, second = second + 0.0, first + second * 0.0
    (first + second).sum().backward()


@pytest.mark.large
def test_deep_graphs_have_second_derivatives() -> None:
    x = leaf(1.0)
    y = x
    for _ in range(5_000):
        y = y * 1.0
    (g,) = mg.autograd.grad(y * y, x, create_graph=True)
    (h,) = mg.autograd.grad(g, x)
    assert (g.item(), h.item()) == (2, 2)


@pytest.mark.large
def test_deep_views_and_writes() -> None:
    x = leaf(1.0, 2.0)
    y = x * 1
    for _ in range(3_000):
        y[0] = y[1] * 1.0
    y.sum().backward()
    assert x.grad.tolist() == [0, 2]


def step(x: Any, w: list[Any]) -> None:
    """A training step that uses views, writes, both kinds of accumulation, and hooks."""
    y = (w[0] * x + w[1]).tanh() + 1
    y[::2].mul_(0.5)
    loss = ((y - x) ** 2).mean() + y[1:].abs().sum() * 1e-3
    loss.backward()
    with mg.no_grad():
        for p in w:
            p -= 0.01 * p.grad
            p.grad.zero_() if p is w[0] else setattr(p, "grad", None)


def growth(steps: int) -> int:
    """Memory blocks of Python, tensors and arrays among them, that `steps` steps leave behind."""
    x = mg.linspace(-1, 1, 20)
    w = [mg.ones((), requires_grad=True), mg.zeros((), requires_grad=True)]
    for _ in range(50):
        step(x, w)
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(steps):
        step(x, w)
    gc.collect()
    return sys.getallocatedblocks() - before


@pytest.mark.large
@pytest.mark.parametrize("steps", [5_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_training_does_not_grow_memory(steps: int) -> None:
    assert growth(steps) < 500


@pytest.fixture
def small_pool() -> Iterator[None]:
    memory.trim()
    yield
    memory.trim()


@pytest.mark.host
def test_training_on_large_arrays_takes_its_memory_from_the_pool(small_pool: None) -> None:
    x = mg.linspace(-1, 1, 50_000)
    w = [mg.ones((), requires_grad=True), mg.zeros((), requires_grad=True)]
    for _ in range(3):
        step(x, w)
    gc.collect()
    before = memory.stats()
    for _ in range(20):
        step(x, w)
    after = memory.stats()
    assert after.hits > before.hits
    assert after.misses == before.misses
    assert after.kept_bytes == before.kept_bytes


@pytest.mark.parametrize("new", [(2,), (10, 100), (2000,)])
def test_data_of_another_shape_stops_the_graph_that_saved_the_tensor(new: tuple[int, ...]) -> None:
    x = mg.ones(1000, requires_grad=True)
    y = (x * x).sum()
    x.data = mg.ones(*new)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()
    x.data = mg.ones(1000).reshape(100, 10).T
    x.data = mg.zeros(1000)
    x.sum().backward()
    assert x.grad.sum().item() == 1000


def test_inputs_get_gradients_of_their_own() -> None:
    """Neither expanded memory, nor what the caller gave or a hook kept."""
    x, seen, g = leaf([1.0, 2.0]), [], mg.ones(2, dtype=mg.float64)
    x.register_hook(seen.append)
    for y, gradient in ((x.sum(), None), (x * 1, g), (x, g)):
        x.grad = None
        y.backward(gradient, inputs=[x])
        x.grad.add_(5)
        assert x.grad.tolist() == [6.0, 6.0]
    assert [s.tolist() for s in (g, *seen)] == [[1.0, 1.0]] * 4
