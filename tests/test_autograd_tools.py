"""What programs look at autograd with: anomaly mode, hooks, checks, and what is refused by name."""

from __future__ import annotations

import gc
import inspect
import warnings
import weakref
from collections.abc import Callable
from typing import Any

import pytest

import microgrest as mg
from microgrest.autograd.gradcheck import GradcheckError
from tests.autograd import (  # noqa: F401 - they enter themselves
    check_programs,
    checkpoint_programs,
    derivative_programs,
    func_programs,
    function_programs,
    graph_programs,
    module_programs,
)
from tests.autograd.programs import PROGRAMS, differences, outcome

pytestmark = pytest.mark.devices


def leaf(*values: float) -> Any:
    return mg.tensor(values, dtype=mg.float64, requires_grad=True)


# Programs that hand memory to NumPy.
ON_THE_HOST = {"second_derivatives_of_what_is_packed"}


@pytest.mark.parametrize("name", sorted(PROGRAMS.keys() - ON_THE_HOST))
def test_programs_come_to_the_same_on_every_device(name: str) -> None:
    """What they come to on the CPU is what they come to in PyTorch (test_torch_autograd)."""
    found = outcome(PROGRAMS[name], mg)
    here = mg.get_default_device()
    mg.set_default_device("cpu")
    try:
        assert differences(outcome(PROGRAMS[name], mg), found) == []
    finally:
        mg.set_default_device(here)


# Errors that say where


def test_anomaly_mode_names_the_line() -> None:
    with mg.autograd.set_detect_anomaly(True):
        x = leaf(-1.0, 4.0)
        y = x.sqrt().sum()  # the line
        with (
            pytest.warns(UserWarning, match="Error detected in SqrtBackward0.*") as told,
            pytest.raises(RuntimeError, match="'SqrtBackward0' returned nan values in its 0th"),
        ):
            y.backward()
    text = str(told[0].message)
    assert "y = x.sqrt().sum()  # the line" in text and __file__ in text
    assert "microgrest/functions" not in text.rpartition("the line")[2]
    assert not mg.is_anomaly_enabled()


def test_anomaly_mode_names_both_lines_of_a_second_derivative() -> None:
    with mg.autograd.set_detect_anomaly(True):
        x = leaf(0.0)
        y = x**1.5  # the first line
        (g,) = mg.autograd.grad(y, x, create_graph=True)
        with pytest.warns(UserWarning) as told, pytest.raises(RuntimeError, match="nan values"):
            mg.autograd.grad(g * 0.0, x)  # inf * 0
    texts = [str(w.message) for w in told]
    assert any("Previous calculation was induced by PowBackward0" in t for t in texts)
    assert "y = x**1.5  # the first line" in texts[-1]


def test_an_error_leaves_nothing_on() -> None:
    x = leaf(1.0)

    def fails(t: Any) -> Any:
        raise KeyError("mine")

    with pytest.raises(KeyError), mg.autograd.graph.saved_tensors_hooks(fails, fails):
        x.exp()
    assert mg.is_grad_enabled()
    x.exp().backward()
    assert x.grad.item() == pytest.approx(2.718281828)


def test_a_version_error_names_shape_operation_and_line() -> None:
    x = leaf(1.0, 2.0)
    y = x.exp()
    y.add_(1)
    line = inspect.currentframe().f_lineno - 1  # type: ignore[union-attr]
    with pytest.raises(RuntimeError) as caught:
        y.sum().backward()
    text = str(caught.value)
    assert "DoubleTensor [2]" in text and "saved by ExpBackward0" in text
    assert f"{__file__}:{line}" in text
    assert "is at version 1; expected version 0" in text


def test_unpacked_tensors_have_to_be_alike() -> None:
    for other in (lambda t: t[:1], lambda t: t.float(), lambda t: [t]):
        x = leaf(1.0, 2.0)
        with mg.autograd.graph.saved_tensors_hooks(lambda t: t, other):
            y = x.exp()
        with pytest.raises((RuntimeError, TypeError), match="unpack"):
            y.sum().backward()


def test_a_packed_gap_is_read_as_it_lies() -> None:
    x = leaf(1.0, 2.0, 3.0)
    with mg.autograd.graph.saved_tensors_hooks(
        lambda t: mg.stack([t, t * 0], -1), lambda packed: packed[..., 0]
    ):
        y = x.exp() * x
    y.sum().backward()
    assert x.grad.tolist() == pytest.approx([(v + 1) * 2.718281828459045**v for v in (1, 2, 3)])


