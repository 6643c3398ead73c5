"""Distributions beside PyTorch's: densities, moments, divergences, gradients, texts, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import microgrest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

# A distribution, as both libraries spell it, of leaves a, b in R and c, d > 0; and values for it.
LEAVES = {
    "a": [0.3, -1.2, 2.0],
    "b": [[0.5], [-0.7]],
    "c": [0.4, 1.0, 3.5],
    "d": [[0.8], [2.25]],
    "m": [[2.0, 0.3, 0.1], [0.3, 1.5, -0.2], [0.1, -0.2, 0.7]],
}
REAL = [[0.0, -3.0, 40.0], [1e-3, 2.5, -0.7]]
POSITIVE = [[1e-6, 0.5, 30.0], [1.0, 2.5, 0.125]]
UNIT = [[1e-5, 0.5, 0.999], [0.25, 0.75, 0.125]]
COUNTS = [[0.0, 1.0, 7.0], [2.0, 0.0, 1.0]]
BITS = [[0.0, 1.0, 1.0], [1.0, 0.0, 1.0]]
SIMPLEX = [[0.2, 0.3, 0.5], [0.01, 0.98, 0.01]]

DISTRIBUTIONS: dict[str, Any] = {
    "D.Normal(a, d)": REAL,
    "D.Normal(0.5, 2)": REAL,
    "D.Normal(a, 1.5)": REAL,
    "D.LogNormal(a, d)": POSITIVE,
    "D.Laplace(a, d)": REAL,
    "D.Uniform(a - 50, a + 50 * d)": REAL,
    "D.Exponential(c)": POSITIVE,
    "D.Bernoulli(a.sigmoid())": BITS,
    "D.Bernoulli(logits=b)": BITS,
    "D.Bernoulli(logits=30 * b)": BITS,
    "D.Categorical(c)": [0, 2],
    "D.Categorical(logits=a)": [1, 1],
    "D.Categorical(logits=b.expand(2, 4))": [3, 0],
    "D.Poisson(c)": COUNTS,
    "D.Gamma(c, d)": POSITIVE,
    "D.Gamma(2.0, c)": POSITIVE,
    "D.Beta(c, d)": UNIT,
    "D.Dirichlet(c)": SIMPLEX,
    "D.MultivariateNormal(a, m)": REAL,
    "D.MultivariateNormal(b * a, scale_tril=torch.linalg_tril(m))": REAL,
    "D.MultivariateNormal(a, precision_matrix=m)": REAL,
    "D.Independent(D.Normal(a, d), 1)": REAL,
    "D.Independent(D.Bernoulli(logits=a), 0)": BITS,
}
EVERY = [pytest.param(name, id=name) for name in DISTRIBUTIONS]


class Side:
    """One library, with the leaves and what distributions are made of."""

    def __init__(self, library: Any) -> None:
        self.library = library
        self.leaves = {
            name: library.tensor(data, dtype=library.float64, requires_grad=True)
            for name, data in LEAVES.items()
        }

    def make(self, text: str) -> Any:
        names = {"D": self.library.distributions, "torch": self.library, **self.leaves}
        return eval(text.replace("torch.linalg_tril(m)", "m.tril()"), names)

    def tensor(self, data: Any) -> Any:
        dtype = None if np.asarray(data).dtype.kind == "i" else self.library.float64
        return self.library.tensor(data, dtype=dtype)

    def gradients(self, y: Any) -> list[Any]:
        """The derivatives of a weighted sum of `y` by all leaves, and those of their sum."""
        leaves = list(self.leaves.values())
        if not y.requires_grad:
            return []
        grad = self.library.autograd.grad
        weights = self.tensor(np.cos(np.arange(y.numel())).reshape(tuple(y.shape)))
        first = grad((y * weights).sum(), leaves, allow_unused=True, create_graph=True)
        found = [g for g in first if g is not None]
        total = sum((g**2).sum() for g in found)
        if not total.requires_grad:
            return found
        second = grad(total, leaves, allow_unused=True)
        return [*found, *(g for g in second if g is not None)]


def both(text: str, question: Any) -> tuple[Any, Any]:
    """What both libraries answer: arrays, or the type of the error."""
    found = []
    for side in (Side(microgrest), Side(torch)):
        try:
            y = question(side, side.make(text))
        except (NotImplementedError, ValueError, RuntimeError) as error:
            found.append(type(error).__name__)
            continue
        found.append([t.detach().numpy() for t in (y, *side.gradients(y))])
    return found[0], found[1]


def agree(text: str, question: Any) -> None:
    ours, theirs = both(text, question)
    if isinstance(theirs, str) or isinstance(ours, str):
        assert ours == theirs
        return
    assert ours[0].shape == theirs[0].shape
    assert ours[0].dtype == theirs[0].dtype
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-10, atol=1e-12)
    # A zero that one library has and the other has not, of what does not depend on a leaf.
    kept = [[g for g in grads[1:] if np.any(g)] for grads in (ours, theirs)]
    for x, y in zip(*kept, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("text", EVERY)
def test_log_prob(text: str) -> None:
    agree(text, lambda side, d: d.log_prob(side.tensor(DISTRIBUTIONS[text])))


@pytest.mark.parametrize("name", ["entropy", "perplexity"])
@pytest.mark.parametrize("text", EVERY)
def test_entropy(text: str, name: str) -> None:
    agree(text, lambda side, d: getattr(d, name)())


@pytest.mark.parametrize("name", ["mean", "mode", "variance", "stddev"])
@pytest.mark.parametrize("text", EVERY)
def test_moments(text: str, name: str) -> None:
    agree(text, lambda side, d: getattr(d, name))


@pytest.mark.parametrize("text", [p for p in EVERY if "Gamma" not in str(p.id)])
def test_cdf_and_its_inverse(text: str) -> None:
    agree(text, lambda side, d: d.cdf(side.tensor(DISTRIBUTIONS[text])))
    agree(text, lambda side, d: d.icdf(side.tensor(UNIT)))


@pytest.mark.parametrize("text", EVERY)
def test_facts(text: str) -> None:
    ours, theirs = (Side(library).make(text) for library in (microgrest, torch))
    for name in ("batch_shape", "event_shape"):
        assert tuple(getattr(ours, name)) == tuple(getattr(theirs, name))
    for name in ("has_rsample", "has_enumerate_support"):
        assert getattr(ours, name) == getattr(theirs, name)
    if "()" not in repr(theirs):  # some say nothing of their parameters there
        assert repr(ours).replace("microgrest", "torch") == repr(theirs)
    assert repr(ours.support) == repr(theirs.support) or "Uniform" in text
    for shape in ((), (2,), (3, 1)):
        assert tuple(ours.sample(shape).shape) == tuple(theirs.sample(shape).shape)
        assert not ours.sample(shape).requires_grad


@pytest.mark.parametrize("text", EVERY)
def test_expand(text: str) -> None:
    for library in (microgrest, torch):
        d = Side(library).make(text)
        wide = d.expand((4, *d.batch_shape))
        assert tuple(wide.batch_shape) == (4, *d.batch_shape)
        assert wide.event_shape == d.event_shape
        value = d.sample()
        one, several = d.log_prob(value), wide.log_prob(value)
        np.testing.assert_allclose(several[1].detach().numpy(), one.detach().numpy())
        assert tuple(wide.sample((2,)).shape) == (2, *wide.batch_shape, *wide.event_shape)


@pytest.mark.parametrize("text", EVERY)
def test_enumerated_support(text: str) -> None:
    agree(text, lambda side, d: d.enumerate_support())
    agree(text, lambda side, d: d.enumerate_support(expand=False))


OTHERS = {
    "D.Normal(a, d)": "D.Normal(d, c)",
    "D.LogNormal(a, d)": "D.LogNormal(d, c)",
    "D.Laplace(a, d)": "D.Laplace(d, c)",
    "D.Uniform(a - 50, a + 50 * d)": "D.Uniform(a - 70, a + 60 * d)",
    "D.Uniform(a - 70, a + 60 * d)": "D.Uniform(a - 50, a + 50 * d)",
    "D.Exponential(c)": "D.Exponential(d)",
    "D.Bernoulli(a.sigmoid())": "D.Bernoulli(logits=-2 * a)",
    "D.Bernoulli(logits=30 * b)": "D.Bernoulli(logits=b)",
    "D.Categorical(c)": "D.Categorical(logits=a)",
    "D.Poisson(c)": "D.Poisson(d)",
    "D.Gamma(c, d)": "D.Gamma(2.0, c)",
    "D.Beta(c, d)": "D.Beta(d, c)",
    "D.Dirichlet(c)": "D.Dirichlet(c * d)",
    "D.MultivariateNormal(a, m)": "D.MultivariateNormal(2 * a, 3 * m)",
    "D.Independent(D.Normal(a, d), 1)": "D.Independent(D.Normal(d, c), 1)",
}


@pytest.mark.parametrize("text", [*OTHERS])
def test_divergence(text: str) -> None:
    agree(
        text,
        lambda side, d: side.library.distributions.kl_divergence(d, side.make(OTHERS[text])),
    )


WRONG = [
    "D.Normal(0, -1.0)",
    "D.Normal(float('nan'), 1.0)",
    "D.Normal('a', 1)",
    "D.Normal(torch.ones(2), torch.ones(3))",
    "D.Normal(0.0)",
    "D.Normal(0.0, 1.0).log_prob(0.5)",
    "D.Normal(0.0, 1.0).log_prob(torch.tensor(float('nan')))",
    "D.Normal(torch.ones(2), 1.0).log_prob(torch.ones(3))",
    "D.Normal(0.0, 1.0).sample(2)",
    "D.Bernoulli()",
    "D.Bernoulli(0.5, 0.3)",
    "D.Bernoulli(1.5)",
    "D.Bernoulli(0.5).log_prob(torch.tensor(0.5))",
    "D.Bernoulli(0.5).rsample()",
    "D.Categorical(torch.tensor(0.2))",
    "D.Categorical(torch.tensor([0.2, -1.0]))",
    "D.Categorical(torch.ones(2)).log_prob(torch.tensor(2))",
    "D.Categorical(torch.ones(2)).log_prob(torch.tensor(0.5))",
    "D.Uniform(1.0, 0.0)",
    "D.Uniform(0.0, 1.0).log_prob(torch.tensor(2.0))",
    "D.Exponential(0.0)",
    "D.Exponential(1.0).log_prob(torch.tensor(-1.0))",
    "D.Laplace(0.0, 0.0)",
    "D.LogNormal(0.0, 1.0).log_prob(torch.tensor(-1.0))",
    "D.Gamma(-1.0, 1.0)",
    "D.Gamma(1.0, 1.0).icdf(torch.tensor(0.5))",
    "D.Beta(0.0, 1.0)",
    "D.Poisson(-1.0)",
    "D.Poisson(1.0).rsample()",
    "D.Poisson(1.0).cdf(torch.tensor(1.0))",
    "D.Dirichlet(torch.tensor(1.0))",
    "D.Dirichlet(torch.tensor([1.0, -1.0]))",
    "D.MultivariateNormal(torch.zeros(2))",
    "D.MultivariateNormal(torch.tensor(0.0), torch.eye(2))",
    "D.MultivariateNormal(torch.zeros(2), -torch.eye(2))",
    "D.MultivariateNormal(torch.zeros(2), torch.eye(2), torch.eye(2))",
    "D.MultivariateNormal(torch.zeros(2), torch.ones(2))",
    "D.MultivariateNormal(torch.zeros(2), torch.tensor([[1.0, 0.5], [0.0, 1.0]]))",
    "D.Independent(D.Normal(torch.zeros(2), 1), 2)",
    "D.Normal(0, 1).enumerate_support()",
    "D.kl_divergence(D.Normal(0, 1), D.Poisson(1.0))",
    "D.Distribution.set_default_validate_args(3)",
]


@pytest.mark.parametrize("text", WRONG)
def test_what_is_refused(text: str) -> None:
    errors = []
    for library in (microgrest, torch):
        with pytest.raises(Exception) as caught:
            Side(library).make(text)
        errors.append(caught.value)
    assert type(errors[0]).__name__ == type(errors[1]).__name__, errors
    named = [str(e).replace("microgrest", "torch").splitlines()[:1] for e in errors]
    if "Expected" in str(errors[1]) and "LogNormal" not in text and "Beta" not in text:
        assert named[0] == named[1]


def test_unchecked() -> None:
    for library in (microgrest, torch):
        d = library.distributions
        assert d.Normal(0.0, -1.0, validate_args=False).scale == -1
        value = library.tensor(2.0)
        assert d.Uniform(0.0, 1.0, validate_args=False).log_prob(value) == float("-inf")


@pytest.mark.parametrize("text", [n for n in DISTRIBUTIONS if "Independent" not in n])
def test_draws_have_the_moments(text: str) -> None:
    """The mean and the spread of many draws are those that PyTorch says, to 5 standard errors."""
    n = 4000
    with torch.no_grad():
        theirs = Side(torch).make(text)
        mean, spread = theirs.mean.numpy(), theirs.stddev.numpy()
    ours = Side(microgrest).make(text)
    x = ours.sample((n,)).numpy().astype(np.float64)
    if "Categorical" in text:
        probs = ours.probs.detach().numpy()
        events = np.arange(probs.shape[-1])
        mean = (probs * events).sum(-1)
        spread = np.sqrt((probs * events**2).sum(-1) - mean**2)
    assert np.all(np.abs(x.mean(0) - mean) <= 5 * spread / np.sqrt(n) + 1e-12)
    fourth = ((x - mean) ** 4).mean(0)
    slack = 5 * np.sqrt(np.maximum(fourth - spread**4, 0) / n) + 1e-12
    if "LogNormal" not in text and "30" not in text:  # rare events decide on their spread
        assert np.all(np.abs(((x - mean) ** 2).mean(0) - spread**2) <= slack)
