"""Parameter groups, zero_grad, argument checks and the printed form."""

from __future__ import annotations

import copy
import pickle

import pytest

import microgrest as torch
from microgrest import nn, optim, recording
from microgrest.optim.groups import Group

pytestmark = pytest.mark.devices


def through_pickle(value):
    return pickle.loads(pickle.dumps(value))


def leaf(value=1.0):
    return torch.tensor(value, requires_grad=True)


def test_groups_have_their_own_options():
    weight, bias = leaf([1.0, 1.0]), leaf(1.0)
    opt = optim.SGD(
        [{"params": weight, "weight_decay": 0.5}, {"params": [bias], "lr": 1.0}], lr=0.1
    )
    weight.grad, bias.grad = torch.zeros(2), torch.tensor(0.25)
    opt.step()
    assert weight.tolist() == pytest.approx([0.95, 0.95]) and bias.item() == 0.75
    assert [(g["lr"], g["weight_decay"]) for g in opt.param_groups] == [(0.1, 0.5), (1.0, 0)]


def test_add_param_group_takes_defaults_and_copies_the_dict():
    first, second = leaf(), leaf()
    opt = optim.Adam([first], lr=0.3)
    given = {"params": second, "lr": 0.7}
    opt.add_param_group(given)
    group = opt.param_groups[1]
    assert group["params"] == [second] and given == {"params": second, "lr": 0.7}
    assert (group["lr"], group["betas"]) == (0.7, (0.9, 0.999))
    assert opt.param_groups[0]["lr"] == 0.3


CHANGES = {
    "set": lambda group: group.__setitem__("lr", 0.5),
    "delete": lambda group: group.__delitem__("foreach"),
    "update": lambda group: group.update(lr=0.5),
    "ior": lambda group: group.__ior__({"lr": 0.5}),
    "pop": lambda group: group.pop("lr"),
    "popitem": lambda group: group.popitem(),
    "setdefault": lambda group: group.setdefault("initial_lr", 0.5),
    "clear": lambda group: group.clear(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_changes_of_options_are_counted(change):
    group, before = optim.SGD([leaf()], lr=0.1).param_groups[0], recording.world.version
    plain = dict(group)
    assert change(group) == change(plain)
    assert group == plain and recording.world.version > before


def test_reading_options_is_not_counted():
    opt = optim.SGD([leaf()], lr=0.1)
    group, before = opt.param_groups[0], recording.world.version
    assert group["lr"] == group.get("lr") == dict(group)["lr"] == 0.1
    assert repr(group) == repr(dict(group)) and group == dict(group)
    opt.state_dict()
    assert recording.world.version == before


def test_new_groups_and_loaded_ones_are_counted():
    opt = optim.SGD([leaf()], lr=0.1)
    for change in (
        lambda: opt.add_param_group({"params": [leaf()]}),
        lambda: opt.load_state_dict(opt.state_dict()),
    ):
        before = recording.world.version
        change()
        assert recording.world.version > before
        opt.param_groups[0]["lr"] = 0.2
        assert recording.world.version > before + 1


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, through_pickle])
def test_copies_of_a_group_are_groups(duplicate):
    group = Group(lr=0.1, betas=(0.9, 0.99))
    twin = duplicate(group)
    assert twin == group and twin is not group and type(twin) is Group


def test_generators_and_names_are_taken():
    net = nn.Linear(2, 1)
    assert len(optim.SGD(net.parameters()).param_groups[0]["params"]) == 2
    named = optim.SGD(net.named_parameters())
    assert named.param_groups[0]["param_names"] == ["weight", "bias"]
    assert named.param_groups[0]["params"] == [net.weight, net.bias]
    with pytest.raises(ValueError, match="cannot add param group without names"):
        named.add_param_group({"params": leaf()})
    with pytest.raises(ValueError, match="Some param names are missing"):
        optim.SGD([("weight", leaf()), leaf()])


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        (lambda: leaf(), TypeError, "iterable of Tensors or dicts, but got Tensor"),
        (lambda: 3, TypeError, "iterable of Tensors or dicts, but got int"),
        (lambda: [], ValueError, "optimizer got an empty parameter list"),
        (lambda: [3.0], TypeError, "one of the params is float"),
        (lambda: [leaf() * 2], ValueError, "can't optimize a non-leaf Tensor"),
        (lambda: [{"params": {leaf()}}], TypeError, "Please use a list instead"),
        (lambda: [{"params": [leaf()]}, 3], TypeError, "param_group must be a dict"),
    ],
)
def test_bad_parameters(params, error, message):
    with pytest.raises(error, match=message):
        optim.SGD(params())


