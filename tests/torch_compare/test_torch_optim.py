"""Optimizers against PyTorch's: trajectories, state, options and messages, step for step."""

from __future__ import annotations

import numpy as np
import pytest

import microgrest
import microgrest.optim

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

START = [np.array([[0.5, -1.5, 2.0], [3.0, -0.25, 1.0]]), np.array(0.75)]
STEPS = 25

CASES = [
    ("SGD", {}),
    ("SGD", {"lr": 0.05, "momentum": 0.9}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "dampening": 0.4}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
    ("SGD", {"lr": 0.05, "momentum": 0.7, "nesterov": True, "weight_decay": 0.2}),
    ("SGD", {"lr": 0.05, "weight_decay": 0.2, "maximize": True}),
    ("RMSprop", {}),
    ("RMSprop", {"alpha": 0.8, "eps": 1e-4, "weight_decay": 0.3}),
    ("RMSprop", {"momentum": 0.9, "lr": 0.03}),
    ("RMSprop", {"centered": True, "momentum": 0.3}),
    ("RMSprop", {"centered": True, "maximize": True}),
    ("Adam", {}),
    ("Adam", {"lr": 0.1, "betas": (0.8, 0.95), "eps": 1e-4}),
    ("Adam", {"lr": 0.1, "weight_decay": 0.3}),
    ("Adam", {"lr": 0.1, "amsgrad": True, "maximize": True}),
    ("Adam", {"lr": 0.1, "weight_decay": 0.3, "decoupled_weight_decay": True}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.1, "betas": (0.8, 0.95), "eps": 1e-4, "weight_decay": 0.3}),
    ("AdamW", {"lr": 0.1, "amsgrad": True, "maximize": True, "weight_decay": 0}),
    ("Adagrad", {}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.2, "weight_decay": 0.3}),
    ("Adagrad", {"lr": 0.1, "initial_accumulator_value": 0.5, "eps": 1e-3, "maximize": True}),
    ("Adadelta", {}),
    ("Adadelta", {"lr": 0.5, "rho": 0.6, "eps": 1e-3, "weight_decay": 0.2, "maximize": True}),
    ("Adamax", {}),
    ("Adamax", {"lr": 0.1, "betas": (0.7, 0.9), "eps": 1e-2, "weight_decay": 0.2}),
    ("Adamax", {"maximize": True}),
    ("RAdam", {}),
    ("RAdam", {"lr": 0.1, "betas": (0.7, 0.8), "eps": 1e-2, "weight_decay": 0.2}),
    ("RAdam", {"lr": 0.1, "betas": (0.7, 0.6), "maximize": True}),
    ("RAdam", {"lr": 0.1, "weight_decay": 0.3, "decoupled_weight_decay": True}),
    ("NAdam", {}),
    ("NAdam", {"lr": 0.1, "betas": (0.7, 0.8), "eps": 1e-2, "weight_decay": 0.2}),
    ("NAdam", {"lr": 0.1, "momentum_decay": 0.3, "maximize": True}),
    ("NAdam", {"lr": 0.1, "weight_decay": 0.3, "decoupled_weight_decay": True}),
    ("ASGD", {}),
    ("ASGD", {"lr": 0.1, "lambd": 0.3, "alpha": 0.6, "t0": 5.0, "weight_decay": 0.2}),
    ("ASGD", {"lr": 0.05, "t0": 0, "maximize": True}),
    ("Adafactor", {}),
    ("Adafactor", {"lr": 0.3, "beta2_decay": -0.5, "eps": (1e-4, 1e-2), "weight_decay": 0.2}),
    ("Adafactor", {"d": 1.5, "maximize": True}),
    ("Rprop", {}),
    ("Rprop", {"lr": 0.1, "etas": (0.4, 1.5), "step_sizes": (1e-3, 0.3)}),
    ("Rprop", {"maximize": True}),
]
IDS = [f"{name}-{','.join(options)}" for name, options in CASES]


