"""Bad input: SciPy's errors, in its words where those are not of its insides."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from random_problems import decay, line

from microgrest.fit import curve_fit, least_squares

Array = Any
X = np.linspace(0.0, 4, 20)
Y = 3 * np.exp(-0.7 * X) + 0.5 + 0.01 * np.sin(9 * X)
NAN, X_NAN = np.where(X > 3.5, np.nan, Y), np.where(X < 0.1, np.nan, X)


def fit(x: Any = X, y: Any = Y, f: Any = decay, **options: Any) -> dict[str, Any]:
    return {"f": f, "xdata": x, "ydata": y, **options}


def wrong_shape(x: Any, a: Any, b: Any) -> Any:
    return np.zeros(7) + a * b


def imaginary(x: Any, a: Any, b: Any) -> Any:
    return np.sqrt(-1 - a * a) * x + b


def growth(x: Any, a: Any) -> Any:
    return np.exp(a * x)


def proportional(x: Any, a: Any) -> Any:
    return a * x


def fails(x: Any, a: Any) -> Any:
    raise ZeroDivisionError("in the model")


def no_parameters(x: Any) -> Any:
    return x


def two_columns(x: Any, a: Any, b: Any, c: Any) -> Any:
    return np.ones((20, 2))


# What raises, in both; True where the words are SciPy's too.
ERRORS: dict[str, tuple[dict[str, Any], bool]] = {
    "one point": (fit(x=X[:1], y=Y[:1]), True),
    "no number in p0": (fit(p0=[1, None, 1]), False),
    "nan in y": (fit(y=NAN), True),
    "nan in x": (fit(x=X_NAN), True),
    "infinity in y": (fit(y=np.where(X > 3, np.inf, Y)), True),
    "nan_policy propagate": (fit(y=NAN, nan_policy="propagate"), True),
    "nan_policy raise, y": (fit(y=NAN, nan_policy="raise"), True),
    "nan_policy raise, x": (fit(x=X_NAN, nan_policy="raise"), True),
    "nan_policy unknown": (fit(y=NAN, nan_policy="ignore"), True),
    "check_finite before nan_policy": (fit(y=NAN, nan_policy="omit", check_finite=True), True),
    "fewer points than parameters": (fit(X[:2], Y[:2]), True),
    "no points": (fit([], []), True),
    "p0 above bounds": (fit(p0=[9, 1, 1], bounds=(0, 5)), True),
    "p0 below bounds": (fit(p0=[1, -1, 1], bounds=(0, 5)), True),
    "bounds crossed": (fit(bounds=(1, 0)), True),
    "bounds equal": (fit(bounds=([0, 0, 0], [1, 0, 1])), True),
    "bounds of another shape": (fit(bounds=([0, 0], [1, 1])), True),
    "bounds of three": (fit(bounds=(0, 1, 2)), True),
    "lm with bounds": (fit(bounds=(0, 5), method="lm"), True),
    "unknown method": (fit(method="newton"), True),
    "values of another shape": (fit(f=wrong_shape), True),
    "x and y of different lengths": (fit(y=Y[:9]), True),
    "the model raises": (fit(f=fails), True),
    "no model": (fit(f=3), False),
    "no parameters": (fit(f=no_parameters), True),
    "unknown number of parameters": (fit(f=lambda x, *p: p[0] * x), True),
    "p0 too long": (fit(p0=[1, 1, 1, 1]), False),
    "p0 complex": (fit(p0=[1j, 1, 1]), False),
    "p0 too short": (fit(p0=[1, 1]), False),
    "sigma of another shape": (fit(sigma=np.ones(7)), True),
    "sigma a matrix of another shape": (fit(sigma=np.ones((7, 7))), True),
    "sigma not positive definite": (fit(sigma=-np.eye(20)), True),
    "args": (fit(args=(1,)), True),
    "unknown option": (fit(color="red"), False),
    "loss without a method that has them": (fit(loss="cauchy"), False),
    "unknown loss": (fit(method="trf", loss="square"), False),
    "too few evaluations": (fit(p0=[9, 9, 9], maxfev=3), True),
    "too few evaluations, trf": (fit(p0=[9, 9, 9], max_nfev=3, method="trf"), True),
    "no evaluations, trf": (fit(max_nfev=0, method="trf"), True),
    "negative tolerance": (fit(ftol=-1.0), True),
    "no tolerance": (fit(ftol=0.0, xtol=0.0), True),
    "no step": (fit(factor=0.0), True),
    "text": (fit(y=["a"] * 20), True),
    "a Jacobian of another shape": (fit(jac=two_columns), False),
    "a Jacobian of another shape, trf": (fit(jac=two_columns, method="trf"), False),
    "not finite at the start, trf": (fit(f=growth, p0=[1000.0], method="trf"), True),
    "nan at the start, trf": (fit(f=imaginary, method="trf"), True),
    "bad x_scale": (fit(method="trf", x_scale=-1.0), True),
    "x_scale of another shape": (fit(method="trf", x_scale=[1.0, 2.0]), True),
}
# What warns that the covariance cannot be estimated, in both, with the same parameters.
WARNINGS: dict[str, dict[str, Any]] = {
    "nan that nobody looked for": fit(y=NAN, check_finite=False),
    "nan in x that nobody looked for": fit(x=X_NAN, check_finite=False),
    "as many points as parameters": fit(X[:2], Y[:2], f=line),
    "a parameter that does nothing": fit(f=lambda x, a, b: a * x),
    "a constant": fit(f=lambda x, a: 3.0 + 0 * x),
    "errors of 0": fit(sigma=np.zeros(20)),
    "p0 that is nan": fit(p0=[np.nan, 1, 1]),
    "values that are nan": fit(f=imaginary),
    "overflow at the start": fit(f=growth, p0=[1000.0]),
}
# What is fine in both, and gives the same.
FINE: dict[str, dict[str, Any]] = {
    "nan_policy omit": fit(y=NAN, nan_policy="omit"),
    "nan_policy omit with errors": fit(y=NAN, nan_policy="omit", sigma=np.arange(1.0, 21)),
    "nan_policy omit with a matrix": fit(
        y=NAN, nan_policy="omit", sigma=np.diag(np.arange(1.0, 21))
    ),
    "one number": fit(f=lambda x, a: a),
    "p0 a number": fit(f=proportional, p0=2.0),
    "y a number": fit(y=3.0, f=proportional),
    "sigma a number": fit(sigma=0.3),
    "whole numbers": fit(x=np.arange(20), y=np.arange(20) ** 2, f=line),
}


def outcome(of: Callable[..., Any], given: dict[str, Any]) -> tuple[Any, list[str]]:
    """What comes of it, or the error; and which warnings of SciPy's class there were."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = of(**given)
        except Exception as error:
            found = error
    names = {w.category.__name__ for w in caught} & {"OptimizeWarning"}
    return found, sorted(names)