def test_an_expanded_tensor_may_be_unpacked_as_another() -> None:
    x, w = leaf(1.0, 2.0, 3.0), mg.tensor(2.0, dtype=mg.float64).expand(3)
    counted = mg.arange(3, dtype=mg.float64)
    with mg.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t + counted):
        y = x * w
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 3.0, 4.0]


# What there is not


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda x: mg.func.vmap(mg.sin)(x), "vmap"),
        (lambda x: mg.func.linearize(mg.sin, x), "linearize"),
        (lambda x: mg.func.functionalize(mg.sin), "functionalize"),
        (lambda x: mg.func.stack_module_state([]), "stack_module_state"),
        (lambda x: mg.autograd.grad(x, x, x, is_grads_batched=True), "is_grads_batched=True"),
        (lambda x: mg.autograd.graph.allow_mutation_on_saved_tensors(), "allow_mutation_on"),
        (lambda x: mg.autograd.gradcheck(mg.sin, x, check_forward_ad=True), "check_forward_ad"),
        (lambda x: mg.autograd.gradcheck(mg.sin, x, check_batched_grad=True), "check_batched"),
        (lambda x: mg.autograd.gradgradcheck(mg.sin, x, check_fwd_over_rev=True), "check_fwd"),
        (lambda x: mg.nn.Identity().register_backward_hook(print), "register_full_backward_hook"),
        (lambda x: mg.autograd.Function.jvp(None, x), "jvp"),
        (lambda x: mg.autograd.Function.vmap(None, None, x), "vmap"),
    ],
)
def test_what_is_missing_says_so(call: Callable[[Any], Any], named: str) -> None:
    with pytest.raises(NotImplementedError, match=named):
        call(leaf(1.0, 2.0))


# Checks of derivatives


def test_gradcheck_says_what_differs() -> None:
    class Wrong(mg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 3

    for fast in (False, True):
        with pytest.raises(GradcheckError, match="mismatch for output 0 with"):
            mg.autograd.gradcheck(Wrong.apply, leaf(1.0, 2.0), fast_mode=fast)


def test_gradcheck_leaves_inputs_and_numbers_as_they_were() -> None:
    x = leaf(1.0, 2.0)
    mg.manual_seed(3)
    state = mg.get_rng_state().tolist()
    assert mg.autograd.gradcheck(lambda t: (t * t).sum(), x, fast_mode=True)
    assert x.tolist() == [1.0, 2.0] and x.grad is None and x._version == 0
    assert mg.get_rng_state().tolist() == state


def test_a_single_precision_input_is_warned_of() -> None:
    x = mg.ones(2, requires_grad=True)
    with pytest.warns(UserWarning, match="Input #0 .*double precision"):
        mg.autograd.gradcheck(mg.sin, x, eps=1e-2, atol=1e-2)


# The graph's life


def test_hooks_and_handles_let_go() -> None:
    x = leaf(1.0)
    end = (x * 2).grad_fn.next_functions[0][0]
    gone = weakref.ref(x)
    handle = end.register_hook(lambda gi, go: None)
    handle.remove()
    del x, end
    gc.collect()
    assert gone() is None


def test_a_checkpoint_keeps_no_intermediate_tensors() -> None:
    kept: list[Any] = []

    def f(x: Any) -> Any:
        y = x.exp()
        kept.append(weakref.ref(y._storage))
        return y.exp()

    x = leaf(1.0, 2.0)
    y = mg.utils.checkpoint.checkpoint(f, x, use_reentrant=False)
    assert kept[0]() is None
    y.sum().backward()
    assert len(kept) == 2
    plain = f(x)
    assert kept[2]() is not None
    del plain


def test_a_result_of_func_does_not_hold_the_graph() -> None:
    x = mg.ones(3)
    assert mg.func.grad(lambda y: (y**3).sum())(x).grad_fn is None
    assert mg.func.jacrev(lambda y: y**3)(x).grad_fn is None
    w = mg.ones(3, requires_grad=True)
    assert mg.func.grad(lambda y: (y * w).sum())(x).requires_grad


def test_no_warning_without_a_reason() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        layer = mg.nn.Linear(2, 1)
        layer.register_full_backward_pre_hook(lambda m, g: None)
        layer(mg.ones(1, 2)).sum().backward()
        assert layer.weight.grad is not None
