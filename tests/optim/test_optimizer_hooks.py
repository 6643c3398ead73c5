"""Hooks of optimizers: when they run, what they may change, and that compiled steps have them."""

from __future__ import annotations

import copy

import pytest

import microgrest as torch
from microgrest import optim
from microgrest.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

pytestmark = pytest.mark.devices


def made(rule=optim.SGD, **options):
    w = torch.tensor([1.0, -2.0], requires_grad=True)
    w.grad = torch.ones(2)
    return w, rule([w], lr=0.5, **options)


def test_order_and_arguments():
    w, opt = made()
    seen = []
    note = lambda name: lambda *args: seen.append((name, w.tolist(), *args))  # noqa: E731
    handles = [
        opt.register_step_post_hook(note("post")),
        opt.register_step_pre_hook(note("pre")),
        register_optimizer_step_post_hook(note("post of all")),
        register_optimizer_step_pre_hook(note("pre of all")),
    ]
    closure = lambda: torch.tensor(3.0)  # noqa: E731
    assert opt.step(closure).item() == 3
    before, after = [1.0, -2.0], [0.5, -2.5]
    assert seen == [
        ("pre of all", before, opt, (opt, closure), {}),
        ("pre", before, opt, (opt, closure), {}),
        ("post", after, opt, (opt, closure), {}),
        ("post of all", after, opt, (opt, closure), {}),
    ]
    for handle in handles:
        handle.remove()
    opt.step()
    assert len(seen) == 4


def test_pre_hook_replaces_the_arguments():
    _, opt = made()
    closure = lambda: torch.tensor(7.0)  # noqa: E731
    opt.register_step_pre_hook(lambda optimizer, args, kwargs: (args, {"closure": closure}))
    assert opt.step().item() == 7
    opt.register_step_pre_hook(lambda optimizer, args, kwargs: 3)
    with pytest.raises(RuntimeError, match=r"must return None or a tuple of .*, but got 3"):
        opt.step()


class Twice(optim.SGD):
    """A rule of a user's own, which steps by another's."""

    def step(self, closure=None):
        super().step(closure)
        return super().step()


class LBFGSLike(optim.LBFGS):
    pass


@pytest.mark.parametrize("rule", [Twice, optim.LBFGS, LBFGSLike, optim.Adam])
def test_hooks_run_once_around_the_step_of_any_class(rule):
    w, opt = made(rule)
    seen = []
    opt.register_step_pre_hook(lambda *_: seen.append(w.tolist()))
    opt.register_step_post_hook(lambda *_: seen.append(w.tolist()))
    opt.step(lambda: (w.detach() ** 2).sum())
    assert seen == [[1.0, -2.0], w.tolist()] and seen[0] != seen[1]


def test_state_dict_hooks():
    _, opt = made(momentum=0.9)
    seen = []
    opt.register_state_dict_pre_hook(lambda o: seen.append(o))
    opt.register_state_dict_post_hook(lambda o, state: state.update(second=1))
    opt.register_state_dict_post_hook(lambda o, state: {**state, "first": "second" in state})
    opt.register_state_dict_post_hook(lambda o, state: state.update(zeroth=0), prepend=True)
    saved = opt.state_dict()
    assert seen == [opt]
    assert list(saved) == ["state", "param_groups", "zeroth", "second", "first"]
    assert saved["first"] is True


def test_load_state_dict_hooks():
    _, opt = made()
    saved = opt.state_dict()
    rates = []

    def halved(optimizer, state):
        state["param_groups"] = [{**g, "lr": g["lr"] / 2} for g in state["param_groups"]]

    opt.register_load_state_dict_pre_hook(halved)
    opt.register_load_state_dict_post_hook(lambda o: rates.append(o.param_groups[0]["lr"]))
    opt.load_state_dict(saved)
    assert rates == [0.25] and saved["param_groups"][0]["lr"] == 0.5
    opt.register_load_state_dict_pre_hook(lambda o, state: {**saved}, prepend=True)
    opt.register_load_state_dict_pre_hook(lambda o, state: {**saved})
    opt.load_state_dict(saved)
    assert rates == [0.25, 0.5]


def test_a_copy_is_without_hooks():
    w, opt = made()
    opt.register_step_post_hook(lambda *_: pytest.fail("a hook of the original"))
    other = copy.deepcopy(opt)
    other.step()
    w.grad = None
    with pytest.raises(pytest.fail.Exception):
        opt.step()


def test_a_compiled_step_has_the_hooks():
    def trained(compiled):
        w = torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
        opt = optim.Adam([w], lr=0.1)

        def halve(optimizer, args, kwargs):
            w.grad.mul_(0.5)

        def step():
            opt.zero_grad()
            loss = (w**4).sum()
            loss.backward()
            opt.step()
            return loss

        step = torch.compile(step) if compiled else step
        for k in range(12):
            if k == 6:  # seen though the step was recorded without it
                handle = opt.register_step_pre_hook(halve)
                bounds = register_optimizer_step_post_hook(lambda *_: w.data.clamp_(min=-1.5))
            if k == 9:
                handle.remove()
            step()
        bounds.remove()
        return w.tolist()

    assert trained(True) == pytest.approx(trained(False), rel=1e-12)
