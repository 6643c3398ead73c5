"""The update rules against plain NumPy, for every option, over many steps."""

from __future__ import annotations

import math

import numpy as np
import pytest

import microgrest as torch
from microgrest import optim

pytestmark = pytest.mark.devices

START = [np.array([[0.5, -1.5, 2.0], [3.0, -0.25, 1.0]]), np.array(0.75)]
STEPS = 12


def gradients(params, step):
    """Of a loss that bends, with a term that depends on the step."""
    return [np.sin(p) + 0.3 * p + 0.1 * math.cos(step) for p in params]


def sgd(p, g, s, lr=1e-3, momentum=0, dampening=0, weight_decay=0, nesterov=False, maximize=False):
    g = (-g if maximize else g) + weight_decay * p
    if momentum:
        s["v"] = momentum * s["v"] + (1 - dampening) * g if "v" in s else g
        g = g + momentum * s["v"] if nesterov else s["v"]
    return p - lr * g


def rmsprop(
    p,
    g,
    s,
    lr=1e-2,
    alpha=0.99,
    eps=1e-8,
    weight_decay=0,
    momentum=0,
    centered=False,
    maximize=False,
):
    g = (-g if maximize else g) + weight_decay * p
    s["square"] = alpha * s.get("square", 0) + (1 - alpha) * g**2
    s["mean"] = alpha * s.get("mean", 0) + (1 - alpha) * g
    scale = np.sqrt(s["square"] - s["mean"] ** 2 * centered) + eps
    s["v"] = momentum * s.get("v", 0) + g / scale
    return p - lr * s["v"]


def adam(
    p,
    g,
    s,
    lr=1e-3,
    betas=(0.9, 0.999),
    eps=1e-8,
    weight_decay=0,
    amsgrad=False,
    maximize=False,
    decoupled_weight_decay=False,
):
    g = -g if maximize else g
    if decoupled_weight_decay:
        p = p - lr * weight_decay * p
    else:
        g = g + weight_decay * p
    s["t"] = s.get("t", 0) + 1
    s["m"] = betas[0] * s.get("m", 0) + (1 - betas[0]) * g
    s["v"] = betas[1] * s.get("v", 0) + (1 - betas[1]) * g**2
    s["max"] = np.maximum(s.get("max", 0), s["v"])
    v = s["max"] if amsgrad else s["v"]
    v_hat = v / (1 - betas[1] ** s["t"])
    return p - lr * s["m"] / (1 - betas[0] ** s["t"]) / (np.sqrt(v_hat) + eps)


def adamw(p, g, s, weight_decay=1e-2, **options):
    return adam(p, g, s, weight_decay=weight_decay, decoupled_weight_decay=True, **options)


def adagrad(
    p,
    g,
    s,
    lr=1e-2,
    lr_decay=0,
    weight_decay=0,
    initial_accumulator_value=0,
    eps=1e-10,
    maximize=False,
):
    g = (-g if maximize else g) + weight_decay * p
    s["t"] = s.get("t", -1) + 1
    s["sum"] = s.get("sum", initial_accumulator_value) + g**2
    return p - lr / (1 + s["t"] * lr_decay) * g / (np.sqrt(s["sum"]) + eps)


def adadelta(p, g, s, lr=1.0, rho=0.9, eps=1e-6, weight_decay=0, maximize=False):
    g = (-g if maximize else g) + weight_decay * p
    s["square"] = rho * s.get("square", 0) + (1 - rho) * g**2
    delta = np.sqrt((s.get("moved", 0) + eps) / (s["square"] + eps)) * g
    s["moved"] = rho * s.get("moved", 0) + (1 - rho) * delta**2
    return p - lr * delta


def adamax(p, g, s, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, maximize=False):
    g = (-g if maximize else g) + weight_decay * p
    s["t"] = s.get("t", 0) + 1
    s["m"] = betas[0] * s.get("m", 0) + (1 - betas[0]) * g
    s["u"] = np.maximum(betas[1] * s.get("u", 0), np.abs(g) + eps)
    return p - lr / (1 - betas[0] ** s["t"]) * s["m"] / s["u"]


