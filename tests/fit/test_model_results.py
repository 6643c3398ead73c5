"""What a fit of a model says, where starts, shapes, scales and names are other than usual."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from microgrest.kernels.fits.algorithm.later import Later

from microgrest.fit import Model, Parameter, Parameters, fit_sets, ready
from microgrest.fit.model.ready import READY
from microgrest.fit.model.report import measured

X = np.linspace(0, 4, 60)
NOISE = np.random.default_rng(0).normal(size=X.size)
CALL = Later.__call__
LINE = Model(lambda x, a, b: a * x + b)


@pytest.fixture(autouse=True)
def by_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models by NumPy, the algorithm as compiled: nothing is compiled for a test alone."""
    short = lambda self: CALL(self) if self._label == "advance" else None  # noqa: E731
    monkeypatch.setattr(Later, "__call__", short)


@pytest.mark.parametrize("size", [1e-9, 1e-4, 1e4])
def test_profiles_do_not_depend_on_the_scale_of_the_covariance(size: float) -> None:
    """Nor on that of the noise: the intervals of a line are those of Student's t."""
    y = 3 * X + 1 + size * NOISE
    scaled = LINE.fit(y, x=X, a=1.0, b=0.0)
    plain = LINE.fit(y, x=X, a=1.0, b=0.0, scale_covar=False)
    for name, pairs in plain.conf_interval(sigmas=[2]).items():
        expected = np.array(scaled.conf_interval([name], [2])[name])
        best, error = scaled.params[name].value, scaled.params[name].stderr
        assert error is not None
        np.testing.assert_allclose(np.array(pairs) - best, expected - best, atol=1e-4 * error)
        assert 2.0 < (expected[2, 1] - best) / error < 2.1


def test_a_fit_without_residuals_has_no_profile() -> None:
    result = LINE.fit(np.zeros(9), x=X[:9], a=0.0, b=0.0)
    with pytest.raises(ValueError, match="chi-square is 0"):
        result.conf_interval()


def test_errors_of_an_earlier_fit_are_forgotten() -> None:
    y = 3 * X + 1 + 0.1 * NOISE
    params = LINE.fit(y, x=X, a=1.0, b=0.0).params
    assert params["b"].stderr is not None and params["b"].correl
    few = LINE.fit(y[:2], params, x=X[:2])
    assert few.covar is None
    params["b"].vary = False
    fixed = LINE.fit(y, params, x=X)
    for p in (few.params["a"], few.params["b"], fixed.params["b"], fixed.init_params["a"]):
        assert p.stderr is None and p.correl == {}
    assert fixed.params["a"].stderr is not None and fixed.params["a"].correl == {}


def test_rows_of_predictors_are_no_points() -> None:
    """A model of rows says what the same model of two variables does."""
    rows = np.stack([X, np.sin(X)])
    y = 2 * X - np.sin(X) + 0.1 * NOISE
    one = Model(lambda x, a, b: a * x[0] + b * x[1]).fit(y, x=rows, a=1.0, b=1.0)
    two = Model(lambda x, t, a, b: a * x + b * t, ["x", "t"]).fit(y, x=X, t=rows[1], a=1.0, b=1.0)
    assert one.chisqr == pytest.approx(two.chisqr, rel=1e-12)
    for name in "ab":
        assert one.params[name].stderr == pytest.approx(two.params[name].stderr, rel=1e-8)
    assert one.best_fit.shape == one.eval(x=rows).shape == y.shape
    np.testing.assert_allclose(one.eval_uncertainty(), two.eval_uncertainty(), rtol=1e-6)
    at = one.eval_uncertainty(x=rows[:, :5])
    np.testing.assert_allclose(at, two.eval_uncertainty(x=X[:5], t=rows[1, :5]), rtol=1e-6)


def test_models_of_several_outputs() -> None:
    """Two outputs are two sets of data that share all parameters."""
    y = np.stack([3 * X + 1, X - 3]) + 0.1 * np.random.default_rng(1).normal(size=(2, X.size))
    both = Model(lambda x, a, b: (a * x + b, b * x - a)).fit(y, x=X, a=1.0, b=0.0)
    flat = Model(lambda x, s, a, b: a * (s * x + s - 1) + b * ((1 - s) * x + s), ["x", "s"])
    s = np.repeat([1.0, 0.0], X.size)
    one = flat.fit(y.ravel(), x=np.tile(X, 2), s=s, a=1.0, b=0.0)
    assert both.best_values == pytest.approx(one.best_values, rel=1e-7)
    assert both.chisqr == pytest.approx(one.chisqr) and both.best_fit.shape == y.shape
    band = one.eval_uncertainty().reshape(2, -1)
    np.testing.assert_allclose(both.eval_uncertainty(), band, rtol=1e-6)


@pytest.mark.parametrize("low, high", [(-np.inf, 2.0), (4.0, np.inf), (-1.0, 2.0)])
def test_bounds_hold_for_ties(low: float, high: float) -> None:
    y = 3 * X + 3 + 0.1 * NOISE
    tie = {"expr": "a", "min": low, "max": high}
    result = LINE.fit(y, x=X, a=1.0, b=tie)
    end = high if high < np.inf else low
    fixed = LINE.fit(y, x=X, a=1.0, b={"value": end, "vary": False})
    assert result.best_values == pytest.approx(fixed.best_values, rel=1e-8)
    assert result.params["b"].stderr == 0
    assert LINE.eval(x=0.0, a=7.0, b=tie) == max(low, min(7.0, high))


