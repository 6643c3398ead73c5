"""Users' ops beside the same formulas in PyTorch: values, first and second derivatives."""

from __future__ import annotations

import math

import numpy as np
import pytest

import microgrest as mg

torch = pytest.importorskip("torch")


@mg.elementwise
def pseudo_voigt(x, height, center, width, share):
    z = (x - center) / width
    return height * (share / (1 + z * z) + (1 - share) * math.exp(-math.log(2) * z**2))


def pseudo_voigt_torch(x, height, center, width, share):
    z = (x - center) / width
    return height * (share / (1 + z * z) + (1 - share) * torch.exp(-math.log(2) * z**2))


@mg.elementwise
def modified_gauss(x, height, center, width, rate):
    a = rate * width
    z = (a - (x - center) / width) / math.sqrt(2)
    return height * a * math.exp(a * a / 2 - rate * (x - center)) * math.erfc(z)


def modified_gauss_torch(x, height, center, width, rate):
    a = rate * width
    z = (a - (x - center) / width) / math.sqrt(2)
    return height * a * torch.exp(a * a / 2 - rate * (x - center)) * torch.erfc(z)


@mg.elementwise
def huber(x, height, center, width, power):
    d = abs(x - center)
    if d < width:  # noqa: SIM108 - a statement is what is tried here
        loss = d**2 / 2
    else:
        loss = width * (d - width / 2)
    return height * loss**power if loss > 0 else 0.0


def huber_torch(x, height, center, width, power):
    d = abs(x - center)
    loss = torch.where(d < width, d**2 / 2, width * (d - width / 2))
    safe = torch.where(loss > 0, loss, 1.0)
    return torch.where(loss > 0, height * safe**power, 0.0)


PAIRS = [
    (pseudo_voigt, pseudo_voigt_torch, (2.0, 0.3, 0.8, 0.4)),
    (modified_gauss, modified_gauss_torch, (1.5, -0.2, 0.6, 1.1)),
    (huber, huber_torch, (0.7, 0.1, 1.2, 1.4)),
]


def both(op, formula, numbers, dtype):
    """(ours, PyTorch's): the values, then the derivatives of their squares, then theirs."""
    x = np.linspace(-2.05, 2.0, 14).astype(dtype)
    found = []
    for lib, f in ((mg, op), (torch, formula)):
        args = [lib.tensor(a, dtype=getattr(lib, dtype), requires_grad=True) for a in (x, *numbers)]
        y = f(*args)
        first = lib.autograd.grad((y**2).sum(), args, create_graph=True)
        second = lib.autograd.grad(sum((g * g).sum() for g in first), args)
        found.append([t.detach().numpy() for t in (y, *first, *second)])
    return zip(*found, strict=True)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("op", "formula", "numbers"), PAIRS)
def test_the_same_formula_in_torch(op, formula, numbers, dtype):
    for i, (ours, theirs) in enumerate(both(op, formula, numbers, dtype)):
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
        near = {"float64": 1e-11, "float32": 3e-5}[dtype] * (1 if i < 6 else 10)
        np.testing.assert_allclose(ours, theirs, rtol=near, atol=near * abs(theirs).max())
