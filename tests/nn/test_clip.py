"""Gradient clipping: by norm and by value, against the formulas."""

from __future__ import annotations

import math

import pytest

import microgrest as torch
from microgrest.nn import utils

pytestmark = pytest.mark.devices

GRADS = [[[3.0, -1.0], [0.5, 2.0]], [-4.0], 0.25]


def parameters():
    """Parameters with gradients, the last without."""
    params = [torch.zeros_like(torch.tensor(g)).requires_grad_() for g in GRADS]
    for p, g in zip(params, GRADS, strict=True):
        p.grad = torch.tensor(g)
    return [*params, torch.zeros(3, requires_grad=True)]


def flat(params):
    return [v for p in params if p.grad is not None for v in p.grad.flatten().tolist()]


def order(values, p):
    if p == math.inf:
        return max(map(abs, values))
    return sum(abs(v) ** p for v in values) ** (1 / p)


@pytest.mark.parametrize("p", [1, 2.0, 3, 0.5, math.inf])
def test_norm_of_all_gradients(p):
    params = parameters()
    before = flat(params)
    total = utils.clip_grad_norm_(params, 0.5, norm_type=p)
    assert total.shape == () and total.item() == pytest.approx(order(before, p), rel=1e-5)
    scale = 0.5 / (order(before, p) + 1e-6)
    assert flat(params) == pytest.approx([v * scale for v in before], rel=1e-5)
    assert order(flat(params), p) == pytest.approx(0.5, rel=1e-4)


def test_small_gradients_are_left_as_they_are():
    params = parameters()
    before, held = flat(params), [p.grad for p in params]
    utils.clip_grad_norm_(params, 100.0)
    assert flat(params) == before
    assert all(p.grad is g for p, g in zip(params, held, strict=True))


def test_total_norm_and_clipping_apart():
    params = parameters()
    twins = parameters()
    total = utils.get_total_norm([p.grad for p in params if p.grad is not None], "inf")
    assert total.item() == 4.0
    utils.clip_grads_with_norm_(params, 1.0, total)
    utils.clip_grad_norm_(twins, 1.0, math.inf)
    assert flat(params) == flat(twins)


def test_one_tensor_a_generator_and_nothing():
    p = parameters()[0]
    assert utils.clip_grad_norm_(p, 1.0).item() == pytest.approx(math.sqrt(14.25))
    assert utils.clip_grad_norm_((q for q in [p]), 1.0).item() == pytest.approx(1.0)
    assert utils.get_total_norm([]).item() == 0.0
    assert utils.clip_grad_norm_([torch.zeros(1, requires_grad=True)], 1.0).item() == 0.0
    with pytest.warns(UserWarning, match="empty generator") as caught:
        utils.clip_grad_norm_((q for q in []), 1.0)
    assert caught[0].filename == __file__


def test_values():
    params = parameters()
    before = flat(params)
    assert utils.clip_grad_value_(params, 1) is None
    assert flat(params) == [min(max(v, -1.0), 1.0) for v in before]
    utils.clip_grad_value_(params[0], 0.25)
    assert max(map(abs, flat(params[:1]))) == 0.25


@pytest.mark.parametrize("bad", [math.inf, math.nan])
def test_norms_that_are_not_finite(bad):
    params = parameters()
    params[0].grad[0, 0] = bad
    with pytest.raises(RuntimeError, match=r"order 2.0 for gradients .* is non-finite"):
        utils.clip_grad_norm_(params, 1.0, error_if_nonfinite=True)
    assert flat(params[1:]) == flat(parameters()[1:])
    assert not math.isfinite(utils.clip_grad_norm_(params, 1.0).item())


def test_the_graph_is_not_entered():
    params = parameters()
    total = utils.clip_grad_norm_(params, 1.0)
    assert not total.requires_grad and all(p.grad is None or p.grad.is_leaf for p in params)


def test_gradients_of_several_dtypes():
    p, q = parameters()[:2]
    wide = q.detach().double().requires_grad_()
    wide.grad = q.grad.double()
    assert utils.clip_grad_norm_([p, wide], 1.0).item() == pytest.approx(math.sqrt(30.25))
    assert (p.grad.dtype, wide.grad.dtype) == (torch.float32, torch.float64)
