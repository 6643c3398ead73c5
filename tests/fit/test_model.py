"""`Model`: fits by names, ties, bounds and shared parameters, beside lmfit and by simulation."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
import pytest
from microgrest.kernels.fits.algorithm.later import Later

from microgrest.fit import (
    Formula,
    Model,
    ModelResult,
    Parameter,
    Parameters,
    curve_fit,
    fit_sets,
    ready,
)
from microgrest.fit.model.intervals import two_sided, within
from microgrest.fit.model.ready import READY

X = np.linspace(0, 4, 60)
CALL = Later.__call__


@pytest.fixture(autouse=True)
def by_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models by NumPy, the algorithm as compiled: nothing is compiled for a test alone."""
    short = lambda self: CALL(self) if self._label == "advance" else None  # noqa: E731
    monkeypatch.setattr(Later, "__call__", short)


def decay(x: Any, a: Any, k: Any, c: float = 0.0) -> Any:
    return a * np.exp(-k * x) + c


def noisy(seed: int = 0, size: float = 0.05) -> Any:
    return decay(X, 3.0, 0.7, 0.5) + size * np.random.default_rng(seed).normal(size=X.size)


def theirs(y: Any, change: Any = None, **options: Any) -> Any:
    """The same by lmfit, as far as it goes."""
    lmfit = pytest.importorskip("lmfit")
    model = lmfit.Model(decay)
    params = model.make_params(a=1.0, k=0.5, c=0.1)
    if change is not None:
        change(params)
    tight = {"ftol": 1e-15, "xtol": 1e-15}
    return model.fit(y, params, x=X, fit_kws=tight, **options)


def ours(y: Any, change: Any = None, **options: Any) -> ModelResult:
    model = Model(decay)
    params = model.make_params(a=1.0, k=0.5, c=0.1)
    if change is not None:
        change(params)
    return model.fit(y, params, x=X, **options)


def _tie(p: Any) -> None:
    p["c"].set(expr="a / 6")


def _fix(p: Any) -> None:
    p["c"].set(value=0.45, vary=False)


def _fix_and_tie(p: Any) -> None:
    _fix(p)
    p["k"].set(expr="c + a / 12")


CHANGES = [None, _tie, _fix, _fix_and_tie]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("how", ["plain", "weights", "absolute"])
def test_what_lmfit_says(change: Any, how: str) -> None:
    y = noisy()
    options: dict[str, Any] = {}
    if how != "plain":
        options = {"weights": 1 / np.linspace(0.03, 0.08, X.size)}
    if how == "absolute":
        options["scale_covar"] = False
    mine, other = ours(y, change, **options), theirs(y, change, **options)
    for name, p in other.params.items():
        found = mine.params[name]
        assert found.value == pytest.approx(p.value, rel=1e-6)
        if p.stderr:
            assert found.stderr == pytest.approx(p.stderr, rel=1e-4)
        else:
            assert not found.stderr
        for with_, r in (p.correl or {}).items() if p.vary and not p.expr else ():
            assert found.correl[with_] == pytest.approx(r, abs=1e-4)
    for name in ("chisqr", "redchi", "aic", "bic"):
        assert getattr(mine, name) == pytest.approx(getattr(other, name), rel=1e-9)
    assert (mine.nfree, mine.ndata, mine.nvarys) == (other.nfree, other.ndata, other.nvarys)
    if how == "plain":
        assert mine.rsquared == pytest.approx(other.rsquared, rel=1e-9)
    np.testing.assert_allclose(mine.best_fit, other.best_fit, rtol=1e-6)
    np.testing.assert_allclose(mine.residual, other.residual, atol=1e-5)


def test_bands_and_profiles_are_lmfits() -> None:
    mine, other = ours(noisy()), theirs(noisy())
    at = np.linspace(-1, 6, 9)
    for sigma in (1, 2.5, 0.9):
        band = other.eval_uncertainty(x=at, sigma=sigma)
        np.testing.assert_allclose(mine.eval_uncertainty(sigma, x=at), band, rtol=1e-4)
    intervals = other.conf_interval()
    for name, pairs in mine.conf_interval().items():
        np.testing.assert_allclose(pairs, intervals[name], rtol=1e-5)


