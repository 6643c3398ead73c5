"""Nodes have PyTorch's names: what `name()` says, the class, and what is printed."""

from __future__ import annotations

from typing import Any

import pytest

import microgrest as mg
from microgrest.dispatch.api import PUBLIC
from tests.autograd.named_expressions import expressions, result

torch = pytest.importorskip("torch")
pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore::UserWarning"),  # of both libraries, and not about names
]


def named(tensor: Any) -> tuple[str, str]:
    """The name of a tensor's node, and of the node's class."""
    return tensor.grad_fn.name(), type(tensor.grad_fn).__name__


@pytest.mark.parametrize("expression", expressions())
def test_of_expressions(expression: str) -> None:
    ours, theirs = result(mg, expression), result(torch, expression)
    assert named(ours) == named(theirs)
    assert f"grad_fn=<{named(ours)[1]}>" in repr(ours)


# What PyTorch has under another name, or computes as a composite of other steps.
ELSEWHERE = {
    "heaviside": "PyTorch has no derivative",
    "floor_divide": "ours is a constant",
}


def derived(library: Any, name: str, n: int) -> Any:
    """The function on tensors that require grad, None where the library has none or refuses."""
    function = getattr(library, name, None) or getattr(library.nn.functional, name, None)
    if function is None:
        return None
    xs = [library.tensor([0.3, 0.6], dtype=library.float64, requires_grad=True) for _ in range(n)]
    try:
        return function(*xs)
    except (TypeError, RuntimeError, NotImplementedError):
        return None


@pytest.mark.parametrize("name", sorted(PUBLIC.keys() - ELSEWHERE.keys()))
def test_of_every_elementwise_row(name: str) -> None:
    n = len([a for a in PUBLIC[name].args if a not in PUBLIC[name].defaults])
    ours, theirs = derived(mg, name, n), derived(torch, name, n)
    if ours is None or theirs is None or ours.grad_fn is None or theirs.grad_fn is None:
        pytest.skip("one of both has no derivative")
    assert named(ours) == named(theirs)
