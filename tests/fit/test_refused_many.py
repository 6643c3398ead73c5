"""Bad input of `fit_many`: what raises, and what only the curve that has it must bear."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from microgrest.fit import curve_fit, fit_many, least_squares

X = np.linspace(0.0, 1, 10)
Y = np.stack([X + 2, 3 * X + 4, X * X]) + 0.1 * np.sin(9 * X)
NAN, INF, X_NAN = Y.copy(), Y.copy(), X.copy()
NAN[1, 3], INF[1, 3], X_NAN[2] = np.nan, np.inf, np.nan


def line(x: Any, a: Any, b: Any) -> Any:
    return a * x + b


def wrong_shape(x: Any, a: Any, b: Any) -> Any:
    return np.zeros(7) + a * b


def pair(x: Any, a: Any, b: Any) -> Any:
    return a * x, b * x


def summed(x: Any, a: Any, b: Any) -> Any:
    return a * x.sum() + b


def fails(x: Any, a: Any) -> Any:
    raise ZeroDivisionError("in the model")


def fit(x: Any = X, y: Any = Y, f: Any = line, **options: Any) -> dict[str, Any]:
    return {"f": f, "x": x, "Y": y, **options}


RAISE: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "one curve": (fit(y=Y[0]), ValueError, r"\(curves, points\), got shape \(10,\)"),
    "no points": (fit([], np.zeros((2, 0))), ValueError, r"got shape \(2, 0\)"),
    "images": (fit(y=Y[None]), ValueError, r"got shape \(1, 3, 10\)"),
    "complex Y": (fit(y=Y + 1j), TypeError, "Y is complex"),
    "complex x": (fit(x=X + 1j), TypeError, "x is complex"),
    "text": (fit(y=[["a"] * 10]), ValueError, "'a'"),
    "x of another length": (
        fit(x=X[:5]),
        ValueError,
        r"x has shape \(5,\); for Y of shape \(3, 10",
    ),
    "p0 too long": (fit(p0=[1, 1, 1]), TypeError, "takes 2 parameters, not 3"),
    "p0 for other curves": (
        fit(p0=np.ones((2, 2))),
        ValueError,
        r"p0 has shape \(2, 2\), not \(2,",
    ),
    "p0 out of bounds": (fit(p0=[9, 1], bounds=(0, 5)), ValueError, "outside of provided bounds"),
    "bounds crossed": (fit(bounds=(5, 0)), ValueError, "strictly less"),
    "bounds of one curve crossed": (
        fit(bounds=([[0, 0], [5, 0], [0, 0]], np.ones((3, 2)))),
        ValueError,
        "strictly less",
    ),
    "bounds of another shape": (fit(bounds=([0] * 3, [1] * 3)), ValueError, "Inconsistent shapes"),
    "bounds for other curves": (
        fit(bounds=(np.zeros((2, 2)), np.ones((2, 2)))),
        ValueError,
        r"bounds have shape \(2, 2\), not \(2,\) or \(3, 2\)",
    ),
    "sigma of another shape": (fit(sigma=np.ones(7)), ValueError, r"sigma has shape \(7,\)"),
    "mask of another shape": (fit(mask=np.ones(7)), ValueError, r"mask has shape \(7,\)"),
    "nan_policy unknown": (fit(nan_policy="ignore"), ValueError, "got 'ignore'"),
    "nan_policy raise, Y": (fit(y=NAN, nan_policy="raise"), ValueError, "contains nan values"),
    "nan_policy raise, x": (fit(x=X_NAN, nan_policy="raise"), ValueError, "contains nan values"),
    "unknown option": (fit(color="red"), TypeError, "unexpected keyword argument 'color'"),
    "unknown loss": (fit(loss="square"), ValueError, "not 'square'"),
    "a margin of 0": (
        fit(loss="huber", f_scale=0.0),
        ValueError,
        "positive, finite number, not 0.0",
    ),
    "negative tolerance": (fit(ftol=-1.0), RuntimeError, "Improper input parameters"),
    "no step": (fit(factor=0.0), RuntimeError, "Improper input parameters"),
    "chunks of nothing": (fit(chunk=0), ValueError, "at least 1, got 0"),
    "negative chunks": (fit(chunk=-1), ValueError, "at least 1, got -1"),
    "no model": (fit(f=3), TypeError, "not a callable object"),
    "no parameters": (fit(f=lambda x: x), ValueError, "Unable to determine number"),
    "unknown number of parameters": (fit(f=lambda x, *p: x), ValueError, "Unable to determine"),
    "values of another shape": (fit(f=wrong_shape), NotImplementedError, "numpy.zeros"),
    "two outputs": (fit(f=pair), ValueError, "gives 2 outputs, not 1"),
    "a sum over the points": (fit(f=summed), NotImplementedError, "sum"),
    "a model that raises": (fit(f=fails), NotImplementedError, "fails"),
    "a guess of another length": (
        fit(p0=lambda x, y: [1, 2, 3]),
        ValueError,
        r"p0 gave \(3,\) for a curve, not 2 parameters",
    ),
}
# Which curves are fitted, and with which parameters where they are not those of the line.
BORNE: dict[str, tuple[dict[str, Any], list[bool]]] = {
    "nan in Y": (fit(y=NAN), [True, False, True]),
    "nan_policy propagate": (fit(y=NAN, nan_policy="propagate"), [True, False, True]),
    "nan_policy omit": (fit(y=NAN, nan_policy="omit"), [True, True, True]),
    "infinity in Y": (fit(y=INF), [True, False, True]),
    "infinity is not omitted": (fit(y=INF, nan_policy="omit"), [True, False, True]),
    "nan in x": (fit(x=X_NAN), [False] * 3),
    "nan in the x of one": (fit(x=np.stack([X, X, X_NAN])), [True, True, False]),
    "nan in x omitted": (fit(x=X_NAN, nan_policy="omit"), [True] * 3),
    "errors of 0": (fit(sigma=np.stack([X + 1, 0 * X, X + 1])), [True, False, True]),
    "errors of nan": (fit(sigma=np.stack([X + 1, X_NAN, X + 1])), [True, False, True]),
    "nothing but masked": (fit(mask=np.stack([X >= 0, X < 0, X >= 0])), [True, False, True]),
    "more parameters than points": (fit(mask=X == 0), [False] * 3),
    "a start that is nan": (fit(p0=[[1, 1], [np.nan, 1], [1, 1]]), [True, False, True]),
    "a start out of its bounds": (
        fit(p0=[[1, 1], [9, 1], [1, 1]], bounds=(np.full((3, 2), -5), np.full((3, 2), 5))),
        [True, False, True],
    ),
    "no curves": (fit(y=np.zeros((0, 10))), []),
}


@pytest.mark.parametrize("name", RAISE)
def test_what_raises(name: str) -> None:
    given, error, words = RAISE[name]
    with pytest.raises(error, match=words):
        fit_many(**given)


@pytest.mark.parametrize("name", BORNE)
def test_what_one_curve_bears(name: str) -> None:
    """It has NaN and says so; the others have what `curve_fit` finds of them alone."""
    given, good = BORNE[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = fit_many(**given)
    assert found.success.tolist() == good
    for i, fitted in enumerate(good):
        if fitted:
            rows = ~np.isnan(given["Y"][i]) & ~np.isnan(np.broadcast_to(given["x"], Y.shape)[i])
            sigma = given.get("sigma")
            sigma = None if sigma is None else sigma[i]
            p, cov = curve_fit(line, X[rows], given["Y"][i][rows], sigma=sigma)
            np.testing.assert_allclose(found.popt[i], p, rtol=1e-6, atol=1e-9)
            np.testing.assert_allclose(found.perr[i], np.sqrt(np.diag(cov)), rtol=1e-5)
        else:
            assert np.isnan(found.popt[i]).all() and found.status[i] == 0
            assert "cannot be fitted" in found.message(i)


def test_a_singular_jacobian_and_a_constant() -> None:
    found = fit_many(lambda x, a, b: (a + b) * x, X, Y)
    assert np.isinf(found.perr).all() and found.success.all()
    np.testing.assert_allclose(found.popt.sum(1), Y @ X / (X @ X))
    found = fit_many(lambda x, a: 3.0 + 0 * a, X, Y)
    assert np.isinf(found.perr).all()
    np.testing.assert_allclose(found.chisqr, np.square(3 - Y).sum(1))


def test_too_few_evaluations() -> None:
    found = fit_many(lambda x, a, k: a * np.exp(-k * x), X, np.exp(-Y), [9.0, 9.0], maxfev=3)
    assert found.status.tolist() == [5, 5, 5] and found.message(0) == "too many evaluations"


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf, [1.0, 2.0]])
def test_margins_that_are_none(value: Any) -> None:
    """With one of 0 every fit converged where it began."""
    with pytest.raises(ValueError, match="`f_scale` must be a positive, finite number"):
        curve_fit(line, X, Y[0], method="trf", loss="huber", f_scale=value)
    with pytest.raises(ValueError, match="`f_scale` must be a positive, finite number"):
        least_squares(lambda p: p * X[:2] - 1, [1.0, 1.0], loss="cauchy", f_scale=value)