@pytest.fixture
def scipys() -> Callable[..., Any]:
    found: Callable[..., Any] = pytest.importorskip("scipy.optimize").curve_fit
    return found


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name: str, scipys: Any, by_python: None) -> None:
    given, words = ERRORS[name]
    (ours, _), (wanted, _) = outcome(curve_fit, given), outcome(scipys, given)
    assert isinstance(ours, Exception) and type(ours) is type(wanted)
    assert str(ours)
    if words:
        assert str(ours) == str(wanted)


@pytest.mark.parametrize("name", WARNINGS)
def test_warnings(name: str, scipys: Any, by_python: None) -> None:
    ours, wanted = outcome(curve_fit, WARNINGS[name]), outcome(scipys, WARNINGS[name])
    assert ours[1] == wanted[1] == ["OptimizeWarning"]
    np.testing.assert_allclose(ours[0][0], wanted[0][0], rtol=1e-6)
    assert np.isinf(ours[0][1]).all()


@pytest.mark.parametrize("name", FINE)
def test_what_is_fine(name: str, scipys: Any, by_python: None) -> None:
    ours, wanted = outcome(curve_fit, FINE[name]), outcome(scipys, FINE[name])
    assert ours[1] == wanted[1] == []
    np.testing.assert_allclose(ours[0][0], wanted[0][0], rtol=1e-4)
    np.testing.assert_allclose(ours[0][1], wanted[0][1], rtol=1e-3, atol=1e-12)


@pytest.mark.parametrize(
    "values", [lambda x, a: a * np.ones((20, 20)), lambda x, a: a * x[:, None]]
)
def test_values_of_two_dimensions(values: Any) -> None:
    with pytest.raises(
        ValueError, match=r"residuals of shape \(20, 20\), for data of shape \(20,\)"
    ):
        curve_fit(values, X, Y)


def test_a_singular_jacobian() -> None:
    for model in (lambda x, a, b: a * b * x, lambda x, a, b: (a + b) * x):
        found, warned = outcome(curve_fit, fit(f=model))
        assert warned and np.isinf(found[1]).all()
        np.testing.assert_allclose(model(X, *found[0]), X * (X @ Y) / (X @ X))


def residuals(p: Array) -> Array:
    return np.array([p[0] - 1, p[1] - 2, p[0] * p[1]])


SQUARES: dict[str, dict[str, Any]] = {
    "unknown method": {"method": "newton"},
    "unknown jac": {"jac": "4-point"},
    "unknown solver": {"tr_solver": "qr"},
    "unknown loss": {"loss": "square"},
    "loss of lm": {"method": "lm", "loss": "huber"},
    "verbose": {"verbose": 3},
    "max_nfev": {"max_nfev": 0},
    "complex": {"x0": [1j, 1]},
    "matrix": {"x0": [[1.0, 1.0]]},
    "three bounds": {"bounds": (0, 1, 2)},
    "bounds of lm": {"bounds": (0, 3), "method": "lm"},
    "bounds of another shape": {"bounds": ([0, 0, 0], [1, 1, 1])},
    "crossed bounds": {"bounds": (3, 0)},
    "outside": {"bounds": (2, 3)},
    "tolerances of 0": {"ftol": None, "xtol": None, "gtol": None},
    "tolerances of lm": {"ftol": 0.0, "method": "lm"},
    "x_scale": {"x_scale": "diag"},
    "wrong Jacobian": {"jac": lambda p: np.ones((2, 2))},
    "not finite": {"fun": lambda p: np.array([np.nan, 1.0])},
    "two dimensions": {"fun": lambda p: np.ones((2, 2))},
    "few residuals": {"fun": lambda p: p[:1], "method": "lm"},
}


@pytest.mark.parametrize("name", SQUARES)
def test_errors_of_least_squares(name: str) -> None:
    scipys = pytest.importorskip("scipy.optimize").least_squares
    given = {"fun": residuals, "x0": [1.0, 1.0], "jac": "2-point", **SQUARES[name]}
    (ours, _), (wanted, _) = outcome(least_squares, given), outcome(scipys, given)
    assert type(ours) is type(wanted) is ValueError
    if name not in ("unknown jac", "unknown loss", "two dimensions"):
        assert str(ours) == str(wanted)


@pytest.mark.parametrize("size", [1e-300, 1e300])
def test_data_whose_squares_are_no_numbers(size: float) -> None:
    with pytest.raises(ValueError, match="fit them in other units"):
        curve_fit(proportional, X, 3 * size * X, [size])
    found, _ = curve_fit(proportional, X, 0 * X, [1.0])
    assert found[0] == pytest.approx(0, abs=1e-12)