def test_a_parameter_has_one_place():
    p = leaf()
    with pytest.raises(ValueError, match="more than one parameter group"):
        optim.SGD([{"params": [p]}, {"params": [p]}])
    with pytest.warns(UserWarning, match="duplicate parameters"):
        optim.SGD([p, p])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: optim.SGD(p, lr=-1.0), "Invalid learning rate: -1.0"),
        (lambda p: optim.SGD(p, lr=float("nan")), "Invalid learning rate: nan"),
        (lambda p: optim.SGD(p, momentum=-0.5), "Invalid momentum value: -0.5"),
        (lambda p: optim.SGD(p, weight_decay=-1), "Invalid weight_decay value: -1"),
        (lambda p: optim.SGD(p, nesterov=True), "requires a momentum and zero dampening"),
        (
            lambda p: optim.SGD(p, momentum=0.9, dampening=0.1, nesterov=True),
            "requires a momentum and zero dampening",
        ),
        (lambda p: optim.RMSprop(p, alpha=-0.1), "Invalid alpha value: -0.1"),
        (lambda p: optim.RMSprop(p, eps=-1e-8), "Invalid epsilon value: -1e-08"),
        (lambda p: optim.Adam(p, eps=-1.0), "Invalid epsilon value: -1.0"),
        (lambda p: optim.Adam(p, betas=(1.0, 0.9)), "beta parameter at index 0: 1.0"),
        (lambda p: optim.Adam(p, betas=(0.9, -0.1)), "beta parameter at index 1: -0.1"),
    ],
)
def test_bad_options(make, message):
    with pytest.raises(ValueError, match=message):
        make([leaf()])


def test_options_that_mean_something_else_are_refused_by_name():
    with pytest.raises(NotImplementedError, match="differentiable=True"):
        optim.SGD([leaf()], differentiable=True)
    with pytest.raises(RuntimeError, match="`fused` and `foreach` cannot be `True` together"):
        optim.SGD([leaf()], fused=True, foreach=True)
    with pytest.raises(ValueError, match="Tensor lr must be 1-element"):
        optim.SGD([leaf()], lr=torch.tensor([0.1, 0.2]))
    assert optim.SGD([leaf()], foreach=True).param_groups[0]["foreach"] is True


def test_a_subclass_without_a_rule_says_so():
    p = leaf()
    opt = optim.Optimizer([p], {"lr": 0.1})
    p.grad = torch.tensor(1.0)
    with pytest.raises(NotImplementedError, match="Optimizer defines no update rule"):
        opt.step()


def test_zero_grad():
    p, q = leaf([1.0, 2.0]), leaf()
    opt = optim.SGD([p, q])
    (p**2).sum().backward()
    held = p.grad
    opt.zero_grad(set_to_none=False)
    assert p.grad is held and held.tolist() == [0.0, 0.0] and q.grad is None
    opt.zero_grad()
    assert p.grad is None


def test_repr_lists_the_options_of_each_group():
    opt = optim.SGD([leaf()], lr=0.1)
    opt.add_param_group({"params": [leaf()], "momentum": 0.9})
    assert repr(opt) == (
        "SGD (\n"
        "Parameter Group 0\n"
        "    dampening: 0\n"
        "    differentiable: False\n"
        "    foreach: None\n"
        "    fused: None\n"
        "    lr: 0.1\n"
        "    maximize: False\n"
        "    momentum: 0\n"
        "    nesterov: False\n"
        "    weight_decay: 0\n"
        "\n"
        "Parameter Group 1\n"
        "    dampening: 0\n"
        "    differentiable: False\n"
        "    foreach: None\n"
        "    fused: None\n"
        "    lr: 0.1\n"
        "    maximize: False\n"
        "    momentum: 0.9\n"
        "    nesterov: False\n"
        "    weight_decay: 0\n"
        ")"
    )
