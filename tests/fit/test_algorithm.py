"""The parts of a native fit: triangles, losses, the iteration, the code of a model, its waiting."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from microgrest.kernels import cache
from microgrest.kernels.fits import by_numpy, source
from microgrest.kernels.fits.algorithm import (
    driver,
    folding,
    losses,
    losses_by_numpy,
    marquardt,
    native,
    state,
    triangle,
)
from microgrest.kernels.fits.algorithm.later import Later
from nist_sets import load
from random_problems import decay, peak

from microgrest.fit import curve_fit
from microgrest.fit.reading import models

Array = Any
RNG = np.random.default_rng(3)


def folded(rows: Array) -> Array:
    """The triangle of rows, block by block."""
    n = rows.shape[1] - 1
    t = np.zeros((n + 1, n + 1))
    for start in range(0, len(rows), 7):
        block = rows[start : start + 7].T.copy()
        triangle.take_in(t, block, n, block.shape[1])
    return t


@pytest.mark.parametrize(("m", "n"), [(1, 1), (2, 1), (3, 5), (20, 4), (50, 1)])
def test_folding_rows_is_a_qr_factorization(m: int, n: int) -> None:
    rows = RNG.normal(size=(m, n + 1))
    r = folded(rows).T
    np.testing.assert_allclose(r.T @ r, rows.T @ rows, atol=1e-12)
    assert (np.tril(r, -1) == 0).all()
    whole = state.triangle(rows).T
    np.testing.assert_allclose(np.abs(whole), np.abs(r), atol=1e-12)


@pytest.mark.parametrize("size", [1, 2, 17, 256])
@pytest.mark.parametrize("n", [1, 2, 3, folding.MOST])
def test_folds_written_out_are_those_of_the_loops(n: int, size: int) -> None:
    rows, before = RNG.normal(size=(size, n + 1)), folded(RNG.normal(size=(n + 2, n + 1)))
    rows[:, 0] *= size != 17  # a column of zeros
    t, flat = before.copy(), np.zeros((n + 1, driver.PLACES))
    flat[:, :size] = rows.T
    cache.load(folding.text(n), "fold").kernel(t, flat.ravel(), size)
    wanted = before.copy()
    triangle.take_in(wanted, rows.T.copy(), n, size)
    np.testing.assert_allclose(t, wanted, rtol=1e-12, atol=1e-13)


def test_rows_of_a_triangle_are_folded_alike() -> None:
    n = 4
    t, rows = folded(RNG.normal(size=(9, n + 1))), np.triu(RNG.normal(size=(n, n + 1)))
    found, wanted = t.copy(), t.copy()
    triangle.take_in_upper(found, rows.T.copy(), n)
    triangle.take_in(wanted, rows.T.copy(), n, n)
    np.testing.assert_allclose(found[:, :n], wanted[:, :n], rtol=1e-12, atol=1e-13)


def test_columns_keep_their_order_unless_one_depends_on_others() -> None:
    n, order = 3, np.zeros(3, np.int64)
    rows = RNG.normal(size=(20, n + 1)) * [1, 100, 0.01, 1]
    t, a = folded(rows), np.zeros((n + 1, n + 1))
    triangle.factored(t, a, np.zeros(n), order, n)
    assert order.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(a[:, :n], t[:, :n])
    rows[:, 2] = rows[:, 0] + 1e-9 * rows[:, 2]
    triangle.factored(folded(rows), a, np.zeros(n), order, n)
    assert order[0] == 1
    triangle.factored(t, a, np.array([0.0, 1.0, 0.0]), order, n)
    assert order[-1] == 1


def test_rows_of_zeros_and_nan() -> None:
    assert (folded(np.zeros((9, 3))) == 0).all()
    assert np.isnan(folded(np.full((9, 3), np.nan)).T[0]).all()


def test_pivoting_and_the_covariance() -> None:
    n = 4
    rows = RNG.normal(size=(30, n + 1)) * [1, 100, 0.01, 10, 1]
    t, a, w, inverse = folded(rows), *np.zeros((2, n + 1, n + 1)), np.zeros((n, n))
    order = np.zeros(n, np.int64)
    triangle.pivoted(t, a, np.zeros(n), order, n)
    diagonal = np.abs(np.diag(a)[:n])
    assert (np.diff(diagonal) <= 0).all() and order[0] == 1
    x = np.zeros(n)
    assert triangle.backward(a, x, n) == n
    wanted = np.linalg.lstsq(rows[:, :n], rows[:, n], rcond=None)[0]
    np.testing.assert_allclose(x, wanted[order], rtol=1e-10)
    triangle.covariance(inverse, a, w, order, n)
    np.testing.assert_allclose(inverse, np.linalg.inv(rows[:, :n].T @ rows[:, :n]), rtol=1e-9)
    triangle.pivoted(t, a, np.array([0.0, 1, 0, 0]), order, n)
    assert order[-1] == 1 and triangle.backward(a, x, n) == n - 1 and x[-1] == 0


def test_a_singular_triangle() -> None:
    rows = RNG.normal(size=(30, 3))
    rows[:, 1] = 3 * rows[:, 0]
    inverse = np.zeros((2, 2))
    triangle.finish(folded(rows), inverse, *np.zeros((2, 3, 3)), np.zeros((1, 2)), np.zeros(2, int))
    assert np.isnan(inverse).all()


@pytest.mark.parametrize("name", list(losses_by_numpy.NUMBERS)[1:])
def test_losses_twice(name: str) -> None:
    number, rho = losses_by_numpy.NUMBERS[name], losses_by_numpy.RHO[name]
    z = np.array([0.0, 1e-9, 0.3, 1.0, 1.5, 40.0])
    assert rho is not None
    np.testing.assert_allclose(rho(z).T, [losses.rho(number, float(v)) for v in z], rtol=1e-14)
    h = 1e-6
    np.testing.assert_allclose((rho(z[2:] + h) - rho(z[2:] - h))[0] / 2 / h, rho(z[2:])[1], 1e-5)
    rows = RNG.normal(size=(6, 3))
    b = rows.T.copy()
    total = losses.cost(b[2], 6, number, 0.4)
    losses.weigh(b, 2, 6, number, 0.4)
    wanted = losses_by_numpy.weighed(rho, 0.4, rows[:, 2], rows[:, :2])
    np.testing.assert_allclose(b.T, wanted, rtol=1e-12)
    assert total == pytest.approx(losses_by_numpy.cost(rho, 0.4, rows[:, 2]))


def rows_of(fit: Any, x: Array, y: Array, p: Array) -> tuple[Array, Array]:
    return fit.rows(x[None], y[None], np.ones((1, y.size)), p)


def test_jacobians_of_a_model_are_exact() -> None:
    one = load("Rat43")
    layout = models.layouts(one.x, one.y, 4)[0]
    fit = models.native(one.model, layout)
    assert fit is not None
    residuals, jacobian = rows_of(fit, one.x, one.y, one.certified)
    np.testing.assert_allclose(residuals, one.model(one.x, *one.certified) - one.y, rtol=1e-12)
    steps = np.eye(4) * 1e-30j
    wanted = [one.model(one.x, *(one.certified + s)).imag / 1e-30 for s in steps]
    np.testing.assert_allclose(jacobian.T, wanted, rtol=1e-11)


def test_every_function_of_a_program_that_numpy_has() -> None:
    def many(x: Any, a: Any, b: Any) -> Any:
        inner = np.hypot(np.tanh(a * x), np.arctan2(x, 2 + b)) + np.log1p(x * x) * np.sqrt(1 + x)
        clipped = np.clip(inner, 0.1, 3) if x < 3 and b < 9 else np.expm1(-a) + np.cosh(x) ** b
        return clipped + np.maximum(a, x) * np.sign(x - 1) + (x > 2) * np.arcsinh(b)

    x = np.linspace(0.01, 4, 90)
    fit = models.native(many, models.layouts(x, x, 2)[0])
    assert fit is not None and by_numpy.served(fit.program)
    p, zeros = np.array([0.6, 0.8]), np.zeros(90)
    values, _ = rows_of(fit, x, zeros, p)
    wanted = [many(v, *p) for v in x]
    np.testing.assert_allclose(values, wanted, rtol=1e-12)


def test_native_and_python_agree(request: pytest.FixtureRequest) -> None:
    x = np.linspace(0, 4, 300)
    y = peak(x, 2.0, 2.0, 0.7, 0.3) + 0.05 * np.sin(40 * x)
    start = (1.0, 1.5, 1.0, 0.0)
    found = curve_fit(peak, x, y, start)
    request.getfixturevalue("by_python")
    other = curve_fit(peak, x, y, start)
    np.testing.assert_allclose(found[0], other[0], rtol=1e-8)
    np.testing.assert_allclose(found[1], other[1], rtol=1e-6, atol=1e-12)


def test_a_step_natively_and_by_python() -> None:
    """`advance` compiled and plain, from the same point with a restrained step and bounds."""
    results = []
    for advance in (marquardt.advance, native.advance):
        given = state.Settings(1e-8, 1e-8, 0.0, 50, 0.1, lower=[-1, 0.0], upper=[5, 0.9]).state(
            np.array([2.0, 0.8])
        )
        rows = np.random.default_rng(1).normal(size=(9, 3))
        given.s[marquardt.NEW] = (rows[:, 2] ** 2).sum()
        triangles, b = np.zeros((3, 3, 3)), np.zeros((3, 2))
        triangles[0] = folded(rows)
        asked = marquardt.START
        for _ in range(2):
            asked = advance(asked, *triangles, b, given.v, given.s, given.c)
        assert asked == marquardt.COST
        results.append(given)
    np.testing.assert_allclose(results[0].v, results[1].v, rtol=1e-12)
    np.testing.assert_allclose(results[0].s, results[1].s, rtol=1e-12)
    step = results[0]
    assert step.s[marquardt.LENGTH] <= 1.1 * step.s[marquardt.DELTA] + 1e-15


def test_the_source_of_a_fit_is_readable() -> None:
    x = np.linspace(0, 4, 30)
    layout = models.layouts(x, x, 3)[0]
    text = source.rows(models.program(decay, layout), layout.shape)
    assert text.startswith('"""rows of decay"""') and "exp_f64(" in text
    assert text == source.rows(models.program(decay, layout), layout.shape)


def test_what_is_compiled_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python works while the child does; then what is compiled is loaded."""
    from microgrest.kernels.cpu import first_calls

    busy, text = [True], '"""later"""\n\ndef kernel():\n    return 7\n'
    monkeypatch.setattr(first_calls, "number", lambda: 2)
    monkeypatch.setattr(cache, "compiled", lambda text, label: False)
    monkeypatch.setattr(cache, "ahead", lambda *a, **k: lambda: busy[0])
    later = Later(lambda: text, "later", "()")
    assert all(later() is None for _ in range(5))
    busy[0] = False
    assert later()() == 7
    alone = Later(lambda: text, "later", "()")
    assert alone() is None  # no child: as many calls as first calls are
    assert [alone() is None for _ in range(2)] == [True, False]
    assert Later(lambda: text, "later", "()").now()() == 7
    monkeypatch.setattr(cache, "compiled", lambda text, label: True)
    assert Later(lambda: text, "later", "()")()() == 7