def program(lib, name, options, dtype="float64", steps=STEPS):
    """Train two parameters in two groups, the second with twice the learning rate."""
    params = [lib.tensor(p, dtype=getattr(lib, dtype), requires_grad=True) for p in START]
    kind = getattr(lib.optim, name)
    rate = options.get("lr", 1e-3)
    groups = [{"params": params[:1]}, {"params": params[1:], "lr": 2 * rate}]
    opt = kind(groups, **options)
    for step in range(steps):
        opt.zero_grad()
        loss = (params[0].sin() + 0.15 * params[0] ** 2).sum() + (params[1] - 0.1 * step) ** 2
        loss.backward()
        opt.step()
    return params, opt


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_trajectory_in_float64(name, options):
    ours, _ = program(microgrest, name, options)
    theirs, _ = program(torch, name, options)
    for mine, reference in zip(ours, theirs, strict=True):
        expected = reference.detach().numpy()
        np.testing.assert_allclose(mine.detach().numpy(), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_trajectory_in_float32(name, options):
    ours, _ = program(microgrest, name, options, "float32", 10)
    theirs, _ = program(torch, name, options, "float32", 10)
    for mine, reference in zip(ours, theirs, strict=True):
        expected = reference.detach().numpy()
        np.testing.assert_allclose(mine.detach().numpy(), expected, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_state_dict_has_the_same_names_values_and_options(name, options):
    _, opt = program(microgrest, name, options)
    _, reference = program(torch, name, options)
    ours, theirs = opt.state_dict(), reference.state_dict()
    assert ours["param_groups"] == theirs["param_groups"]
    assert ours["state"].keys() == theirs["state"].keys()
    for place, state in theirs["state"].items():
        expected = {key: value for key, value in state.items() if value is not None}
        assert ours["state"][place].keys() == expected.keys()
        for key, value in expected.items():
            mine = ours["state"][place][key]
            mine = mine.numpy() if isinstance(mine, microgrest.Tensor) else mine
            np.testing.assert_allclose(mine, value.numpy(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_repr(name, options):
    assert repr(program(microgrest, name, options, steps=0)[1]) == repr(
        program(torch, name, options, steps=0)[1]
    )


MUON = [
    {},
    {"lr": 0.05, "momentum": 0.7, "nesterov": False, "weight_decay": 0.4},
    {"lr": 0.05, "adjust_lr_fn": "match_rms_adamw", "ns_steps": 3},
    {"lr": 0.05, "ns_coefficients": (2.0, -1.5, 0.5), "eps": 0.5},
]


def muon(lib, options, steps=100):
    """The wide and the tall matrix, and the square one, after each step; and the optimizer."""
    shapes, gauge = [(2, 3), (4, 2), (3, 3)], np.random.default_rng(0)
    params = [lib.tensor(gauge.normal(size=s), requires_grad=True) for s in shapes]
    opt, path = lib.optim.Muon(params, **options), []
    for step in range(steps):
        opt.zero_grad()
        sum((p.sin() + 0.15 * (p - 0.01 * step) ** 2).sum() for p in params).backward()
        opt.step()
        path.append([p.detach().numpy().copy() for p in params])
    return path, opt


@pytest.mark.parametrize("options", MUON, ids=lambda options: ",".join(options))
def test_muon_without_roundings(options, monkeypatch):
    """PyTorch's, where its bfloat16 is float64, has the same path.

    A step multiplies small singular values, and their rounding, by a^5: 485. With weight decay and
    all else, other sums of products lead the paths apart after some 40 steps.
    """
    steps = 40 if len(options) == 4 else 100
    monkeypatch.setattr(torch.Tensor, "bfloat16", lambda t: t.clone())
    (ours, opt), (theirs, reference) = (muon(lib, options, steps) for lib in (microgrest, torch))
    for mine, expected in zip(ours, theirs, strict=True):
        for one, other in zip(mine, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-10)
    ours, theirs = opt.state_dict(), reference.state_dict()
    assert ours["param_groups"] == theirs["param_groups"] and repr(opt) == repr(reference)
    for place, state in theirs["state"].items():
        assert ours["state"][place].keys() == state.keys()
        expected = state["momentum_buffer"].numpy()
        found = ours["state"][place]["momentum_buffer"].numpy()
        np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("options", MUON, ids=lambda options: ",".join(options))
def test_muon_beside_bfloat16(options):
    """One step goes the same way, but for the rounding of its direction, 2^-8 in each product."""
    (ours, _), (theirs, _) = muon(microgrest, options, 1), muon(torch, options, 1)
    start, _ = muon(torch, {**options, "lr": 0.0}, 1)
    for mine, expected, begin in zip(ours[0], theirs[0], start[0], strict=True):
        moved = np.linalg.norm(expected - begin)
        assert np.linalg.norm(mine - expected) < 0.03 * moved


BAD = {
    "Adafactor's decay": lambda lib, p: lib.optim.Adafactor(p, beta2_decay=0.1),
    "Adafactor's eps": lambda lib, p: lib.optim.Adafactor(p, eps=(-1.0, 0.1)),
    "Adafactor's other eps": lambda lib, p: lib.optim.Adafactor(p, eps=(None, -0.1)),
    "Adafactor's d": lambda lib, p: lib.optim.Adafactor(p, d=0.5),
    "Adafactor's weight decay": lambda lib, p: lib.optim.Adafactor(p, weight_decay=-0.5),
    "Muon's lr": lambda lib, p: lib.optim.Muon(p, lr=-1.0),
    "Muon's weight decay": lambda lib, p: lib.optim.Muon(p, weight_decay=-1.0),
    "Muon's momentum": lambda lib, p: lib.optim.Muon(p, momentum=-1.0),
    "Muon's adjustment": lambda lib, p: lib.optim.Muon(p, adjust_lr_fn="none"),
    "several rates": lambda lib, p: lib.optim.Muon(p, lr=lib.ones(2)),
    "negative lr": lambda lib, p: lib.optim.SGD(p, lr=-1.0),
    "negative momentum": lambda lib, p: lib.optim.SGD(p, momentum=-1.0),
    "negative decay": lambda lib, p: lib.optim.Adam(p, weight_decay=-0.5),
    "negative alpha": lambda lib, p: lib.optim.RMSprop(p, alpha=-1),
    "negative eps": lambda lib, p: lib.optim.RMSprop(p, eps=-1),
    "nesterov": lambda lib, p: lib.optim.SGD(p, nesterov=True),
    "negative lr_decay": lambda lib, p: lib.optim.Adagrad(p, lr_decay=-1),
    "negative start": lambda lib, p: lib.optim.Adagrad(p, initial_accumulator_value=-1),
    "beta of AdamW": lambda lib, p: lib.optim.AdamW(p, betas=(0.9, 1.0)),
    "rho": lambda lib, p: lib.optim.Adadelta(p, rho=1.5),
    "beta of Adamax": lambda lib, p: lib.optim.Adamax(p, betas=(-0.9, 0.9)),
    "beta of RAdam": lambda lib, p: lib.optim.RAdam(p, betas=(0.9, 1.0)),
    "etas": lambda lib, p: lib.optim.Rprop(p, etas=(1.5, 1.2)),
    "beta": lambda lib, p: lib.optim.Adam(p, betas=(0.9, 1.0)),
    "empty": lambda lib, p: lib.optim.SGD([]),
    "number": lambda lib, p: lib.optim.SGD([3]),
    "non-leaf": lambda lib, p: lib.optim.SGD([p[0] * 2]),
    "set": lambda lib, p: lib.optim.SGD([{"params": set(p)}]),
    "twice": lambda lib, p: lib.optim.SGD([{"params": p}, {"params": p}]),
    "some names": lambda lib, p: lib.optim.SGD([("a", p[0]), p[0]]),
    "names in one": lambda lib, p: lib.optim.SGD([("a", p[0])]).add_param_group({"params": []}),
    "fused and foreach": lambda lib, p: lib.optim.Adam(p, fused=True, foreach=True),
    "sizes": lambda lib, p: lib.optim.SGD(p).load_state_dict(
        {"state": {}, "param_groups": [{"params": [0, 1]}]}
    ),
    "groups": lambda lib, p: lib.optim.SGD(p).load_state_dict({"state": {}, "param_groups": []}),
}


@pytest.mark.parametrize("make", BAD.values(), ids=BAD)
def test_error(make):
    caught = []
    for lib in (microgrest, torch):
        with pytest.raises((ValueError, TypeError, RuntimeError)) as error:
            make(lib, [lib.ones(2, requires_grad=True)])
        caught.append((error.type, str(error.value)))
    assert caught[0] == caught[1]
