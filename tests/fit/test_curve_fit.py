"""`curve_fit`: models of every kind, data of every shape, and the ways to fit them."""

from __future__ import annotations

import functools
import sys
import warnings
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numba
import numpy as np
import pytest
from microgrest.kernels.fits import fit as fits
from random_problems import decay, line, peak, plane

import microgrest
from microgrest.fit import Model, OptimizeWarning, curve_fit
from microgrest.fit.reading import models

Array = Any
TRUE = np.array([3.0, 0.7, 0.5])
X = np.linspace(0, 4, 50)
Y = decay(X, *TRUE) + 0.01 * np.sin(9 * X)
scale = 2.0


def reference(model: Any, x: Any, y: Any, p0: Any, **options: Any) -> Any:
    scipy_optimize = pytest.importorskip("scipy.optimize")
    return scipy_optimize.curve_fit(model, x, y, p0, ftol=1e-14, xtol=1e-14, **options)


def same(found: Any, wanted: Any, rtol: float = 1e-6) -> None:
    np.testing.assert_allclose(found[0], wanted[0], rtol=rtol)
    np.testing.assert_allclose(found[1], wanted[1], rtol=1e-4, atol=1e-6 * wanted[1].max())


@pytest.fixture
def never_native(monkeypatch: pytest.MonkeyPatch) -> None:
    """No model is read."""
    monkeypatch.setattr(models, "native", lambda f, layout: None)


