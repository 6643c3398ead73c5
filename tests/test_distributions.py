"""Distributions: gradients through draws, compiled steps, imports; elsewhere PyTorch's numbers."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microgrest as mg
from microgrest import distributions as D

ROOT = Path(__file__).parents[1]


def leaf(*values: float) -> mg.Tensor:
    return mg.tensor(values, dtype=mg.float64, requires_grad=True)


# A distribution of two parameters, and the derivatives of a draw x by them.
MOVES: dict[str, tuple[Callable[[Any, Any], Any], Callable[[Any, Any, Any], tuple[Any, Any]]]] = {
    "Normal": (D.Normal, lambda x, a, b: (1.0, (x - a) / b)),
    "Laplace": (D.Laplace, lambda x, a, b: (1.0, (x - a) / b)),
    "LogNormal": (D.LogNormal, lambda x, a, b: (x, x * (np.log(x) - a) / b)),
    "Uniform": (
        lambda a, b: D.Uniform(a, a + b),
        lambda x, a, b: (1.0, (x - a) / b),
    ),
    "Exponential": (
        lambda a, b: D.Exponential(b + 0 * a),
        lambda x, a, b: (0.0, -x / b),
    ),
}


@pytest.mark.devices
@pytest.mark.parametrize("name", MOVES)
def test_gradients_go_through_draws(name: str) -> None:
    make, expected = MOVES[name]
    a, b = leaf(0.3, -1.2, 2.0), leaf(0.5, 1.0, 3.5)
    x = make(a, b).rsample()
    assert x.requires_grad
    x.sum().backward()
    slopes = expected(*(v.detach().cpu().numpy() for v in (x, a, b)))
    for t, slope in zip((a, b), slopes, strict=True):
        assert t.grad is not None
        np.testing.assert_allclose(t.grad.cpu().numpy(), np.broadcast_to(slope, 3), rtol=1e-9)


def test_gamma_draws_move_with_their_quantiles() -> None:
    """d x / d rate is -x / rate; that by the concentration has the mean 1 / rate."""
    a, b = leaf(0.4, 1.0, 7.0), leaf(0.5, 2.0, 3.0)
    x = D.Gamma(a.expand(4000, 3), b.expand(4000, 3)).rsample()
    ga, gb = mg.autograd.grad(x.sum(), [a, b])
    np.testing.assert_allclose(gb.numpy(), -(x.sum(0) / b).detach().numpy(), rtol=1e-9)
    np.testing.assert_allclose(ga.numpy() / 4000, 1 / b.detach().numpy(), rtol=0.1)


def test_beta_and_dirichlet_draws_move() -> None:
    """The mean of a draw is a / s, and its derivatives by a are those of the draws, on average."""
    a = leaf(0.8, 2.0, 3.0)
    x = D.Dirichlet(a.expand(20000, 3)).rsample()
    np.testing.assert_allclose(x.sum(-1).detach().numpy(), 1.0, rtol=1e-12)
    (g,) = mg.autograd.grad(x[:, 0].mean(), a)
    s = 5.8
    np.testing.assert_allclose(g.numpy(), [(s - 0.8) / s**2, -0.8 / s**2, -0.8 / s**2], atol=0.01)
    c, d = leaf(2.0), leaf(3.0)
    y = D.Beta(c.expand(20000), d.expand(20000)).rsample()
    gc, gd = mg.autograd.grad(y.mean(), [c, d])
    np.testing.assert_allclose([gc.item(), gd.item()], [3 / 25, -2 / 25], atol=0.01)


def test_a_second_derivative_of_gamma_draws_is_refused() -> None:
    a = leaf(2.0)
    (g,) = mg.autograd.grad(D.Gamma(a, 1.0).rsample().sum(), a, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        g.sum().backward()


def test_normal_vectors() -> None:
    """Their covariance is the given one, and a gradient goes to its factor."""
    lower = mg.tensor([[1.0, 0.0], [0.5, 2.0]], dtype=mg.float64, requires_grad=True)
    loc = leaf(1.0, -2.0)
    x = D.MultivariateNormal(loc, scale_tril=lower).rsample((20000,))
    found = np.cov(x.detach().numpy().T)
    np.testing.assert_allclose(found, [[1.0, 0.5], [0.5, 4.25]], atol=0.15)
    x.sum(0)[1].backward()
    assert loc.grad is not None and loc.grad.tolist() == [0, 20000]
    assert lower.grad is not None and lower.grad[0].tolist() == [0, 0]


def test_fit_by_its_likelihood() -> None:
    """The mean and spread of data are where the likelihood is largest."""
    data = mg.tensor([1.0, 2.0, 4.0, 7.0], dtype=mg.float64)
    loc, log_scale = leaf(0.0), leaf(0.0)
    optimizer = mg.optim.Adam([loc, log_scale], lr=0.05)
    for _ in range(1500):
        optimizer.zero_grad()
        (-D.Normal(loc, log_scale.exp()).log_prob(data).sum()).backward()
        optimizer.step()
    assert abs(loc.item() - 3.5) < 1e-3
    assert abs(math.exp(log_scale.item()) - np.std([1.0, 2.0, 4.0, 7.0])) < 1e-3


@pytest.mark.devices
def test_in_compiled_steps() -> None:
    """A step with draws, densities and gradients does what eager calls do."""

    def step(a: mg.Tensor, b: mg.Tensor) -> tuple[mg.Tensor, mg.Tensor]:
        d = D.Normal(a, b)
        x = d.rsample()
        loss = (d.log_prob(x.detach()) * x).sum() + D.kl_divergence(d, D.Normal(0.0, 1.0)).sum()
        ga, gb = mg.autograd.grad(loss, [a, b])
        return ga, gb

    compiled = mg.compile(step)
    a, b = leaf(0.3, -1.2, 2.0), leaf(0.5, 1.0, 3.5)
    mg.manual_seed(3)
    found = [[g.cpu().numpy().copy() for g in compiled(a, b)] for _ in range(4)]
    mg.manual_seed(3)
    for ours in found:
        for x, y in zip(ours, step(a, b), strict=True):
            np.testing.assert_allclose(x, y.cpu().numpy(), rtol=1e-10)


def test_they_load_when_they_are_asked_for() -> None:
    code = (
        "import sys, microgrest as torch; print('microgrest.distributions' in sys.modules);"
        "print(torch.distributions.Normal(0, 1).mean.item());"
        "from microgrest.distributions import Categorical; print('numba' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.split()[:2] == ["False", "0.0"], done.stderr


def test_what_is_missing_is_named() -> None:
    for name in ("StudentT", "transforms"):
        with pytest.raises(AttributeError, match=name):
            getattr(D, name)
    with pytest.raises(NotImplementedError, match="Gamma has no cdf"):
        D.Gamma(1.0, 1.0).cdf(mg.tensor(1.0))
    with pytest.raises(NotImplementedError, match="Poisson has no rsample"):
        D.Poisson(1.0).rsample()
    with pytest.raises(NotImplementedError, match="p type Normal and q type Laplace"):
        D.kl_divergence(D.Normal(0.0, 1.0), D.Laplace(0.0, 1.0))


def test_a_divergence_can_be_registered() -> None:
    class Fixed(D.Normal):
        pass

    @D.register_kl(Fixed, D.Uniform)
    def own(p: D.Distribution, q: D.Distribution) -> mg.Tensor:
        return mg.tensor(7.0)

    assert D.kl_divergence(Fixed(0.0, 1.0), D.Uniform(0.0, 1.0)) == 7
    assert D.kl_divergence(Fixed(0.0, 1.0), D.Normal(0.0, 1.0)) == 0
    with pytest.raises(TypeError, match="subclass of Distribution"):
        D.register_kl(int, D.Normal)
