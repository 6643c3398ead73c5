"""What loops do not do: what can be done once, or for all places together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import microgrest as mg

N = 1000


def recorded(fn: Any, *args: Any) -> Any:
    """A step that has been called as often as it takes to run natively."""
    step = mg.compile(fn)
    for _ in range(3):
        step(*args)
    return step


def loops(step: Any) -> str:
    """The functions of a step's loops."""
    text: str = step.source()
    return text[: text.index("def run(")]


@pytest.mark.parametrize("dtype", [mg.float32, mg.float64])
def test_powers_of_two_leave_a_sum_without_changing_it(dtype: mg.dtype) -> None:
    mg.manual_seed(2)
    x, w = mg.randn(N, dtype=dtype), mg.randn(N, dtype=dtype)

    def step() -> tuple[mg.Tensor, ...]:
        return (2 * x * w).sum(), (x * w).sum(), (x * 0.25 * (8 * w)).mean(), (x * w).mean()

    twice, once, scaled, mean = recorded(step)()
    assert twice.item() == 2 * once.item() and scaled.item() == 2 * mean.item()
    np.testing.assert_allclose(once.item(), np.dot(x.numpy(), w.numpy()), rtol=1e-4)
    body = loops(recorded(step))
    assert body.count(" * ") == 1


def test_other_factors_stay_where_they_are() -> None:
    x = mg.randn(N)
    step = recorded(lambda: ((3 * x).sum(), (-2 * x).sum(), (2 * x).amax(), (x - 2).sum()))
    for ours, theirs in zip(step(), step.fn(), strict=True):
        np.testing.assert_allclose(ours.item(), theirs.item(), rtol=1e-5)


def test_columns_of_a_matrix_are_gathered_once() -> None:
    x, y = mg.randn(N, 3), mg.randn(N, 1)
    model = mg.nn.Linear(3, 1)

    def step() -> mg.Tensor:
        model.zero_grad()
        loss = ((model(x) - y) ** 2).sum()
        loss.backward()
        with mg.no_grad():
            for p in model.parameters():
                p -= 1e-6 * p.grad
        return loss

    compiled = recorded(step)
    work = compiled.explain().work
    assert [w.once for w in work if w.what.startswith("loop over 1,000")] == [True, False]
    x.mul_(2.0)  # what was gathered before another call does not count
    expected = ((model(x) - y) ** 2).sum().item()
    np.testing.assert_allclose(compiled().item(), expected, rtol=1e-5)


def test_what_changes_in_a_step_is_not_gathered_before() -> None:
    x = mg.randn(N, 3)

    def step() -> mg.Tensor:
        x.mul_(1.5)
        return (x[:, 0] * x[:, 2]).sum()

    mg.manual_seed(0)
    start = x.clone()
    compiled = recorded(step)
    x.copy_(start)
    found = compiled.repeat(3, history=1)[1]
    x.copy_(start)
    np.testing.assert_allclose(found, [step().item() for _ in range(3)], rtol=1e-5)


def test_loops_that_compute_much_ask_for_wide_vectors() -> None:
    x = mg.randn(N)
    copies = recorded(lambda: x * 2 + 1)
    computes = recorded(lambda: (x * x * x + x * x - 3 * x + 0.5).sum())
    assert "use_wide_vectors()" in loops(computes)
    assert "use_wide_vectors()" not in loops(copies)
