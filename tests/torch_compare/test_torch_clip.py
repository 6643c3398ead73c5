"""Gradient clipping and dropout against PyTorch's: numbers where there are any, and messages."""

from __future__ import annotations

import math

import numpy as np
import pytest

import microgrest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

GRADS = [np.array([[3.0, -1.0], [0.5, 2.0]]), np.array([-4.0]), np.array(0.25)]
LIBS = (microgrest, torch)


def parameters(lib, scale=1.0):
    params = [lib.zeros(g.shape, dtype=lib.float64, requires_grad=True) for g in GRADS]
    for p, g in zip(params, GRADS, strict=True):
        p.grad = lib.tensor(scale * g)
    return [*params, lib.zeros(2, requires_grad=True)]


def ends(call, scale=1.0):
    """What `call(utils, params)` returns and leaves, in both libraries."""
    found = []
    for lib in LIBS:
        params = parameters(lib, scale)
        result = call(lib.nn.utils, params)
        grads = [p.grad.numpy().ravel() for p in params if p.grad is not None]
        found.append(np.concatenate([*grads, [math.nan if result is None else result.item()]]))
    return found


@pytest.mark.parametrize("scale", [1.0, 1e-3, 0.0, math.inf, 1e200])
@pytest.mark.parametrize("order", [2, 1.0, 3.5, 0.5, 0, "inf", math.inf, -math.inf])
def test_norm(order, scale):
    with np.errstate(all="ignore"):
        ours, theirs = ends(lambda u, p: u.clip_grad_norm_(p, 0.7, order), scale)
    overflows = (order, scale) == (2, 1e200)  # in PyTorch, whose norm is infinite
    if overflows:
        _, theirs = ends(lambda u, p: u.clip_grad_norm_(p, 0.7, order))
        theirs[-1] *= scale
    np.testing.assert_allclose(ours, theirs, rtol=1e-6 if overflows else 1e-12)


def test_value():
    ours, theirs = ends(lambda u, p: u.clip_grad_value_(p, 0.7))
    np.testing.assert_array_equal(ours, theirs)


def test_two_parts():
    def call(utils, params):
        total = utils.get_total_norm([p.grad for p in params[:2]])
        utils.clip_grads_with_norm_(params[0], 0.3, total)
        return total

    ours, theirs = ends(call)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


BAD = {
    "not finite": lambda lib: lib.nn.utils.clip_grad_norm_(
        parameters(lib, math.inf), 1.0, error_if_nonfinite=True
    ),
    "not finite, inf": lambda lib: lib.nn.utils.clip_grad_norm_(
        parameters(lib, math.nan), 1.0, "inf", error_if_nonfinite=True
    ),
    "probability": lambda lib: lib.nn.functional.dropout(lib.ones(2), 1.5),
    "probability of a layer": lambda lib: lib.nn.Dropout(-0.5),
    "probability at the top": lambda lib: lib.dropout(lib.ones(2), 1.5, False),
}


@pytest.mark.parametrize("call", BAD.values(), ids=BAD)
def test_error(call):
    caught = []
    for lib in LIBS:
        with pytest.raises((RuntimeError, ValueError)) as error:
            call(lib)
        caught.append((error.type, str(error.value)))
    assert caught[0] == caught[1]


def test_dropout_keeps_the_same_object_and_prints_the_same():
    for lib in LIBS:
        x = lib.ones(3)
        assert lib.nn.functional.dropout(x, 0.0) is x
        assert lib.nn.functional.dropout(x, 0.5, training=False) is x
    assert repr(microgrest.nn.Dropout(0.2, True)) == repr(torch.nn.Dropout(0.2, True))
