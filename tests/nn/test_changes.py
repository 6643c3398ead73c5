"""What changes a module is counted, for the step compiler; what only reads it is not."""

from __future__ import annotations

import copy
import pickle

import pytest

import microgrest as torch
from microgrest import nn, recording


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 1))
        self.register_buffer("seen", torch.zeros(1))
        self.factor = 2.0
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return self.layers(x) * self.factor


CHANGES = {
    "plain attribute": lambda net: setattr(net, "factor", 3.0),
    "attribute of a child": lambda net: setattr(net.layers[0], "anything", 3.0),
    "parameter": lambda net: setattr(net.layers[0], "weight", nn.Parameter(torch.zeros(2, 2))),
    "parameter to None": lambda net: setattr(net.layers[0], "bias", None),
    "child": lambda net: setattr(net, "layers", nn.Identity()),
    "buffer": lambda net: setattr(net, "seen", torch.ones(1)),
    "deleted attribute": lambda net: delattr(net, "factor"),
    "deleted parameter": lambda net: delattr(net, "unused"),
    "table": lambda net: net._parameters.pop("unused"),
    "register_parameter": lambda net: net.register_parameter("more", None),
    "register_buffer": lambda net: net.register_buffer("more", None),
    "add_module": lambda net: net.add_module("more", nn.Identity()),
    "append": lambda net: net.layers.append(nn.Tanh()),
    "insert": lambda net: net.layers.insert(1, nn.Tanh()),
    "set item": lambda net: net.layers.__setitem__(1, nn.ReLU()),
    "delete item": lambda net: net.layers.__delitem__(slice(None)),
    "eval": lambda net: net.eval(),
    "mode of a child": lambda net: net.layers[1].eval(),
    "requires_grad_": lambda net: net.requires_grad_(False),
    "to": lambda net: net.double(),
    "hook": lambda net: net.layers[0].register_forward_hook(lambda *args: None),
    "pre-hook": lambda net: net.register_forward_pre_hook(lambda *args: None, prepend=True),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_counted(change):
    net = Net()
    before = recording.world.version
    change(net)
    assert recording.world.version > before


def test_removing_a_hook_is_counted():
    net = Net()
    handle = net.register_forward_hook(lambda *args: None)
    before = recording.world.version
    handle.remove()
    assert recording.world.version > before


def test_use_is_not_counted():
    net = Net()
    net(torch.ones(1, 2)).sum().backward()
    before = recording.world.version
    net(torch.ones(1, 2)).sum().backward()
    net.zero_grad()
    net.train()
    net.load_state_dict(net.state_dict())
    assert len(list(net.parameters())) == 5 and repr(net)
    assert recording.world.version == before


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))])
def test_copies_are_counted_too(duplicate):
    net = duplicate(nn.Sequential(nn.Identity(), nn.ReLU()))
    before = recording.world.version
    net[0] = nn.Tanh()
    assert recording.world.version > before
    before = recording.world.version
    net.register_forward_hook(lambda *args: None)
    assert recording.world.version > before
