"""200 random fits beside SciPy: parameters and covariances to 1e-6."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from random_problems import Problem, bounded, problem

from microgrest.fit import curve_fit

scipy_optimize = pytest.importorskip("scipy.optimize")
# SciPy's own tolerances leave more than the difference that is looked for.
TIGHT = {"ftol": 1e-15, "xtol": 1e-15}
OFTEN = 8


def beside(given: Problem) -> None:
    options = dict(given.options)
    if "bounds" in options or "method" in options:
        options |= {"gtol": 1e-15, "max_nfev": 300}
    ours = curve_fit(given.model, given.x, given.y, given.p0, **given.options)
    scipys = scipy_optimize.curve_fit(
        given.model, given.x, given.y, given.p0, jac=given.jacobian, **options, **TIGHT
    )
    np.testing.assert_allclose(ours[0], scipys[0], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(ours[1], scipys[1], rtol=1e-6, atol=1e-6 * np.abs(scipys[1]).max())


@pytest.mark.parametrize("seed", range(200))
def test_by_python(seed: int, by_python: None) -> None:
    beside(problem(seed))


@pytest.mark.parametrize("seed", range(200, 200 + OFTEN))
def test_natively(seed: int) -> None:
    beside(problem(seed))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(200))
def test_all_natively(seed: int) -> None:
    beside(problem(seed))


@pytest.mark.parametrize("seed", range(1000, 1040))
def test_bounds_that_cut(seed: int, by_python: None) -> None:
    """Within them, and as good as SciPy's, whose own stop short of a bound by a little."""
    given = bounded(seed)
    low, high = given.options["bounds"]
    p, _ = curve_fit(given.model, given.x, given.y, given.p0, **given.options)
    q, _ = scipy_optimize.curve_fit(
        given.model, given.x, given.y, given.p0, bounds=(low, high), **TIGHT, gtol=1e-14
    )
    assert (p >= low).all() and (p <= high).all()
    costs = [((given.model(given.x, *v) - given.y) ** 2).sum() for v in (p, q)]
    assert costs[0] <= costs[1] * (1 + 1e-7)


@pytest.mark.parametrize("native", [False, True])
def test_intervals_cover_what_they_say(native: bool, request: pytest.FixtureRequest) -> None:
    """68 % and 95 % intervals, by Student's t with few points, over simulated data."""
    if not native:
        request.getfixturevalue("by_python")
    covered, turns = coverage(150 if not native else 1000)
    for share, wanted in zip(covered, (0.683, 0.954), strict=True):
        assert np.all(np.abs(share - wanted) < 4 * np.sqrt(wanted * (1 - wanted) / turns))


def line(x: Any, a: Any, b: Any) -> Any:
    return a * np.exp(-b * x)


def coverage(turns: int) -> tuple[list[Any], int]:
    """How often each parameter lies within one, and two, standard errors."""
    rng, x, true = np.random.default_rng(5), np.linspace(0, 3, 200), np.array([2.0, 0.8])
    within = np.zeros((2, 2))
    for _ in range(turns):
        y = line(x, *true) + 0.05 * rng.normal(size=x.size)
        p, cov = curve_fit(line, x, y, (1.0, 1.0))
        apart = np.abs(p - true) / np.sqrt(np.diag(cov))
        within += [apart < 1, apart < 2]
    return list(within / turns), turns
