"""Module: what registers, how it is found again, modes, conversion, hooks, printing."""

from __future__ import annotations

import copy

import pytest

import microgrest as torch
from microgrest import nn

pytestmark = pytest.mark.devices


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.scale = nn.Parameter(torch.ones(4))
        self.register_buffer("mean", torch.zeros(4))
        self.register_buffer("scratch", torch.ones(2), persistent=False)
        self.rest = nn.Sequential(nn.Tanh(), nn.Linear(4, 2, bias=False))

    def forward(self, x):
        return self.rest(self.first(x) * self.scale - self.mean)


def test_parameters_and_buffers_are_found_by_dotted_names_in_order_of_registration():
    net = Net()
    names = ["scale", "first.weight", "first.bias", "rest.1.weight"]
    assert [name for name, _ in net.named_parameters()] == names
    assert [tuple(p.shape) for p in net.parameters()] == [(4,), (4, 3), (4,), (2, 4)]
    assert [name for name, _ in net.named_parameters(recurse=False)] == ["scale"]
    assert next(net.named_parameters("net"))[0] == "net.scale"
    assert [name for name, _ in net.named_buffers()] == ["mean", "scratch"]
    assert [b.numel() for b in net.buffers()] == [4, 2]


def test_modules_children_and_paths():
    net = Net()
    assert [name for name, _ in net.named_modules()] == ["", "first", "rest", "rest.0", "rest.1"]
    assert [name for name, _ in net.named_children()] == ["first", "rest"]
    assert next(net.modules()) is net
    assert list(net.children()) == [net.first, net.rest]
    assert net.get_submodule("rest.1") is net.rest[1]
    assert net.get_submodule("") is net
    assert net.get_parameter("rest.1.weight") is net.rest[1].weight
    assert net.get_buffer("mean") is net.mean


@pytest.mark.parametrize("path", ["nothing", "rest.7", "first.weight"])
def test_get_submodule_names_what_is_not_there(path):
    with pytest.raises(AttributeError, match=path.rpartition(".")[2]):
        Net().get_submodule(path)


def test_get_parameter_and_get_buffer_refuse_other_members():
    with pytest.raises(AttributeError, match="`mean` is not an nn"):
        Net().get_parameter("mean")
    with pytest.raises(AttributeError, match="`scale` is not a buffer"):
        Net().get_buffer("scale")
    with pytest.raises(AttributeError, match="Net has no attribute `nothing`"):
        Net().get_parameter("nothing")


def test_shared_members_are_listed_once_unless_asked():
    shared = nn.Linear(2, 2)
    net = nn.Sequential(shared, shared)
    assert len(list(net.parameters())) == 2
    assert len(list(net.named_parameters(remove_duplicate=False))) == 4
    assert len(list(net.modules())) == 2
    assert len(list(net.children())) == 1
    assert list(net.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]


def test_assignment_moves_a_name_between_tables():
    net = nn.Module()
    net.x = 3
    net.x = nn.Parameter(torch.zeros(2))
    assert "x" in dict(net.named_parameters()) and "x" not in net.__dict__
    net.x = nn.Tanh()
    assert dict(net.named_children()) == {"x": net.x} and not list(net.parameters())
    net.x = None
    assert net.x is None and "x" in dir(net)
    del net.x
    assert not hasattr(net, "x")


def test_registered_names_take_only_their_kind():
    net = Net()
    with pytest.raises(TypeError, match="cannot assign 'Tensor' as parameter 'scale'"):
        net.scale = torch.zeros(4)
    with pytest.raises(TypeError, match="cannot assign 'int' as child module 'first'"):
        net.first = 1
    with pytest.raises(TypeError, match="cannot assign 'str' as buffer 'mean'"):
        net.mean = "zero"
    net.mean = torch.ones(4)
    assert dict(net.named_buffers())["mean"] is net.mean
    net.scale = None
    assert net.scale is None and "scale" not in dict(net.named_parameters())


@pytest.mark.parametrize(
    ("register", "error", "message"),
    [
        (lambda n: n.register_parameter("a.b", None), KeyError, "can.*t contain"),
        (lambda n: n.register_parameter("", None), KeyError, "can.*t be empty"),
        (lambda n: n.register_parameter(3, None), TypeError, "should be a string. Got int"),
        (lambda n: n.register_parameter("forward", None), KeyError, "'forward' already exists"),
        (lambda n: n.register_parameter("p", torch.ones(1)), TypeError, "object to parameter 'p'"),
        (lambda n: n.register_buffer("training", None), KeyError, "already exists"),
        (lambda n: n.register_buffer("b", 3.0), TypeError, "'float' object to buffer 'b'"),
        (lambda n: n.add_module("m", 3), TypeError, "int is not a Module subclass"),
        (lambda n: n.add_module("m.n", nn.Tanh()), KeyError, "can.*t contain"),
    ],
)
def test_registration_errors(register, error, message):
    with pytest.raises(error, match=message):
        register(nn.Module())


