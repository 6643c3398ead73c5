"""Forward hooks: order, replacing arguments and results, removal, exceptions."""

from __future__ import annotations

import pytest

import microgrest as torch
from microgrest import nn

pytestmark = pytest.mark.devices


class Scaled(nn.Module):
    def forward(self, x, factor=1.0):
        return x * factor


def test_pre_hook_replaces_arguments_and_can_be_removed():
    layer, x = Scaled(), torch.ones(2)
    handle = layer.register_forward_pre_hook(lambda module, args: args[0] + 1)
    assert layer(x).tolist() == [2.0, 2.0]
    handle.remove()
    handle.remove()
    assert layer(x).tolist() == [1.0, 1.0]


def test_pre_hook_with_kwargs():
    layer, x = Scaled(), torch.ones(1)
    with layer.register_forward_pre_hook(
        lambda module, args, kwargs: (args, {"factor": kwargs["factor"] * 10}), with_kwargs=True
    ):
        assert layer(x, factor=2.0).item() == 20.0
    assert layer(x, factor=2.0).item() == 2.0
    layer.register_forward_pre_hook(lambda module, args, kwargs: 3, with_kwargs=True)
    with pytest.raises(RuntimeError, match="must return None or a tuple"):
        layer(x)


def test_forward_hook_sees_the_call_and_replaces_the_result():
    layer, x, seen = Scaled(), torch.ones(1), []
    layer.register_forward_hook(lambda *call: seen.append(call))
    layer.register_forward_hook(lambda module, args, output: output + 5)
    assert layer(x).item() == 6.0
    (call,) = seen
    assert call[0] is layer and call[1] == (x,) and call[2].item() == 1.0


def test_hooks_run_in_order_of_registration_unless_prepended():
    layer, order = Scaled(), []
    for name, prepend in (("first", False), ("second", False), ("before", True)):
        layer.register_forward_hook(lambda *_, n=name: order.append(n), prepend=prepend)
        layer.register_forward_pre_hook(lambda *_, n=name: order.append(n), prepend=prepend)
    layer(torch.ones(1))
    assert order == ["before", "first", "second"] * 2


def test_forward_hook_with_kwargs():
    layer, seen = Scaled(), []
    layer.register_forward_hook(
        lambda module, args, kwargs, output: seen.append(kwargs), with_kwargs=True
    )
    layer(torch.ones(1), factor=3.0)
    assert seen == [{"factor": 3.0}]


def test_always_called_hooks_run_once_even_if_forward_raises():
    layer, seen = Scaled(), []
    layer.register_forward_hook(lambda *call: seen.append("plain"))
    layer.register_forward_hook(lambda *call: seen.append(call[2]), always_call=True)
    with pytest.raises(TypeError):
        layer(torch.ones(1), wrong=1)
    assert seen == [None]
    layer(torch.ones(1))
    assert seen[1] == "plain" and seen[2].item() == 1.0


def test_a_hook_may_remove_itself():
    layer, calls = Scaled(), []

    def once(module, args, output):
        calls.append(output)
        handle.remove()

    handle = layer.register_forward_hook(once)
    layer(torch.ones(1))
    layer(torch.ones(1))
    assert len(calls) == 1