def test_profiles_end_where_the_other_parameters_fit_as_ill_as_that() -> None:
    """Against a fit with the parameter fixed at the limit."""
    y = noisy(3)
    found = ours(y, _tie).conf_interval(["k"], sigmas=[2])["k"]
    t = two_sided(math.erf(2 / math.sqrt(2)), X.size - 2)
    best = ours(y, _tie)
    for _, value in (found[0], found[2]):

        def fixed(p: Any, value: float = value) -> None:
            _tie(p)
            p["k"].set(value=value, vary=False)

        grown = ours(y, fixed).chisqr / best.chisqr
        assert grown == pytest.approx(1 + t**2 / best.nfree, rel=1e-8)


def test_profiles_stop_at_bounds() -> None:
    low = result0.params["k"].value - 1e-3
    result = ours(noisy(), lambda p: p["k"].set(value=0.8, min=low))
    low, _, high = (v for _, v in result.conf_interval(["k"], sigmas=[1])["k"])
    assert low == -math.inf and math.isfinite(high)


result0 = Model(decay).fit(noisy(), x=X, a=1.0, k=0.5)


def test_a_tie_is_a_model_of_fewer_parameters() -> None:
    y = noisy(1)
    tied = ours(y, lambda p: p["c"].set(expr="0.5 * sqrt(a) - k"))
    direct = Model(lambda x, a, k: a * np.exp(-k * x) + 0.5 * np.sqrt(a) - k).fit(
        y, x=X, a=1.0, k=0.5
    )
    for name in ("a", "k"):
        assert tied.params[name].value == pytest.approx(direct.params[name].value, rel=1e-9)
        assert tied.params[name].stderr == pytest.approx(direct.params[name].stderr, rel=1e-8)
    assert direct.covar is not None
    slopes = np.array([0.25 / math.sqrt(direct.params["a"].value), -1.0])
    error = math.sqrt(slopes @ direct.covar @ slopes)
    assert tied.params["c"].stderr == pytest.approx(error, rel=1e-8)
    assert tied.nvarys == 2 and tied.chisqr == pytest.approx(direct.chisqr)


def test_ties_of_ties_in_any_order_and_extra_parameters() -> None:
    params = Model(decay).make_params(a={"expr": "2 * k + c"}, k={"expr": "c + d"}, c=0.5)
    params.add("d", 0.3, min=0)
    result = Model(decay).fit(noisy(), params, x=X)
    v = result.best_values
    assert v["k"] == pytest.approx(v["c"] + v["d"]) and v["a"] == pytest.approx(2 * v["k"] + v["c"])
    assert result.var_names == ["c", "d"] and result.params["a"].stderr > 0


def test_bounds_are_kept() -> None:
    result = ours(noisy(), lambda p: p["k"].set(max=0.6))
    assert result.params["k"].value == 0.6 and result.success
    assert "at its maximum" in result.fit_report()
    inside = ours(noisy(), lambda p: p["k"].set(min=0.1, max=5))
    assert inside.params["k"].value == pytest.approx(result0.params["k"].value, rel=1e-8)


def test_student() -> None:
    stats = pytest.importorskip("scipy.stats")
    for freedom in (1, 2, 3, 7, 50, 1000, 10**6):
        for p in (0.1, 0.6827, 0.9545, 0.9973):
            t = two_sided(p, freedom)
            assert t == pytest.approx(stats.t.ppf((1 + p) / 2, freedom), rel=1e-9)
            assert within(t, freedom) == pytest.approx(p, rel=1e-12)


@pytest.mark.parametrize("probability", [0.68, 0.95])
@pytest.mark.parametrize("count", [300, pytest.param(2000, marks=pytest.mark.slow)])
def test_intervals_cover_as_often_as_they_say(probability: float, count: int) -> None:
    """How often the true value is within t standard errors; of some, whether profiles hold it."""
    model, true = Model(decay), {"a": 3.0, "k": 0.7, "c": 0.5}
    t, hits, held, some = two_sided(probability, X.size - 3), 0, 0, count // 50
    for seed in range(count):
        result = model.fit(noisy(seed), x=X, **true)
        p = result.params["k"]
        assert p.stderr is not None
        hits += abs(p.value - true["k"]) <= t * p.stderr
        if seed < some:
            low, _, high = (v for _, v in result.conf_interval(["k"], [probability])["k"])
            held += low <= true["k"] <= high
    for found, of in ((hits, count), (held, some)):
        spread = math.sqrt(of * probability * (1 - probability))
        assert abs(found - of * probability) < 3 * spread


