"""`fit_many`: every curve as `curve_fit` fits it alone, whatever becomes of the others."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from microgrest.kernels.cpu import parallel
from microgrest.kernels.fits import fit as fit_module
from microgrest.kernels.fits.fit import Fit

from microgrest.fit import curve_fit, fit_many
from microgrest.fit.reading import models

RNG = np.random.default_rng(11)
X = np.linspace(0, 4, 40)
CURVES = 37


def decay(x: Any, a: Any, k: Any, c: Any) -> Any:
    return a * np.exp(-k * x) + c


def peak(x: Any, height: Any, center: Any, width: Any, base: Any, slope: Any) -> Any:
    return height * np.exp(-(((x - center) / width) ** 2)) + base + slope * x


def plane(x: Any, a: Any, b: Any) -> Any:
    return a * x[0] + b * x[1]


TRUE = np.stack([RNG.uniform(*ends, CURVES) for ends in ((1, 3), (0.5, 2), (0, 1))], 1)
Y = np.stack([decay(X, *p) for p in TRUE]) + RNG.normal(0, 0.05, (CURVES, X.size))
START = np.array([1.0, 1.0, 0.0])
SIGMA = RNG.uniform(0.02, 0.1, X.size)


def alone(i: int, x: Any, y: Any, p0: Any, **options: Any) -> tuple[Any, Any]:
    """What `curve_fit` makes of a curve."""
    popt, pcov = curve_fit(decay, x, y, p0, **options)
    return popt, np.sqrt(np.diag(pcov))


OPTIONS: list[dict[str, Any]] = [
    {},
    {"sigma": SIGMA},
    {"sigma": SIGMA, "absolute_sigma": True},
    {"bounds": (0, [2.5, 1.5, 0.8])},
    {"bounds": (0, np.inf), "loss": "soft_l1", "f_scale": 0.1},
    {"bounds": (-np.inf, [2.0, np.inf, np.inf])},
    {"ftol": 1e-4},
    {"maxfev": 40},
]


@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: ",".join(o))
def test_each_is_as_it_is_alone(options: dict[str, Any]) -> None:
    found = fit_many(decay, X, Y, START, pcov=True, **options)
    assert found.success.all() and found.done == len(found) == CURVES
    for i in range(CURVES):
        popt, perr = alone(i, X, Y[i], START, **options)
        np.testing.assert_allclose(found.popt[i], popt, rtol=1e-8, atol=1e-8)
        np.testing.assert_allclose(found.perr[i], perr, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(np.sqrt(np.diag(found.pcov[i])), found.perr[i], rtol=1e-12)


def test_one_of_everything_for_each_curve() -> None:
    x = X + RNG.uniform(0, 0.1, (CURVES, 1))
    y = np.stack([decay(x[i], *TRUE[i]) for i in range(CURVES)]) + RNG.normal(0, 0.01, x.shape)
    sigma = RNG.uniform(0.02, 0.1, x.shape)
    starts = TRUE * RNG.uniform(0.8, 1.2, TRUE.shape)
    lower, upper = TRUE - 1, TRUE * 1.1 + 1
    found = fit_many(decay, x, y, starts, sigma, bounds=(lower, upper))
    for i in range(CURVES):
        popt, perr = alone(i, x[i], y[i], starts[i], sigma=sigma[i], bounds=(lower[i], upper[i]))
        np.testing.assert_allclose(found.popt[i], popt, rtol=1e-7)
        np.testing.assert_allclose(found.perr[i], perr, rtol=1e-5)


def test_several_predictors() -> None:
    x = RNG.normal(size=(2, 30))
    true = RNG.normal(size=(5, 2))
    found = fit_many(plane, x, true @ x, [0.0, 0.0])
    np.testing.assert_allclose(found.popt, true, rtol=1e-9)
    each = np.repeat(x[None], 5, 0) + RNG.normal(0, 0.1, (5, 1, 1))
    y = np.einsum("cp,cpn->cn", true, each)
    np.testing.assert_allclose(fit_many(plane, each, y, [0.0, 0.0]).popt, true, rtol=1e-9)


def test_curves_of_other_lengths() -> None:
    mask = np.arange(X.size) < RNG.integers(8, X.size, (CURVES, 1))
    y = np.where(mask, Y, np.nan)
    found = fit_many(decay, X, y, START, mask=mask)
    for i in range(CURVES):
        popt, perr = alone(i, X[mask[i]], Y[i, mask[i]], START)
        np.testing.assert_allclose(found.popt[i], popt, rtol=1e-7)
        np.testing.assert_allclose(found.perr[i], perr, rtol=1e-5)
    np.testing.assert_array_equal(found.free, mask.sum(1) - 3)
    other = fit_many(decay, X, y, START, nan_policy="omit")
    np.testing.assert_array_equal(other.popt, found.popt)


def test_a_bad_curve_disturbs_no_other() -> None:
    y = Y.copy()
    y[3, 5], y[7, 0] = np.nan, np.inf
    mask = np.ones(y.shape, bool)
    mask[9, 2:] = False
    starts = np.tile(START, (CURVES, 1))
    starts[11] = np.nan
    starts[12] = [50.0, 1.0, 0.0]
    found = fit_many(decay, X, y, starts, mask=mask, bounds=(-10, 10))
    bad = [3, 7, 9, 11, 12]
    assert np.flatnonzero(found.status == 0).tolist() == bad
    assert np.isnan(found.popt[bad]).all() and np.isnan(found.perr[bad]).all()
    good = np.setdiff1d(np.arange(CURVES), bad)
    wanted = fit_many(decay, X, Y[good], START, bounds=(-10, 10))
    np.testing.assert_array_equal(found.popt[good], wanted.popt)
    assert "cannot be fitted" in found.message(3) and "converged" in found.message(0)
    assert "32 converged" in repr(found)


def test_a_fit_that_ends_too_soon_says_so() -> None:
    found = fit_many(decay, X, Y, [30.0, 30.0, 30.0], maxfev=3)
    assert (found.status == 5).all() and not found.success.any()
    assert found.message(0) == "too many evaluations"


def test_starts_that_are_guessed() -> None:
    def guess(x: Any, y: Any) -> Any:
        return y[0] - y[-1], 1.0, y[-1]

    found = fit_many(decay, X, Y, guess)
    np.testing.assert_allclose(found.popt, fit_many(decay, X, Y, START).popt, rtol=1e-6)
    assert fit_many(lambda x, a: a + 0 * x, X, Y[:2]).popt.shape == (2, 1)
    with pytest.raises(ValueError, match="not 3 parameters"):
        fit_many(decay, X, Y, lambda x, y: (1.0, 2.0))


def test_who_guesses_is_asked_of_curves_that_can_be_fitted() -> None:
    """Starts may be anywhere within bounds, and a curve that is not known disturbs no other."""
    mask = np.ones((4, X.size), bool)
    mask[1] = False

    def guess(x: Any, y: Any) -> Any:
        return [np.nan] * 3 if y.max() == Y[2].max() else (y.max() + 2, 2.5, y.min() + 2)

    found = fit_many(decay, X, Y[:4], guess, mask=mask, bounds=(2, 9))
    assert (found.status == 0).tolist() == [False, True, True, False]
    found = fit_many(decay, X, Y[:2], [[np.nan] * 3, [2.5] * 3], bounds=(2, 9))
    assert found.status[0] == 0 < found.status[1]


def test_starts_are_within_the_bounds_of_each() -> None:
    lower, upper = TRUE - 0.1, TRUE + 0.2
    found = fit_many(decay, X, Y, bounds=(lower, upper))
    wanted = fit_many(decay, X, Y, (lower + upper) / 2, bounds=(lower, upper))
    assert found.success.all()
    np.testing.assert_array_equal(found.popt, wanted.popt)


def test_masked_arrays_and_one_error_for_all() -> None:
    hidden = RNG.random(Y.shape) < 0.2
    y = np.ma.masked_array(np.where(hidden, 1e3, Y), hidden)
    found = fit_many(decay, X, y, START, 0.05, True)
    wanted = fit_many(decay, X, Y, START, np.full(X.size, 0.05), True, mask=~hidden)
    np.testing.assert_array_equal(found.popt, wanted.popt)
    np.testing.assert_array_equal(found.perr, wanted.perr)


@pytest.mark.host
def test_the_number_of_threads_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit_module, "PIECE", 10)
    y = np.tile(Y, (4, 1))
    wanted = fit_many(peak, X, y, [1.0, 2.0, 1.0, 0.0, 0.0])
    before = parallel.get_num_threads()
    try:
        for threads, chunk in ((1, 7), (1, 4096), (before, 4096)):
            parallel.set_num_threads(threads)
            found = fit_many(peak, X, y, [1.0, 2.0, 1.0, 0.0, 0.0], chunk=chunk)
            np.testing.assert_array_equal(found.popt, wanted.popt)
            np.testing.assert_array_equal(found.status, wanted.status)
    finally:
        parallel.set_num_threads(before)


def test_chunks_memory_maps_and_executors(tmp_path: Path) -> None:
    np.save(tmp_path / "y.npy", Y.astype(np.float32))
    mapped = np.load(tmp_path / "y.npy", mmap_mode="r")
    wanted = fit_many(decay, X, np.array(mapped, float), START)
    told: list[tuple[int, int]] = []
    found = fit_many(
        decay, X, mapped, START, chunk=10, progress=lambda done, n: told.append((done, n))
    )
    np.testing.assert_array_equal(found.popt, wanted.popt)
    assert told == [(10, 37), (20, 37), (30, 37), (37, 37)]
    with ThreadPoolExecutor(2) as pool:
        found = fit_many(decay, X, mapped, START, chunk=10, executor=pool)
    np.testing.assert_array_equal(found.popt, wanted.popt)


def test_ctrl_c_keeps_what_is_done() -> None:
    def stop(done: int, n: int) -> None:
        if done == 20:
            raise KeyboardInterrupt

    found = fit_many(decay, X, Y, START, chunk=10, progress=stop)
    assert found.interrupted and found.done == 20
    assert found.success[:20].all() and (found.status[20:] == -1).all()
    assert np.isnan(found.popt[20:]).all() and "interrupted after 20" in repr(found)


def test_extents_of_none_and_one() -> None:
    assert fit_many(decay, X, Y[:0], START).popt.shape == (0, 3)
    assert fit_many(decay, X, Y[:1], START).success.all()
    line = fit_many(lambda x, a: a * x, [2.0], [[4.0], [6.0]], [1.0])
    assert line.popt.tolist() == [[2], [3]] and np.isinf(line.perr).all()


BAD: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"Y": Y[0]}, ValueError, r"\(curves, points\), got shape \(40,\)"),
    ({"x": X[:5]}, ValueError, r"x has shape \(5,\)"),
    ({"x": np.ones((3, 2, 40))}, ValueError, r"x has shape \(3, 2, 40\)"),
    ({"p0": [1.0, 2.0]}, TypeError, "arguments do not fit|parameters"),
    ({"p0": np.ones((4, 3))}, ValueError, r"p0 has shape \(4, 3\)"),
    ({"sigma": np.ones(3)}, ValueError, r"sigma has shape \(3,\)"),
    ({"mask": np.ones((2, 40), bool)}, ValueError, r"mask has shape \(2, 40\)"),
    ({"bounds": (1, 0)}, ValueError, "lower bound"),
    ({"bounds": (np.ones((2, 3)), 5)}, ValueError, r"bounds have shape \(2, 3\)"),
    ({"bounds": (2, 3)}, ValueError, "infeasible|bounds"),
    ({"nan_policy": "drop"}, ValueError, "nan_policy must be one of"),
    ({"Y": np.where(Y > 1, np.nan, Y), "nan_policy": "raise"}, ValueError, "contains nan"),
    ({"f": lambda x: x, "p0": None}, ValueError, "Unable to determine number"),
    ({"f": lambda x, a, b, c: np.cumsum(x) * a + b + c}, NotImplementedError, "cumsum"),
    ({"method": "lm"}, TypeError, "unexpected keyword argument 'method'"),
    ({"maxfev": -1}, RuntimeError, "Improper input"),
]


@pytest.mark.parametrize(("given", "error", "text"), BAD, ids=[text for *_, text in BAD])
def test_what_is_refused(given: dict[str, Any], error: type[Exception], text: str) -> None:
    call = {"f": decay, "x": X, "Y": Y, "p0": START, **given}
    with pytest.raises(error, match=text):
        fit_many(**call)


def test_a_model_that_was_read_wrongly_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that chooses by `if` takes numbers, so Python is asked for it point by point."""

    def model(x: Any, a: Any) -> Any:
        return a * x if x > 1 else a

    def other(x: Any, a: Any) -> Any:
        return a * x if x > 1 else 1.01 * a

    def wrong(f: Any, layout: Any) -> Fit:
        return Fit(models.program(other, layout), layout.shape)

    right = fit_many(model, X, Y, [1.0])
    assert right.success.all()
    monkeypatch.setattr(models, "native", wrong)
    with pytest.raises(NotImplementedError, match="other numbers"):
        fit_many(model, X, Y, [1.0])


def test_a_point_of_infinite_sigma_counts_as_in_curve_fit() -> None:
    sigma = SIGMA.copy()
    sigma[3] = np.inf
    mask = np.arange(X.size) != 5
    found = fit_many(decay, X, Y[:2], START, sigma=sigma, mask=mask)
    for i in range(2):
        popt, perr = alone(i, X[mask], Y[i, mask], START, sigma=sigma[mask])
        np.testing.assert_allclose(found.popt[i], popt, rtol=1e-8)
        np.testing.assert_allclose(found.perr[i], perr, rtol=1e-7)
        assert found.free[i] == mask.sum() - 3
