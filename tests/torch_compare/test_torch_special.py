"""Special functions with options, in place and into `out`, beside PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import microgrest as mg

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

POSITIVE = np.array([0.1, 0.5, 1.0, 1.7, 2.5, 9.0, 40.0])
REAL = np.concatenate([-POSITIVE[:3] - 0.3, POSITIVE])
EDGES = np.array(
    [0.0, -0.0, np.inf, -np.inf, np.nan, 5e-324, -1e-310, 1e-42, 1.0, -1.0, 1e300, 3.3e30]
)


def both(call: Any, *arrays: Any) -> tuple[Any, Any]:
    """What a call gives of arrays, here and there."""
    ours, theirs = (call(t, *(t.tensor(a) for a in arrays)) for t in (mg, torch))
    return ours, theirs


def close(ours: Any, theirs: Any, tolerance: float = 1e-11) -> None:
    a, b = ours.detach().numpy(), theirs.detach().numpy()
    assert (a.dtype, a.shape) == (b.dtype, b.shape)
    np.testing.assert_allclose(a, b, tolerance, tolerance)
    zeros = (a == 0) & (b == 0)
    np.testing.assert_array_equal(np.signbit(a[zeros]), np.signbit(b[zeros]))


def derivatives(call: Any, *arrays: Any) -> tuple[list[Any], list[Any]]:
    """Gradients of two orders."""
    found = []
    for t in (mg, torch):
        leaves = [t.tensor(a).requires_grad_() for a in arrays]
        first = t.autograd.grad(call(t, *leaves).sum(), leaves, create_graph=True)
        total = sum((g * g).sum() for g in first)
        second = t.autograd.grad(total, leaves) if total.requires_grad else ()
        found.append([*first, *second])
    return found[0], found[1]


CALLS = {
    "polygamma 0": lambda t, x: t.polygamma(0, x),
    "polygamma 1": lambda t, x: t.polygamma(1, x),
    "polygamma 4": lambda t, x: x.polygamma(4),
    "mvlgamma": lambda t, x: t.mvlgamma(x + 2, 3),
    "logit eps": lambda t, x: t.logit(x / 50, 0.02),
    "float_power": lambda t, x: t.float_power(x, 1.5),
    "ldexp": lambda t, x: t.ldexp(x, t.tensor([3])),
    "frexp": lambda t, x: t.frexp(x)[0],
    "zeta": lambda t, x: t.special.zeta(2.5, x),
    "multigammaln": lambda t, x: t.special.multigammaln(x + 1, 2),
    "xlog1py": lambda t, x: t.special.xlog1py(2, x),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_values_and_derivatives(call: Any) -> None:
    # PyTorch's trigamma is right to 5e-10.
    close(*both(call, POSITIVE), 1e-9)
    close(*both(call, POSITIVE.astype("float32")), 1e-5)
    for a, b in zip(*derivatives(call, POSITIVE), strict=True):
        close(a, b, 1e-8)


@pytest.mark.parametrize("order", [0, 1, 2, 5])
def test_polygamma_of_negative_numbers(order: int) -> None:
    close(*both(lambda t, x: t.polygamma(order, x), REAL), 1e-8)


def cast(x: Any, dtype: str) -> Any:
    """`x` as another type, where that is infinite, too."""
    with np.errstate(over="ignore"):
        return x.astype(dtype)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ["fmod", "remainder"])
def test_remainders_of_extremes(name: str, dtype: str) -> None:
    """PyTorch's are NaN where the quotient is beyond the type; C's fmod, and NumPy's, are not."""
    a, b = (x.ravel() for x in np.meshgrid(*2 * [cast(EDGES, dtype)]))
    ours, theirs = both(lambda t, x, y: getattr(t, name)(x, y), a, b)
    with np.errstate(all="ignore"):
        beyond = np.isinf(a / b) & np.isfinite(a) & (b != 0)
        np.testing.assert_array_equal(mg.fmod(mg.tensor(a), mg.tensor(b)).numpy(), np.fmod(a, b))
    assert beyond.any()
    close(ours[mg.tensor(~beyond)], theirs[torch.tensor(~beyond)], 0)


