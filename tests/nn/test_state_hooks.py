"""Hooks around `state_dict` and `load_state_dict`, and state that is no tensor."""

from __future__ import annotations

import pytest

import microgrest as torch
from microgrest import nn

pytestmark = pytest.mark.devices


class Counted(nn.Module):
    """It counts its calls, in no tensor."""

    def __init__(self):
        super().__init__()
        self.inner, self.calls = nn.Linear(1, 1), 0

    def get_extra_state(self):
        return {"calls": self.calls}

    def set_extra_state(self, state):
        self.calls = state["calls"]


def test_extra_state():
    one, other = nn.Sequential(Counted()), nn.Sequential(Counted())
    one[0].calls = 5
    saved = one.state_dict()
    assert list(saved) == ["0._extra_state", "0.inner.weight", "0.inner.bias"]
    other.load_state_dict(saved)
    assert other[0].calls == 5
    del saved["0._extra_state"]
    with pytest.raises(RuntimeError, match=r'Missing key\(s\) in state_dict: "0._extra_state"'):
        other.load_state_dict(saved)
    with pytest.raises(RuntimeError, match=r'Unexpected key\(s\) in state_dict: "_extra_state"'):
        nn.Linear(1, 1).load_state_dict({**nn.Linear(1, 1).state_dict(), "_extra_state": 1})


def test_hooks_of_saving():
    net, seen = nn.Sequential(nn.Linear(1, 1)), []
    net[0].register_state_dict_pre_hook(lambda *args: seen.append(args))
    handle = net[0].register_state_dict_post_hook(
        lambda module, state, prefix, meta: state.update({prefix + "more": meta["version"]})
    )
    assert list(net.state_dict()) == ["0.weight", "0.bias", "0.more"]
    assert seen == [(net[0], "0.", False)]
    handle.remove()
    assert list(net.state_dict()) == ["0.weight", "0.bias"]
    net.register_state_dict_post_hook(lambda *args: 1)
    with pytest.raises(RuntimeError, match="must return None"):
        net.state_dict()


def test_a_hook_renames_what_is_loaded():
    net = nn.Sequential(nn.Linear(1, 1))

    def renamed(module, state, prefix, meta, strict, missing, unexpected, errors):
        if prefix + "w" in state:
            state[prefix + "weight"] = state.pop(prefix + "w")

    net[0].register_load_state_dict_pre_hook(renamed)
    old = {"0.w": torch.full((1, 1), 7.0), "0.bias": torch.zeros(1)}
    assert not any(net.load_state_dict(old))
    assert net[0].weight.item() == 7 and list(old) == ["0.w", "0.bias"]


def test_a_hook_forgives_names():
    net, seen = nn.Sequential(nn.Linear(1, 1)), []

    def forgiving(module, keys):
        seen.append((module, list(keys.missing_keys), net[0].weight.item()))
        keys.missing_keys.clear()

    net[0].register_load_state_dict_post_hook(forgiving)
    report = net.load_state_dict({"0.weight": torch.full((1, 1), 3.0)})
    assert seen == [(net[0], ["0.bias"], 3.0)] and not any(report)
    with pytest.raises(RuntimeError, match="Unexpected"):
        net.load_state_dict({"0.weight": torch.zeros(1, 1), "other": torch.zeros(1)})


def test_children_save_and_load_by_their_own_methods():
    class Plain(nn.Linear):
        def state_dict(self, *, destination, prefix, keep_vars):
            destination[prefix + "all"] = 1
            return destination

    assert list(nn.Sequential(Plain(1, 1)).state_dict()) == ["0.all"]


def test_set_submodule():
    net = nn.Sequential(nn.Sequential(nn.Linear(1, 2)))
    net.set_submodule("0.0", nn.Tanh(), strict=True)
    net.set_submodule("0.more", nn.ReLU())
    assert repr(net[0]) == "Sequential(\n  (0): Tanh()\n  (more): ReLU()\n)"
    for target, module, error, match in [
        ("", nn.ReLU(), ValueError, "without a target name"),
        ("0.0", 3, ValueError, "is not an nn.Module"),
        ("1.0", nn.ReLU(), AttributeError, "has no attribute `1`"),
    ]:
        with pytest.raises(error, match=match):
            net.set_submodule(target, module)
    with pytest.raises(AttributeError, match="has no attribute `absent`"):
        net.set_submodule("0.absent", nn.ReLU(), strict=True)


def test_type_and_empty():
    net = nn.BatchNorm1d(2).type(torch.float64)
    assert net.weight.dtype == net.num_batches_tracked.dtype == torch.float64
    before = net.weight
    assert net.to_empty(device=net.weight.device) is net and net.weight is before
    assert net.weight.shape == (2,)
