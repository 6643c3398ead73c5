"""Hooks, checkpoints and functions of functions in compiled steps: as eagerly, and noticed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import microgrest as mg
from microgrest import nn

Made = tuple[Callable[[], Any], list[Any]]  # a step, and the tensors that it changes


def updated_within_backward() -> Made:
    w = mg.tensor([1.0, 2.0, 3.0], requires_grad=True)

    def update(p: Any) -> None:
        with mg.no_grad():
            p -= 0.1 * p.grad
        p.grad = None

    w.register_post_accumulate_grad_hook(update)

    def step() -> Any:
        loss = (w * w).sum()
        loss.backward()
        return loss.detach()

    return step, [w]


def _net() -> Any:
    net = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 1))
    with mg.no_grad():
        for i, p in enumerate(net.parameters()):
            p.copy_(mg.arange(p.numel()).reshape(p.shape) * 0.1 + 0.1 * i)
    return net


def _training(net: Any, run: Callable[[Any], Any]) -> Made:
    x = mg.linspace(-1, 1, 8).reshape(4, 2).requires_grad_()
    optimizer = mg.optim.SGD(net.parameters(), lr=0.1)

    def step() -> Any:
        optimizer.zero_grad()
        loss = run(x).square().sum()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step, list(net.parameters())


def backward_hooks_of_modules() -> Made:
    net = _net()
    net[0].register_full_backward_hook(lambda m, i, g: (i[0] * 2,))
    net[2].register_full_backward_hook(lambda m, i, g: (i[0] * 2,))
    net[1].register_full_backward_pre_hook(lambda m, g: (g[0] * 3,))
    return _training(net, net)


def a_checkpoint() -> Made:
    net, run = _net(), mg.utils.checkpoint.checkpoint
    return _training(net, lambda x: run(net, x, use_reentrant=False))


def a_reentrant_checkpoint() -> Made:
    net, run = _net(), mg.utils.checkpoint.checkpoint
    return _training(net, lambda x: run(net, x, use_reentrant=True))


def a_node_s_hook() -> Made:
    w = mg.tensor([1.0, 2.0], requires_grad=True)

    def step() -> Any:
        y = w * w
        y.grad_fn.register_hook(lambda gi, go: (gi[0] * 2, gi[1]))
        y.sum().backward()
        with mg.no_grad():
            w.sub_(w.grad * 0.1)
        w.grad = None
        return y.detach()

    return step, [w]


def packed() -> Made:
    w = mg.tensor([1.0, 2.0], requires_grad=True)

    def step() -> Any:
        with mg.autograd.graph.saved_tensors_hooks(lambda t: t * 2, lambda t: t / 2):
            loss = (w * w).sin().sum()
        loss.backward()
        with mg.no_grad():
            w.sub_(w.grad * 0.1)
        w.grad = None
        return loss.detach()

    return step, [w]


def a_function_of_parameters() -> Made:
    net, x = _net(), mg.ones(4, 2)
    own = {name: p.detach().clone() for name, p in net.named_parameters()}
    gradient = mg.func.grad(lambda p: mg.func.functional_call(net, p, (x,)).square().sum())

    def step() -> Any:
        for name, g in gradient(own).items():
            own[name].sub_(g * 0.1)
        return own["2.weight"].clone()

    return step, list(own.values())


def newton() -> Made:
    w = mg.tensor([1.0, 2.0], requires_grad=True)

    def step() -> Any:
        h = mg.autograd.functional.hessian(lambda v: (v**3).sum(), w)
        with mg.no_grad():
            w.sub_(h.sum(0) * 0.01)
        return h

    return step, [w]


MADE = [
    updated_within_backward,
    backward_hooks_of_modules,
    a_checkpoint,
    a_reentrant_checkpoint,
    a_node_s_hook,
    packed,
    a_function_of_parameters,
    newton,
]


def close(a: Any, b: Any) -> bool:
    return bool(mg.allclose(a, b, rtol=1e-5, atol=1e-7))


@pytest.mark.parametrize("make", MADE, ids=lambda make: make.__name__)
def test_a_step_does_what_eager_mode_does(make: Callable[[], Made]) -> None:
    (eager, wanted), (fn, found) = make(), make()
    step = mg.compile(fn)
    for _ in range(5):
        assert close(step(), eager().detach())
        assert all(close(a, b) for a, b in zip(found, wanted, strict=True))
    assert len(step.recordings) == 1


# What is registered, or switched on, later


def test_a_later_hook_on_a_leaf_is_noticed() -> None:
    w = mg.ones(3, requires_grad=True)

    @mg.compile
    def step() -> Any:
        (w * w).sum().backward()
        g, w.grad = w.grad, None
        return g

    assert [step().tolist() for _ in range(4)] == [[2.0] * 3] * 4
    handle = w.register_post_accumulate_grad_hook(lambda p: p.grad.mul_(10))
    assert [step().tolist() for _ in range(4)] == [[20.0] * 3] * 4
    handle.remove()
    assert [step().tolist() for _ in range(4)] == [[2.0] * 3] * 4


def test_a_later_hook_of_all_modules_is_noticed() -> None:
    layer, x = nn.Identity(), mg.ones(2)
    step = mg.compile(lambda: layer(x) * 1)
    assert [step().tolist() for _ in range(4)] == [[1.0, 1.0]] * 4
    with nn.modules.module.register_module_forward_hook(lambda m, a, y: y * 10):
        assert [step().tolist() for _ in range(4)] == [[10.0, 10.0]] * 4
    assert [step().tolist() for _ in range(4)] == [[1.0, 1.0]] * 4


def test_a_later_backward_hook_is_noticed() -> None:
    layer, x = nn.Identity(), mg.ones(2, requires_grad=True)

    @mg.compile
    def step() -> Any:
        layer(x * 1).sum().backward()
        g, x.grad = x.grad, None
        return g

    assert [step().tolist() for _ in range(4)] == [[1.0, 1.0]] * 4
    with layer.register_full_backward_hook(lambda m, i, g: (i[0] * 7,)):
        assert [step().tolist() for _ in range(4)] == [[7.0, 7.0]] * 4
    assert [step().tolist() for _ in range(4)] == [[1.0, 1.0]] * 4


@pytest.mark.filterwarnings("ignore:Error detected")
def test_anomaly_mode_around_a_step_looks_into_it() -> None:
    x = mg.tensor([-1.0], requires_grad=True)

    @mg.compile
    def step() -> Any:
        x.sqrt().sum().backward()
        g, x.grad = x.grad, None
        return g

    for _ in range(3):
        assert step().isnan().all()
    with (
        mg.autograd.set_detect_anomaly(True),
        pytest.raises(RuntimeError, match="SqrtBackward0"),
    ):
        step()
    assert step().isnan().all()


def test_hooks_around_a_step_see_what_it_saves() -> None:
    x, seen = mg.tensor([1.0], requires_grad=True), []
    step = mg.compile(lambda: x.exp())

    def pack(t: Any) -> Any:
        seen.append(1)
        return t

    for _ in range(3):
        step()
    with mg.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        for _ in range(3):
            step()
    assert len(seen) == 3
    assert not step().requires_grad and len(step.recordings) == 1


def test_a_checkpoint_that_draws_is_refused() -> None:
    x = mg.ones(4, requires_grad=True)

    def drawn(x: Any) -> Any:
        return (x * mg.rand(4)).exp()

    def step() -> Any:
        y = mg.utils.checkpoint.checkpoint(drawn, x, use_reentrant=False)
        y.sum().backward()
        return y.detach()

    compiled = mg.compile(step)
    compiled()
    with pytest.raises(RuntimeError, match="starts a random stream"):
        compiled()
