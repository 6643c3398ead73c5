"""`least_squares` beside SciPy's: methods, losses, bounds, scales, Jacobians, results."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import microgrest
from microgrest.fit import least_squares
from microgrest.fit.problem.results import OptimizeResult

Array = Any
T = np.linspace(0, 3, 40)
DATA = 2.0 * np.exp(-0.8 * T) + 0.3 + 0.02 * np.sin(13 * T) + 0.7 * (np.arange(40) % 13 == 5)
TIGHT = {"ftol": 1e-14, "xtol": 1e-14, "gtol": 1e-14}


def decay(p: Any) -> Any:
    return p[0] * np.exp(-p[1] * T) + p[2] - DATA


def rosenbrock(p: Any) -> Any:
    return np.array([10 * (p[1] - p[0] ** 2), 1 - p[0]])


def scipys(*args: Any, **options: Any) -> Any:
    return pytest.importorskip("scipy.optimize").least_squares(*args, **options)


def beside(fun: Any, x0: Any, **options: Any) -> OptimizeResult:
    """Both, with all that a result holds compared but counts and messages."""
    jac = options.pop("jac", "exact")
    ours = least_squares(fun, x0, jac, **options, **TIGHT)
    wanted = scipys(fun, x0, "3-point" if jac == "exact" else jac, **options, **TIGHT)
    assert ours.success and ours.status > 0 and set(wanted) == set(ours)
    for name, rtol in (("x", 1e-6), ("cost", 1e-8), ("fun", 1e-5), ("jac", 1e-5)):
        np.testing.assert_allclose(ours[name], wanted[name], rtol=rtol, atol=1e-7)
    assert (ours.active_mask == wanted.active_mask).all()
    return ours


@pytest.mark.parametrize("method", ["lm", "trf", "dogbox"])
def test_methods(method: str) -> None:
    found = beside(decay, [1.0, 1.0, 0.0], method=method)
    assert np.abs(found.grad).max() < 1e-6 and found.optimality < 1e-6
    beside(rosenbrock, [-1.2, 1.0], method=method)


@pytest.mark.parametrize("loss", ["linear", "soft_l1", "huber", "cauchy", "arctan"])
@pytest.mark.parametrize("f_scale", [0.05, 0.5])
def test_losses(loss: str, f_scale: float) -> None:
    beside(decay, [2.0, 1.0, 0.2], loss=loss, f_scale=f_scale)


@pytest.mark.parametrize("bounds", [([0, 0, 0], [1.5, 2, 1]), ([0, 1.2, -1], [9, 9, 0.1]), (0, 9)])
def test_bounds(bounds: Any) -> None:
    start = np.clip([1.0, 1.3, 0.05], *bounds)
    found = beside(decay, start, bounds=bounds, method="dogbox")
    assert (found.x >= bounds[0]).all() and (found.x <= bounds[1]).all()


@pytest.mark.parametrize("x_scale", ["jac", 1.0, [1.0, 0.1, 10.0]])
@pytest.mark.parametrize("method", ["lm", "trf"])
def test_scales(x_scale: Any, method: str) -> None:
    beside(decay, [1.0, 1.0, 0.0], x_scale=x_scale, method=method)


def test_jacobians() -> None:
    def exact(p: Array) -> Array:
        e = np.exp(-p[1] * T)
        return np.stack([e, -p[0] * T * e, np.ones_like(T)], 1)

    found = least_squares(decay, [1.0, 1.0, 0.0], **TIGHT)
    np.testing.assert_allclose(found.jac, exact(found.x), rtol=1e-12)
    for jac in ("2-point", "3-point", "cs", exact):
        other = least_squares(decay, [1.0, 1.0, 0.0], jac, **TIGHT)
        np.testing.assert_allclose(other.x, found.x, rtol=1e-6)


def test_residuals_of_tensors() -> None:
    def fun(p: Any) -> Any:
        if isinstance(p, microgrest.Tensor):
            return microgrest.stack([10 * (p[1] - p[0] ** 2), 1 - p[0]])
        return rosenbrock(p)

    np.testing.assert_allclose(least_squares(fun, [-1.2, 1.0]).x, [1, 1])


def test_arguments_and_fewer_residuals_than_variables() -> None:
    def fun(p: Any, a: float, b: float = 0.0) -> Any:
        return (p * a).sum().reshape(1) - b

    found = least_squares(fun, [1.0, 2.0, 3.0], args=(2.0,), kwargs={"b": 8.0})
    np.testing.assert_allclose(found.x.sum(), 4.0)
    assert found.jac.shape == (1, 3)


def test_a_callback_may_stop() -> None:
    seen: list[float] = []

    def callback(intermediate_result: OptimizeResult) -> bool:
        seen.append(intermediate_result.cost)
        return len(seen) == 2

    found = least_squares(rosenbrock, [-1.2, 1.0], callback=callback)
    assert found.status == -2 and not found.success and len(seen) == 2
    assert seen[1] < seen[0]


def test_a_callback_by_another_name_is_shown_x() -> None:
    seen: list[Any] = []
    least_squares(rosenbrock, [-1.2, 1.0], callback=lambda xk: seen.append(xk))
    np.testing.assert_allclose(seen[-1], 1.0, atol=1e-6)
    with pytest.warns(UserWarning, match="not supported with `lm`"):
        least_squares(rosenbrock, [-1.2, 1.0], method="lm", callback=seen.append)


def test_sparse_jacobians() -> None:
    class Sparse:
        def toarray(self) -> Any:
            return np.eye(2)

    found = least_squares(lambda p: p - 3.0, [1.0, 2.0], jac=lambda p: Sparse())
    np.testing.assert_allclose(found.x, 3.0)
    with pytest.raises(ValueError, match="`jac_sparsity` has wrong shape"):
        least_squares(rosenbrock, [1.0, 2.0], jac_sparsity=np.ones((3, 2)))
    with pytest.raises(ValueError, match="'lm' does not support `jac_sparsity`"):
        least_squares(rosenbrock, [1.0, 2.0], method="lm", jac_sparsity=np.ones((2, 2)))


def test_evaluations_are_limited() -> None:
    found = least_squares(rosenbrock, [-1.2, 1.0], max_nfev=3)
    assert found.status == 0 and not found.success and found.nfev == 3
    assert found.message == "The maximum number of function evaluations is exceeded."


def test_at_the_solution_already() -> None:
    found = least_squares(rosenbrock, [1.0, 1.0])
    assert found.success and found.nfev == 1 and found.cost == 0


def test_it_tells(capsys: pytest.CaptureFixture[str]) -> None:
    least_squares(rosenbrock, [-1.2, 1.0], verbose=1)
    text = capsys.readouterr().out
    assert "satisfied." in text and "initial cost 1.2100e+01" in text


def test_a_result_is_a_dict_and_attributes() -> None:
    found = OptimizeResult(x=np.ones(2), cost=1.0)
    found.status = 3
    assert found["status"] == 3 and dir(found) == ["cost", "status", "x"]
    assert repr(found) == "  cost: 1.0\nstatus: 3\n     x: array([1., 1.])"
    del found.cost
    with pytest.raises(AttributeError, match="cost"):
        _ = found.cost