@pytest.fixture
def only_native(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts fits of models that were read."""
    calls: list[int] = []
    run = fits.Fit.__call__
    monkeypatch.setattr(fits.Fit, "__call__", lambda *a: (calls.append(1), run(*a))[1])
    return calls


def test_natively_by_python_and_by_tensors(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = reference(decay, X, Y, (1, 1, 1))
    same(curve_fit(decay, X, Y), wanted)
    same(curve_fit(decay, X, Y, jac="2-point"), wanted)
    monkeypatch.setattr(models, "native", lambda f, layout: None)
    same(curve_fit(decay, X, Y), wanted)


def test_results_are_new_arrays_and_data_stay() -> None:
    x, y, p0 = X.copy(), Y.copy(), np.ones(3)
    p, cov = curve_fit(decay, x, y, p0)
    assert type(p) is np.ndarray and p.dtype == cov.dtype == np.float64 and cov.shape == (3, 3)
    assert (x == X).all() and (y == Y).all() and (p0 == 1).all()
    np.testing.assert_allclose(cov, cov.T)


@pytest.mark.parametrize("x", [X[::-1], list(X), X.astype("f4"), np.asfortranarray(X), X[None][0]])
def test_kinds_of_data(x: Any, by_python: None) -> None:
    y = decay(np.asarray(x, float), *TRUE)
    np.testing.assert_allclose(curve_fit(decay, x, y)[0], TRUE, rtol=1e-8)


def test_data_that_cannot_be_written_to() -> None:
    y = Y.copy()
    y.flags.writeable = False
    np.testing.assert_array_equal(curve_fit(decay, X, y)[0], curve_fit(decay, X, Y)[0])


def test_several_predictors(only_native: list[int], by_python: None) -> None:
    x = np.stack([X, np.cos(3 * X)])
    y = plane(x, 1.0, 0.5, 2.0) + 0.01 * np.sin(20 * X)
    same(curve_fit(plane, x, y), reference(plane, x, y, (1, 1, 1)))
    assert only_native
    shaped = curve_fit(plane, x.reshape(2, 5, 10), y.reshape(5, 10))
    np.testing.assert_allclose(shaped[0], curve_fit(plane, x, y)[0])


def test_an_image(by_python: None) -> None:
    x = np.linspace(0, 4, 60).reshape(6, 10)
    y = decay(x, *TRUE)
    np.testing.assert_allclose(curve_fit(decay, x, y)[0], TRUE, rtol=1e-8)


@pytest.mark.parametrize("native", [False, True])
def test_several_outputs(native: bool, request: pytest.FixtureRequest) -> None:
    if not native:
        request.getfixturevalue("by_python")

    def both(x: Any, a: Any, k: Any) -> Any:
        return a * np.exp(-k * x), a * np.cos(k * x)

    x = np.linspace(0, 3, 301)  # more than a block, and a short one at the end
    y = np.array(both(x, 2.0, 0.6)) + 0.01 * np.sin(50 * x)
    p, cov = curve_fit(both, x, y, sigma=np.full(602, 0.3))
    flat = curve_fit(lambda x, a, k: np.concatenate(both(x, a, k)), x, y.ravel(), jac="2-point")
    same((p, cov), flat, 1e-5)


def test_parameters_with_defaults(by_python: None) -> None:
    def model(x: Any, a: Any, k: Any = 0.7, c: float = 0.5) -> Any:
        return a * np.exp(-k * x) + c

    assert curve_fit(model, X, Y)[0].size == 3
    assert curve_fit(model, X, Y, [1.0])[0].size == 1


def test_any_number_of_parameters(by_python: None) -> None:
    def model(x: Any, *p: Any) -> Any:
        return sum(a * x**i for i, a in enumerate(p))

    np.testing.assert_allclose(curve_fit(model, X, 1 + 2 * X - X**2, [0.0] * 3)[0], [1, 2, -1])


def test_an_op_of_the_users(only_native: list[int], by_python: None) -> None:
    op = microgrest.elementwise(decay)
    np.testing.assert_array_equal(curve_fit(op, X, Y)[0], curve_fit(decay, X, Y)[0])
    assert len(only_native) == 2


def test_choices_by_the_data(by_python: None) -> None:
    def broken(x: Any, a: Any, b: Any) -> Any:
        return a * x if x < 2 else 2 * a + b * (x - 2)

    y = np.where(X < 2, 1.5 * X, 3 - 0.5 * (X - 2))
    np.testing.assert_allclose(curve_fit(broken, X, y)[0], [1.5, -0.5], rtol=1e-9)


def test_globals_may_change(by_python: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def model(x: Any, a: Any) -> Any:
        return scale * a * x

    assert curve_fit(model, X, X)[0] == pytest.approx(0.5)
    monkeypatch.setattr(sys.modules[__name__], "scale", 4.0)
    assert curve_fit(model, X, X)[0] == pytest.approx(0.25)


def test_closures_may_change(by_python: None) -> None:
    for factor in (1.0, 2.0, 5.0):
        assert curve_fit(lambda x, a: factor * a * x, X, X)[0] == pytest.approx(1 / factor)  # noqa: B023
    held = [1.0]
    model = lambda x, a: held[0] * a * x  # noqa: E731
    for held[0] in (1.0, 2.0):
        assert curve_fit(model, X, X)[0] == pytest.approx(1 / held[0])


def test_attributes_may_change(by_python: None) -> None:
    class Held:
        factor = 1.0

    model = lambda x, a: Held.factor * a * x  # noqa: E731
    for Held.factor in (1.0, 2.0):
        assert curve_fit(model, X, X)[0] == pytest.approx(1 / Held.factor)


def test_methods_partial_and_jitted_functions(by_python: None) -> None:
    class Model:
        def value(self, x: Any, a: Any, k: Any, c: Any) -> Any:
            return decay(x, a, k, c)

    wanted = curve_fit(decay, X, Y)[0]
    for model in (Model().value, functools.partial(decay), numba.njit(decay)):
        np.testing.assert_allclose(curve_fit(model, X, Y)[0], wanted, rtol=1e-8)


def test_one_line_in_a_loop_is_read_once(by_python: None, monkeypatch: pytest.MonkeyPatch) -> None:
    models._known.clear()
    for _ in range(3):
        curve_fit(lambda x, a, b: a * x + b, X, Y)
    assert len(models._known) == 1


def test_what_depends_on_all_points(by_python: None) -> None:
    def model(x: Any, a: Any, b: Any) -> Any:
        return a * (x - x.mean()) + b * np.sum(x) / x.size

    same(curve_fit(model, X, Y), reference(model, X, Y, (1, 1)))


def test_what_leaves_the_graph_is_differentiated_by_differences() -> None:
    def half(x: Any, a: Any, b: Any) -> Any:
        return a * x + float(b) * x**2

    def none(x: Any, a: Any, b: Any) -> Any:
        return np.interp(x, [0, 4], [float(a), float(b)])

    for model in (half, none):
        y = model(X, 1.2, 0.4) + 0.01 * np.sin(7 * X)
        same(curve_fit(model, X, y), reference(model, X, y, (1, 1)))


def test_matrices(by_python: None) -> None:
    basis = np.stack([np.ones_like(X), X, X**2])

    def model(x: Any, a: Any, b: Any, c: Any) -> Any:
        return a * basis[0] + b * basis[1] + c * basis[2]

    same(curve_fit(model, X, Y), reference(model, X, Y, (1, 1, 1)))


def test_a_jacobian_that_is_given() -> None:
    def jac(x: Any, a: float, b: float) -> Array:
        return np.stack([np.ones_like(x), x], 1)

    sigma = np.linspace(0.1, 0.3, X.size)
    same(curve_fit(line, X, Y, jac=jac, sigma=sigma), reference(line, X, Y, (1, 1), sigma=sigma))


def test_x_that_is_no_array(by_python: None) -> None:
    class Points:
        values = X

    wanted = curve_fit(decay, X, Y)
    found = curve_fit(lambda x, a, k, c: decay(x.values, a, k, c), Points(), Y)
    np.testing.assert_allclose(found[0], wanted[0], rtol=1e-7)


def test_full_output() -> None:
    p, cov, info, message, ier = curve_fit(decay, X, Y, full_output=True)
    assert ier in (1, 2, 3, 4) and "relative" in message
    assert info["nfev"] >= info["njev"] > 1
    np.testing.assert_allclose(info["fvec"], decay(X, *p) - Y, atol=1e-12)
    r = np.triu(info["fjac"].T[:3])
    np.testing.assert_allclose(np.linalg.inv(r.T @ r) * (info["fvec"] ** 2).sum() / 47, cov)
    assert np.abs(r.T @ info["qtf"]).max() < 1e-6
    *_, info, message, ier = curve_fit(decay, X, Y, full_output=True, bounds=(0, 9))
    assert message.endswith("satisfied.") and ier in (1, 2, 3, 4) and set(info) == {"nfev", "fvec"}


def test_bounds_hold_and_are_reached(by_python: None) -> None:
    lower, upper = [0, 0, 0], [2.5, 5, 0.6]
    p, _ = curve_fit(decay, X, Y, bounds=(lower, upper))
    assert (p >= lower).all() and (p <= upper).all()
    assert p[0] == 2.5 and p[2] == 0.6
    rest = curve_fit(lambda x, k: decay(x, 2.5, k, 0.6), X, Y)[0]
    assert p[1] == pytest.approx(rest[0], rel=1e-8)


def test_every_point_that_is_tried_is_within_bounds() -> None:
    seen: list[Array] = []

    def model(x: Any, *p: Any) -> Any:
        seen.append(np.array([float(v) for v in p]))
        return decay(x, *p)

    curve_fit(model, X, Y, [1, 1, 1], bounds=([0, 0, 0], [3.5, 2, 2]), jac="2-point")
    assert all((p >= 0).all() and (p <= [3.5, 2, 2]).all() for p in seen)


@pytest.mark.parametrize("loss", ["soft_l1", "huber", "cauchy", "arctan"])
def test_losses_natively_and_by_python(loss: str, request: pytest.FixtureRequest) -> None:
    y = Y + (np.arange(50) % 17 == 0)
    options = {"method": "trf", "loss": loss, "f_scale": 0.05}
    native = curve_fit(decay, X, y, (2.5, 0.6, 0.4), **options)
    request.getfixturevalue("by_python")
    np.testing.assert_allclose(
        curve_fit(decay, X, y, (2.5, 0.6, 0.4), **options)[0], native[0], rtol=1e-7
    )


def test_a_loss_that_is_a_function() -> None:
    def rho(z: Array) -> Array:
        return np.stack([np.log1p(z), 1 / (1 + z), -1 / (1 + z) ** 2])

    y = Y + (np.arange(50) % 17 == 0)
    options = {"method": "trf", "f_scale": 0.05}
    known = curve_fit(decay, X, y, (2.5, 0.6, 0.4), loss="cauchy", **options)[0]
    own = curve_fit(decay, X, y, (2.5, 0.6, 0.4), loss=rho, **options)[0]
    np.testing.assert_allclose(own, known, rtol=1e-7)


def test_errors_scale_the_covariance(by_python: None) -> None:
    cov = [curve_fit(line, X, Y, sigma=s, absolute_sigma=True)[1] for s in (1.0, 2.0)]
    np.testing.assert_allclose(cov[1], 4 * cov[0], rtol=1e-9)
    relative = [curve_fit(line, X, Y, sigma=s)[1] for s in (1.0, np.full(50, 2.0))]
    np.testing.assert_allclose(relative[1], relative[0], rtol=1e-9)


def test_points_of_infinite_error_are_left_out() -> None:
    y, sigma = Y.copy(), np.ones(50)
    y[7], sigma[7] = 1e6, np.inf
    left = np.arange(50) != 7
    found, wanted = curve_fit(decay, X, y, sigma=sigma), curve_fit(decay, X[left], Y[left])
    np.testing.assert_allclose(found[0], wanted[0], rtol=1e-9)


def test_a_warning_of_its_own_class() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        curve_fit(lambda x, a, b: a * x, X, Y)
    optimize = sys.modules.get("scipy.optimize")
    assert caught[-1].category is getattr(optimize, "OptimizeWarning", OptimizeWarning)
    assert "Covariance" in str(caught[-1].message) and caught[-1].filename == __file__


def test_as_many_points_as_a_block_and_one_more() -> None:
    for m in (1, 255, 256, 257, 513):
        x = np.linspace(0, 4, m)
        y = peak(x, 2.0, 2.0, 0.7, 0.3)
        start = (1.5, 2.1, 0.8, 0.2)
        if m > 4:
            np.testing.assert_allclose(curve_fit(peak, x, y, start)[0], [2, 2, 0.7, 0.3])


def test_the_same_bits_again() -> None:
    a, b = curve_fit(decay, X, Y), curve_fit(decay, X, Y)
    assert (a[0] == b[0]).all() and (a[1] == b[1]).all()


def test_large_arguments_of_sines() -> None:
    def wave(x: Any, a: Any, w: Any) -> Any:
        return a * np.sin(w * x)

    x = np.linspace(0, 1, 400)
    y = wave(x, 1.5, 3e5)
    np.testing.assert_allclose(curve_fit(wave, x, y, (1, 3e5 + 0.5))[0], [1.5, 3e5], rtol=1e-8)


def test_series_and_tensors_are_data() -> None:
    """They are what f is called with, and are fitted natively as arrays are."""
    expected, _ = curve_fit(decay, X, Y, [1.0, 1.0, 0.0])
    series = [microgrest.tensor]
    if find_spec("pandas"):
        series.append(import_module("pandas").Series)
    for kind in series:
        x, y = kind(X), kind(Y)
        found, _ = curve_fit(decay, x, y, [1.0, 1.0, 0.0])
        np.testing.assert_array_equal(found, expected)
        by_python, _ = curve_fit(lambda x, a, k, c: decay(np.asarray(x), a, k, c), x, y)
        np.testing.assert_allclose(by_python, expected, rtol=1e-6)
        with pytest.raises(ValueError, match="infs or NaNs"):
            curve_fit(decay, kind(np.where(X < 1, np.nan, X)), y)
        missing = kind(np.where(X < 1, np.nan, X))
        left, _ = curve_fit(decay, missing, y, nan_policy="omit")
        np.testing.assert_allclose(left, curve_fit(decay, X[X >= 1], Y[X >= 1])[0], rtol=1e-9)


@pytest.mark.usefixtures("never_native")
def test_data_may_be_read_only() -> None:
    x, y = X.copy(), Y.copy()
    x.flags.writeable = y.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found, _ = curve_fit(decay, x, y, [1.0, 1.0, 0.0])
    np.testing.assert_allclose(found, curve_fit(decay, X, Y, [1.0, 1.0, 0.0])[0])


def test_points_of_several_outputs_and_of_grids_are_left_out() -> None:
    both = lambda x, a, k: (a * np.cos(k * x), a * np.sin(k * x))  # noqa: E731
    y = np.array(both(X, 2.0, 1.3)) + 0.01 * np.cos(9 * X)
    holes, start = y.copy(), [1.5, 1.2]
    holes[1, 4], kept = np.nan, np.delete(np.arange(X.size), 4)
    expected, _ = curve_fit(both, X[kept], y[:, kept], start, y[:, kept] * 0 + 0.1)
    found, _ = curve_fit(both, X, holes, start, np.full(y.shape, 0.1), nan_policy="omit")
    np.testing.assert_array_equal(found, expected)
    model = Model(lambda x, a, k: np.stack(both(x, a, k)))
    result = model.fit(holes, x=X, a=1.5, k=1.2, nan_policy="omit")
    np.testing.assert_allclose(list(result.best_values.values()), expected, rtol=1e-8)
    grid, rows = X.reshape(5, 10), Y.reshape(5, 10).copy()
    rows[2, 3] = np.nan
    found, _ = curve_fit(decay, grid, rows, nan_policy="omit")
    np.testing.assert_allclose(found, curve_fit(decay, np.delete(X, 23), np.delete(Y, 23))[0])
    with pytest.raises(ValueError, match="have no points in common"):
        curve_fit(decay, X[:3], rows, nan_policy="omit")
