"""`as_scipy`: values, gradients and second derivatives in float64, and minima by SciPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import microgrest
from microgrest.fit import as_scipy


def rosenbrock(x: Any) -> Any:
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def test_values_and_derivatives() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    f, x = as_scipy(rosenbrock), np.array([0.3, -0.2, 1.1, 0.7])
    value, gradient = f(x)
    assert type(value) is float and gradient.dtype == np.float64
    np.testing.assert_allclose(value, optimize.rosen(x), rtol=1e-14)
    np.testing.assert_allclose(gradient, optimize.rosen_der(x), rtol=1e-13)
    np.testing.assert_allclose(f.hess(x), optimize.rosen_hess(x), rtol=1e-13)
    p = np.array([1.0, 2.0, -1.0, 0.5])
    np.testing.assert_allclose(f.hessp(x, p), optimize.rosen_hess_prod(x, p), rtol=1e-13)


@pytest.mark.parametrize("method", ["BFGS", "Newton-CG", "trust-ncg", "trust-exact"])
def test_minima(method: str) -> None:
    optimize = pytest.importorskip("scipy.optimize")
    f = as_scipy(rosenbrock)
    more = {} if method == "BFGS" else {"hess": f.hess}
    found = optimize.minimize(f, np.zeros(4), jac=True, method=method, tol=1e-10, **more)
    np.testing.assert_allclose(found.x, np.ones(4), atol=1e-6)


def test_arguments_and_float32_in_between() -> None:
    f = as_scipy(lambda x, a: (x.float() * a).sum())
    value, gradient = f([1.0, 2.0], 3.0)
    assert value == 9.0 and gradient.dtype == np.float64 and (gradient == 3).all()


def test_linear_functions_have_no_second_derivatives() -> None:
    f = as_scipy(lambda x: x.sum())
    assert (f.hess([1.0, 2.0]) == 0).all() and (f.hessp([1.0, 2.0], [1.0, 1.0]) == 0).all()


def test_under_no_grad() -> None:
    with microgrest.no_grad():
        assert as_scipy(lambda x: (x * x).sum())([3.0])[1] == [6.0]


@pytest.mark.parametrize("fun", [lambda x: x, lambda x: 3.0])
def test_what_is_no_number(fun: Any) -> None:
    with pytest.raises(TypeError, match="one number"):
        as_scipy(fun)([1.0, 2.0])


def test_what_leaves_the_graph() -> None:
    with pytest.raises(RuntimeError, match="by tensors"):
        as_scipy(lambda x: x.detach().sum())([1.0, 2.0])