def test_data_sets_that_share_parameters() -> None:
    """Against a model of all parameters at once, written out."""
    y1, y2 = noisy(1), 2 * noisy(2)[:40]
    x2 = X[:40] + 0.1
    found = fit_sets(Model(decay), [y1, y2], x=[X, x2], shared=["k"], a=1.0, k=0.5)
    assert found.var_names == ["a_1", "a_2", "k", "c_1", "c_2"]

    def both(x: Any, s: Any, a1: Any, a2: Any, k: Any, c1: Any, c2: Any) -> Any:
        return np.where(s > 1, a2 * np.exp(-k * x) + c2, a1 * np.exp(-k * x) + c1)

    direct = Model(both, ["x", "s"]).fit(
        np.concatenate([y1, y2]),
        x=np.concatenate([X, x2]),
        s=np.repeat([1.0, 2.0], [60, 40]),
        **{"a1": 1.0, "a2": 1.0, "k": 0.5, "c1": 0.0, "c2": 0.0},
    )
    for mine, other in zip(found.params.values(), direct.params.values(), strict=True):
        assert mine.value == pytest.approx(other.value, rel=1e-8)
        assert mine.stderr == pytest.approx(other.stderr, rel=1e-8)
    a, k, c = (found.best_values[n] for n in ("a_2", "k", "c_2"))
    np.testing.assert_allclose(found.eval(x=x2, set=np.full(40, 2.0)), decay(x2, a, k, c))
    alone = fit_sets(Model(decay), [y1, y2], x=[X, x2], a=1.0, k_1=0.5, k_2=0.4)
    single = Model(decay).fit(y1, x=X, a=1.0, k=0.5)
    assert alone.best_values["k_1"] == pytest.approx(single.best_values["k"], rel=1e-7)
    with pytest.raises(ValueError, match="x has 1 parts for 2 data sets"):
        fit_sets(Model(decay), [y1, y2], x=[X], a=1.0, k=0.5)


TRUE: dict[str, dict[str, float]] = {
    "line": {"slope": 2.0, "intercept": -1.0},
    "polynomial": {"c0": 1.0, "c1": -2.0, "c2": 0.5},
    "exponential": {"amplitude": 3.0, "decay": 2.0},
    "double_exponential": {"amplitude1": 2.0, "decay1": 0.4, "amplitude2": 1.0, "decay2": 3.0},
    "gaussian": {"amplitude": 5.0, "center": 2.2, "sigma": 0.4},
    "lorentzian": {"amplitude": 5.0, "center": 2.2, "sigma": 0.3},
    "pseudo_voigt": {"amplitude": 5.0, "center": 2.2, "sigma": 0.4, "fraction": 0.3},
    "logistic": {"amplitude": 2.0, "center": 2.5, "sigma": 0.3},
    "hill": {"bottom": 0.2, "top": 2.0, "ec50": 1.3, "n": 2.5},
    "power_law": {"amplitude": 2.0, "exponent": -1.3},
    "damped_sine": {"amplitude": 2.0, "decay": 3.0, "frequency": 6.0, "shift": 0.6},
    "michaelis_menten": {"vmax": 3.0, "km": 0.7},
}


def test_every_ready_model_is_tried() -> None:
    assert TRUE.keys() == READY.keys() | {"polynomial"}


@pytest.mark.parametrize("name", TRUE)
def test_ready_models_find_themselves_from_their_guess(name: str) -> None:
    model, x = ready(name), np.linspace(0.05, 5, 120)
    y = model.eval(x=x, **TRUE[name])
    shuffled = np.random.default_rng(0).permutation(x.size)
    exact = model.fit(y[shuffled], model.guess(y[shuffled], x[shuffled]), x=x[shuffled])
    for n, value in TRUE[name].items():
        assert exact.best_values[n] == pytest.approx(value, rel=1e-6)
    y = y + 0.01 * np.random.default_rng(1).normal(size=x.size)
    found = model.fit(y, model.guess(y, x), x=x)
    for n, value in TRUE[name].items():
        error = found.params[n].stderr
        assert error is not None and abs(found.best_values[n] - value) < 4 * error


