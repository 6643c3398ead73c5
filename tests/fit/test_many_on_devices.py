"""`fit_many` of tensors, where they are: each curve as `curve_fit` fits it alone, on the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import microgrest as mg
from microgrest.fit import curve_fit, fit_many

pytestmark = pytest.mark.devices
RNG = np.random.default_rng(5)
X = np.linspace(0, 4, 11)  # a block of a GPU's thread, and some more
TRUE = np.stack([RNG.uniform(*ends, 5) for ends in ((1, 3), (0.5, 2), (0, 1))], 1)
START = np.array([1.0, 1.0, 0.0])


def decay(x: Any, a: Any, k: Any, c: Any) -> Any:
    return a * np.exp(-k * x) + c


def pair(x: Any, a: Any, b: Any) -> Any:
    return a * x[0] + np.arctan(b * x[1])


Y = np.stack([decay(X, *p) for p in TRUE]) + RNG.normal(0, 0.05, (5, 11))
OPTIONS: list[dict[str, Any]] = [
    {},
    {"sigma": RNG.uniform(0.02, 0.1, X.size), "absolute_sigma": True, "ftol": 1e-4},
    {"bounds": (0, [2.0, 1.5, 0.8]), "loss": "soft_l1", "f_scale": 0.1},
    {"bounds": (-5, 5), "loss": "huber", "f_scale": 0.05},
    {"bounds": (0, np.inf), "loss": "arctan"},
    {"bounds": (-5, np.inf), "loss": "cauchy"},
]


@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: o.get("loss", ",".join(o)))
def test_each_is_as_it_is_alone(options: dict[str, Any]) -> None:
    found = fit_many(decay, X, mg.tensor(Y), START, pcov=True, **options)
    assert found.success.all()
    for i, y in enumerate(Y):
        popt, pcov = curve_fit(decay, X, y, START, **options)
        np.testing.assert_allclose(found.popt[i], popt, rtol=1e-8, atol=1e-8)
        np.testing.assert_allclose(found.pcov[i], pcov, rtol=1e-6, atol=1e-9)


def test_one_of_everything_for_each_curve() -> None:
    """Own x, sigma, masks, starts and bounds; in chunks, of which the last one is short."""
    x = X + RNG.uniform(0, 0.1, (5, 1))
    y = np.stack([decay(*pair) for pair in zip(x, *TRUE.T, strict=True)])
    y += RNG.normal(0, 0.05, y.shape)
    mask = np.arange(X.size) < RNG.integers(6, X.size + 1, (5, 1))
    sigma, starts = RNG.uniform(0.02, 0.1, x.shape), TRUE * RNG.uniform(0.8, 1.2, TRUE.shape)
    bounds = TRUE - 1, TRUE * 1.1 + 1
    told: list[int] = []
    found = fit_many(
        *(decay, mg.tensor(x), mg.tensor(np.where(mask, y, np.nan)), starts, sigma),
        **{"bounds": bounds, "mask": mask, "chunk": 2},
        progress=lambda done, n: told.append(done),
    )
    assert told == [2, 4, 5]
    for i, m in enumerate(mask):
        popt, pcov = curve_fit(
            *(decay, x[i, m], y[i, m], starts[i], sigma[i, m]),
            bounds=(bounds[0][i], bounds[1][i]),
        )
        np.testing.assert_allclose(found.popt[i], popt, rtol=1e-7)
        np.testing.assert_allclose(found.perr[i], np.sqrt(np.diag(pcov)), rtol=1e-5)


def test_bad_curves_disturb_no_other() -> None:
    y = Y.copy()
    y[1, 3] = np.nan
    starts = np.tile(START, (5, 1))
    starts[3] = [50.0, 1.0, 0.0]
    found = fit_many(decay, X, mg.tensor(y), starts, bounds=(-10, 10))
    assert np.flatnonzero(found.status == 0).tolist() == [1, 3]
    assert np.isnan(found.popt[[1, 3]]).all() and found.success[[0, 2, 4]].all()
    few = fit_many(decay, X, mg.tensor(Y), [30.0, 30.0, 30.0], maxfev=3)
    assert (few.status == 5).all()
    assert fit_many(decay, X, mg.tensor(Y[:0]), START).popt.shape == (0, 3)


def test_several_predictors() -> None:
    x, true = RNG.normal(size=(2, 9)), RNG.uniform(0.5, 1.5, (3, 2))
    y = np.stack([pair(x, *p) for p in true])
    found = fit_many(pair, mg.tensor(x), y, [1.0, 1.0])
    np.testing.assert_allclose(found.popt, true, rtol=1e-8)


def test_parameters_that_cannot_be_told_apart_begin_again() -> None:
    """They have no errors, and two more fits."""

    def twins(x: Any, a: Any, b: Any) -> Any:
        return a * x + b * x

    found = fit_many(twins, X, mg.tensor(np.stack([2 * X, 3 * X])), [1.0, 0.0], pcov=True)
    np.testing.assert_allclose(found.popt.sum(1), [2, 3], rtol=1e-9)
    assert np.isinf(found.pcov).all() and (found.nfev >= 6).all()


def test_ctrl_c_keeps_what_is_done() -> None:
    def stop(done: int, n: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    found = fit_many(decay, X, mg.tensor(Y), START, chunk=2, progress=stop)
    assert found.interrupted and found.done == 4
    assert found.success[:4].all() and found.status[4] == -1 and np.isnan(found.popt[4]).all()


@pytest.mark.host
def test_where_there_is_no_gpu() -> None:
    assert fit_many(decay, X, mg.tensor(Y), START, device="cpu").success.all()
    with pytest.raises(RuntimeError, match="Invalid device string"):
        fit_many(decay, X, Y, START, device="gpu")
    reason = mg.cuda.problem()
    if reason is not None:
        with pytest.raises(RuntimeError, match=r"driver|packages|GPU"):
            fit_many(decay, X, Y, START, device="cuda")
