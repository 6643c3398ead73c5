"""Random numbers: each draw has its distribution, on every device, in eager and compiled steps."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgrest as mg
from microgrest.random import gamma_slope, standard_gamma

devices = pytest.mark.devices
N = 20_000
Array = np.ndarray[Any, Any]


def erlang(k: int) -> Callable[[Array], Array]:
    """The cdf of gamma numbers of a whole shape."""
    return lambda x: 1 - np.exp(-x) * sum(x**j / math.factorial(j) for j in range(k))


def normal(x: Array) -> Array:
    """The cdf of normal numbers."""
    return np.array([math.erfc(-v / math.sqrt(2)) / 2 for v in x])


CONTINUOUS: dict[str, tuple[Callable[[Any], Any], Callable[[Array], Array]]] = {
    "uniform_": (lambda x: x.uniform_(-1, 3), lambda v: (v + 1) / 4),
    "normal_": (lambda x: x.normal_(2, 3), lambda v: normal((v - 2) / 3)),
    "exponential_": (lambda x: x.exponential_(2.5), lambda v: 1 - np.exp(-2.5 * v)),
    "cauchy_": (lambda x: x.cauchy_(1, 2), lambda v: np.arctan((v - 1) / 2) / np.pi + 0.5),
    "log_normal_": (lambda x: x.log_normal_(0.5, 0.7), lambda v: normal((np.log(v) - 0.5) / 0.7)),
    "gamma of 1": (lambda x: standard_gamma(x * 0 + 1), erlang(1)),
    "gamma of 3": (lambda x: standard_gamma(x * 0 + 3), erlang(3)),
    "gamma of 40": (lambda x: standard_gamma(x * 0 + 40), erlang(40)),
    # x = y**2 / 2 of a normal y has the shape 1 / 2.
    "gamma of 1/2": (
        lambda x: standard_gamma(x * 0 + 0.5),
        lambda v: 2 * normal(np.sqrt(2 * v)) - 1,
    ),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", CONTINUOUS)
def test_continuous(name: str, dtype: str) -> None:
    """Kolmogorov's distance from the cdf is what one draw in 2,000 exceeds."""
    draw, cdf = CONTINUOUS[name]
    x = np.sort(draw(mg.zeros(N, dtype=getattr(mg, dtype))).numpy().astype(np.float64))
    at = cdf(x)
    steps = np.arange(N + 1) / N
    distance = max(np.abs(at - steps[1:]).max(), np.abs(at - steps[:-1]).max())
    assert distance < 2.0 / math.sqrt(N)


def chances(name: str, *parameters: float) -> Array:
    """The probabilities of 0, 1, 2, ... 200."""
    k = np.arange(200.0)
    log = np.array([math.lgamma(v + 1) for v in k])
    if name == "poisson":
        (rate,) = parameters
        return np.exp(k * math.log(rate) - rate - log)
    n, p = parameters
    rest = np.array([math.lgamma(max(n - v, 0) + 1) for v in k])
    found = np.exp(math.lgamma(n + 1) - log - rest + k * math.log(p) + (n - k) * math.log1p(-p))
    return np.where(k <= n, found, 0.0)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("poisson", (0.3,)),
        ("poisson", (9.5,)),
        ("poisson", (10.0,)),
        ("poisson", (60.0,)),
        ("binomial", (7.0, 0.3)),
        ("binomial", (30.0, 0.9)),
        ("binomial", (100.0, 0.4)),
        ("binomial", (150.0, 0.8)),
        ("geometric", (0.3,)),
    ],
)
def test_discrete(name: str, parameters: tuple[float, ...]) -> None:
    """Pearson's statistic is within five of its standard deviations of its mean."""
    like = mg.zeros(N, dtype=mg.float64)
    if name == "geometric":
        found = like.geometric_(*parameters) - 1
        expected = (1 - parameters[0]) ** np.arange(200.0) * parameters[0]
    else:
        found = getattr(mg, name)(*(mg.full_like(like, p) for p in parameters))
        expected = chances(name, *parameters)
    counts = np.bincount(found.numpy().astype(int), minlength=200)[:200]
    assert counts.sum() == N
    common = expected * N >= 5
    seen = np.append(counts[common], counts[~common].sum())
    wanted = np.append(expected[common], expected[~common].sum()) * N
    seen, wanted = seen[wanted > 0], wanted[wanted > 0]
    degrees = len(wanted) - 1
    statistic = ((seen - wanted) ** 2 / wanted).sum()
    assert abs(statistic - degrees) < 5 * math.sqrt(2 * degrees) + 2


def test_multinomial_by_weights() -> None:
    weights = mg.tensor([[0.0, 1.0, 3.0, 6.0], [5.0, 0.0, 5.0, 0.0]])
    found = mg.multinomial(weights, N, replacement=True).numpy()
    for row, expected in zip(found, ([0, 0.1, 0.3, 0.6], [0.5, 0, 0.5, 0]), strict=True):
        shares = np.bincount(row, minlength=4) / N
        assert np.abs(shares - expected).max() < 5 * 0.5 / math.sqrt(N)
        assert (shares[np.array(expected) == 0] == 0).all()