def test_numpys_flags_are_flags() -> None:
    p = Parameter("a", 1.0, vary=np.bool_(False))  # type: ignore[arg-type]
    assert p.vary is False
    result = LINE.fit(3 * X + 1, x=X, a=3.0, b={"value": 0.0, "vary": np.bool_(True)})
    assert result.best_values["b"] == pytest.approx(1.0)


def test_values_want_all_parameters() -> None:
    with pytest.raises(ValueError, match="b has no value: give b="):
        LINE.eval(x=X, a=1.0)


@pytest.mark.parametrize(
    "f, shared, name",
    [
        (lambda x, a, a_1: a * x + a_1, ["a_1"], "a_1"),
        (lambda x, a, set: a * x + set, ["set"], "set"),
    ],
)
def test_sets_do_not_mix_names_up(f: Any, shared: list[str], name: str) -> None:
    with pytest.raises(ValueError, match=f"'{name}' would be two"):
        fit_sets(Model(f), [X, X], x=[X, X], shared=shared, **dict.fromkeys(["a", name], 1.0))


@pytest.mark.parametrize("name", READY)
def test_guesses_of_odd_data_are_numbers(name: str) -> None:
    """Zeros, a signal that has died away, one x for all, and an x far from 0."""
    wave = np.sin(5 * X)
    data = [(X, 0 * X), (X, np.where(X < 2, wave, 0.0)), (1 + 0 * X, wave), (X - 1e5, wave)]
    for x, y in data:
        values = ready(name).guess(y, x).valuesdict()
        assert np.isfinite(list(values.values())).all()


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (3.0016, 0.0043, "3.0016 ± 0.0043"),
        (0.09998, 0.0013, "0.1000 ± 0.0013"),
        (9.996, 0.0999, "10.00 ± 0.10"),
        (123456.0, 2300.0, "1.235e+05 ± 2.3e+03"),
        (-0.001, 5.0, "-0.0010 ± 5.0"),
        (0.0, 0.02, "0.000 ± 0.020"),
        (1.0, 1e-30, "1.00000000000000 ± 1.0e-30"),
        (2.5, math.inf, "2.5"),
    ],
)
def test_values_have_the_digits_that_errors_leave(value: float, error: float, text: str) -> None:
    assert measured(value, error) == text


def test_json_has_no_infinities() -> None:
    params = Model(lambda x, a, b: a * x + b).make_params(a={"value": 1.0, "min": 0})

    def refuse(name: str) -> None:
        raise AssertionError(name)

    json.loads(params.dumps(), parse_constant=refuse)
    assert Parameters.loads(params.dumps()) == params and params["b"].value == -math.inf


def test_complex_data_are_refused() -> None:
    with pytest.raises(TypeError, match="data have to be real"):
        Model(lambda x, a: a * x).fit(np.ones(3) + 1j, x=np.arange(3.0), a=1.0)


@pytest.mark.parametrize("size", [1e-12, 1e9])
def test_peaks_and_doses_of_any_scale(size: float) -> None:
    for name, true in (
        ("gaussian", {"amplitude": 5.0 * size, "center": 2.0 * size, "sigma": 0.3 * size}),
        ("hill", {"bottom": 0.1, "top": 2.0, "ec50": 1.5 * size, "n": 2.0}),
    ):
        model, x = ready(name), size * (X + 0.05)
        y = model.eval(x=x, **true) + 1e-3 * NOISE
        result = model.fit(y, model.guess(y, x), x=x)
        assert result.success and result.best_values == pytest.approx(true, rel=0.05)


@pytest.mark.parametrize("name", ["gaussian", "logistic", "hill"])
def test_guesses_where_all_x_are_one(name: str) -> None:
    model = ready(name)
    for p in model.guess(NOISE, np.ones(60)).values():
        assert math.isfinite(p.value) and p.min <= p.value <= p.max


def test_a_start_where_the_model_is_no_number() -> None:
    with np.errstate(all="ignore"):
        result = Model(lambda x, a: np.log(a) * x).fit(NOISE, x=X, a=-1.0)
        assert not result.success and "is no number where the fit begins" in result.fit_report()


def test_what_no_fit_can_be_of() -> None:
    given = {"x": X, "a": 1.0, "b": 0.0}
    for weights, points in ((np.zeros(60), 0), (np.r_[1.0, np.zeros(59)], 1), (0.0, 0)):
        with pytest.raises(TypeError, match=f"2 free parameters for {points} data points"):
            LINE.fit(NOISE, weights=weights, **given)
    with pytest.raises(ValueError, match="max_nfev has to be positive or None, not -1"):
        LINE.fit(NOISE, max_nfev=-1, **given)
    with pytest.raises(TypeError, match="loss has to be a name, as 'huber'"):
        LINE.fit(NOISE, loss=np.log1p, **given)
    unfinished = ready("exponential").fit(NOISE, x=X, amplitude=1.0, decay=1.0, max_nfev=2)
    with pytest.raises(ValueError, match="the fit has not converged"):
        unfinished.conf_interval()
    both = fit_sets(LINE, [NOISE, NOISE], x=[X, X], shared="a", a=1.0, b=0.0)
    assert both.var_names == ["a", "b_1", "b_2"]
