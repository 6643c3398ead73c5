"""state_dict and load_state_dict: what is saved, and each way it can fail to fit."""

from __future__ import annotations

import pytest

import microgrest as torch
from microgrest import nn

pytestmark = pytest.mark.devices


def model():
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1, bias=False))
    net.register_buffer("steps", torch.tensor([4]))
    net.register_buffer("scratch", torch.zeros(2), persistent=False)
    return net


def test_keys_sharing_and_detachment():
    net = model()
    saved = net.state_dict()
    assert list(saved) == ["steps", "0.weight", "0.bias", "2.weight"]
    assert not any(value.requires_grad for value in saved.values())
    with torch.no_grad():
        net[0].bias.fill_(3.0)
    assert saved["0.bias"].tolist() == [3.0, 3.0, 3.0]
    assert net.state_dict(keep_vars=True)["0.weight"] is net[0].weight
    assert list(net[0].state_dict(prefix="net.")) == ["net.weight", "net.bias"]
    destination = {"other": 1}
    assert net.state_dict(destination=destination) is destination and len(destination) == 5


def test_round_trip_copies_values_not_memory():
    one, other = model(), model()
    report = other.load_state_dict(one.state_dict())
    assert repr(report) == "<All keys matched successfully>"
    x = torch.randn(5, 2)
    assert other(x).tolist() == one(x).tolist()
    with torch.no_grad():
        one[0].weight.zero_()
    assert other[0].weight.abs().sum().item() > 0


def test_a_saved_dtype_is_converted():
    net = nn.Linear(2, 2)
    net.load_state_dict(nn.Linear(2, 2).double().state_dict())
    assert net.weight.dtype is torch.float32


def test_strict_errors_list_every_difference_and_load_nothing():
    net, before = nn.Linear(2, 3), None
    before = net.weight.tolist()
    with pytest.raises(RuntimeError) as caught:
        net.load_state_dict({"weight": torch.zeros(3, 3), "foo": torch.zeros(1)})
    lines = str(caught.value).split("\n")
    assert lines[0] == "Error(s) in loading state_dict for Linear:"
    assert lines[1:3] == [
        '\tMissing key(s) in state_dict: "bias". ',
        '\tUnexpected key(s) in state_dict: "foo". ',
    ]
    assert lines[3].startswith("\tsize mismatch for weight: copying a param with shape ")
    assert "[3, 3]" in lines[3] and "[3, 2]" in lines[3]
    assert net.weight.tolist() == before


def test_not_strict_reports_names_but_still_checks_shapes():
    net = nn.Linear(2, 3)
    report = net.load_state_dict({"bias": torch.ones(3), "foo": torch.ones(1)}, strict=False)
    assert report.missing_keys == ["weight"] and report.unexpected_keys == ["foo"]
    assert repr(report) == "_IncompatibleKeys(missing_keys=['weight'], unexpected_keys=['foo'])"
    assert net.bias.tolist() == [1.0, 1.0, 1.0]
    with pytest.raises(RuntimeError, match="size mismatch for bias"):
        net.load_state_dict({"bias": torch.ones(4)}, strict=False)


def test_wrong_types_are_named():
    with pytest.raises(TypeError, match="Expected state_dict to be dict-like, got <class 'list'>"):
        nn.Linear(1, 1).load_state_dict([])
    with pytest.raises(RuntimeError, match=r'named "bias", expected .* received <class .float.>'):
        nn.Linear(1, 1).load_state_dict({"weight": torch.zeros(1, 1), "bias": 3.0})


def test_assign_takes_the_tensors_themselves():
    net, weight = nn.Linear(2, 2), torch.zeros(2, 2, dtype=torch.float64)
    net.bias.requires_grad_(False)
    net.load_state_dict({"weight": weight, "bias": nn.Parameter(torch.ones(2))}, assign=True)
    assert isinstance(net.weight, nn.Parameter) and net.weight.dtype is torch.float64
    assert net.weight.requires_grad and not net.bias.requires_grad
    weight[0, 0] = 9.0
    assert net.weight[0, 0].item() == 9.0
