"""L-BFGS beside PyTorch's: trajectories, evaluations, state, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgrest as mg

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch


def rosenbrock(p: Any) -> Any:
    x, y = p[0], p[1]
    return ((1 - x) ** 2).sum() + 100 * ((y - x * x) ** 2).sum()


def quartic(p: Any) -> Any:
    return (p[0] ** 4).sum() + ((p[1] - 1) ** 2).sum() + (p[0] * p[1]).sum()


def steep(p: Any) -> Any:
    return (50 * p[0]).exp().sum() + (p[1] ** 2).sum() * 1e-3


def flat(p: Any) -> Any:
    return (p[0] * 0).sum() + (p[1] * 0).sum()


LOSSES: dict[str, Callable[[Any], Any]] = {
    "rosenbrock": rosenbrock,
    "quartic": quartic,
    "steep": steep,
    "flat": flat,
}
OPTIONS: list[dict[str, Any]] = [
    {"line_search_fn": "strong_wolfe"},
    {"line_search_fn": "strong_wolfe", "lr": 0.3, "history_size": 2},
    {"line_search_fn": "strong_wolfe", "max_iter": 3, "max_eval": 5},
    {"line_search_fn": "strong_wolfe", "lr": 5.0, "tolerance_grad": 1e-3},
    {"lr": 0.01},
    {"lr": 0.005, "history_size": 3, "max_iter": 7},
    {"lr": 0.01, "tolerance_change": 1e-3},
]


def run(library: Any, loss: Callable[[Any], Any], options: dict[str, Any]) -> Any:
    """Parameters, losses and counts of two steps, before rounding has a say in what is least."""
    p = [
        library.tensor([-1.2, 0.4], dtype=library.float64, requires_grad=True),
        library.tensor([1.0, -0.3], dtype=library.float64, requires_grad=True),
    ]
    optimizer = library.optim.LBFGS(p, **options)
    calls: list[float] = []

    def closure() -> Any:
        optimizer.zero_grad()
        value = loss(p)
        value.backward()
        calls.append(float(value.detach()))
        return value

    returned = [float(optimizer.step(closure).detach()) for _ in range(2)]
    state = optimizer.state[p[0]]
    counts = state["func_evals"], state["n_iter"]
    return [x.detach().numpy() for x in p], returned, calls, counts


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("name", LOSSES)
def test_trajectory(name: str, options: dict[str, Any]) -> None:
    ours, theirs = (run(library, LOSSES[name], options) for library in (mg, torch))
    assert ours[3] == theirs[3]
    for mine, reference in zip(ours[0], theirs[0], strict=True):
        np.testing.assert_allclose(mine, reference, rtol=1e-6, atol=1e-8)
    for mine, reference in zip(ours[1:3], theirs[1:3], strict=True):
        np.testing.assert_allclose(mine, reference, rtol=1e-4, atol=1e-8)


def test_float32_ends_where_the_valley_does() -> None:
    p = mg.tensor([-1.2, 1.0], requires_grad=True)
    optimizer = mg.optim.LBFGS([p], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> Any:
        optimizer.zero_grad()
        value = (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2
        value.backward()
        return value

    optimizer.step(closure)
    np.testing.assert_allclose(p.detach().numpy(), [1, 1], atol=1e-3)


def test_a_state_goes_on() -> None:
    def closure_of(p: Any, optimizer: Any) -> Callable[[], Any]:
        def closure() -> Any:
            optimizer.zero_grad()
            value = rosenbrock(p)
            value.backward()
            return value

        return closure

    found = []
    for pause in (False, True):
        p = [mg.tensor([-1.2, 0.4], requires_grad=True), mg.tensor([1.0, 0.3], requires_grad=True)]
        optimizer = mg.optim.LBFGS(p, max_iter=4, line_search_fn="strong_wolfe")
        optimizer.step(closure_of(p, optimizer))
        if pause:
            saved = optimizer.state_dict()
            optimizer = mg.optim.LBFGS(p, max_iter=4, line_search_fn="strong_wolfe")
            optimizer.load_state_dict(saved)
        optimizer.step(closure_of(p, optimizer))
        found.append([x.tolist() for x in p])
    assert found[0] == found[1]


def test_what_is_refused() -> None:
    for library in (mg, torch):
        p = [library.zeros(2, requires_grad=True), library.ones(2, requires_grad=True)]
        with pytest.raises(ValueError, match="parameter groups"):
            library.optim.LBFGS([{"params": p[:1]}, {"params": p[1:]}])
        with pytest.raises(ValueError, match=r"-1"):
            library.optim.LBFGS(p, lr=-1.0)
        with pytest.raises(TypeError, match="closure"):
            library.optim.LBFGS(p).step()
        optimizer = library.optim.LBFGS(p, line_search_fn="other")

        def closure(p: Any = p) -> Any:
            value = rosenbrock(p)
            value.backward()
            return value

        with pytest.raises(RuntimeError, match="only 'strong_wolfe' is supported"):
            optimizer.step(closure)