@pytest.mark.parametrize(
    ("name", "other"),
    [
        *(("gaussian", "GaussianModel"), ("lorentzian", "LorentzianModel")),
        *(("pseudo_voigt", "PseudoVoigtModel"), ("exponential", "ExponentialModel")),
        *(("power_law", "PowerLawModel"), ("line", "LinearModel")),
    ],
)
def test_ready_models_are_lmfits(name: str, other: str) -> None:
    lmfit = pytest.importorskip("lmfit")
    model = getattr(lmfit.models, other)()
    x = np.linspace(0.05, 5, 50)
    expected = model.eval(model.make_params(**TRUE[name]), x=x)
    np.testing.assert_allclose(ready(name).eval(x=x, **TRUE[name]), expected, rtol=1e-9)


def test_sums_of_peaks() -> None:
    model = ready("gaussian", "p1_") + ready("lorentzian", "p2_") + ready("line")
    x = np.linspace(0, 10, 300)
    true = {"p1_amplitude": 3.0, "p1_center": 3.0, "p1_sigma": 0.5, "p2_amplitude": 4.0}
    true |= {"p2_center": 6.5, "p2_sigma": 0.3, "slope": 0.1, "intercept": 1.0}
    y = model.eval(x=x, **true)
    start = {"p1_amplitude": 2.0, "p1_center": 2.7, "p1_sigma": 0.7, "p2_amplitude": 3.0}
    start |= {"p2_center": 6.2, "p2_sigma": 0.5, "slope": 0.0, "intercept": 0.0}
    result = model.fit(y, x=x, **start)
    assert result.best_values == pytest.approx(true, rel=1e-7)
    parts = result.eval_components()
    assert list(parts) == ["p1_", "p2_", "line"]
    np.testing.assert_allclose(sum(parts.values()), y, rtol=1e-7)
    assert model.make_params()["p1_sigma"].min > 0


def test_parts_of_one_name_are_told_apart() -> None:
    model = Model(lambda x, a: a * x) + Model(lambda x, b: b * x * x)
    parts = model.fit(X + X * X, x=X, a=2.0, b=2.0).eval_components()
    assert list(parts) == ["<lambda>", "<lambda> 2"]
    np.testing.assert_allclose(parts["<lambda> 2"], X * X, atol=1e-9)


def test_names_that_look_alike_are_one() -> None:
    """Python reads the micro sign as the Greek letter; so do names in text."""
    micro, mu = "\u00b5", "\u03bc"
    model = Model(Formula(f"{micro} * exp(-x)", "x"))
    result = model.fit(2 * np.exp(-X), x=X, **{micro: 1.0})
    assert result.params[micro] is result.params[mu] and result.params[mu].value == pytest.approx(2)
    assert Formula(f"a * {micro}", micro).independent == (mu,)
    with pytest.raises(KeyError, match="nu"):
        result.params["nu"]


def test_models_that_cannot_be_read() -> None:
    def wide(x: Any, a: Any, b: Any) -> Any:
        total = a * x
        while len(total) < len(x):
            total = total
        return total + b

    result = Model(wide).fit(2 * X + 1, x=X, a=1.0, b={"value": 0.9, "vary": False})
    assert result.best_values["b"] == 0.9 and result.params["a"].stderr > 0
    expected = (X * (2 * X + 0.1)).sum() / (X * X).sum()
    assert result.best_values["a"] == pytest.approx(expected)
    assert result.eval_uncertainty(x=X[:5]).shape == (5,)


def test_formulas_and_several_variables() -> None:
    f = Formula("a * x + b * t", ["x", "t"])
    y = 2 * X - np.sin(X)
    result = Model(f).fit(y + 0.01 * np.cos(9 * X), x=X, t=np.sin(X), a=1.0, b=1.0)
    assert result.best_values == pytest.approx({"a": 2.0, "b": -1.0}, abs=0.02)
    assert result.eval(x=1.0, t=0.0) == pytest.approx(result.best_values["a"])
    fixed = Model(f).fit(y, x=X, t=np.sin(X), a=1.0, b=Parameter("b", -1.0, vary=False))
    assert fixed.best_values["a"] == pytest.approx(2.0) and "(fixed)" in fixed.fit_report()


