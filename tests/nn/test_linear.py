"""linear: one kernel forward, one back, whatever of its operands wants a gradient."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

import microgrest as torch
from microgrest.nn import functional as F

RANDOM = np.random.default_rng(4)
WANTED = [w for w in product((False, True), repeat=3) if any(w)]


def operands(shape: tuple[int, ...], dtype: Any, wanted: Any = (True,) * 3) -> list[torch.Tensor]:
    """Input, weight and bias."""
    shapes = shape, (4, shape[-1]), (4,)
    return [
        torch.tensor(RANDOM.standard_normal(s), dtype=dtype).requires_grad_(w)
        for s, w in zip(shapes, wanted, strict=True)
    ]


@pytest.mark.parametrize("wanted", WANTED, ids=str)
@pytest.mark.parametrize("shape", [(5, 3), (3,), (2, 300, 3), (6, 1)], ids=str)
def test_gradients_are_those_of_the_parts(shape: Any, wanted: Any) -> None:
    given = operands(shape, torch.float64, wanted)
    x, weight, bias = given
    asked = [t for t in given if t.requires_grad]
    scale = torch.tensor(RANDOM.standard_normal((*shape[:-1], 4)))
    found = torch.autograd.grad((F.linear(x, weight, bias) * scale).sum(), asked)
    parts = torch.autograd.grad(((x @ weight.t() + bias) * scale).sum(), asked)
    for a, b in zip(found, parts, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a.cpu().numpy(), b.cpu().numpy(), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("shape", [(5, 3), (3,), (2, 3, 3)], ids=str)
def test_second_derivatives(shape: Any) -> None:
    given = operands(shape, torch.float64)
    assert torch.autograd.gradcheck(F.linear, given)
    assert torch.autograd.gradgradcheck(F.linear, given)


def test_names_of_nodes_and_what_they_lead_to() -> None:
    x, weight, bias = operands((5, 3), torch.float32)
    node = F.linear(x, weight, bias).grad_fn
    assert node.name() == "AddmmBackward0"
    leaves = [to.variable for to, _ in node.next_functions if hasattr(to, "variable")]
    assert leaves[0] is bias
    assert F.linear(x, weight).grad_fn.name() == "MmBackward0"
    assert F.linear(x.reshape(1, 5, 3), weight, bias).grad_fn.name() == "ViewBackward0"


def test_a_sum_of_many_samples_keeps_what_is_small() -> None:
    """Blocks of samples are added up in float64: float32 would stop at 2**24."""
    n = 1 << 18
    g = torch.full((n, 4), 1.0)
    g[0] = 2.0**24
    x, weight, bias = operands((n, 1), torch.float32)
    F.linear(x, weight, bias).backward(g)
    np.testing.assert_allclose(bias.grad.cpu().numpy(), 2**24 + n - 1, rtol=1e-5)


def test_operands_that_are_not_whole_and_gradients_that_are_repeated() -> None:
    x, weight, bias = operands((3, 5), torch.float64)
    found = torch.autograd.grad(F.linear(x.t(), weight[:, :3], bias).sum(), (x, weight, bias))
    parts = torch.autograd.grad((x.t() @ weight[:, :3].t() + bias).sum(), (x, weight, bias))
    for a, b in zip(found, parts, strict=True):
        np.testing.assert_allclose(a.cpu().numpy(), b.cpu().numpy(), rtol=1e-12)


def test_an_operand_that_was_overwritten_is_noticed() -> None:
    x, weight, bias = operands((5, 3), torch.float32)
    y = F.linear(x, weight, bias)
    with torch.no_grad():
        weight.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_a_compiled_step_takes_the_next_part_of_its_data() -> None:
    """Samples that lie somewhere within a batch."""
    data, weight, bias = operands((8, 3), torch.float64)
    data = data.detach()

    def step(x: torch.Tensor) -> torch.Tensor:
        weight.grad = bias.grad = None
        loss = F.linear(x, weight, bias).square().sum()
        loss.backward()
        return loss

    compiled = torch.compile(step)
    for first in (0, 2, 4, 5, 3):
        x = data[first : first + 3]
        expected = step(x).item(), weight.grad.clone(), bias.grad.clone()
        found = compiled(x).item(), weight.grad, bias.grad
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-12)