def radam(
    p,
    g,
    s,
    lr=1e-3,
    betas=(0.9, 0.999),
    eps=1e-8,
    weight_decay=0,
    decoupled_weight_decay=False,
    maximize=False,
):
    g = -g if maximize else g
    if decoupled_weight_decay:
        p = p - lr * weight_decay * p
    else:
        g = g + weight_decay * p
    t = s["t"] = s.get("t", 0) + 1
    s["m"] = betas[0] * s.get("m", 0) + (1 - betas[0]) * g
    s["v"] = betas[1] * s.get("v", 0) + (1 - betas[1]) * g**2
    step = lr * s["m"] / (1 - betas[0] ** t)
    full = 2 / (1 - betas[1]) - 1
    q = full - 2 * t * betas[1] ** t / (1 - betas[1] ** t)
    if q <= 5:
        return p - step
    r = math.sqrt((q - 4) * (q - 2) * full / ((full - 4) * (full - 2) * q))
    return p - step * r * math.sqrt(1 - betas[1] ** t) / (np.sqrt(s["v"]) + eps)


def rprop(p, g, s, lr=1e-2, etas=(0.5, 1.2), step_sizes=(1e-6, 50), maximize=False):
    g = -g if maximize else g
    agreement = g * s.get("last", 0)
    factor = np.where(agreement > 0, etas[1], np.where(agreement < 0, etas[0], 1.0))
    s["size"] = np.clip(s.get("size", lr) * factor, *step_sizes)
    s["last"] = np.where(agreement < 0, 0.0, g)
    return p - s["size"] * np.sign(s["last"])


CASES = [
    (optim.SGD, sgd, {}),
    (optim.SGD, sgd, {"lr": 0.1, "momentum": 0.9}),
    (optim.SGD, sgd, {"lr": 0.1, "momentum": 0.9, "dampening": 0.3}),
    (optim.SGD, sgd, {"lr": 0.1, "momentum": 0.8, "nesterov": True, "weight_decay": 0.1}),
    (optim.SGD, sgd, {"lr": 0.1, "weight_decay": 0.2, "maximize": True}),
    (optim.RMSprop, rmsprop, {}),
    (optim.RMSprop, rmsprop, {"alpha": 0.9, "eps": 1e-3, "weight_decay": 0.1}),
    (optim.RMSprop, rmsprop, {"centered": True, "maximize": True}),
    (optim.RMSprop, rmsprop, {"momentum": 0.9, "lr": 0.05}),
    (optim.RMSprop, rmsprop, {"momentum": 0.5, "centered": True, "weight_decay": 0.2}),
    (optim.Adam, adam, {}),
    (optim.Adam, adam, {"lr": 0.1, "betas": (0.8, 0.95), "eps": 1e-3}),
    (optim.Adam, adam, {"lr": 0.1, "amsgrad": True, "weight_decay": 0.1}),
    (optim.Adam, adam, {"lr": 0.1, "maximize": True}),
    (optim.Adam, adam, {"lr": 0.1, "weight_decay": 0.3, "decoupled_weight_decay": True}),
    (optim.AdamW, adamw, {"lr": 0.1}),
    (optim.AdamW, adamw, {"lr": 0.1, "weight_decay": 0.3, "amsgrad": True}),
    (optim.Adagrad, adagrad, {"lr": 0.1}),
    (optim.Adagrad, adagrad, {"lr": 0.1, "lr_decay": 0.2, "weight_decay": 0.1}),
    (
        optim.Adagrad,
        adagrad,
        {"lr": 0.1, "initial_accumulator_value": 0.3, "eps": 1e-3, "maximize": True},
    ),
    (optim.Adadelta, adadelta, {}),
    (optim.Adadelta, adadelta, {"rho": 0.6, "weight_decay": 0.1, "maximize": True}),
    (optim.Adamax, adamax, {"lr": 0.1}),
    (optim.Adamax, adamax, {"betas": (0.7, 0.8), "weight_decay": 0.1, "maximize": True}),
    (optim.RAdam, radam, {"lr": 0.1}),
    (optim.RAdam, radam, {"betas": (0.7, 0.6), "weight_decay": 0.1, "maximize": True}),
    (optim.RAdam, radam, {"lr": 0.1, "weight_decay": 0.3, "decoupled_weight_decay": True}),
    (optim.Rprop, rprop, {}),
    (optim.Rprop, rprop, {"lr": 0.3, "step_sizes": (0.05, 0.4), "maximize": True}),
]