def test_multinomial_without_replacement() -> None:
    """The first is drawn by the weights, the second by those of the rest."""
    rows = mg.tensor([[1.0, 3.0, 6.0]]).expand(N, 3)
    found = mg.multinomial(rows, 3).numpy()
    assert (np.sort(found, 1) == [0, 1, 2]).all()
    first = np.bincount(found[:, 0], minlength=3) / N
    assert np.abs(first - [0.1, 0.3, 0.6]).max() < 0.02
    after_last = found[found[:, 0] == 2][:, 1]
    assert abs((after_last == 1).mean() - 0.75) < 0.02


SAMPLED: dict[str, Callable[[], Any]] = {
    "poisson": lambda: mg.poisson(mg.tensor([0.0, 0.5, 3.0, 12.0, 400.0])),
    "binomial": lambda: mg.binomial(
        mg.tensor([3.0, 40.0, 100.0, 0.0]), mg.tensor([0.5, 0.9, 0.3, 0.1])
    ),
    "gamma": lambda: standard_gamma(mg.tensor([0.1, 1.0, 2.5, 90.0])),
    "gamma_slope": lambda: gamma_slope(mg.tensor([0.1, 1.0, 9.5]), mg.tensor([0.3, 1.0, 8.0])),
    "exponential_": lambda: mg.empty(5).exponential_(),
    "cauchy_": lambda: mg.empty(5).cauchy_(),
    "geometric_": lambda: mg.empty(5, dtype=mg.int64).geometric_(0.2),
    "log_normal_": lambda: mg.empty(5).log_normal_(),
    "bernoulli_": lambda: mg.empty(5).bernoulli_(mg.tensor([0.1, 0.5, 0.9, 0.3, 0.7])),
    "multinomial": lambda: mg.multinomial(mg.tensor([0.2, 0.3, 0.5]), 4, True),
    "choices": lambda: mg.multinomial(mg.tensor([0.2, 0.3, 0.5]), 2),
}


@devices
@pytest.mark.parametrize("name", SAMPLED)
def test_the_same_on_every_device(name: str) -> None:
    mg.manual_seed(5)
    found = SAMPLED[name]()
    assert found.device.type == mg.get_default_device().type
    mg.manual_seed(5)
    with mg.device("cpu"):
        expected = SAMPLED[name]()
    np.testing.assert_allclose(found.cpu().numpy(), expected.numpy(), rtol=1e-5)


@devices
@pytest.mark.parametrize("name", SAMPLED)
def test_in_compiled_steps(name: str) -> None:
    """A step draws on where eager calls would."""
    step = mg.compile(SAMPLED[name])
    mg.manual_seed(11)
    found = [step().cpu().numpy().copy() for _ in range(5)]
    mg.manual_seed(11)
    expected = [SAMPLED[name]().cpu().numpy() for _ in range(5)]
    for x, y in zip(found, expected, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-6)


def test_special_parameters() -> None:
    nan, inf = math.nan, math.inf
    shapes = mg.tensor([0.0, -1.0, nan, inf, 1e-300], dtype=mg.float64)
    drawn = standard_gamma(shapes).tolist()
    assert [str(v) for v in drawn[:4]] == ["nan", "nan", "nan", "inf"]
    assert drawn[4] == 0
    assert mg.poisson(mg.tensor([0.0, 1e18], dtype=mg.float64))[0] == 0
    assert mg.binomial(mg.tensor([5.0, 0.0]), mg.tensor([1.0, 0.5])).tolist() == [5, 0]
    assert standard_gamma(mg.empty(0)).shape == (0,)
    assert mg.poisson(mg.ones(2, 1).expand(2, 3)).shape == (2, 3)


def test_the_slope_of_gamma_numbers() -> None:
    """-dF/da / p by mpmath: to 8 digits far in the upper tail, where terms cancel, else 12."""
    mp = pytest.importorskip("mpmath")
    mp.mp.dps = 40
    for shape in (0.02, 0.5, 1.0, 3.7, 60.0, 5e3):
        for quantile in (-3.0, -1.0, 0.0, 1.0, 4.0):
            value = shape * max(1 + quantile / (3 * math.sqrt(shape)) - 1 / (9 * shape), 1e-3) ** 3
            a, z = mp.mpf(shape), mp.mpf(value)
            moved = mp.diff(lambda q, z=z: mp.gammainc(q, 0, z, regularized=True), a)
            density = z ** (a - 1) * mp.e ** (-z) / mp.gamma(a)
            kinds = {"dtype": mg.float64}
            found = gamma_slope(mg.tensor([value], **kinds), mg.tensor([shape], **kinds)).item()
            assert abs(found + moved / density) <= (1e-8 if quantile > 1 else 1e-12) * abs(found)