def test_a_result_goes_through_json_and_tables() -> None:
    result = ours(noisy(), _tie, weights=np.full(X.size, 20.0))
    back = ModelResult.from_json(result.to_json(), Model(decay))
    assert back.fit_report() == result.fit_report() and back.params == result.params
    np.testing.assert_array_equal(back.eval_uncertainty(), result.eval_uncertainty())
    assert Parameters.loads(result.params.dumps()) == result.params
    assert result.table()["name"] == ["a", "k", "c"]
    with pytest.raises(ValueError, match="the fit has"):
        ModelResult.from_json(result.to_json(), ready("line"))
    pytest.importorskip("pandas")
    assert result.to_frame().loc["c", "expr"] == "a / 6"


def test_the_report_reads() -> None:
    text = result0.fit_report()
    for part in ("converged", "60 points, 3 free", "chi-square", "AIC", "± 0.0", "k, c", "+0.9099"):
        assert part in text
    lines = result0.ci_report(sigmas=[1, 2]).split("\n")
    assert lines[0].split() == ["95.45%", "68.27%", "0.00%", "68.27%", "95.45%"]
    assert [line.split()[0] for line in lines[1:]] == ["a", "k", "c"]


def test_a_loss_counts_outliers_for_less() -> None:
    y = noisy()
    y[::9] += 3
    options = {"loss": "huber", "f_scale": 0.1}
    result = Model(decay).fit(y, x=X, a=1.0, k=0.5, c=0.0, **options)
    popt, pcov = curve_fit(decay, X, y, [1, 0.5, 0], method="trf", **options)
    np.testing.assert_allclose(list(result.best_values.values()), popt, rtol=1e-6)
    np.testing.assert_allclose(result.covar, pcov, rtol=1e-5)
    assert "sum of huber" in result.fit_report() and "AIC" not in result.fit_report()
    back = ModelResult.from_json(result.to_json(), Model(decay))
    assert back.chisqr == result.chisqr < 0.2 * Model(decay).fit(y, x=X, a=1.0, k=0.5, c=0.0).chisqr
    (low, _), (_, best), (high, _) = ((v, p) for p, v in result.conf_interval(["k"], [1])["k"])
    assert low < result.best_values["k"] < high and best == 0
    with pytest.raises(ValueError, match="`loss` must be one of"):
        Model(decay).fit(y, x=X, a=1.0, k=0.5, c=0.0, loss="square")


def test_no_picture_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"pip install 'microgrest\[plot\]'"):
        result0.plot()


def test_the_picture() -> None:
    pytest.importorskip("matplotlib")
    top, bottom = result0.plot().axes
    labels = [text.get_text() for text in top.get_legend().get_texts()]
    assert labels == ["fit", "band of 2 sigma", "data"]
    assert bottom.get_xlabel() == "x"


def test_points_may_be_left_out() -> None:
    y = noisy()
    y[3], short = np.nan, np.delete(noisy(), 3)
    left = Model(decay).fit(y, x=X, a=1.0, k=0.5, nan_policy="omit")
    same = Model(decay).fit(short, x=np.delete(X, 3), a=1.0, k=0.5)
    assert left.best_values == same.best_values and left.ndata == 59
    weights = np.ones(60)
    weights[3] = 0
    y[3] = 1e9
    masked = Model(decay).fit(y, x=X, weights=weights, a=1.0, k=0.5)
    assert masked.best_values == pytest.approx(same.best_values, rel=1e-8)
    assert masked.ndata == 59 and masked.aic == pytest.approx(same.aic)


def test_errors_that_cannot_be_known() -> None:
    result = Model(lambda x, a, b: a + b + 0 * x).fit(X, x=X, a=1.0, b=1.0)
    assert result.covar is None and result.params["a"].stderr is None
    assert "unknown" in result.fit_report()
    for ask in (result.conf_interval, result.eval_uncertainty):
        with pytest.raises(ValueError, match="covariance"):
            ask()
    few = Model(decay).fit(noisy(), x=X, a=1.0, k=0.5, max_nfev=3)
    assert not few.success and "NOT converged" in few.fit_report()