def test_rounding_to_digits() -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=200) * 10.0 ** rng.uniform(-5, 6, 200), EDGES])
    for decimals in (-3, -1, 0, 1, 2, 7, 300):
        for dtype in ("float64", "float32"):
            if dtype == "float32" and decimals == 300:
                continue
            found = both(lambda t, x, d=decimals: t.round(x, decimals=d), cast(x, dtype))
            close(*found, 0)


@pytest.mark.parametrize("name", ["gcd", "lcm"])
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "int64"])
def test_divisors(name: str, dtype: str) -> None:
    rng = np.random.default_rng(0)
    low = 0 if dtype == "uint8" else -12
    a, b = (rng.integers(low, 12, 50).astype(dtype) for _ in range(2))
    for call in (getattr(torch, name), getattr(mg, name)):
        assert callable(call)
    close(*both(lambda t, x, y: getattr(t, name)(x, y), a, b), 0)
    close(*both(lambda t, x, y: getattr(x, f"{name}_")(y), a, b), 0)


def test_neighbors_and_parts() -> None:
    for dtype in ("float64", "float32"):
        edges = cast(EDGES, dtype)
        a, b = (x.ravel() for x in np.meshgrid(edges, edges))
        close(*both(lambda t, x, y: t.nextafter(x, y), a, b), 0)
        close(*both(lambda t, x, y: t.heaviside(x, y), a, b), 0)
        for i in range(2):
            close(*both(lambda t, x, i=i: t.frexp(x)[i], a), 0)


IN_PLACE = {
    "lgamma_": (), "digamma_": (), "i0_": (), "logit_": (0.01,), "polygamma_": (2,),
    "mvlgamma_": (1,), "float_power_": (2,), "nextafter_": (POSITIVE,), "heaviside_": (POSITIVE,),
    "ldexp_": (np.array([2]),), "eq_": (1.0,), "logical_and_": (POSITIVE,), "le_": (1.0,),
}  # fmt: skip


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place(name: str) -> None:
    def call(t: Any, x: Any) -> Any:
        given = [t.tensor(a) if isinstance(a, np.ndarray) else a for a in IN_PLACE[name]]
        found = getattr(x, name)(*given)
        assert found is x
        return x

    close(*both(call, POSITIVE / 41))


SPECIAL = (
    "digamma", "psi", "erf", "erfc", "erfcx", "erfinv", "exp2", "expm1", "expit", "gammaln", "i0",
    "i0e", "i1", "i1e", "log1p", "log_ndtr", "logit", "ndtr", "ndtri", "entr", "round", "sinc",
    "multigammaln",
)  # fmt: skip


@pytest.mark.parametrize("name", SPECIAL)
def test_special_functions_take_out(name: str) -> None:
    x = POSITIVE / 41 + (1.0 if name == "multigammaln" else 0.0)
    more = (2,) if name == "multigammaln" else ()
    close(*both(lambda t, x: getattr(t.special, name)(x, *more), x))
    out = mg.empty(0, dtype=mg.float64)
    found = getattr(mg.special, name)(mg.tensor(x), *more, out=out)
    assert found is out
    close(out, getattr(torch.special, name)(torch.tensor(x), *more))


def test_errors() -> None:
    for call in (
        lambda t: t.polygamma(-1, t.ones(1)),
        lambda t: t.mvlgamma(t.ones(1), 0),
        lambda t: t.frexp(t.tensor([1])),
        lambda t: t.ones(2).float_power_(2),
        lambda t: t.gcd(t.ones(2), t.ones(2)),
        lambda t: t.heaviside(t.ones(2), t.tensor([1])),
        lambda t: t.special.zeta(t.ones(1, requires_grad=True), t.ones(1)).backward(),
    ):
        with pytest.raises(RuntimeError) as theirs:
            call(torch)
        with pytest.raises(type(theirs.value)):
            call(mg)