def title(value):
    if not isinstance(value, dict):
        return value.__name__
    return ",".join(f"{name}={option}" for name, option in value.items())


@pytest.mark.parametrize(("optimizer", "rule", "options"), CASES, ids=title)
def test_rule(optimizer, rule, options):
    params = [torch.tensor(p, requires_grad=True) for p in START]
    opt = optimizer(params, **options)
    expected, states = list(START), [{}, {}]
    for step in range(STEPS):
        for p, g in zip(
            params, gradients([p.detach().cpu().numpy() for p in params], step), strict=True
        ):
            p.grad = torch.tensor(g)
        opt.step()
        pairs = zip(expected, gradients(expected, step), states, strict=True)
        expected = [rule(p, g, s, **options) for p, g, s in pairs]
    for p, e in zip(params, expected, strict=True):
        np.testing.assert_allclose(p.detach().cpu().numpy(), e, rtol=1e-12)
        assert p.dtype is torch.float64 and p.requires_grad and p.is_leaf


@pytest.mark.parametrize(("optimizer", "rule"), [(c[0], c[1]) for c in CASES[::5]], ids=title)
def test_rule_in_float32(optimizer, rule):
    p = torch.tensor(START[0], dtype=torch.float32, requires_grad=True)
    opt, expected, state = optimizer([p], lr=0.01), START[0], {}
    for step in range(STEPS):
        (g,) = gradients([expected], step)
        p.grad = torch.tensor(g, dtype=torch.float32)
        opt.step()
        expected = rule(expected, g, state, lr=0.01)
    assert p.dtype is torch.float32
    np.testing.assert_allclose(p.detach().cpu().numpy(), expected, rtol=1e-5)


def test_a_learning_rate_set_between_steps_takes_effect():
    p = torch.tensor(1.0, requires_grad=True)
    opt = optim.SGD([p], lr=1.0)
    for lr, value in ((0.5, 0.5), (0.25, 0.25)):
        p.grad = torch.tensor(1.0)
        opt.param_groups[0]["lr"] = lr
        opt.step()
        assert p.item() == value


@pytest.mark.parametrize("optimizer", list(dict.fromkeys(case[0] for case in CASES)))
def test_a_learning_rate_may_be_a_tensor(optimizer):
    rate, ends = torch.tensor(0.5, dtype=torch.float64), []
    for lr in (rate, 0.5):
        p = torch.tensor(START[0], requires_grad=True)
        p.grad = torch.tensor(START[0])
        optimizer([p], lr=lr).step()
        ends.append(p.tolist())
    assert ends[0] == ends[1]


def test_a_step_leaves_the_gradient_alone_and_enters_no_graph():
    p = torch.tensor([1.0, 2.0], requires_grad=True)
    opt = optim.SGD([p], lr=0.1, momentum=0.9, weight_decay=0.1, nesterov=True)
    (p**2).sum().backward()
    opt.step()
    opt.step()
    assert p.grad.tolist() == [2.0, 4.0] and p.grad_fn is None
    assert not opt.state[p]["momentum_buffer"].requires_grad


def test_steps_are_seen_by_the_graph_checks():
    p = torch.tensor([1.0, 2.0], requires_grad=True)
    loss = (p**2).sum()
    p.grad = torch.ones(2)
    optim.SGD([p], lr=0.1).step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@pytest.mark.parametrize("optimizer", [optim.SGD, optim.RMSprop, optim.Adam])
def test_minimizes_a_quadratic_and_skips_parameters_without_gradient(optimizer):
    p = torch.tensor([3.0, -2.0], requires_grad=True)
    idle = torch.tensor([1.0], requires_grad=True)
    opt = optimizer([p, idle], lr=0.1)
    for _ in range(200):
        opt.zero_grad()
        ((p - 1) ** 2).sum().backward()
        opt.step()
    assert abs(p.detach().cpu().numpy() - 1).max() < 0.06
    assert idle.item() == 1.0 and idle not in opt.state


def test_closure_runs_with_gradients_and_its_loss_is_returned():
    p = torch.tensor(2.0, requires_grad=True)
    opt = optim.SGD([p], lr=0.25)

    def closure():
        opt.zero_grad()
        loss = p**2
        loss.backward()
        return loss

    with torch.no_grad():
        loss = opt.step(closure)
    assert loss.item() == 4.0 and p.item() == 1.0
    assert opt.step() is None