Y = noisy()
STARTS = {"a": 1.0, "k": 0.5}
BAD: list[tuple[str, type[Exception], Any, str]] = [
    ("nan", ValueError, lambda m: m.fit(np.where(X > 1, np.nan, Y), x=X, **STARTS), "NaN"),
    ("inf", ValueError, lambda m: m.fit(Y, x=np.where(X > 3, np.inf, X), **STARTS), "infinity"),
    ("policy", ValueError, lambda m: m.fit(Y, x=X, nan_policy="skip", **STARTS), "nan_policy"),
    ("all nan", ValueError, lambda m: m.fit(Y * np.nan, x=X, nan_policy="omit", **STARTS), "left"),
    ("empty", ValueError, lambda m: m.fit([], x=[], **STARTS), "empty"),
    ("no x", TypeError, lambda m: m.fit(Y, **STARTS), "give the independent variable 'x'"),
    ("no start", ValueError, lambda m: m.fit(Y, x=X, a=1.0), "k has no start"),
    ("unknown", TypeError, lambda m: m.fit(Y, x=X, q=2, **STARTS), "no 'q'; it has: x, a, k, c"),
    ("text", TypeError, lambda m: m.fit(Y, x=X, a="one", k=1), "a='one' is no number"),
    ("few points", TypeError, lambda m: m.fit(Y[:2], x=X[:2], **STARTS), "3 free .* 2 data"),
    ("weights", ValueError, lambda m: m.fit(Y, x=X, weights=[1, 2], **STARTS), r"\(2,\), data"),
    ("negative", ValueError, lambda m: m.fit(Y, x=X, weights=-Y, **STARTS), "negative"),
    ("shape", ValueError, lambda m: m.fit(Y, x=X[:5], **STARTS), "shape"),
    ("outside", ValueError, lambda m: m.fit(Y, x=X, a={"value": 1, "min": 2}, k=1), "outside"),
    ("bounds", ValueError, lambda m: m.make_params(a={"min": 2, "max": 1}), "min=2"),
    ("one value", ValueError, lambda m: m.make_params(a={"min": 1, "max": 1}), "less than"),
    ("option", TypeError, lambda m: m.make_params(a={"low": 1}), "no 'low'"),
    ("tie", ValueError, lambda m: m.fit(Y, x=X, a=1.0, k={"expr": "b"}), "names 'b'"),
    ("code", ValueError, lambda m: m.fit(Y, x=X, a=1.0, k={"expr": "__import__('os')"}), "formula"),
    (
        "circle",
        ValueError,
        lambda m: m.fit(Y, x=X, a={"expr": "k"}, k={"expr": "a"}),
        "circle: a, k",
    ),
    (
        "nothing free",
        ValueError,
        lambda m: m.fit(Y, x=X, **{n: {"value": 1.0, "vary": False} for n in "akc"}),
        "free to vary",
    ),
    ("missing", ValueError, lambda m: m.fit(Y, Parameters(), x=X), "params have no 'a'"),
    ("guess", NotImplementedError, lambda m: m.guess(Y, x=X), "no guess"),
    ("profile", ValueError, lambda m: result0.conf_interval(["z"]), "no free parameter"),
    ("sigma", ValueError, lambda m: result0.eval_uncertainty(0), "positive"),
    ("variable", TypeError, lambda m: result0.eval(t=X), "none of the variables x"),
    ("two", ValueError, lambda m: m + m, "tell them apart by prefix"),
    ("star", TypeError, lambda m: Model(lambda x, *p: x), "plainly"),
    ("default", TypeError, lambda m: Model(lambda x, a="b": x), "no number"),
    ("none", ValueError, lambda m: Model(lambda x: x), "no parameters"),
    ("first", ValueError, lambda m: Model(decay, ["k"]), "first arguments"),
    ("name", ValueError, lambda m: ready("gauss"), "no model 'gauss'"),
    ("degree", ValueError, lambda m: ready("polynomial", degree=-1), "whole number"),
    ("share", ValueError, lambda m: fit_sets(m, [Y], x=[X], shared=["z"]), "no 'z' to share"),
]


@pytest.mark.parametrize("case", BAD, ids=[case[0] for case in BAD])
def test_what_is_refused(case: tuple[str, type[Exception], Any, str]) -> None:
    _, error, action, why = case
    with pytest.raises(error, match=why):
        action(Model(decay))