def test_a_module_must_be_initialized_before_it_takes_members():
    class Hasty(nn.Module):
        def __init__(self) -> None:
            self.weight = nn.Parameter(torch.zeros(1))

    class Hastier(nn.Module):
        def __init__(self) -> None:
            self.child = nn.Tanh()

    with pytest.raises(AttributeError, match="cannot assign parameters before"):
        Hasty()
    with pytest.raises(AttributeError, match="cannot assign module before"):
        Hastier()


def test_missing_attribute_and_missing_forward_name_the_class():
    with pytest.raises(AttributeError, match="'Net' object has no attribute 'nothing'"):
        Net().nothing  # noqa: B018
    with pytest.raises(NotImplementedError, match=r"Module \[Module\] is missing"):
        nn.Module()(1)


def test_train_eval_reach_every_module_and_apply_goes_children_first():
    net = Net()
    assert net.eval() is net and not any(m.training for m in net.modules())
    net.train()
    assert all(m.training for m in net.modules())
    with pytest.raises(ValueError, match="boolean"):
        net.train("yes")
    seen = []
    net.apply(seen.append)
    assert seen == [net.first, *net.rest, net.rest, net]


def test_zero_grad_forgets_or_clears():
    net = Net()
    net(torch.ones(5, 3)).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    held = net.scale.grad
    net.zero_grad(set_to_none=False)
    assert net.scale.grad is held and held.tolist() == [0.0] * 4
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())


def test_requires_grad_freezes():
    net = Net().requires_grad_(False)
    assert not net(torch.ones(1, 3)).requires_grad
    net.first.requires_grad_()
    assert [p.requires_grad for p in net.parameters()] == [False, True, True, False]


def test_to_converts_floating_members_in_place_and_keeps_identity():
    net = Net()
    net.register_buffer("count", torch.tensor([3]))
    net(torch.ones(1, 3)).sum().backward()
    before = list(net.parameters())
    assert net.to(torch.float64) is net
    assert all(a is b for a, b in zip(net.parameters(), before, strict=True))
    assert {p.dtype for p in net.parameters()} == {torch.float64}
    assert {p.grad.dtype for p in net.parameters()} == {torch.float64}
    assert net.mean.dtype is torch.float64 and net.count.dtype is torch.int64
    assert net(torch.ones(1, 3, dtype=torch.float64)).dtype is torch.float64
    assert {p.dtype for p in net.float().parameters()} == {torch.float32}
    assert {p.dtype for p in net.half().parameters()} == {torch.float16}
    assert {p.dtype for p in net.double().cpu().parameters()} == {torch.float64}
    assert net.to("cpu", torch.float32).scale.dtype is torch.float32
    assert net.to(torch.ones(1, dtype=torch.float64)).scale.dtype is torch.float64
    assert net.to(device="cpu", dtype=torch.float32, non_blocking=True).scale.is_leaf
    with pytest.raises(TypeError, match="only accepts floating point"):
        net.to(torch.int64)


def test_deepcopy_is_independent():
    net = Net()
    twin = copy.deepcopy(net)
    assert [n for n, _ in twin.named_parameters()] == [n for n, _ in net.named_parameters()]
    with torch.no_grad():
        twin.scale.fill_(7.0)
    assert net.scale.tolist() == [1.0] * 4
    assert all(isinstance(p, nn.Parameter) and p.requires_grad for p in twin.parameters())


def test_deepcopy_keeps_sharing_within_the_copy():
    twin = copy.deepcopy(Pair(nn.Linear(2, 2)))
    assert twin.one is not twin.other and twin.one.weight is twin.other.weight


class Pair(nn.Module):
    def __init__(self, layer) -> None:
        super().__init__()
        self.one, self.other = layer, nn.Linear(2, 2)
        self.other.weight, self.other.bias = layer.weight, layer.bias


def test_repr_is_a_tree():
    assert repr(nn.Module()) == "Module()"
    assert repr(Net()) == (
        "Net(\n"
        "  (first): Linear(in_features=3, out_features=4, bias=True)\n"
        "  (rest): Sequential(\n"
        "    (0): Tanh()\n"
        "    (1): Linear(in_features=4, out_features=2, bias=False)\n"
        "  )\n"
        ")"
    )


def test_repr_with_own_lines_and_children():
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.act = nn.Tanh()

        def extra_repr(self) -> str:
            return "one\ntwo"

    assert repr(Odd()) == "Odd(\n  one\n  two\n  (act): Tanh()\n)"


def test_parameter_is_a_leaf_that_shares_and_prints():
    data = torch.tensor([1.0, 2.0])
    parameter = nn.Parameter(data)
    assert isinstance(parameter, torch.Tensor) and parameter.is_leaf and parameter.requires_grad
    data[0] = 5.0
    assert parameter.tolist() == [5.0, 2.0]
    assert repr(parameter) == f"Parameter containing:\n{data.detach().requires_grad_()!r}"
    assert not nn.Parameter(data, requires_grad=False).requires_grad
    assert nn.Parameter().shape == (0,)
    assert type(parameter * 2) is torch.Tensor
    with pytest.raises(RuntimeError, match="floating point"):
        nn.Parameter(torch.tensor([1, 2]))


def test_a_computed_tensor_becomes_a_leaf_parameter():
    parameter = nn.Parameter(torch.ones(2, requires_grad=True) * 3)
    assert parameter.is_leaf and parameter.grad_fn is None
